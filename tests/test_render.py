"""Transcripts that are there to other formats: ours, and other people's."""

import contextlib
import copy
import json
import math
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.formats.samples import written as documents
from tests.oddities import HUGE, any_json, digits, mutated, nested, written
from whisper_cli.batch.output_index import output_key
from whisper_cli.errors import TranscriptError
from whisper_cli.formats.readers import read_transcript
from whisper_cli.formats.registry import Format, FormatOptions, writer_for
from whisper_cli.languages import LANGUAGES

WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 4.0,
            "text": " It was 1969 then.",
            "words": [
                {"word": "It", "start": 0.5, "end": 0.7, "score": 0.9},
                {"word": "was", "start": 0.8, "end": 1.0, "score": 0.8},
                {"word": "1969"},
                {"word": "then.", "start": 3.0, "end": 4.0, "score": 0.7, "speaker": "SPEAKER_00"},
            ],
            "speaker": "SPEAKER_00",
        }
    ],
    "word_segments": [{"word": "It", "start": 0.5, "end": 0.7, "score": 0.9}],
    "language": "en",
}
VERBOSE = {
    "task": "transcribe",
    "language": "german",
    "duration": 3.0,
    "text": "Guten Tag. Auf Wiedersehen.",
    "segments": [
        {"id": 0, "seek": 0, "start": 0.0, "end": 1.5, "text": " Guten Tag.", "tokens": [1, 2],
         "temperature": 0.0, "avg_logprob": -0.2, "compression_ratio": 0.9, "no_speech_prob": 0.1},
        {"id": 1, "seek": 0, "start": 1.5, "end": 3.0, "text": " Auf Wiedersehen."},
    ],
    "words": [
        {"word": "Guten", "start": 0.0, "end": 0.6},
        {"word": "Tag", "start": 0.6, "end": 1.4},
        {"word": "Auf", "start": 1.5, "end": 1.8},
        {"word": "Wiedersehen", "start": 1.8, "end": 3.0},
    ],
}  # fmt: skip
GERMAN = """1
00:00:00,000 --> 00:00:01,500
Guten Tag.

2
00:00:01,500 --> 00:00:03,000
Auf Wiedersehen.

"""
WHISPER = {
    "text": " Hello there.",
    "segments": [
        {"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " Hello there.", "tokens": [50364],
         "temperature": 0.0, "avg_logprob": -0.3, "compression_ratio": 0.7, "no_speech_prob": 0.0}
    ],
    "language": "en",
}  # fmt: skip


def saved(folder: Path, content: object, name: str = "talk.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (WHISPERX, "1\n00:00:00,500 --> 00:00:04,000\nSPEAKER_00: It was 1969 then.\n\n"),
        (WHISPER, "1\n00:00:00,000 --> 00:00:02,000\nHello there.\n\n"),
        (
            VERBOSE,
            GERMAN,
        ),
    ],
)
def test_the_json_of_others_becomes_subtitles(run, tmp_path, content, expected):
    result = run("render", saved(tmp_path, content), "-f", "srt")
    assert (result.code, result.stdout, result.stderr) == (0, expected, "")


@pytest.mark.parametrize("kind", ["srt", "ttml"])
def test_segments_without_text_are_neither_written_nor_counted(run, tmp_path, kind):
    bare, blank = tmp_path / "bare.json", tmp_path / "blank.json"
    silent = {"start": 0.0, "end": 0.0, "text": " "}
    bare.write_text(json.dumps(VERBOSE))
    blank.write_text(json.dumps(VERBOSE | {"segments": [silent, *VERBOSE["segments"], silent]}))
    shown = run("render", blank, "-f", kind)
    assert (shown.code, shown.stderr) == (0, "")
    assert shown.stdout == run("render", bare, "-f", kind).stdout


def test_words_without_times_stand_between_their_neighbours():
    reported = read_transcript(json.dumps(WHISPERX).encode(), "x.json")
    words = reported.segments[0].words
    assert [word.word for word in words] == [" It", " was", " 1969", " then."]
    assert [(word.start, word.end) for word in words][2] == (1.0, 3.0)
    assert reported.info.language == "en"


