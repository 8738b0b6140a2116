"""A prompt that leads the model astray: what it may cost, and that it is given up."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.engine.test_engine import ONE
from tests.engine.test_scheduler import Sound, target_level
from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.choices import Device
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.decoder import Decoder, WindowTask
from whisper_cli.engine.events import SegmentDecoded
from whisper_cli.engine.model import WhisperEngineModel
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.result import DecodingResult, LanguageTokens
from whisper_cli.engine.scheduler import Scheduler
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find
from whisper_cli.transcript import DecodingOptions

EOT, FIRST = 100, 200
GOOD = DecodingResult((FIRST, 1, 2, FIRST + 200), " all is well", -0.1, 0.0, 1.0)
ASTRAY = {
    "too many tokens": replace(GOOD, finished=False),
    "compression ratio": replace(GOOD, compression_ratio=9.0),
    "repetition": replace(GOOD, tokens=(FIRST, 7, 7, 7, 7, FIRST + 200)),
    "the prompt": replace(GOOD, text=" word word"),
}
UNSURE = replace(GOOD, tokens=(FIRST, 1, 2), avg_logprob=-0.3)  # without an end
LOW_PROBABILITY = replace(GOOD, avg_logprob=-2.0)


class FakeModel:
    """Says one thing with a prompt, another without; `tries` say how, and whether with it."""

    multilingual = False
    dimensions = 7
    device_plan = SimpleNamespace(device=Device.cpu)

    def __init__(self, prompted: DecodingResult, in_full: DecodingResult | None = None) -> None:
        self.prompted, self.in_full = prompted, in_full or prompted
        self.tries: list[tuple[str, bool]] = []

    def language_tokens(self, language: str, _task: object) -> LanguageTokens:
        tokenizer = SimpleNamespace(decode=lambda tokens: " word" * len(tokens))
        return LanguageTokens(language, tokenizer, (1,), FIRST, EOT)

    def features(self, _samples: np.ndarray, frames: int) -> np.ndarray:
        return np.zeros((2, frames), np.float32)

    def encode(self, features: np.ndarray) -> np.ndarray:
        return np.zeros((len(features), 4, 7), np.float32)

    def generate(
        self, _encoded, window_tokens: Sequence[LanguageTokens], options: DecodingOptions, _limits
    ):
        self.tries.append((f"beams of {options.beam_size}", bool(options.initial_prompt)))
        return [self.prompted if options.initial_prompt else GOOD for _ in window_tokens]

    def generate_with_fallback(
        self, _encoded, _tongue, options: DecodingOptions, limit=None
    ) -> DecodingResult:
        self.tries.append((f"{len(options.temperature)} in full", bool(options.initial_prompt)))
        assert (limit is not None) == bool(options.initial_prompt)
        return self.in_full if options.initial_prompt else GOOD


def decoded(model: FakeModel, **more: object):
    options = DecodingOptions(initial_prompt="word " * 300, **more)  # type: ignore[arg-type]
    decoder = Decoder(model, options)  # type: ignore[arg-type]
    sound = Chunk(0.0, np.zeros(4 * SAMPLE_RATE, np.float32), ((0.2, 3.8),))
    [found] = decoder.decode([WindowTask(sound, "en", options)])
    return found


@pytest.mark.parametrize("reason", ASTRAY)
def test_a_prompt_that_leads_astray_is_given_up_at_once(reason):
    model = FakeModel(ASTRAY[reason])
    found = decoded(model)
    assert model.tries == [("beams of 1", True), ("beams of 1", False)]
    assert (found.without_prompt, found.problem) == (True, None)
    assert len(found.segments) == 1


@pytest.mark.parametrize("in_full", [*ASTRAY.values(), LOW_PROBABILITY])
def test_a_window_in_full_is_tried_once_with_its_prompt(in_full):
    model = FakeModel(UNSURE, in_full)
    assert decoded(model).without_prompt
    ladder = len(DecodingOptions().temperature)
    assert model.tries == [
        ("beams of 1", True),
        ("beams of 5", True),
        ("1 in full", True),
        (f"{ladder} in full", False),
    ]


def test_a_prompt_that_helps_is_kept():
    model = FakeModel(GOOD)
    assert not decoded(model).without_prompt
    assert model.tries == [("beams of 1", True)]
    model = FakeModel(UNSURE, GOOD)
    assert not decoded(model).without_prompt
    assert model.tries[-1] == ("1 in full", True)


def test_it_is_logged_where_a_prompt_was_given_up(caplog):
    caplog.set_level("INFO", "whisper_cli")
    options = DecodingOptions(initial_prompt="word " * 300)
    decoder = Decoder(FakeModel(ASTRAY["repetition"]), options)  # type: ignore[arg-type]
    scheduler = Scheduler(lambda: decoder, options, target_level, QualityChecks().frames, workers=1)
    sound = Sound("talk.wav", 5)
    assert any(isinstance(event, SegmentDecoded) for event in scheduler.run(iter([sound])))
    assert "talk.wav: 0.0 to 5.0 s are decoded without the prompt" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 11.0])
def test_a_prompt_of_one_word_costs_few_tokens_for_each_second(tiny_en, jfk, seconds):
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    processed = Chunk(0.0, sound[: round(seconds * SAMPLE_RATE)], ((0.2, seconds - 0.2),))
    tried: list[int] = []

    class Counting(WhisperEngineModel):
        def generate(self, encoded, window_tokens, options, limits):
            decodings = super().generate(encoded, window_tokens, options, limits)
            tried.extend(len(decoding.tokens) for decoding in decodings if options.initial_prompt)
            return decodings

        def generate_with_fallback(self, encoded, language_tokens, options, limit=None):
            assert not options.initial_prompt or len(options.temperature) == 1
            decoding = super().generate_with_fallback(encoded, language_tokens, options, limit)
            tried.extend([len(decoding.tokens)] if options.initial_prompt else [])
            return decoding

    options = DecodingOptions(initial_prompt="word " * 300)
    decoder = Decoder(Counting(find(resolve(tiny_en)), ONE), options)
    decoder.decode([WindowTask(processed, "en", options)])
    assert 1 <= len(tried) <= 3
    assert max(tried) <= QualityChecks().limit(seconds) + 1  # CTranslate2 counts a start token less
