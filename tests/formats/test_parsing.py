"""Whatever the texts and times are, other people's parsers read back the same cues."""

import csv
import html
import io
import json
import math
import re
from dataclasses import replace

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.documents import milliseconds_of, read_csv, read_html, read_md, read_ttml
from tests.formats.samples import INFO, opened, unfinished, written
from tests.formats.schemas import JSONL, TRANSCRIPT
from whisper_cli.formats.json import STYLES
from whisper_cli.formats.registry import Format, JsonStyle, writer_for
from whisper_cli.transcript import Segment, Word

AWKWARD = (
    "-->", "--->", "- -- >", "0:00:01,000 --> 0:00:02,000", "a\n7\n0:00:01,000 b", "\n\n", "\r\n",
    "\r", "\x0b", "\x85", "\u2028", "\x00", "\x1b", "\x1f", "\ud83d", "\udc80", "\ud83d\ude00",
    "\ufeff", "\ufffe", "\t", '"', "'", "\\", "&amp;", "&", "<b>", "<", "NOTE", "STYLE", "WEBVTT",
    "[0:12]", "[00:12.00]", "7", "\u3000", "\xa0", "مرحبا", "世界", "👩‍👩‍👧", "e\u0301", " ",
    "</p>", "]]>", "**a**", "`", "~~b~~", "[x](y)", "# ",
)  # fmt: skip

texts = st.lists(st.sampled_from(AWKWARD) | st.text(st.characters(), max_size=8), max_size=6)
texts = texts.map("".join)
seconds = st.floats(-10, 400_000) | st.sampled_from([59.9996, 3599.9995, math.nan, math.inf, 1e308])
measures = st.floats()
words = st.builds(Word, texts, seconds, seconds, measures)
any_segments = st.lists(
    st.builds(
        Segment,
        seconds,
        seconds,
        texts,
        *[measures] * 4,
        st.lists(words, max_size=2).map(tuple),
        st.integers(0, 10**9),
        st.lists(st.integers(0, 51_865), max_size=3).map(tuple),
    ).filter(lambda segment: segment.text.strip()),
    max_size=4,
)


def milliseconds(delta):
    return round(delta.total_seconds() * 1000)


def read_srt(text):
    cues = list(srt.parse(text))
    assert text.count("-->") == len(cues)
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    assert not any(cue.proprietary for cue in cues)
    return [(milliseconds(cue.start), milliseconds(cue.end), cue.content) for cue in cues]


def read_vtt(text):
    cues = webvtt.from_string(text).captions
    assert text.count("-->") == len(cues)
    return [
        (milliseconds_of(cue.start), milliseconds_of(cue.end), html.unescape(cue.raw_text))
        for cue in cues
    ]


def read_tsv(text):
    header, *rows = csv.reader(io.StringIO(text, ""), "excel-tab", quoting=csv.QUOTE_NONE)
    assert header == ["start", "end", "text"]
    return [(int(start), int(end), text) for start, end, text in rows]


def read_json(text):
    return [cue(segment) for segment in json.loads(text)["segments"]]


def read_jsonl(text):
    objects = [json.loads(line) for line in text.split("\n")[:-1]]
    return [cue(line) for line in objects if line["type"] == "segment"]


def cue(segment):
    return round(segment["start"] * 1000), round(segment["end"] * 1000), segment["text"]


def read_lrc(text):
    tagged = [re.fullmatch(r"\[(\d{2,}):(\d\d)\.(\d\d)\] (.*)", line) for line in rows(text)]
    return [((int(tag[1]) * 60 + int(tag[2])) * 100 + int(tag[3]), None, tag[4]) for tag in tagged]


def read_ass(text):
    head, *events = text.split("Dialogue: ")
    assert head.endswith("Text\n")
    clock = r"(\d+):(\d\d):(\d\d)\.(\d\d)"
    tagged = [
        re.fullmatch(f"0,{clock},{clock},Default,,0,0,0,,(.*)\n", event).groups()
        for event in events
    ]
    times = [[int(item) for item in tag[:8]] for tag in tagged]
    assert not any(re.search(r"\\[nh]|[{}]", tag[8]) for tag in tagged)
    return [
        (hundredths(*time[:4]), hundredths(*time[4:]), tag[8].replace("\\N", " "))
        for time, tag in zip(times, tagged, strict=True)
    ]


def hundredths(hours, minutes, seconds, rest):
    return ((hours * 60 + minutes) * 60 + seconds) * 100 + rest


def read_txt(text):
    return [(None, None, line) for line in rows(text)]


