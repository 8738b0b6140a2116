"""The library: what a program in Python may rely on."""

import ast
import io
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import whisper_cli
from tests.batch.fakes import FakeEngine, noise
from tests.conftest import MODELS, ROOT
from whisper_cli import LoadedModel, Progress, Transcript, api, arguments, load_model, pull
from whisper_cli.config.settings import Settings
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.sequential import SequentialEngine
from whisper_cli.errors import (
    AudioError,
    ConfigError,
    EngineError,
    ModelError,
    OutputError,
    TranscriptError,
)
from whisper_cli.paths import history_dir, state_dir
from whisper_cli.transcript import DecodingOptions, Segment, Word

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
THREE = [" second 0", " second 1", " second 2"]


@dataclass
class Weights:
    multilingual: bool = True


class Gated(FakeEngine):
    """Says its second word only once it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def decode(self, chunk: Chunk, language: str, options: DecodingOptions) -> Iterator[Segment]:
        for segment in super().decode(chunk, language, options):
            if segment.start == 1.0:
                assert self.let_go.wait(60)
            yield segment


class Timed(FakeEngine):
    """Times its words."""

    def decode(self, chunk: Chunk, language: str, options: DecodingOptions) -> Iterator[Segment]:
        for said in super().decode(chunk, language, options):
            words = (Word(said.text, said.start, said.end, 0.4),)
            yield replace(said, words=words if options.word_timestamps else ())


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., LoadedModel]:
    """A model that says what a fake engine says."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"weights")

    def load(engine: FakeEngine | None = None, **options: Any) -> LoadedModel:
        said = engine or FakeEngine()
        monkeypatch.setattr(api, "resolve_model", lambda _, plan: (plan, Weights))
        monkeypatch.setattr(
            api,
            "engine_for",
            lambda folder, plan, options, **how: (SequentialEngine(lambda: said), plan),
        )
        return load_model(folder, **options)

    return load


def texts(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript]


# What is iterated over, and read.


def test_segments_come_as_they_are_decoded_and_iterating_again_gives_them_again(loaded, tmp_path):
    engine = Gated()
    transcript = loaded(engine).transcribe(noise(tmp_path / "a.wav"))
    segments = iter(transcript)
    assert next(segments).text == " second 0"
    engine.let_go.set()
    assert [segment.text for segment in segments] == THREE[1:]
    assert texts(transcript) == texts(transcript) == THREE


def test_several_threads_that_iterate_each_get_every_segment_once(loaded, tmp_path):
    transcript = loaded().transcribe(noise(tmp_path / "a.wav", 20))
    processed: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: processed.append(texts(transcript))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert processed == [[f" second {number}" for number in range(20)]] * 4


def test_a_transcript_tells_its_text_language_and_duration(loaded, tmp_path):
    path = noise(tmp_path / "a.wav")
    transcript = loaded().transcribe(path)
    assert (transcript.language, transcript.duration) == ("de", 3.0)
    assert transcript.text == "second 0 second 1 second 2"
    assert (transcript.source, transcript.error) == (str(path), None)
    assert (transcript.warnings, transcript.dropped) == ((), ())
    assert transcript.info.provenance.complete
    assert "3 segments, complete" in repr(transcript)


def samples() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)


def wav() -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples(), 16_000, format="WAV", subtype="FLOAT")
    return held.getvalue()


