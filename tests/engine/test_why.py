"""Why a text was left out or decoded again: each reason is reached, and told with its numbers."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.engine.test_prompts import ASTRAY, EOT, FIRST, GOOD, FakeModel
from tests.engine.test_prompts import decoded as decoded_with_prompt
from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.decisions import fields_of, log_event
from whisper_cli.engine.chunking import Chunk, ChunkingOptions, chunks_of
from whisper_cli.engine.decoder import DecodedWindow, Decoder, WindowTask
from whisper_cli.engine.result import LanguageTokens
from whisper_cli.engine.sequential import SequentialDecoder
from whisper_cli.transcript import DecodingOptions, Dropped, DropReason, RedecodeReason

SPEECH = ((0.2, 3.8),)
LOOP = (FIRST, 7, 7, 7, 7, 7, FIRST + 200)
REJECTED = {
    RedecodeReason.too_many_tokens: replace(GOOD, finished=False),
    RedecodeReason.compression_ratio: replace(GOOD, compression_ratio=9.0),
    RedecodeReason.repetition: replace(GOOD, tokens=LOOP),
    RedecodeReason.log_probability: replace(GOOD, avg_logprob=-2.0),
    RedecodeReason.no_end: replace(GOOD, tokens=(FIRST, 1, 2)),
    RedecodeReason.after_window: replace(GOOD, tokens=(FIRST, 1, FIRST + 450)),
    RedecodeReason.missing_text: replace(GOOD, tokens=(FIRST, 1, FIRST + 25)),
}


class Scripted(FakeModel):
    """Says one thing in a short window, another in a full one; `text` is what tokens spell."""

    def __init__(self, draft, in_full=GOOD, text=" word") -> None:
        super().__init__(draft, in_full)
        self.text = text

    def language_tokens(self, language, _task):
        tokenizer = SimpleNamespace(decode=lambda tokens: self.text if tokens else "")
        return LanguageTokens(language, tokenizer, (1,), FIRST, EOT)

    def generate(self, _encoded, window_tokens, options, _limits):
        return [self.prompted for _ in window_tokens]

    def generate_with_fallback(self, _encoded, _tokens, options, limit=None):
        return self.in_full


def decoded(model: FakeModel, speech=SPEECH) -> DecodedWindow:
    decoder = Decoder(model, DecodingOptions())  # type: ignore[arg-type]
    chunk = Chunk(10.0, np.zeros(4 * SAMPLE_RATE, np.float32), speech, source="talk.wav")
    [found] = decoder.decode([WindowTask(chunk, "en")])
    return found


@pytest.fixture
def log(caplog):
    """Give the fields of what was decided so far of one kind."""
    caplog.set_level(logging.DEBUG, "whisper_cli")

    def reported(event: str) -> list[dict]:
        fields = [dict(fields_of(record)) for record in caplog.records]
        return [item for item in fields if item.get("event") == event]

    return reported


@pytest.mark.parametrize("reason", REJECTED)
def test_a_text_that_a_check_rejects_is_listed_with_the_reason(reason, log):
    found = decoded(Scripted(REJECTED[reason]))
    assert {item.reason for item in found.redecoded} == {reason}
    assert [(item.start, item.end) for item in found.redecoded] == [(10.0, 14.0)] * 2
    assert found.redecoded[0].rejected_text == " all is well"
    assert len(found.segments) == 1
    rejected = log("rejected")
    assert {(item["input"], item["reason"]) for item in rejected} == {("talk.wav", reason)}
    low = reason is RedecodeReason.log_probability
    stopped = reason is RedecodeReason.too_many_tokens
    assert stopped or all((item["measured"] < item["limit"]) == low for item in rejected)


def test_a_text_that_is_only_the_prompt_is_listed():
    found = decoded_with_prompt(FakeModel(ASTRAY["the prompt"]))
    assert [(item.reason, item.rejected_text) for item in found.redecoded] == [
        ("the prompt", " word word")
    ]


def test_every_reason_for_decoding_again_is_tested():
    assert {*REJECTED, RedecodeReason.prompt} == set(RedecodeReason)


def test_the_rest_of_a_chunk_is_decoded_again_without_a_rejected_text():
    found = decoded(Scripted(replace(GOOD, tokens=(FIRST, 1, FIRST + 75))))
    assert any(item.start == 11.5 and not item.rejected_text for item in found.redecoded)


def test_a_good_text_is_decoded_once(log):
    assert decoded(Scripted(GOOD)).redecoded == ()
    [search] = log("search")
    assert (search["search"], search["measured"], search["limit"]) == ("greedy", -0.1, -0.4)


@pytest.mark.parametrize(
    ("reason", "model", "speech"),
    [
        ("silence", Scripted(replace(GOOD, no_speech_prob=0.9, avg_logprob=-2.0)), SPEECH),
        ("phantom", Scripted(GOOD, text=" Thank you."), ((4.0, 4.0),)),
        ("loop", Scripted(REJECTED[RedecodeReason.repetition], replace(GOOD, tokens=LOOP)), SPEECH),
    ],
)
def test_a_text_that_is_left_out_is_listed_with_the_reason(reason, model, speech):
    [dropped] = decoded(model, speech).dropped
    assert dropped.reason == reason
    assert dropped.reason in set(DropReason)


def test_a_text_before_the_speech_is_told(log):
    decoded(Scripted(replace(GOOD, tokens=(FIRST, 1, FIRST + 50))), ((3.5, 4.0),))
    [early] = log("early text")
    assert (early["start"], early["end"], early["speech"]) == (10.0, 11.0, 13.5)


def test_cuts_and_what_is_skipped_are_told_with_their_places(log):
    def find(samples):
        return [(2 * SAMPLE_RATE, 4 * SAMPLE_RATE), (12 * SAMPLE_RATE, 14 * SAMPLE_RATE)]

    sound = np.random.default_rng(0).normal(0, 0.1, 20 * SAMPLE_RATE).astype(np.float32)
    list(chunks_of([Block(0.0, sound)], find, ChunkingOptions(longest=None)))
    assert [(item["start"], item["end"]) for item in log("chunk")] == [(2, 4), (12, 14)]
    assert log("chunk")[0]["why"] == "in a pause of 8.00 s"
    assert [(item["start"], item["end"]) for item in log("no speech")] == [
        (0, 2),
        (4, 12),
        (14, 20),
    ]


def test_nothing_is_formatted_where_nobody_reads(caplog):
    class Costly:
        def __format__(self, _spec):
            raise AssertionError("formatted")

    caplog.set_level(logging.INFO, "whisper_cli")
    log_event("chunk", "{it}", it=Costly())
    assert not caplog.records


class FakeWhisper:
    """Steps as faster-whisper does: a window of silence, one with two texts, one of silence."""

    def generate_with_fallback(self, _encoded, _prompt, _tokenizer, options):
        self.step += 1
        silent = self.step != 2
        result = SimpleNamespace(no_speech_prob=0.9 if silent else 0.1, sequences_ids=[[self.step]])
        return result, -2.0 if silent else -0.1, 0.0, 1.0

    def _split_segments_by_timestamps(self, **given):
        texts = [(30.0, 32.0), (32.0, 32.0)]
        found = [{"start": start, "end": end, "tokens": [9]} for start, end in texts]
        return found, 5000, False

    def transcribe(self, _samples, **options):
        return self._segments(SimpleNamespace(**options)), None

    def _segments(self, options):
        self.step = 0
        tokenizer = SimpleNamespace(decode=lambda tokens: f" text {tokens[0]}")
        for window in range(3):
            self.generate_with_fallback(None, [], tokenizer, options)
            if window == 1:
                split = self._split_segments_by_timestamps
                [found, _], _, _ = split(tokenizer=tokenizer, time_offset=30.0)
                measures = {"avg_logprob": -0.1, "no_speech_prob": 0.1, "compression_ratio": 1.0}
                times = {"start": found["start"], "end": found["end"], "seek": 3000}
                more = {"temperature": 0.0, "words": None, "tokens": [9], "text": " text 9"}
                yield SimpleNamespace(**measures, **times, **more)


def test_exact_mode_lists_what_faster_whisper_skips():
    decoder = SequentialDecoder(SimpleNamespace(whisper=FakeWhisper()))  # type: ignore[arg-type]
    chunk = Chunk(100.0, np.zeros(60 * SAMPLE_RATE, np.float32))
    for _ in range(2):  # each chunk begins anew
        reported = list(decoder.decode(chunk, "en", DecodingOptions()))
        assert [item for item in reported if isinstance(item, Dropped)] == [
            Dropped(100.0, 130.0, " text 1", DropReason.silence),
            Dropped(132.0, 132.0, " text 9", DropReason.no_time),
            Dropped(150.0, 160.0, " text 3", DropReason.silence),
        ]
        assert [item.start for item in reported if not isinstance(item, Dropped)] == [130.0]