def test_words_beside_the_segments_go_into_them():
    reported = read_transcript(json.dumps(VERBOSE).encode(), "x.json")
    assert [len(segment.words) for segment in reported.segments] == [2, 2]
    assert (reported.info.language, reported.info.duration) == ("de", 3.0)
    alone = {name: value for name, value in VERBOSE.items() if name != "segments"}
    [segment] = read_transcript(json.dumps(alone).encode(), "x.json").segments
    assert (segment.start, segment.end, segment.text) == (0.0, 3.0, " Guten Tag Auf Wiedersehen")


@given(
    st.lists(
        st.fixed_dictionaries(
            {"word": st.text("ab", min_size=1)},
            optional={"start": st.floats(0, 9), "end": st.floats(0, 9)},
        ),
        max_size=6,
    )
)
def test_times_of_words_never_run_backwards_within_one(words):
    content = {"segments": [{"start": 0, "end": 9, "text": "x", "words": words}]}
    reported = read_transcript(json.dumps(content).encode(), "x.json")
    found = reported.segments[0].words
    assert [word.word.strip() for word in found] == [word["word"] for word in words]
    assert all(word.start <= word.end for word in found)


@pytest.mark.parametrize(
    "data",
    [b"", b"no json", b"[]", b"{}", b'{"segments": 3}', b'{"segments": [{"start": 0}]}',
     b'{"segments": [{"start": "a", "end": 1, "text": ""}]}', b"\xff\xfe",
     b'{"segments": [{"start": NaN, "end": 1, "text": ""}]}', b'{"segments": [null]}',
     b'{"segments": [{"start": 0, "end": 1, "text": null}]}',
     pytest.param(b"[" * 100_000, id="nested without end")],
)  # fmt: skip
def test_what_is_no_transcript_is_a_clear_error(run, tmp_path, data):
    with pytest.raises(TranscriptError):
        read_transcript(data, "x.json")
    path = tmp_path / "x.json"
    path.write_bytes(data)
    result = run("render", path, "-f", "srt")
    assert (result.code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"error: {path} is no transcript in JSON")


def test_several_go_beside_each_one_bad_one_stops_no_other(run, tmp_path):
    good = saved(tmp_path, WHISPER, "good.json")
    bad = saved(tmp_path, [], "bad.json")
    result = run("render", bad, good, "-f", "srt,vtt")
    assert (result.code, result.stdout) == (1, "")
    assert "bad.json is no transcript" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bad.json", "good.json", "good.srt", "good.vtt",
    ]  # fmt: skip


def test_an_edited_output_is_kept_and_an_edited_transcript_rendered_anew(run, tmp_path):
    talk, subtitles = saved(tmp_path, WHISPER), tmp_path / "talk.srt"
    arguments = ("render", talk, "-f", "srt", "-o", f"{tmp_path}/")
    assert run(*arguments).code == 0
    changed = json.loads(json.dumps(WHISPER).replace("Hello", "Goodbye"))
    saved(tmp_path, changed)
    assert run(*arguments).code == 0
    assert "Goodbye there." in subtitles.read_text("utf-8")
    subtitles.write_text("mine", "utf-8")
    kept = run(*arguments)
    assert kept.code == 2
    assert "edited since: kept" in kept.stderr
    assert subtitles.read_text("utf-8") == "mine"


def test_a_transcript_from_a_pipe_goes_to_stdout(run):
    result = run("render", "-", "-f", "txt", stdin=json.dumps(WHISPER).encode())
    assert (result.code, result.stdout, result.stderr) == (0, "Hello there.\n", "")


def test_a_transcript_is_never_written_over(run, tmp_path):
    talk = saved(tmp_path, WHISPER)
    result = run("render", talk, "-f", "json", "-o", f"{tmp_path}/")
    assert result.code == 2
    assert json.loads(talk.read_text("utf-8")) == WHISPER


def test_a_folder_is_no_transcript(run, tmp_path):
    result = run("render", tmp_path)
    assert (result.code, result.stdout) == (2, "")
    assert "/*.json" in result.stderr