class OnlyRead:
    """A file of somebody else's, with the least that one has."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("kind", ["path", "text", "file", "bytes", "reader", "array"])
def test_an_input_is_a_path_an_open_file_or_samples(kind, loaded, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav())
    with path.open("rb") as file:
        inputs = {
            "path": path,
            "text": str(path),
            "file": file,
            "bytes": io.BytesIO(wav()),
            "reader": OnlyRead(wav()),
            "array": samples(),
        }
        assert texts(loaded().transcribe(inputs[kind])) == THREE
        assert not file.closed


def test_samples_are_heard_as_they_are(loaded):
    class Heard(FakeEngine):
        def decode(self, chunk: Chunk, *more: Any) -> Iterator[Segment]:
            self.samples = chunk.samples
            return super().decode(chunk, *more)

    engine = Heard()
    assert texts(loaded(engine).transcribe(samples(), vad=False)) == THREE
    assert np.array_equal(engine.samples, samples())


def test_samples_without_a_header_are_read_as_raw_says(loaded):
    pcm = io.BytesIO((samples() * 32767).astype("<i2").tobytes())
    assert texts(loaded().transcribe(pcm, raw="s16le:16000:1")) == THREE


@pytest.mark.parametrize(
    "bad", [samples().astype(float), samples().reshape(-1, 2), io.StringIO("text"), 5]
)
def test_what_is_no_input_is_a_type_error(bad, loaded):
    with pytest.raises(TypeError, match=r"float32|binary|no path"):
        loaded().transcribe(bad)


# What fails.


@pytest.mark.parametrize("call", ["load_model", "transcribe", "transcribe_many", "write", "pull"])
def test_an_unknown_option_is_a_type_error_that_names_it(call, loaded, tmp_path):
    model = loaded()
    transcript = model.transcribe(samples())
    calls: dict[str, Callable[..., object]] = {
        "load_model": partial_of(load_model, tmp_path / "model"),
        "transcribe": partial_of(model.transcribe, samples()),
        "transcribe_many": partial_of(model.transcribe_many, [samples()]),
        "write": partial_of(transcript.write, tmp_path / "a.srt"),
        "pull": partial_of(pull, "base"),
    }
    with pytest.raises(TypeError, match="lngage"):
        calls[call](lngage="en")
    assert not (tmp_path / "a.srt").exists()


def partial_of(call: Callable[..., object], *args: object) -> Callable[..., object]:
    return lambda **options: call(*args, **options)


def test_an_impossible_value_is_a_config_error_that_names_the_option(loaded):
    model = loaded()
    with pytest.raises(ConfigError, match="beam_size: "):
        model.transcribe(samples(), beam_size="many")
    with pytest.raises(ConfigError, match="max_lines: "):
        model.transcribe(samples()).render("srt", max_lines="many")
    with pytest.raises(ConfigError, match="device: "):
        loaded(device="abacus")


def test_what_is_none_or_empty_stays_as_it_is_by_default(loaded):
    nothing = {"language": None, "mask_words": [], "suppress_tokens": (), "raw": None}
    assert texts(loaded().transcribe(samples(), **nothing)) == THREE


def test_an_input_that_is_not_there_is_told_at_once(loaded, tmp_path):
    with pytest.raises(AudioError, match="file not found"):
        loaded().transcribe(tmp_path / "none.wav")


def test_what_was_decoded_before_a_failure_is_told_and_then_the_failure(loaded):
    transcript = loaded(FakeEngine(fail={2: EngineError("gone")})).transcribe(samples())
    segments = iter(transcript)
    assert [next(segments).text for _ in range(2)] == THREE[:2]
    with pytest.raises(EngineError, match="gone"):
        next(segments)
    for read in (lambda: transcript.text, lambda: transcript.render("txt")):
        with pytest.raises(EngineError, match="gone"):
            read()
    assert str(transcript.error) == "gone"


def test_a_reading_that_was_interrupted_is_no_whole_transcript(loaded, monkeypatch):
    transcript = loaded(engine := Gated()).transcribe(samples())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("whisper_cli.batch.runner.JobInputProgress", interrupt)
        with pytest.raises(KeyboardInterrupt):
            _ = transcript.text
    engine.let_go.set()
    with pytest.raises(EngineError, match="interrupted"):
        _ = transcript.segments


def test_an_unknown_model_and_one_for_speakers_are_model_errors():
    for name in ("no-such-model", "campplus-zh-en"):
        with pytest.raises(ModelError):
            load_model(name)


def test_offline_nothing_is_fetched():
    for call in (load_model, pull):
        with pytest.raises(ModelError, match="not here"):
            call("base", offline=True)


class Endless(FakeEngine):
    """Goes on and on."""

    def decode(self, chunk: Chunk, language: str, options: DecodingOptions) -> Iterator[Segment]:
        while True:
            yield Segment(0.0, 1.0, " on and on")


def test_a_transcript_that_nobody_holds_any_more_is_decoded_no_further(loaded):
    def decoding() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "decoding"]

    segments = iter(loaded(Endless()).transcribe(samples()))
    assert next(segments).text == " on and on"
    assert decoding()
    del segments
    end = time.monotonic() + 60
    while decoding() and time.monotonic() < end:
        time.sleep(0.01)
    assert not decoding()


# Many.


def test_many_come_in_the_order_of_the_inputs_each_failure_its_own(loaded, tmp_path):
    paths = [noise(tmp_path / "a.wav", 3), tmp_path / "none.wav", noise(tmp_path / "b.wav", 1)]
    one, failed, last = loaded().transcribe_many(paths)
    assert (texts(one), texts(last)) == (THREE, THREE[:1])
    assert [item.source for item in (one, failed, last)] == [str(path) for path in paths]
    assert isinstance(failed.error, AudioError)
    for read in (lambda: failed.text, lambda: failed.language, lambda: list(failed)):
        with pytest.raises(AudioError, match="file not found"):
            read()


def test_of_many_one_that_fails_on_the_way_keeps_what_was_decoded(loaded, tmp_path):
    paths = [noise(tmp_path / "a.wav", 3), noise(tmp_path / "b.wav", 1)]
    broken, whole = loaded(FakeEngine(fail={2: RuntimeError("x")})).transcribe_many(paths)
    assert isinstance(broken.error, EngineError)
    assert [item.text for item in broken._processed.segments] == THREE[:2]
    assert (whole.error, texts(whole)) == (None, THREE[:1])


def test_the_channels_of_a_call_are_speakers_with_names(loaded, tmp_path):
    sound = np.random.default_rng(0).normal(0, 0.1, (48_000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "call.wav", sound, 16_000)
    asked = {"speakers": "channels", "speaker_names": ["Alice", "Bob"]}
    transcript = loaded().transcribe(tmp_path / "call.wav", **asked)
    assert {segment.speaker for segment in transcript} <= {"Alice", "Bob"}
    assert "Alice: second 0" in transcript.render("txt")


def test_many_of_none_are_none(loaded):
    assert list(loaded().transcribe_many([])) == []


# What is written.


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json", "jsonl", "tsv", "html", "md"])
def test_a_file_is_what_the_command_line_writes(kind, loaded, tmp_path, run):
    path = noise(tmp_path / "a.wav")
    transcript = loaded(Timed()).transcribe(path, word_timestamps=True)
    transcript.write(tmp_path / "a.json")
    assert transcript.write(tmp_path / f"lib.{kind}") == tmp_path / f"lib.{kind}"
    rendered = run("render", tmp_path / "a.json", "-o", tmp_path / f"cli.{kind}", "--overwrite")
    assert (rendered.code, rendered.stderr.count("error")) == (0, 0)
    owned, theirs = ((tmp_path / f"{who}.{kind}").read_text("utf-8") for who in ("lib", "cli"))
    differs = str(path), str(tmp_path / "a.json")
    assert owned.replace(differs[0], differs[1]) == theirs.replace(differs[0], differs[1])


def test_the_options_shape_the_output(loaded, tmp_path):
    transcript = loaded(Timed()).transcribe(samples(), word_timestamps=True)
    one = transcript.render("srt", preset="netflix", max_words=0)
    assert one.count("-->") == 1
    assert transcript.render("srt").count("-->") == 3
    assert "<u>" in transcript.render("srt", highlight="words")
    assert '"words"' in transcript.render("json", json_style="openai")
    masked = transcript.write(tmp_path / "a.txt", mask_words=["second"])
    assert "second" not in masked.read_text("utf-8")
    assert "second" in transcript.text


def test_the_format_of_a_file_is_chosen_by_name_over_suffix(loaded, tmp_path):
    path = loaded().transcribe(samples()).write(tmp_path / "captions", "vtt")
    assert path.read_text("utf-8").startswith("WEBVTT")


def test_a_file_that_is_there_is_replaced_and_a_link_stays_one(loaded, tmp_path):
    there, link = tmp_path / "there.txt", tmp_path / "link.txt"
    there.write_text("old", "utf-8")
    link.symlink_to(there)
    loaded().transcribe(samples()).write(link)
    assert link.is_symlink()
    assert there.read_text("utf-8").startswith("second 0")
    assert sorted(item.name for item in tmp_path.glob("*.txt*")) == ["link.txt", "there.txt"]


def test_what_cannot_be_written_is_an_output_error(loaded, tmp_path):
    transcript = loaded().transcribe(samples())
    with pytest.raises(OutputError, match="can't write"):
        transcript.write(tmp_path / "none" / "a.srt")
    with pytest.raises(ConfigError, match="no format"):
        transcript.write(tmp_path / "a.docx")
    with pytest.raises(ConfigError, match='unknown format "srt,vtt"'):
        transcript.render("srt,vtt")
    with pytest.raises(TranscriptError, match="times of words"):
        transcript.render("srt", highlight="words")


def test_no_index_history_or_journal_is_kept(loaded, tmp_path):
    path = noise(tmp_path / "a.wav")
    model = loaded()
    model.transcribe(path).write(tmp_path / "a.srt")
    for transcript in model.transcribe_many([path]):
        transcript.write(tmp_path / "b.srt")
    assert not list(state_dir().glob("outputs*"))
    assert not history_dir().exists()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.srt", "a.wav", "b.srt", "model"]


def test_settings_of_the_command_line_are_not_read(loaded, monkeypatch):
    monkeypatch.setenv("WHISPER_CLI_CLIP", "0-1")
    Path(os.environ["WHISPER_CLI_CONFIG"]).write_text('clip = "0-1"', "utf-8")
    assert texts(loaded().transcribe(samples())) == THREE


# Names, types and documents.


def test_every_setting_is_an_argument_or_of_the_command_line_alone():
    alone = {"model", "format", "colors", "name", "history", "server", "progress"}
    given = {
        name
        for kind in (arguments.LoadArguments, arguments.TranscribeArguments)
        for name in kind.__annotations__
    } | set(arguments.WriteArguments.__annotations__)
    assert {"source" if name == "sources" else name for name in given - {"raw", "live"}} == {
        item.name for item in fields(Settings) if item.name not in alone
    }


def test_every_argument_and_public_name_is_in_the_documentation():
    text = (ROOT / "docs" / "python-api.md").read_text("utf-8")
    kinds = (arguments.LoadArguments, arguments.TranscribeArguments, arguments.WriteArguments)
    names = {name for kind in kinds for name in kind.__annotations__} | set(api.__all__)
    assert [name for name in sorted(names) if f"`{name}" not in text] == []


def test_every_public_name_is_there_and_has_a_docstring():
    assert set(whisper_cli.__all__) == {*api.__all__, "__version__"}
    for name in api.__all__:
        found = getattr(whisper_cli, name)
        assert name == "AudioInput" or found.__doc__
    with pytest.raises(AttributeError, match="nothing_of_the_sort"):
        _ = whisper_cli.nothing_of_the_sort


def test_importing_the_package_loads_nothing_of_the_library():
    heavy = "{'whisper_cli.api', 'numpy', 'ctranslate2', 'faster_whisper', 'av', 'typer'}"
    reported = f"import sys, whisper_cli; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", reported], text=True).strip() == "[]"


def test_examples_say_how_they_are_called():
    assert 5 <= len(EXAMPLES) <= 8
    for path in EXAMPLES:
        assert f"examples/{path.name}" in (ast.get_docstring(ast.parse(path.read_text())) or "")


@pytest.mark.slow
def test_examples_and_a_wrong_client_are_told_apart_by_strict_types(tmp_path):
    for path in EXAMPLES:
        shutil.copy(path, tmp_path)
    wrong = 'from whisper_cli import load_model\nload_model("base").transcribe("a", lngage="en")\n'
    (tmp_path / "wrong.py").write_text(wrong, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    [error] = [line for line in done.stdout.splitlines() if " error: " in line]
    assert error.startswith("wrong.py:2: error: Unexpected keyword argument")
    assert (ROOT / "whisper_cli" / "py.typed").exists()


# With a real model.


@pytest.mark.slow
def test_a_real_model_transcribes_and_its_words_are_those_of_the_command_line(
    tiny_en, jfk, run, tmp_path
):
    transcript = load_model(tiny_en).transcribe(jfk, language="en")
    theirs = run("transcribe", jfk, "-m", tiny_en, "-f", "srt", "-o", tmp_path / "cli.srt")
    assert theirs.code == 0
    owned = transcript.write(tmp_path / "lib.srt").read_text("utf-8")
    assert owned == (tmp_path / "cli.srt").read_text("utf-8")
    assert transcript.text.startswith("And so my fellow Americans")


@pytest.mark.slow
def test_one_model_is_used_for_several_modes_of_reading(tiny_en, jfk):
    model = load_model(tiny_en)
    alone = model.transcribe(jfk).text
    with jfk.open("rb") as file:
        many = [item.text for item in model.transcribe_many([jfk, file, jfk])]
    assert many == [alone] * 3
    assert not model.multilingual
    with pytest.raises(ConfigError, match="English only"):
        model.transcribe(jfk, language="de")


@pytest.mark.slow
def test_pull_takes_its_sources_tells_its_progress_and_gives_the_folder(tiny_en, tmp_path):
    reported: list[Progress] = []
    sources = [f"folder:{tmp_path}", f"folder:{MODELS}"]
    folder = pull(tiny_en, sources=sources, folder=tmp_path / "here", progress=reported.append)
    assert folder == tmp_path / "here"
    assert {item.source for item in reported if item.phase == "download"} == {sources[1]}
    done = {item.file: item.done for item in reported if item.phase == "download"}
    assert done["model.bin"] == (folder / "model.bin").stat().st_size
    assert load_model(folder).name == str(folder)


@pytest.mark.slow
def test_the_exact_mode_says_what_the_command_line_says_in_it(tiny_en, jfk, run):
    theirs = run("transcribe", jfk, "-m", tiny_en, "--mode", "exact")
    assert load_model(tiny_en, mode="exact").transcribe(jfk).render("txt") == theirs.stdout


@pytest.mark.slow
def test_what_the_progress_raises_ends_a_pull(tiny_en, tmp_path):
    class EnoughError(Exception):
        pass

    def stop(progress: Progress) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        pull(tiny_en, sources=[f"folder:{MODELS}"], folder=tmp_path / "here", progress=stop)
    assert not (tmp_path / "here" / "model.bin").exists()


@pytest.mark.slow
def test_several_threads_may_use_one_model(tiny_en, jfk):
    model = load_model(tiny_en)
    with ThreadPoolExecutor(3) as threads:
        processed = list(threads.map(lambda _: model.transcribe(jfk).text, range(3)))
    assert processed == [model.transcribe(jfk).text] * 3


@pytest.mark.slow
def test_a_program_that_leaves_a_transcript_half_read_ends_well(tiny_en, jfk):
    program = (
        "import sys; from whisper_cli import load_model\n"
        "segments = iter(load_model(sys.argv[1]).transcribe(sys.argv[2]))\n"
        "print(next(segments).text)\n"
    )
    command = [sys.executable, "-c", program, tiny_en, str(jfk)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert "fellow" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "args", "reported"),
    [
        ("transcribe.py", ["tiny.en", "jfk.flac"], "And so my fellow Americans"),
        ("subtitles.py", ["tiny.en", ".", ".flac"], "jfk.srt"),
        ("words.py", ["tiny.en", "jfk.flac"], "Americans"),
        ("pull_progress.py", ["tiny.en"], "faster-whisper-tiny.en"),
        ("search.py", ["tiny.en", "country", "jfk.flac", "austen.wav"], "what your country"),
        ("compare.py", ["jfk.flac", "tiny.en"], "tiny.en: 11.0 s of sound"),
        ("live.py", ["tiny.en"], "country"),
    ],
)
def test_an_example_runs(name, args, reported, tiny_en, jfk, tmp_path):
    for sample in ("jfk.flac", "austen.wav"):
        shutil.copy(ROOT / "samples" / sample, tmp_path)
    command = [sys.executable, str(ROOT / "examples" / name), *args]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        input=spoken(jfk),
        capture_output=True,
        timeout=400,
        env={**os.environ, "HF_HUB_CACHE": str(MODELS)},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert reported in done.stdout.decode()


def test_every_example_is_run():
    [runs] = [mark for mark in test_an_example_runs.pytestmark if mark.name == "parametrize"]
    assert {name for name, *_ in runs.args[1]} == {path.name for path in EXAMPLES}


def spoken(path: Path) -> bytes:
    """The sound as a microphone gives it: 16 kHz, one channel, s16le."""
    from whisper_cli.audio.decode import open_audio
    from whisper_cli.audio.sources import Source

    with open_audio(Source(path)) as audio:
        processed = np.concatenate([block.samples for block in audio.blocks()])
    return (processed * 32767).astype("<i2").tobytes()