def rows(text):
    *lines, last = text.split("\n")
    assert last == ""
    return lines


READERS = {
    Format.txt: read_txt,
    Format.srt: read_srt,
    Format.vtt: read_vtt,
    Format.json: read_json,
    Format.jsonl: read_jsonl,
    Format.tsv: read_tsv,
    Format.lrc: read_lrc,
    Format.ass: read_ass,
    Format.csv: read_csv,
    Format.ttml: read_ttml,
    Format.md: read_md,
    Format.html: read_html,
}
every_format = pytest.mark.parametrize("kind", READERS)


def rounded(time, per_second=1000):
    scaled = time * per_second
    return max(0, round(scaled)) if math.isfinite(scaled) else 0


def comparable(text):
    """Leave of a text what every format keeps: no spaces, control characters, arrows, braces."""
    whole = re.sub("[\ud800-\udbff][\udc00-\udfff]", united, text)
    return re.sub(r"[\ud800-\udfff\x00-\x1f\x7f-\x9f\ufffd-\uffff\u2060]|[-\s(){}]|>", "", whole)


def united(pair):
    high, low = map(ord, pair[0])
    return chr(0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00)


def expected(segments, per_second=1000):
    return [
        (
            rounded(segment.start, per_second),
            max(rounded(segment.start, per_second), rounded(segment.end, per_second)),
            comparable(segment.text),
        )
        for segment in segments
    ]


@every_format
@given(segments=any_segments)
def test_parsers_read_back_the_times_and_texts(kind, segments):
    text = written(writer_for(kind), INFO, segments).encode().decode()
    cues = READERS[kind](text)
    needed = expected(segments, 100 if kind is Format.ass else 1000)
    assert [comparable(text) for _, _, text in cues] == [text for _, _, text in needed]
    if kind is Format.lrc:
        assert [start for start, _, _ in cues] == [rounded(item.start, 100) for item in segments]
    elif kind not in (Format.txt, Format.md, Format.html):
        assert [times for *times, _ in cues] == [times for *times, _ in needed]


@every_format
@given(segments=any_segments)
def test_a_file_cut_off_after_any_segment_holds_the_cues_so_far(kind, segments):
    writer = writer_for(kind)
    for count in range(len(segments) + 1):
        closing = writer.closing(unfinished(INFO), count)
        cues = READERS[kind](opened(writer, INFO, segments[:count]) + closing)
        assert len(cues) == count


@given(segments=any_segments)
def test_a_single_line_of_plain_words_is_kept_letter_by_letter(segments):
    plain = [replace(item, text=f" {' '.join(item.text.split())} ab") for item in segments]
    plain = [item for item in plain if re.fullmatch(r"[^\W_][\w ,.!?]*", item.text.strip())]
    for kind, reader in READERS.items():
        cues = reader(written(writer_for(kind), INFO, plain))
        assert [text for _, _, text in cues] == [item.text.strip() for item in plain]


@given(segments=any_segments)
def test_json_follows_its_schema_whole_and_cut_off(segments):
    writer = writer_for(Format.json)
    TRANSCRIPT.validate(json.loads(written(writer, INFO, segments)))
    closing = writer.closing(unfinished(INFO), len(segments))
    cut = json.loads(opened(writer, INFO, segments) + closing)
    TRANSCRIPT.validate(cut)
    assert (cut["provenance"]["complete"], cut["text"], cut["words"]) == (False, "", [])


@given(segments=any_segments, source=texts)
def test_each_json_line_follows_its_schema_and_names_its_source(segments, source):
    text = written(writer_for(Format.jsonl, source=source), INFO, segments).encode().decode()
    lines = [json.loads(line) for line in rows(text)]
    for line in lines:
        JSONL.validate(line)
    assert [line["type"] for line in lines] == ["info", *["segment"] * len(segments), "end"]
    assert {comparable(line["source"]) for line in lines} == {comparable(source)}
    assert lines[-1]["segments"] == len(segments)


@pytest.mark.parametrize("style", [JsonStyle.openai, JsonStyle.whisper])
@given(segments=any_segments)
def test_drop_in_json_has_the_ten_keys_and_the_whole_text(style, segments):
    document = json.loads(written(STYLES[style], INFO, segments))
    ten = ["id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob"]
    ten += ["compression_ratio", "no_speech_prob"]
    for segment, item in zip(document["segments"], segments, strict=True):
        asked = ["words"] if style is JsonStyle.whisper and item.words else []
        assert list(segment) == ten + asked
    assert comparable(document["text"]) == comparable("".join(item.text for item in segments))
