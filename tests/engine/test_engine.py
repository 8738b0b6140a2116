"""The engine on the real model: languages, placement, damage, and what it refuses."""

import pytest

from tests.batch.fakes import FakeEngine
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.inputs import Source
from whisper_cli.choices import ComputeType, Device, Task
from whisper_cli.engine import check_language, transcribe
from whisper_cli.engine.faster_whisper import FasterWhisper, place
from whisper_cli.errors import ConfigError, ModelError
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find
from whisper_cli.transcript import Info, Options, Provenance


def info(**options) -> Info:
    provenance = Provenance("t", "m", None, None, "cpu", "int8", Options(**options), "x")
    return Info("x", provenance)


def test_an_english_model_takes_no_other_language_and_does_not_translate():
    check_language(Options(language="en"), multilingual=False)
    for wish in (Options(language="de"), Options(task=Task.TRANSLATE)):
        with pytest.raises(ConfigError, match="English only"):
            check_language(wish, multilingual=False)
        check_language(wish, multilingual=True)


def test_auto_is_int8_on_this_machine_without_a_gpu(monkeypatch):
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    found = place(Device.auto, ComputeType.auto, 0)
    assert (found.device, found.compute_type) == (Device.cpu, ComputeType.int8)
    assert found.threads >= 1
    with pytest.raises(ConfigError, match="no CUDA device"):
        place(Device.cuda, ComputeType.auto, 0)
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    found = place(Device.auto, ComputeType.auto, 2)
    assert (found.device, found.compute_type) == (Device.cuda, ComputeType.float16)


def test_heard_grows_to_the_end_of_the_input(jfk):
    with open_audio(Source(jfk)) as audio:
        transcript = transcribe(FakeEngine(), audio, info())
        heard = [transcript.heard() for _ in transcript.segments]
        assert heard == sorted(heard)
        assert heard[-1] == pytest.approx(11.0)
        assert transcript.heard() == pytest.approx(11.0)


def test_the_language_of_the_options_is_not_detected_again(jfk):
    with open_audio(Source(jfk)) as audio:
        known = transcribe(FakeEngine(), audio, info(language="fr")).info
    assert (known.language, known.language_probability) == ("fr", 1.0)


@pytest.mark.slow
def test_damaged_weights_are_a_model_error(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"\6\0\0\0nothing")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="can't load the model"):
        FasterWhisper(tmp_path, place(Device.cpu, ComputeType.int8, 1))


@pytest.mark.slow
def test_an_arithmetic_that_the_cpu_lacks_is_a_config_error(tiny_en):
    with pytest.raises(ConfigError):
        FasterWhisper(find(resolve(tiny_en)), place(Device.cpu, ComputeType.int8_float16, 1))


@pytest.mark.slow
def test_words_lie_inside_their_segment(tiny_en, jfk):
    engine = FasterWhisper(find(resolve(tiny_en)), place(Device.cpu, ComputeType.auto, 2))
    with open_audio(Source(jfk)) as audio:
        segments = list(transcribe(engine, audio, info(word_timestamps=True)).segments)
    for segment in segments:
        assert segment.words
        assert segment.start <= segment.words[0].start
        assert segment.words[-1].end <= segment.end + 0.01


@pytest.mark.gpu
def test_the_gpu_hears_the_same_words(tiny_en, jfk):
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        pytest.skip("no CUDA device")
    engine = FasterWhisper(find(resolve(tiny_en)), place(Device.cuda, ComputeType.auto, 0))
    with open_audio(Source(jfk)) as audio:
        text = "".join(segment.text for segment in transcribe(engine, audio, info()).segments)
    assert "ask what you can do for your country" in text
