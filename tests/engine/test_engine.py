"""The engines on the real model: languages, damage, what they refuse, and what they say alike."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.batch.fakes import FakeEngine
from tests.conftest import clips
from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.batch.session import EngineHandle
from whisper_cli.choices import ComputeType, Device, Mode
from whisper_cli.choices import Task as Wish
from whisper_cli.engine import decoder as decoding
from whisper_cli.engine import engine_for
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.decoder import Decoder, WindowTask
from whisper_cli.engine.device import DeviceRequest, ResolvedDevice, resolve_device
from whisper_cli.engine.events import (
    DecodeProgress,
    InputFailed,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
)
from whisper_cli.engine.model import WhisperEngineModel
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.sequential import SequentialEngine
from whisper_cli.errors import ConfigError, ModelError
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find
from whisper_cli.transcript import DecodingOptions, Info, Provenance, Segment, check_language

ONE = ResolvedDevice(Device.cpu, ComputeType.int8, workers=1, threads=1, batch=8)
PROVENANCE = Provenance("t", "m", None, None, "?", "?", DecodingOptions(), "x")
BOTH = pytest.mark.parametrize("mode", list(Mode))


class Clip:
    """A file as an input of an engine."""

    needed = True

    def __init__(self, path: Path, options: DecodingOptions) -> None:
        self.name = path.name
        self._path, self._options = path, options

    def open(self) -> Recording:
        info = Info(self._path.name, replace(PROVENANCE, options=self._options))
        return Recording(open_audio(Source(self._path)), info)


def hear(
    model: str, options: DecodingOptions, *paths: Path, device_plan: ResolvedDevice | None = None
):
    """Give what an engine says of files."""
    engine, _ = engine_for(
        find(resolve(model)), device_plan or resolve_device(DeviceRequest()), options
    )
    return list(engine.run(iter([Clip(path, options) for path in paths])))


def segments(events) -> Iterator[Segment]:
    return (event.segment for event in events if isinstance(event, SegmentDecoded))


def text(events) -> str:
    return "".join(segment.text for segment in segments(events))


def info(events) -> Info:
    return next(event.info for event in events if isinstance(event, InputStarted))


def test_an_english_model_takes_no_other_language_and_does_not_translate():
    check_language(DecodingOptions(language="en"), multilingual=False)
    for wish in (DecodingOptions(language="de"), DecodingOptions(task=Wish.TRANSLATE)):
        with pytest.raises(ConfigError, match="English only"):
            check_language(wish, multilingual=False)
        check_language(wish, multilingual=True)


def test_what_is_dealt_with_grows_to_the_end_of_the_input(jfk):
    events = list(SequentialEngine(FakeEngine).run(iter([Clip(jfk, DecodingOptions())])))
    processed = [event.seconds for event in events if isinstance(event, DecodeProgress)]
    assert processed == sorted(processed)
    assert processed[-1] == pytest.approx(11.0)
    assert isinstance(events[-1], InputFinished)


def test_exact_mode_tells_of_speech_without_text(jfk):
    class Mute(FakeEngine):
        def decode(self, chunk, language, options):
            return iter(())

    class Hasty(FakeEngine):
        def decode(self, chunk, language, options):
            return islice(super().decode(chunk, language, options), 2)

    def problems(engine) -> tuple[str, ...]:
        return list(SequentialEngine(engine).run(iter([Clip(jfk, DecodingOptions())])))[
            -1
        ].info.warnings

    assert problems(Mute) == ("11.0 s of speech were found, and no text",)
    assert problems(Hasty) == ("the last cue ends at 2.0 s, and 9.0 s of speech follow",)
    assert problems(FakeEngine) == ()


def test_the_language_of_the_options_is_not_detected_again(jfk):
    events = list(
        SequentialEngine(FakeEngine).run(iter([Clip(jfk, DecodingOptions(language="fr"))]))
    )
    assert (info(events).language, info(events).language_probability) == ("fr", 1.0)


@pytest.mark.slow
def test_damaged_weights_are_a_model_error(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"\6\0\0\0nothing")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="can't load the model"):
        WhisperEngineModel(tmp_path, ONE)


@pytest.mark.slow
def test_an_arithmetic_that_the_cpu_lacks_is_a_config_error(tiny_en):
    device_plan = resolve_device(DeviceRequest(Device.cpu, ComputeType.int8_float16))
    with pytest.raises(ConfigError):
        WhisperEngineModel(find(resolve(tiny_en)), device_plan)


@pytest.mark.slow
@BOTH
def test_words_lie_inside_their_segment_and_in_order(tiny_en, jfk, mode):
    found = list(segments(hear(tiny_en, DecodingOptions(mode=mode, word_timestamps=True), jfk)))
    reached = 0.0
    for segment in found:
        assert segment.words
        assert segment.start <= segment.words[0].start + 0.01
        assert segment.words[-1].end <= segment.end + 0.01
        for word in segment.words:
            assert reached - 1e-6 <= word.start <= word.end
            reached = word.end


@pytest.mark.slow
def test_digits_are_timed_like_words(base, speech):
    clip = next((speech / "hard_content").glob("*.flac"), None) or speech
    events = hear(base, DecodingOptions(word_timestamps=True), clip)
    for segment in segments(events):
        assert "".join(word.word for word in segment.words).strip() == segment.text.strip()


@pytest.mark.slow
@BOTH
def test_the_language_is_told_and_can_be_chosen_among_candidates(base, mode):
    clip = Path(__file__).parents[2] / "samples" / "kerstin-de.flac"
    known = info(hear(base, DecodingOptions(mode=mode), clip))
    assert known.language == "de"
    assert 0.3 < known.language_probability <= 1.0
    among = ("en", "fr")
    forced = info(hear(base, DecodingOptions(mode=mode, language_candidates=among), clip))
    assert forced.language in among


@pytest.mark.slow
def test_a_file_of_two_languages_is_heard_window_by_window(base, jfk, tmp_path):
    import numpy as np
    import soundfile

    german = Path(__file__).parents[2] / "samples" / "kerstin-de.flac"
    parts = []
    for path in (jfk, german):
        with open_audio(Source(path)) as audio:
            parts += [*(block.samples for block in audio.blocks()), np.zeros(16_000 * 7)]
    both = tmp_path / "both.wav"
    soundfile.write(both, np.concatenate(parts), 16_000)
    said = text(hear(base, DecodingOptions(multilingual=True), both))
    assert "your country" in said
    assert "Immerhin" in said


@pytest.mark.slow
def test_exact_without_speech_detection_says_what_faster_whisper_says(tiny_en, speech):
    from faster_whisper import WhisperModel
    from threadpoolctl import threadpool_limits

    model = WhisperModel(
        str(find(resolve(tiny_en))), compute_type="int8", cpu_threads=2, device="cpu"
    )
    clip = Path(__file__).parents[2] / "samples" / "austen.wav"
    with threadpool_limits(1, user_api="blas"):  # its words depend on them
        found, _ = model.transcribe(str(clip), language="en")
    options = DecodingOptions(mode=Mode.exact, vad=False, temperature=(0.0,))
    device_plan = resolve_device(DeviceRequest(Device.cpu, ComputeType.int8, threads=2))
    owned = text(hear(tiny_en, options, clip, device_plan=device_plan))
    assert owned == "".join(segment.text for segment in found)


def _hum(seconds: int) -> np.ndarray:
    return np.sin(2 * np.pi * 50 * np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE) * 3e-3


EMPTY = {
    "silence": np.zeros(180 * SAMPLE_RATE),
    "faint noise": np.random.default_rng(0).normal(0, 2e-4, 180 * SAMPLE_RATE),  # -74 dBFS
    "noise": np.random.default_rng(0).normal(0, 3e-3, 30 * SAMPLE_RATE),
    "hum": _hum(30),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", EMPTY)
def test_nothing_is_said_where_nobody_speaks_though_all_is_heard(tiny_en, tmp_path, kind):
    path = tmp_path / "nobody.wav"
    soundfile.write(path, EMPTY[kind], SAMPLE_RATE, subtype="FLOAT")
    events = hear(tiny_en, DecodingOptions(vad=False), path)
    assert not text(events)
    [done] = [event for event in events if isinstance(event, InputFinished)]
    assert done.info
    assert done.info.dropped or kind == "hum"  # what was said is told


@pytest.mark.slow
@pytest.mark.parametrize("level", [1.0, 0.01])
@pytest.mark.parametrize("noisy", [False, True])
def test_speech_stays_whole_though_all_is_heard(tiny_en, tmp_path, jfk, level, noisy):
    sound, rate = soundfile.read(jfk)
    sound = sound.mean(axis=1)
    target_level = np.sqrt(np.square(sound).mean())
    if noisy:  # a signal 10 dB above the noise
        sound = sound + np.random.default_rng(0).normal(0, target_level / 10**0.5, len(sound))
    path = tmp_path / "speech.wav"
    soundfile.write(path, sound * level, rate, subtype="FLOAT")
    said = text(hear(tiny_en, DecodingOptions(vad=False), path)).lower()
    for word in ("american", "not", "your", "country", "ask"):
        assert word in said


QUIET = sorted(entry["path"] for entry in clips("hard_content") if "silen" in entry["path"])


def test_there_are_quiet_clips():
    assert QUIET


@pytest.mark.slow
@pytest.mark.parametrize("path", QUIET)
def test_a_prompt_is_never_said_on_silence(tiny_en, speech, tmp_path, path):
    options = DecodingOptions(vad=False, initial_prompt="The quick brown fox.", hotwords="Zanzibar")
    with soundfile.SoundFile(speech / path) as file:
        sound, rate = file.read(180 * file.samplerate), file.samplerate
    soundfile.write(tmp_path / "quiet.flac", sound, rate)  # an hour of it would take minutes
    said = text(hear(tiny_en, options, tmp_path / "quiet.flac"))
    assert "quick brown" not in said
    assert "Zanzibar" not in said


@pytest.mark.gpu
def test_the_gpu_hears_the_same_words(tiny_en, jfk):
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        pytest.skip("no CUDA device")
    said = text(
        hear(
            tiny_en, DecodingOptions(), jfk, device_plan=resolve_device(DeviceRequest(Device.cuda))
        )
    )
    assert "ask what you can do for your country" in said


def test_a_gpu_that_fails_leaves_all_of_the_work_to_the_cpu(tiny_en, jfk, caplog):
    gpu = ResolvedDevice(
        Device.cuda, ComputeType.float16, workers=1, threads=2, batch=64, fallback=True
    )
    if resolve_device(DeviceRequest()).device is Device.cuda:
        pytest.skip("the GPU doesn't fail here")
    engine, settled = engine_for(find(resolve("tiny.en")), gpu, DecodingOptions())
    assert settled == ResolvedDevice(Device.cpu, ComputeType.int8, workers=2, threads=1, batch=8)
    assert "the GPU can't be used" in caplog.text
    assert (
        "ask not what your country"
        in text(engine.run(iter([Clip(jfk, DecodingOptions())]))).lower()
    )
    known = EngineHandle("r", engine, settled).known(PROVENANCE)
    assert (known.device, known.compute_type, known.revision) == ("cpu", "int8", "r")


@pytest.mark.slow
def test_words_are_timed_alike_in_large_batches_and_in_small_ones(tiny_en, jfk, monkeypatch):
    with open_audio(Source(jfk)) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    phrases = [sound[:176_000], sound[: 5 * 16_000], sound[: 8 * 16_000]]
    options = DecodingOptions(word_timestamps=True)
    tasks = [
        WindowTask(Chunk(0.0, item, speech=((0.0, len(item) / 16_000),)), "en", options)
        for item in phrases
    ]
    decoder = Decoder(
        WhisperEngineModel(find(resolve("tiny.en")), ONE), options, QualityChecks(minimum=14.0)
    )

    def times(tokens: int) -> list[float]:
        monkeypatch.setattr(decoding, "ALIGNED", tokens)
        processed = [segment for item in decoder.decode(tasks) for segment in item.segments]
        return [
            at for segment in processed for word in segment.words for at in (word.start, word.end)
        ]

    one_by_one = times(1)
    assert len(one_by_one) > 60
    assert one_by_one == pytest.approx(times(10_000), abs=0.05)


@pytest.mark.slow
def test_what_one_request_asks_for_fails_it_alone_in_a_standing_engine(tiny_en, jfk):
    """A text that UTF-8 can't hold is refused by the tokenizer, in the middle of a batch."""
    from whisper_cli.engine.shared import shared_engine

    device_request = [
        DecodingOptions(language="en"),
        DecodingOptions(language="en", hotwords="\ud800"),
        DecodingOptions(),
    ]
    inputs = [Clip(jfk, options) for options in device_request]
    reported = list(shared_engine(find(resolve(tiny_en)), ONE, iter(inputs), lambda _: None))
    ends = {
        id(item.input): type(item)
        for item in reported
        if isinstance(item, InputFinished | InputFailed)
    }
    assert [ends[id(item)] for item in inputs] == [InputFinished, InputFailed, InputFinished]