@pytest.mark.slow
def test_rendering_our_json_gives_what_transcribing_gave(run, tmp_path, jfk, tiny_en):
    shutil.copy(jfk, tmp_path / "jfk.flac")
    asked = ("-m", tiny_en, "--word-timestamps", "-f", "json,srt,vtt,txt,tsv,lrc")
    assert run("transcribe", tmp_path, *asked).code == 0
    direct = {
        kind: (tmp_path / f"jfk.{kind}").read_text("utf-8")
        for kind in ("srt", "vtt", "txt", "tsv", "lrc")
    }
    again = tmp_path / "again"
    kinds = "srt,vtt,txt,tsv,lrc,json"
    assert run("render", tmp_path / "jfk.json", "-f", kinds, "-o", f"{again}/").code == 0
    for kind, text in direct.items():
        assert (again / f"jfk.{kind}").read_text("utf-8") == text
    first, second = (
        json.loads((folder / "jfk.json").read_text("utf-8")) for folder in (tmp_path, again)
    )
    assert first == second
    for style in ("openai", "whisper"):
        run("transcribe", tmp_path / "jfk.flac", "-m", tiny_en, "--word-timestamps", "-f", "json",
            "--json-style", style, "-o", tmp_path / f"{style}.json")  # fmt: skip
        assert run("render", tmp_path / f"{style}.json", "-f", "srt").stdout == direct["srt"]


@pytest.mark.slow
def test_a_transcript_cut_short_is_rendered_with_a_warning(run, tmp_path, jfk, tiny_en):
    assert run("transcribe", jfk, "-m", tiny_en, "-f", "json", "-o", tmp_path / "a.json").code == 0
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    content["provenance"]["complete"] = False
    result = run("render", saved(tmp_path, content), "-f", "srt", "-o", tmp_path / "a.srt")
    assert result.code == 0
    assert "of a part only" in result.stderr
    assert "ask not" in (tmp_path / "a.srt").read_text("utf-8")


def test_a_preset_reshapes_a_transcript(run, tmp_path):
    words = [
        {"word": f" word{number}", "start": number / 2, "end": number / 2 + 0.4, "probability": 1.0}
        for number in range(40)
    ]
    text = "".join(word["word"] for word in words)
    talk = saved(tmp_path, {"segments": [{"start": 0, "end": 20, "text": text, "words": words}]})
    plain = run("render", talk, "-f", "srt")
    shaped = run("render", talk, "-f", "srt", "--preset", "netflix")
    assert (plain.code, shaped.code) == (0, 0)
    assert plain.stdout.count("-->") == 1
    assert shaped.stdout.count("-->") >= 3
    assert max(len(line) for line in shaped.stdout.splitlines()) <= 42
    said = [line for line in shaped.stdout.splitlines() if line.startswith("word")]
    assert " ".join(said).split() == text.split()


def test_the_text_is_cared_for_and_what_was_changed_is_told(run, tmp_path):
    rules = tmp_path / "rules.csv"
    rules.write_text("1969,nineteen sixty-nine\n", "utf-8")
    talk = saved(tmp_path, WHISPERX)
    edited = ("--replace", rules, "--strip-fillers", "--mask-words", "th*")
    text = run("render", talk, "-f", "txt", *edited)
    assert (text.code, text.stdout) == (0, "SPEAKER_00: It was nineteen sixty-nine t***.\n")
    document = run("render", talk, "-f", "json", *edited).json()
    assert [item["why"] for item in document["changes"]] == ["replace", "profanity"]
    once = saved(tmp_path, document, "once.json")
    again = run("render", once, "-f", "json", "--mask-words", "it").json()
    assert [item["before"] for item in again["changes"]] == ["1969", "then.", "It"]


def test_speakers_of_a_transcript_are_named_in_the_order_in_which_they_come(run, tmp_path):
    content = {
        "segments": [
            {"start": at, "end": at + 1, "text": f" {n}", "speaker": f"SPEAKER_0{n % 3}"}
            for at, n in enumerate((2, 1, 2, 0), 2)
        ]
    }
    talk = saved(tmp_path, content)
    assert run("render", talk, "-f", "txt").stdout.startswith("SPEAKER_02: 2\nSPEAKER_01: 1\n")
    named = run("render", talk, "-f", "txt", "--speaker-names", "Ann,Bob")
    assert named.stdout == "Ann: 2\nBob: 1\nAnn: 2\nSPEAKER_00: 0\n"
    rows = run("render", talk, "-f", "tsv", "--speaker-names", "Ann,Bob").stdout.splitlines()
    assert rows[1] == "2000\t3000\tAnn: 2"
    [_, *lines, _] = run("render", talk, "-f", "jsonl").stdout.splitlines()
    assert [json.loads(line)["speaker"] for line in lines][:2] == ["SPEAKER_02", "SPEAKER_01"]
    again = saved(tmp_path, run("render", talk, "-f", "json").json(), "again.json")
    assert run("render", again, "-f", "txt").stdout.startswith("SPEAKER_02: 2\n")


