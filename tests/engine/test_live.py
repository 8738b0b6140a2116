"""Sound that still comes: phrases are cut when they are over, and nothing is held for long."""

import itertools
import json
import subprocess
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.test_journal import talking
from tests.formats.schemas import JSONL
from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.engine.chunking import ChunkingOptions
from whisper_cli.engine.streaming import phrases

turns = st.lists(st.tuples(st.floats(0.3, 40), st.floats(0.0, 3)), min_size=1, max_size=6)


def blocks(sound: np.ndarray, size: int = SAMPLE_RATE // 5):
    for position in range(0, len(sound), size):
        yield Block(position / SAMPLE_RATE, sound[position : position + size])


def sound_of(spoken: list[tuple[float, float]]) -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = [np.zeros(SAMPLE_RATE)]
    for speech, pause in spoken:
        parts.append(np.sign(rng.normal(size=int(speech * SAMPLE_RATE))) * 0.1)
        parts.append(np.zeros(int(pause * SAMPLE_RATE)))
    return np.concatenate(parts).astype(np.float32)


@given(turns, st.sampled_from([1600, 3200, 16_000]))
def test_all_speech_is_in_phrases_in_order_none_too_long(spoken, size):
    sound = sound_of(spoken)
    found = list(phrases(blocks(sound, size), talking, ChunkingOptions()))
    processed = np.zeros(len(sound), bool)
    reached = 0.0
    for chunk in found:
        assert chunk.start >= reached - 1e-6
        assert chunk.length <= 18.5
        reached = chunk.end
        first = round(chunk.start * SAMPLE_RATE)
        assert np.array_equal(sound[first : first + len(chunk.samples)], chunk.samples)
        processed[first : first + len(chunk.samples)] = True
    assert not np.abs(sound[~processed]).any()


def test_a_phrase_is_given_before_the_next_one_comes():
    sound = sound_of([(2.0, 1.5), (2.0, 1.5), (2.0, 0.0)])
    read: list[float] = []

    def coming():
        for block in blocks(sound):
            read.append(block.end)
            yield block

    ends = [(chunk.end, read[-1]) for chunk in phrases(coming(), talking, ChunkingOptions())]
    assert len(ends) == 3
    assert all(known - end < 1.0 for end, known in ends[:2])


def test_what_a_phrase_says_so_far_is_given_every_second():
    found = list(
        phrases(
            blocks(sound_of([(6.0, 1.5), (0.5, 1.0)])), talking, ChunkingOptions(), partials=True
        )
    )
    *partial, first, second = found
    assert 4 <= len(partial) <= 6
    assert all(chunk.partial and chunk.start == first.start for chunk in partial)
    lengths = [chunk.length for chunk in partial]
    assert all(later - before >= 1.0 for before, later in itertools.pairwise(lengths))
    assert not first.partial
    assert not second.partial


@pytest.mark.slow
def test_cues_come_while_sound_still_flows(start, jfk, tiny_en):
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    silence = np.zeros(SAMPLE_RATE * 3 // 2)
    data = (np.concatenate([sound, silence]) * 32_767).astype("<i2").tobytes()
    child = start("transcribe", "-", "--raw", "s16le:16000:1", "--live", "-f", "jsonl",
                  "--partials", "-m", tiny_en, stdin=subprocess.PIPE)  # fmt: skip

    def speak() -> None:
        for position in range(0, len(data), 6400):
            child.stdin.write(data[position : position + 6400])
            child.stdin.flush()
            time.sleep(0.2)

    speak()
    reported: list[dict] = []
    for line in child.stdout:
        reported.append(json.loads(line))
        if reported[-1]["type"] == "segment" and "country" in reported[-1]["text"]:
            break  # the first speech was told, and the second is still to come
    speak()
    child.stdin.close()
    reported += map(json.loads, child.stdout)
    assert child.wait(60) == 0
    segments = [line for line in reported if line["type"] == "segment"]
    text = " ".join(line["text"] for line in segments).lower()
    assert text.count("fellow americans") == 2
    assert reported[-1]["type"] == "end"
    partials = [line for line in reported if line["type"] == "partial"]
    assert partials
    for partial in partials:  # each comes again, whole
        assert any(line["start"] <= partial["end"] <= line["end"] + 1 for line in segments)
    for line in reported:
        JSONL.validate(line)


@pytest.mark.parametrize("arguments", [["-f", "jsonl"], ["--live", "-f", "srt"]])
def test_partials_are_of_live_sound_in_json_lines(run, arguments):
    result = run("transcribe", "-", "--partials", *arguments)
    assert (result.code, result.stdout) == (2, "")
    assert "--live --partials" in result.stderr or "-f jsonl" in result.stderr


def test_live_is_of_the_fast_engine(run, jfk):
    result = run("transcribe", jfk, "--live", "--mode", "exact")
    assert (result.code, result.stdout) == (2, "")
    assert "--mode fast" in result.stderr
