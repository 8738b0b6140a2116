"""Nothing is lost: what was told before a run ended is gone on with, and kept for other formats."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.fakes import FakeEngine, jobs, noise, work
from tests.formats.schemas import TRANSCRIPT
from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.batch.journal import _head, _sealed, prune, read
from whisper_cli.batch.request import RunFlags
from whisper_cli.batch.runner import InputDone, InputError, Outcome, run
from whisper_cli.batch.session import EngineHandle, session_for
from whisper_cli.config.settings import Settings
from whisper_cli.engine.chunking import Chunk, ChunkingOptions, chunks_of
from whisper_cli.engine.decoder import DecodedWindow
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.scheduler import Scheduler
from whisper_cli.errors import EngineError
from whisper_cli.models.catalog import resolve
from whisper_cli.text.editor import TextOptions
from whisper_cli.text.replacements import Replacement, ReplacementKind
from whisper_cli.transcript import (
    DecodingOptions,
    Dropped,
    DropReason,
    Info,
    Provenance,
    Redecoded,
    RedecodeReason,
    Segment,
)


def done(outcomes):
    return [item for item in outcomes if isinstance(item, InputDone | InputError)]


@pytest.fixture
def output_index(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outputs.sqlite3"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kinds", ["srt", "json,vtt", "txt"])
def test_an_input_is_gone_on_with_where_it_broke(tmp_path, output_index, kinds):
    clip = noise(tmp_path / "a.wav", 200)
    asked = {"output": f"{tmp_path}/out/", "kinds": kinds}
    whole = done(
        run(jobs(clip, output=f"{tmp_path}/whole/", kinds=kinds), work(output_index, FakeEngine()))
    )
    broken = FakeEngine(fail={150: EngineError("the engine failed")})
    assert isinstance(done(run(jobs(clip, **asked), work(output_index, broken)))[0], InputError)
    mended = FakeEngine()
    [finished] = done(run(jobs(clip, **asked), work(output_index, mended)))
    assert isinstance(finished, InputDone)
    assert names(tmp_path / "out") == names(tmp_path / "whole")
    for path in whole[0].outputs:
        assert (tmp_path / "out" / path.name).read_text("utf-8") == path.read_text("utf-8")
    assert 0 < mended.decoded < broken.decoded + 1


def test_starting_over_forgets_what_was_told(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav", 200)
    asked = jobs(clip, output=f"{tmp_path}/out/", kinds="srt")
    done(run(asked, work(output_index, FakeEngine(fail={150: EngineError("it failed")}))))
    again, whole = FakeEngine(), FakeEngine()
    done(run(asked, work(output_index, again, starts_over=True)))
    done(run(jobs(clip, output=f"{tmp_path}/whole/", kinds="srt"), work(output_index, whole)))
    assert again.decoded == whole.decoded


@pytest.mark.parametrize("change", ["input", "options", "rubbish", "torn"])
def test_a_journal_of_other_work_is_not_believed(tmp_path, output_index, change):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    done(run(asked, work(output_index, FakeEngine(fail={80: EngineError("it failed")}))))
    options = {}
    journal = out / "a.srt.journal"
    if change == "input":
        noise(clip, 100, seed=1)
    elif change == "options":
        options = {"beam_size": 1}
    elif change == "rubbish":
        journal.write_bytes(b"\xff{not a journal\n" + journal.read_bytes())
    else:
        journal.write_bytes(journal.read_bytes()[:-7])
    [finished] = done(run(asked, work(output_index, FakeEngine(), **options)))
    assert isinstance(finished, InputDone)
    assert names(out) == ["a.srt"]
    text = (out / "a.srt").read_text("utf-8")
    assert [f"second {second}\n" in text for second in range(100)] == [True] * 100
    assert text.count("second 7\n") == 1


def test_another_format_of_the_same_work_is_written_without_decoding(tmp_path, output_index):
    clip, history = noise(tmp_path / "a.wav"), tmp_path / "history"
    first, second = FakeEngine(), FakeEngine()
    done(
        run(
            jobs(clip, output=f"{tmp_path}/out/", kinds="srt"),
            work(output_index, first, history=history),
        )
    )
    assert names(tmp_path / "out") == ["a.srt"]
    [finished] = done(
        run(
            jobs(clip, output=f"{tmp_path}/out/", kinds="srt,json"),
            work(output_index, second, history=history),
        )
    )
    assert (first.decoded, second.decoded) == (1, 0)
    assert [path.name for path in finished.outputs] == ["a.json"]
    assert json.loads((tmp_path / "out" / "a.json").read_text("utf-8"))["language"] == "de"
    renamed = tmp_path / "b.wav"
    shutil.copy(clip, renamed)
    third = FakeEngine()
    done(
        run(
            jobs(renamed, output=f"{tmp_path}/out/", kinds="json"),
            work(output_index, third, history=history),
        )
    )
    assert third.decoded == 0
    known = json.loads((tmp_path / "out" / "b.json").read_text("utf-8"))
    assert known["provenance"]["input"] == str(renamed)
    other = FakeEngine()
    done(
        run(
            jobs(clip, output=f"{tmp_path}/o/", kinds="txt"),
            work(output_index, other, history=history, beam_size=1),
        )
    )
    assert other.decoded == 1


def test_without_a_history_nothing_is_kept(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    done(run(jobs(clip, output=f"{tmp_path}/out/", kinds="srt"), work(output_index, FakeEngine())))
    assert names(tmp_path) == ["a.wav", "out", "state"]
    assert names(tmp_path / "out") == ["a.srt"]


def test_what_goes_to_stdout_is_gone_on_with_too(tmp_path, output_index):
    clip, history = noise(tmp_path / "a.wav", 100), tmp_path / "history"
    asked = jobs(clip, kinds="txt")
    reported: list[str] = []
    broken = FakeEngine(fail={80: EngineError("it failed")})
    done(run(asked, work(output_index, broken, reported.append, history=history)))
    again: list[str] = []
    done(run(asked, work(output_index, FakeEngine(), again.append, history=history)))
    whole: list[str] = []
    done(run(asked, work(output_index, FakeEngine(), whole.append)))
    assert again == whole
    assert reported[:-1] == whole[: len(reported) - 1]
    assert [path.suffix for path in history.iterdir()] == [".jsonl"]


@pytest.mark.parametrize("kind", ["jsonl", "json", "srt"])
def test_what_is_written_from_stored_segments_has_the_same_bytes(tmp_path, output_index, kind):
    clip, history = noise(tmp_path / "a.wav", 40), tmp_path / "history"
    reported: list[list[str]] = [[], []]
    engine = FakeEngine()
    for lines in reported:
        done(run(jobs(clip, kinds=kind), work(output_index, engine, lines.append, history=history)))
    assert reported[0] == reported[1]
    assert engine.decoded == 2  # the islands of the first run


def test_a_journal_left_beside_a_published_output_is_cleared_away(tmp_path, output_index):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    done(run(asked, work(output_index, FakeEngine(fail={80: EngineError("it failed")}))))
    left = (out / "a.srt.journal").read_bytes()
    done(run(asked, work(output_index, FakeEngine())))
    (out / "a.srt.journal").write_bytes(left)
    [finished] = done(run(asked, work(output_index, FakeEngine())))
    assert finished.skipped
    assert names(out) == ["a.srt"]


def test_what_was_all_told_but_not_published_is_written_and_cleared_away(tmp_path, output_index):
    clip, out, history = noise(tmp_path / "a.wav"), tmp_path / "out", tmp_path / "history"
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    done(run(asked, work(output_index, FakeEngine(), history=history)))
    text = (out / "a.srt").read_text("utf-8")
    (out / "a.srt").unlink()
    [kept] = history.iterdir()
    kept.rename(out / "a.srt.journal")
    again = FakeEngine()
    done(run(asked, work(output_index, again)))
    assert again.decoded == 0
    assert names(out) == ["a.srt"]
    assert (out / "a.srt").read_text("utf-8") == text


def test_live_sound_is_neither_gone_on_with_nor_kept(isolated):
    def settled(*, live: bool):
        model, settings = resolve("tiny.en"), Settings(model="tiny.en")
        return session_for(model, settings, RunFlags(live=live), fetch_model=Path, write=print)

    needed = {live: settled(live=live) for live in (False, True)}
    assert (needed[True].can_resume, needed[True].history) == (False, None)
    assert needed[False].can_resume
    assert needed[False].history is not None


def test_the_oldest_segments_go_first(tmp_path):
    for number in range(5):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    prune(tmp_path, maximum=250)
    assert names(tmp_path) == ["3.jsonl", "4.jsonl"]


def talking(samples: np.ndarray) -> list[tuple[int, int]]:
    """Find what is not silent."""
    target_level = np.flatnonzero(np.abs(samples) > 0.01)
    if not len(target_level):
        return []
    penalty = np.flatnonzero(np.diff(target_level) > SAMPLE_RATE // 5)
    return list(
        zip(
            target_level[[0, *(penalty + 1)]].tolist(),
            (target_level[[*penalty, -1]] + 1).tolist(),
            strict=True,
        )
    )


@given(
    st.lists(st.tuples(st.floats(0.5, 25), st.floats(0.3, 8)), min_size=1, max_size=12),
    st.sampled_from([None, 18.0]),
    st.data(),
)
def test_what_is_gone_on_with_is_the_same_as_in_one_go(turns, longest, data):
    rng = np.random.default_rng(0)
    parts = [
        part
        for speech, pause in turns
        for part in (rng.normal(0, 0.1, int(speech * 16_000)), np.zeros(int(pause * 16_000)))
    ]
    sound = np.concatenate(parts).astype(np.float32)

    def blocks():
        return (Block(n / 16_000, sound[n : n + 16_000]) for n in range(0, len(sound), 16_000))

    def shape(found: list[Chunk]) -> list:
        return [(item.position, item.start, item.samples.tobytes(), item.speech) for item in found]

    whole = list(chunks_of(blocks(), talking, ChunkingOptions(longest)))
    reported = data.draw(st.integers(1, max(1, len(whole))))
    if reported <= len(whole):
        last = whole[reported - 1].position
        since = type(last)(last.start, last.limit, last.number + 1)
        assert shape(list(chunks_of(blocks(), talking, ChunkingOptions(longest), since))) == shape(
            whole[reported:]
        )


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory, jfk: Path) -> Path:
    """Four minutes of speech, with pauses."""
    sound, rate = soundfile.read(jfk, always_2d=True)
    sound = sound.mean(axis=1)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    rng = random.Random(1)
    parts = [part for _ in range(20) for part in (sound, np.zeros(int(rng.uniform(0.3, 2) * rate)))]
    soundfile.write(path, np.concatenate(parts), rate)
    return path


def killed(start, arguments, journal: Path, after: int, how: int) -> int:
    """Start a run, and end it once so many marks are noted; gives its exit code."""
    child: subprocess.Popen[bytes] = start(*arguments)
    until = time.monotonic() + 240
    while child.poll() is None and time.monotonic() < until:
        if journal.exists() and journal.read_bytes().count(b'"passed"') >= after:
            child.send_signal(how)
            break
        time.sleep(0.01)
    return child.wait(120)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_is_gone_on_with_inside_the_file(run, start, tmp_path, talk, tiny_en, how):
    out, whole = tmp_path / "out", tmp_path / "whole"
    arguments = ("transcribe", talk, "-m", tiny_en, "-f", "srt,json")
    assert run(*arguments, "-o", f"{whole}/", "--no-history").code == 0
    journal, finished, marks = out / "talk.srt.journal", [], []
    for after in (2, 5, 8):
        finished.append(
            killed(start, (*arguments, "-o", f"{out}/", "--no-history"), journal, after, how)
        )
        marks.append(journal.read_bytes().count(b'"passed"') if journal.exists() else -1)
    assert run(*arguments, "-o", f"{out}/", "--no-history").code == 0
    assert finished[0] == (128 + how if how != signal.SIGKILL else -how), (finished, marks)
    assert marks[0] >= 2
    assert names(out) == names(whole) == ["talk.json", "talk.srt"]
    assert (out / "talk.srt").read_text("utf-8") == (whole / "talk.srt").read_text("utf-8")
    first, second = (json.loads((item / "talk.json").read_text("utf-8")) for item in (out, whole))
    assert first == second


def test_another_care_of_the_text_is_written_from_what_is_stored(tmp_path, output_index):
    clip, history = noise(tmp_path / "a.wav"), tmp_path / "history"
    remaining = jobs(clip, output=f"{tmp_path}/out/", kinds="txt,json")
    engine = FakeEngine()
    done(run(remaining, work(output_index, engine, history=history)))
    plain = (tmp_path / "out/a.txt").read_text()
    text_options = TextOptions((Replacement(ReplacementKind.word, "second", "minute"),))
    done(run(remaining, work(output_index, engine, history=history, text_options=text_options)))
    assert (tmp_path / "out/a.txt").read_text() == plain.replace("second", "minute")
    changes = json.loads((tmp_path / "out/a.json").read_text())["changes"]
    assert [change["after"] for change in changes] == ["minute"] * 3
    [again] = done(
        run(remaining, work(output_index, engine, history=history, text_options=text_options))
    )
    assert again.skipped
    done(run(remaining, work(output_index, engine, history=history)))
    assert (tmp_path / "out/a.txt").read_text() == plain
    assert "changes" not in json.loads((tmp_path / "out/a.json").read_text())
    assert engine.decoded == 1


def test_a_cache_that_cannot_be_written_costs_a_warning_only(tmp_path, caplog):
    (tmp_path / "file").touch()
    written: list[str] = []
    shared = work(
        tmp_path / "ledger", FakeEngine(), written.append, history=tmp_path / "file" / "cache"
    )
    [*_, done] = run(jobs(noise(tmp_path / "a.wav"), output="-"), shared)
    assert isinstance(done, InputDone)
    assert "".join(written).splitlines() == ["second 0", "second 1", "second 2"]
    assert "a run that is cut off will start over" in caplog.text


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flip a byte, or lose, double, swap or shorten some lines."""
    lines = data.splitlines(keepends=True)
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.choice(["flip", "lose", "double", "swap", "shorten", "letter"]):
        case "flip":
            position = chance.randrange(len(data))
            return (
                data[:position]
                + bytes([data[position] ^ 1 << chance.randrange(8)])
                + data[position + 1 :]
            )
        case "letter":
            position = data.index(b"second", chance.randrange(len(data) // 2))
            return data[:position] + b"minute" + data[position + 6 :]
        case "lose":
            del lines[at : at + chance.randint(1, 5)]
        case "double":
            lines.insert(other, lines[at])
        case "swap":
            lines[at], lines[other] = lines[other], lines[at]
        case "shorten":
            lines[at] = lines[at][: chance.randrange(len(lines[at]))]
    return b"".join(lines)


def test_a_journal_that_was_damaged_changes_no_text(tmp_path, output_index):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    asked, journal = jobs(clip, output=f"{out}/", kinds="json"), out / "a.json.journal"
    done(run(asked, work(output_index, FakeEngine())))
    whole, decoded = (out / "a.json").read_bytes(), set()
    for seed in range(60):
        broken, engine = FakeEngine(fail={95: EngineError("it failed")}), FakeEngine()
        done(run(asked, work(output_index, broken, overwrite=True)))
        journal.write_bytes(mutated(journal.read_bytes(), random.Random(seed)))
        [finished] = done(run(asked, work(output_index, engine, overwrite=True)))
        assert isinstance(finished, InputDone), seed
        assert (out / "a.json").read_bytes() == whole, seed
        assert names(out) == ["a.json"], seed
        decoded.add(engine.decoded)
    assert len(decoded) > 2  # what came before the damage was not decoded again


def test_segments_that_were_kept_and_damaged_are_not_given_out(tmp_path, output_index):
    clip, history = noise(tmp_path / "a.wav", 40), tmp_path / "history"
    done(
        run(
            jobs(clip, output=f"{tmp_path}/out/", kinds="txt"),
            work(output_index, FakeEngine(), history=history),
        )
    )
    whole = (tmp_path / "out" / "a.txt").read_bytes()
    [kept] = history.iterdir()
    data = kept.read_bytes()
    for seed in range(60):
        corrupt = mutated(data, random.Random(seed))
        kept.write_bytes(corrupt)
        engine, out = FakeEngine(), tmp_path / f"out-{seed}"
        [finished] = done(
            run(
                jobs(clip, output=f"{out}/", kinds="txt"),
                work(output_index, engine, history=history),
            )
        )
        assert isinstance(finished, InputDone), seed
        assert (out / "a.txt").read_bytes() == whole, seed
        assert engine.decoded or corrupt == data or corrupt.startswith(data[:-1]), seed
        assert kept.read_bytes() == data, seed


def test_a_journal_of_an_older_version_is_taken_over_and_not_believed(tmp_path, output_index):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    out.mkdir()
    (out / "a.srt.journal").write_text('{"journal": 1, "work": "x"}\n["segment", {}]\n')
    (out / "a.srt.part").write_text("1\n00:00:00,000 --> 00:00:01,000\nsecond 0\n")
    [finished] = done(
        run(jobs(clip, output=f"{out}/", kinds="srt"), work(output_index, FakeEngine()))
    )
    assert isinstance(finished, InputDone)
    assert names(out) == ["a.srt"]


@pytest.mark.parametrize("language", ["../../x", "", 5, ["en"], {"x": 1}])
def test_a_journal_with_a_language_that_is_none_holds_nothing(tmp_path, language):
    def stored(language):
        finished = {"duration": 1.0, "dropped": [], "redecoded": [], "warnings": []}
        started = {"language": language, "language_probability": 1.0}
        head = _head("w")
        first, checksum = _sealed(["begun", started], zlib.crc32(head))
        last, _ = _sealed(["ended", finished], checksum)
        path = tmp_path / "a.journal"
        path.write_bytes(head + first + last)
        provenance = Provenance("", "", None, None, "", "", DecodingOptions(), "")
        return read(path, "w", Info("a.wav", provenance))

    assert stored("en").info.language == "en"
    assert stored(language) is None


class Doubtful:
    """Leaves a text out and decodes one again in each chunk; `fail` is a time that it can't do."""

    multilingual = False

    def __init__(self, fail: float = 1e9) -> None:
        self.fail = fail

    def decode(self, tasks):
        if any(task.chunk.end > self.fail for task in tasks):
            raise EngineError("the engine failed")
        return [self._window(task.chunk) for task in tasks]

    def _window(self, chunk: Chunk) -> DecodedWindow:
        start, end = chunk.start, chunk.end
        dropped = Dropped(start, end, " you", DropReason.phantom)
        again = Redecoded(start, end, RedecodeReason.repetition, " so so so")
        segment = Segment(start, end, f" from {start:.1f}")
        return DecodedWindow((segment,), "en", 1.0, (dropped,), redecoded=(again,))


def test_a_resumed_run_tells_the_same_reasons(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav", 200)

    def decoded(folder: str, fail: float = 1e9) -> list[Outcome]:
        def find(samples, options):
            return [(0, len(samples))]

        frames, options = QualityChecks().frames, DecodingOptions()
        engine = Scheduler(lambda: Doubtful(fail), options, find, frames, workers=1, batch=1)
        session = replace(
            work(output_index, FakeEngine()), locate=lambda: EngineHandle("r1", engine)
        )
        asked = jobs(clip, output=f"{tmp_path}/{folder}/", kinds="json,jsonl")
        return done(run(asked, session))

    [whole], [broken] = decoded("whole"), decoded("out", 150.0)
    assert isinstance(broken, InputError)
    assert isinstance(decoded("out")[0], InputDone)
    for path in whole.outputs:
        assert (tmp_path / "out" / path.name).read_text("utf-8") == path.read_text("utf-8")
    document = json.loads((tmp_path / "out" / "a.json").read_text("utf-8"))
    assert len(document["redecoded"]) == len(document["dropped"]) == len(document["segments"]) > 9
    assert document["redecoded"][0]["rejected_text"] == " so so so"
    TRANSCRIPT.validate(document)