def test_subtitles_name_who_speaks_where_the_speaker_changes_and_keep_their_width(run, tmp_path):
    texts = ["one two three four five six seven eight", "nine", "and ten eleven twelve"]
    words = [
        [
            {"word": word, "start": 4 * n + 0.4 * k, "end": 4 * n + 0.4 * k + 0.4}
            for k, word in enumerate(text.split())
        ]
        for n, text in enumerate(texts)
    ]
    content = {
        "segments": [
            {"start": 4 * n, "end": 4 * n + 3.5, "text": text, "speaker": who, "words": words[n]}
            for n, (text, who) in enumerate(zip(texts, ["Ann", "Ann", "Bob"], strict=True))
        ]
    }
    talk = saved(tmp_path, content)
    plain = run("render", talk, "-f", "srt").stdout
    assert [line for line in plain.splitlines() if line[:1].isalpha()] == [
        f"Ann: {texts[0]}",
        texts[1],
        f"Bob: {texts[2]}",
    ]
    shaped = run("render", talk, "-f", "srt", "--max-line-width", "20").stdout
    lines = [line for line in shaped.splitlines() if line[:1].isalpha()]
    assert max(map(len, lines)) <= 20
    assert [line[:5] for line in lines if ":" in line] == ["Ann: ", "Bob: "]
    assert " ".join(lines) == f"Ann: {texts[0]} {texts[1]} Bob: {texts[2]}"
    assert "[00:08.00] Bob: and ten" in run("render", talk, "-f", "lrc").stdout


NATIVE = {
    "schema": "whisper-cli/transcript/1",
    "language": "en",
    "language_probability": 0.9,
    "segments": [
        {"id": 0, "start": 0.0, "end": 2.0, "text": "Hello there.", "avg_logprob": -0.3,
         "no_speech_prob": 0.0, "compression_ratio": 0.7, "temperature": 0.0, "speaker": "A",
         "words": [{"word": " Hello", "start": 0.0, "end": 1.0, "probability": 0.9},
                   {"word": " there.", "start": 1.0, "end": 2.0, "probability": 0.8}]}
    ],
    "duration": 2.0,
    "text": "Hello there.",
    "words": [],
    "dropped": [{"start": 2.0, "end": 2.5, "text": "you", "reason": "silence"}],
    "warnings": ["a doubt"],
    "changes": [{"start": 0.0, "end": 1.0, "before": "Helo", "after": "Hello", "why": "replace"}],
    "provenance": {
        "tool": "whisper-cli 1", "model": "base", "repo": "a/b", "revision": "r", "device": "cpu",
        "compute_type": "int8", "input": "talk.mp3", "input_sha256": "00", "complete": True,
        "options": {"mode": "fast", "language": "en", "language_candidates": ["de", "en"],
                    "multilingual": False, "task": "transcribe", "beam_size": 5,
                    "temperature": [0.0, 0.2], "suppress_tokens": [-1], "initial_prompt": None,
                    "word_timestamps": True, "vad": True, "clip": [[0.0, None], [1.0, 2.0]]},
    },
}  # fmt: skip


def changed(*destination, value, document=NATIVE):
    """Give the document with another value at a place."""
    whole = copy.deepcopy(document)
    inner = whole
    for name in destination[:-1]:
        inner = inner[name]
    inner[destination[-1]] = value
    return written(whole)


