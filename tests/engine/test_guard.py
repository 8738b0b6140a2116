"""The guard and what it looks at: lines, repetitions, the length of windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.test_engine import ONE
from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.decoder import Decoder, WindowTask
from whisper_cli.engine.model import WhisperEngineModel
from whisper_cli.engine.quality import QualityChecks, is_hallucination
from whisper_cli.engine.result import (
    DecodingResult,
    TimedLine,
    is_echo,
    lines,
    repeated,
    without_repeats,
)
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find
from whisper_cli.transcript import DecodingOptions, RedecodeReason

EOT, FIRST = 1000, 1100  # text below, times from FIRST on
MISSING_TEXT = RedecodeReason.missing_text


def at(seconds: float) -> int:
    return FIRST + round(seconds * 50)


def chunk(seconds: float, *speech: tuple[float, float]) -> Chunk:
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    return Chunk(0.0, samples, speech or ((0.0, seconds),))


def decoding(*tokens: int, **more) -> DecodingResult:
    known = {"avg_logprob": -0.2, "no_speech_prob": 0.0, "compression_ratio": 1.0} | more
    return DecodingResult(tokens, "text", **known)


def problem(found: DecodingResult, processed: Chunk) -> str | None:
    return QualityChecks().problem(found, processed, DecodingOptions(), FIRST, EOT)


def test_a_good_draft_is_believed():
    assert problem(decoding(at(0), 1, 2, 3, at(4.8)), chunk(5)) is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (decoding(at(0), 1, at(5), finished=False), "too many tokens"),
        (decoding(at(0), 1, at(5), compression_ratio=2.5), "compression ratio"),
        (decoding(at(0), 1, at(5), avg_logprob=-1.1), "log probability"),
        (decoding(at(0), 7, 8, 9, 7, 8, 9, at(5)), "repetition"),
        (decoding(at(0), 7, 7, 7, at(5)), "repetition"),
        (decoding(at(0), 1, 2, 3, 4, 9, 1, 2, 3, 4, at(5)), "repetition"),
        (decoding(at(0), 1, 2, 3), "no end"),
        (decoding(at(0), 1, 2, at(20)), "beyond the window"),
        (decoding(at(0), 1, 2, at(3)), MISSING_TEXT),
        (decoding(), MISSING_TEXT),
    ],
)
def test_what_breaks_in_short_windows_is_told(found, reason):
    assert problem(found, chunk(5)) == reason


def test_in_long_speech_four_words_may_come_twice():
    assert problem(decoding(at(0), 1, 2, 3, 4, 9, 1, 2, 3, 4, at(18)), chunk(18)) is None


def test_only_speech_that_the_detector_heard_is_missed():
    assert problem(decoding(at(0), 1, 2, at(3)), chunk(9, (0.0, 3.0))) is None


@given(st.floats(0, 27))
def test_a_window_holds_its_speech_and_is_one_of_few_lengths(seconds):
    frames = QualityChecks().frames(chunk(seconds))
    margin = 3 if seconds < 10 else 2
    assert min(seconds + margin, 30) * 100 - 1 <= frames <= 3000
    assert frames >= 800
    assert frames % 100 == 0


def test_lines_are_what_stands_between_times():
    found = list(lines([at(0), 1, 2, at(2), at(2.5), 3, at(4)], FIRST, EOT, 10.0))
    assert found == [TimedLine(0.0, 2.0, (1, 2)), TimedLine(2.5, 4.0, (3,))]
    assert list(lines([at(1), 5], FIRST, EOT, 10.0)) == [TimedLine(1.0, 10.0, (5,))]
    assert list(lines([at(0), 5, at(29)], FIRST, EOT, 10.0)) == [TimedLine(0.0, 10.0, (5,))]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(2, 4), st.integers(1, 4))
def test_a_repetition_is_one(tokens, times, minimum):
    found = repeated(tokens, times, minimum)
    if found is None:
        for size in range(minimum, len(tokens) // times + 1):
            for start in range(len(tokens) - size * times + 1):
                phrase = tokens[start : start + size]
                assert tokens[start : start + size * times] != phrase * times
    else:
        start, size, count = found
        assert size >= minimum
        assert count >= times
        assert tokens[start : start + size * count] == tokens[start : start + size] * count


@given(
    st.lists(st.integers(0, 9), max_size=20), st.lists(st.integers(10, 19), min_size=1, max_size=5)
)
def test_loops_are_cut_and_nothing_else(before, phrase):
    phrase = list(dict.fromkeys(phrase))
    before = list(dict.fromkeys(before))
    assert without_repeats([*before, *phrase * 6]) == (*before, *phrase)
    assert without_repeats([*before, *phrase * 3]) == (*before, *phrase * 3)


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 5))
def test_an_echo_is_a_phrase_that_comes_twice(tokens, size):
    phrases = [tokens[n : n + size] for n in range(len(tokens) - size + 1)]
    assert is_echo(tokens, size) == any(phrases.count(phrase) > 1 for phrase in phrases)


def test_phantoms_are_known_whatever_their_punctuation():
    assert is_hallucination(" Thank you for watching!")
    assert is_hallucination("Untertitel der Amara.org-Community")
    assert not is_hallucination("Thank you for the book.")


@pytest.mark.slow
def test_the_guard_mends_what_too_short_windows_break(tiny_en, jfk):
    """Without silence after it the model says the same again and again; guarded, it is right."""

    class Unguarded(QualityChecks):
        def problem(self, *_: object) -> None:
            return None

    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    pieces = [Chunk(0.0, sound[: 16_000 * n], ((0.2, n - 0.2),)) for n in (2, 3)]
    model = WhisperEngineModel(find(resolve(tiny_en)), ONE)

    def processed(kind: type[QualityChecks]) -> list[str]:
        decoder = Decoder(model, DecodingOptions(), kind(margin=0.0, minimum=0.5))
        results = [decoder.decode([WindowTask(piece)])[0] for piece in pieces]
        return ["".join(segment.text for segment in result.segments) for result in results]

    broken, mended = processed(Unguarded), processed(QualityChecks)
    assert [text.lower().count("and so my fellow") > 1 for text in broken] == [True, True]
    assert [text.lower().count("and so") for text in mended] == [1, 1]


@pytest.mark.slow
def test_beams_are_for_what_a_greedy_decoding_is_not_sure_of(tiny_en, jfk):
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    chunk = Chunk(0.0, sound, ((0.2, len(sound) / SAMPLE_RATE),))
    searched: list[int] = []

    class Watched(WhisperEngineModel):
        def generate(self, encoded, window_tokens, options, limits):
            searched.append(options.beam_size)
            return super().generate(encoded, window_tokens, options, limits)

    model = Watched(find(resolve(tiny_en)), ONE)

    def beams(quality_checks: QualityChecks, options: DecodingOptions) -> list[int]:
        searched.clear()
        Decoder(model, options, quality_checks).decode([WindowTask(chunk)])
        return list(searched)

    assert beams(QualityChecks(min_logprob=-9.0), DecodingOptions()) == [1]
    assert beams(QualityChecks(min_logprob=0.0), DecodingOptions()) == [1, 5]
    assert beams(QualityChecks(min_logprob=0.0), DecodingOptions(beam_size=1)) == [1]


@pytest.mark.slow
def test_a_moment_that_is_doubted_has_no_text(tiny_en):
    class Doubting(QualityChecks):
        def problem(self, *_: object) -> str:
            return "log probability"

    model = WhisperEngineModel(find(resolve(tiny_en)), ONE)
    moment = Chunk(2.0, np.zeros(1, np.float32))
    [found] = Decoder(model, DecodingOptions(), Doubting()).decode([WindowTask(moment)])
    assert (found.segments, found.dropped) == ((), ())


@pytest.mark.slow
def test_a_window_may_have_as_many_tokens_as_it_would_have_alone(tiny_en, jfk):
    """The room of its neighbour, which is longer, is not its own."""
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    model = WhisperEngineModel(find(resolve(tiny_en)), ONE)
    quality_checks = QualityChecks(minimum=14.0, rate=1.0, allowance=1)
    tasks = [WindowTask(Chunk(0.0, sound[: 16_000 * n], ((0.2, n - 0.2),))) for n in (4, 11)]
    decoder = Decoder(model, DecodingOptions(), quality_checks)
    [alone] = decoder.decode(tasks[:1])
    together = decoder.decode(tasks)[0]
    assert alone.problem == together.problem == "too many tokens"


@pytest.mark.slow
def test_a_long_prompt_beside_long_hotwords_leaves_room_for_the_text(tiny_en, jfk):
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    model = WhisperEngineModel(find(resolve(tiny_en)), ONE)
    options = DecodingOptions(
        initial_prompt="A speech by the president. " * 60, hotwords="Kennedy " * 200
    )
    [found] = Decoder(model, options).decode([WindowTask(Chunk(0.0, sound))])
    assert "country" in "".join(segment.text for segment in found.segments)


@pytest.mark.slow
def test_a_long_prompt_alone_is_cut_as_faster_whisper_cuts_it(tiny_en, jfk, monkeypatch):
    model = WhisperEngineModel(find(resolve(tiny_en)), ONE)
    given: list[list[int]] = []
    prompt = model.whisper.get_prompt

    def watched(tokenizer, before, **rest):
        given.append(before)
        return prompt(tokenizer, before, **rest)

    monkeypatch.setattr(model.whisper, "get_prompt", watched)
    options = DecodingOptions(initial_prompt="A speech by the president. " * 60)
    Decoder(model, options).decode([WindowTask(Chunk(0.0, np.zeros(16_000, np.float32)))])
    prompted = [len(before) for before in given if before]  # a doubted text is tried without one
    assert prompted
    assert min(prompted) > 223  # it keeps the last 223 of them