ODD = {
    "a time beyond a float": changed("segments", 0, "start", value=HUGE),
    "a duration beyond a float": changed("duration", value=HUGE),
    "a measure beyond a float": changed("segments", 0, "avg_logprob", value=HUGE),
    "a probability beyond a float": changed("segments", 0, "words", 0, "probability", value=HUGE),
    "a token without end": changed("segments", 0, "tokens", value=[math.inf]),
    "a seek without end": changed("segments", 0, "seek", value=math.inf),
    "a seek beyond all": changed("segments", 0, "seek", value=HUGE),
    "a number of 5,000 digits": b'{"segments": [], "duration": ' + digits() + b"}",
    "nested without end": b'{"segments": [], "provenance": ' + nested(),
    "a model that is a list": changed("provenance", "model", value=["x"]),
    "a repo that is a list": changed("provenance", "repo", value=["x"]),
    "a revision that is an object": changed("provenance", "revision", value={"x": 1}),
    "a revision that is a number": changed("provenance", "revision", value=5),
    "a provenance that is a list": changed("provenance", value=["x"]),
    "options that are a list": changed("provenance", "options", value=["x"]),
    "a size of beams that is an object": changed("provenance", "options", "beam_size", value={}),
    "a size of beams that is a text": changed("provenance", "options", "beam_size", value="5"),
    "a prompt that is a list": changed("provenance", "options", "initial_prompt", value=["x"]),
    "a clip that is an object": changed("provenance", "options", "clip", value=[{"x": 1}]),
    "a task that is an object": changed("provenance", "options", "task", value={}),
    "candidates in an object": changed("provenance", "options", "language_candidates", value={}),
    "a text that is a number": changed("segments", 0, "text", value=5),
    "a word that is a number": changed("segments", 0, "words", 0, "word", value=5),
    "words that are a text": changed("segments", 0, "words", value="hello"),
    "a speaker that is a list": changed("segments", 0, "speaker", value=["A"]),
    "warnings that are numbers": changed("warnings", value=[5]),
    "warnings that are a text": changed("warnings", value="doubt"),
    "a dropped text that is null": changed("dropped", 0, "text", value=None),
    "a change that is a number": changed("changes", 0, "why", value=5),
    "segments that are an object": changed("segments", value={"a": 1}),
    "a whole that is not known": changed("provenance", "complete", value="yes"),
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_of_several_transcripts_only_the_odd_one_fails_and_is_named(run, tmp_path, data):
    odd, good = tmp_path / "odd.json", saved(tmp_path, NATIVE, "good.json")
    odd.write_bytes(data)
    alone = run("render", odd, "-f", "json")
    assert (alone.code, alone.stdout) == (3, "")
    assert alone.stderr.startswith(f"error: {odd} is no transcript in JSON: ")
    several = run("render", odd, good, "-f", "srt", "-o", f"{tmp_path}/out/")
    assert several.code == 1
    assert "Traceback" not in several.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.srt"]


AWKWARD = {
    "half a surrogate pair": changed("segments", 0, "text", value="a\ud83d b"),
    "half a pair in a word": changed("segments", 0, "words", 0, "word", value=" \udc80"),
    "half a pair in a warning": changed("warnings", value=["\ud83d"]),
    "half a pair in a name": changed("provenance", "input", value="\ud83d.mp3"),
    "half a pair in a speaker": changed("segments", 0, "speaker", value="\ud83d"),
    "a NUL": changed("segments", 0, "text", value="a\x00b"),
    "a NUL in a name": changed("provenance", "input", value="a\x00b.mp3"),
    "a name without end": changed("provenance", "input", value="n" * 9_000 + ".mp3"),
    "a measure that is NaN": changed("segments", 0, "avg_logprob", value=math.nan),
    "a speaker that is a number": changed("segments", 0, "speaker", value=1),
    "an option of a newer release": changed("provenance", "options", "future", value={"x": [1]}),
    "a language that nobody knows": changed("language", value="klingon"),
}


@pytest.mark.parametrize("data", AWKWARD.values(), ids=AWKWARD)
@pytest.mark.parametrize("kind", ["json", "html", "srt", "review"])
def test_what_is_awkward_and_can_be_written_is_written(run, tmp_path, data, kind):
    path = tmp_path / "x.json"
    path.write_bytes(data)
    summary = run("render", path, "-f", kind, "-o", f"{tmp_path}/out/")
    assert summary.code == 0, summary.stderr
    [file] = (tmp_path / "out").iterdir()
    assert file.read_text("utf-8")


@pytest.mark.parametrize("destination", [("language",), ("provenance", "options", "language")])
@pytest.mark.parametrize("language", ["../../x", "/x", "..", "\x00", 5, ["x"]])
def test_a_language_leads_to_no_other_folder(run, tmp_path, destination, language):
    path, out = tmp_path / "talk.json", tmp_path / "a" / "b"
    path.write_bytes(changed(*destination, value=language))
    named = ("-f", "srt", "-o", f"{out}/", "--name", "{stem}.{language}.{ext}")
    assert run("render", path, *named).code == 0
    kept = {"talk.und.srt", "talk.en.srt"}
    assert {item.name for item in out.iterdir()} <= kept
    assert [item for item in tmp_path.rglob("*.srt") if item.parent != out] == []


LOOKS = (Format.srt, Format.json, Format.html, Format.review)


@given(mutated([NATIVE, WHISPERX, VERBOSE, WHISPER]) | any_json)
@example({"segments": [], "language": "\x00"})
def test_whatever_the_json_is_it_becomes_outputs_or_a_transcript_error(document):
    with contextlib.suppress(TranscriptError):
        reported = read_transcript(written(document), "x.json")
        assert reported.info.language is None or reported.info.language in LANGUAGES
        for kind in LOOKS:
            output_key(reported.info, kind, FormatOptions())
            text = documents(writer_for(kind), reported.info, reported.segments)
            text.encode()


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_no_transcript(data):
    with contextlib.suppress(TranscriptError):
        read_transcript(data, "x.json")


def test_words_without_times_cost_no_more_than_others():
    words = [{"word": "a"}] * 100_000
    content = {"segments": [{"start": 0, "end": 9, "text": "x", "words": words}]}
    reported = read_transcript(json.dumps(content).encode(), "x.json")
    assert len(reported.segments[0].words) == len(words)
    assert reported.segments[0].words[-1].end <= 9.0001


def said(*segments, **more):
    """Give a transcript of (start, end, text)."""
    entries = [{"start": start, "end": end, "text": text} for start, end, text in segments]
    return json.dumps({"segments": entries, **more}).encode()


def times_of(reported):
    return [(segment.start, segment.end) for segment in reported.segments]


def test_a_missing_end_is_the_next_start_else_the_duration_else_what_the_words_take():
    open_ended = ((0, None, "Hello."), (2, None, "And so my fellow Americans, ask not."))
    reported = read_transcript(said(*open_ended, duration=9), "x.json")
    assert times_of(reported) == [(0, 2), (2, 9)]
    assert reported.info.warnings == ("2 segments without an end: guessed",)
    [_, (start, end)] = times_of(read_transcript(said(*open_ended), "x.json"))
    assert (start, 3.5 < end < 5) == (2, True)
    timed = json.loads(said(*open_ended))
    timed["segments"][1]["words"] = [{"word": "And", "start": 2, "end": 2.5}]
    del timed["segments"][1]["end"]
    reported = read_transcript(json.dumps(timed).encode(), "x.json")
    assert times_of(reported)[1] == (2, 2.5)
    assert reported.info.warnings == ("2 segments without an end: guessed",)


def test_a_null_anywhere_in_the_times_refuses_no_transcript(run, tmp_path):
    words = [{"word": "It", "start": 1.0, "end": None}, {"word": "was", "start": None, "end": None}]
    document = {"segments": [{"start": None, "end": None, "text": "It was", "words": words}]}
    result = run("render", saved(tmp_path, document), "-f", "srt")
    assert (result.code, result.stdout) == (0, "1\n00:00:01,000 --> 00:00:02,000\nIt was\n\n")
    assert "without a start: guessed" in result.stderr
    assert "without an end: guessed" in result.stderr


def test_segments_are_sorted_by_their_starts_with_a_warning():
    reported = read_transcript(said((5, 6, "b"), (0, 1, "a"), (5, 7, "c")), "x.json")
    assert [segment.text for segment in reported.segments] == [" a", " b", " c"]
    assert reported.info.warnings == ("the segments were not in the order of their starts: sorted",)
    assert read_transcript(said((0, 1, "a"), (5, 6, "b")), "x.json").info.warnings == ()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("srt", ["00:00:02,000 --> 00:00:02,500", "00:00:04,000 --> 00:00:04,001"]),
        ("vtt", ["00:00:02.000 --> 00:00:02.500", "00:00:04.000 --> 00:00:04.001"]),
        ("ttml", ['begin="00:00:02.000" end="00:00:02.500"', 'end="00:00:04.001"']),
        ("ass", ["0:00:02.00,0:00:02.50", "0:00:04.00,0:00:04.01", "0:00:07.00,0:00:07.50"]),
    ],
)
def test_a_cue_of_no_length_gets_time_up_to_the_next_one(run, tmp_path, kind, shown):
    empty = ((2, 2, "a"), (4, 4, "b"), (4, 5, "c"), (7, 7.0004, "d"))
    path = tmp_path / "talk.json"
    path.write_bytes(said(*empty))
    result = run("render", path, "-f", kind)
    assert result.code == 0
    for times in shown:
        assert times in result.stdout
    assert "3 segments of no length: shown for a moment in subtitles" in result.stderr
