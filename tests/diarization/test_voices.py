"""`--speakers auto` through the real sherpa-onnx, with small stand-ins for its models."""

import hashlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from tests.batch.fakes import FakeEngine, jobs, work
from tests.diarization.standins import HIGH, LOW, RATE, embedding, segmentation, tones
from tests.fake_hub import Hub
from tests.formats.schemas import TRANSCRIPT
from tests.models.fakes import cache
from whisper_cli.batch.runner import InputDone, InputError, JobInputProgress, run
from whisper_cli.diarization import diarizer
from whisper_cli.diarization.diarizer import diarization_models_for
from whisper_cli.diarization.options import DiarizationMethod, DiarizationOptions
from whisper_cli.diarization.turns import SpeakerTurn
from whisper_cli.download.fetch import ensure
from whisper_cli.download.options import PullOptions
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.errors import EngineError
from whisper_cli.models.catalog import Model, ModelFile, ModelKind

__all__ = ["cache"]

TURNS = ((0.5, 4.0, HIGH), (5.0, 9.0, LOW), (10.0, 13.0, HIGH), (14.0, 19.0, LOW))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    return segmentation(folder / "segmentation.onnx"), embedding(folder / "embedding.onnx")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    soundfile.write(path, tones(*TURNS), RATE)
    return path


def diarization_models(
    models: tuple[Path, Path], kept: Path | None = None, count: int | None = None
):
    return diarization_models_for(
        str(models[0]),
        str(models[1]),
        count,
        lambda model: pytest.fail(f"pulls {model.name}"),
        kept,
    )


def done(outcomes):
    return [item for item in outcomes if not isinstance(item, JobInputProgress)]


def near(found: tuple[SpeakerTurn, ...]) -> list[tuple[float, float, int]]:
    return [(round(turn.start * 4) / 4, round(turn.end * 4) / 4, turn.speaker) for turn in found]


@pytest.mark.parametrize("count", [None, 2])
def test_turns_are_heard_and_speakers_counted_by_who_comes_first(models, talk, count):
    voices = diarizer.Diarizer(
        diarizer.DiarizationResult(str(talk), str(models[0]), str(models[1]), count)
    )
    try:
        assert near(voices.turns()) == [
            (0.5, 4.0, 0),
            (5.0, 9.0, 1),
            (10.0, 13.0, 0),
            (14.0, 19.0, 1),
        ]
    finally:
        voices.close()


def test_a_clip_keeps_the_times_of_the_whole(models, talk):
    asked = diarizer.DiarizationResult(
        str(talk), str(models[0]), str(models[1]), clip=((9.5, None),)
    )
    voices = diarizer.Diarizer(asked)
    try:
        assert near(voices.turns()) == [(10.0, 13.0, 0), (14.0, 19.0, 1)]
    finally:
        voices.close()


def test_silence_has_no_turns(models, tmp_path):
    soundfile.write(tmp_path / "still.wav", tones((0, 2, LOW)) * 0, RATE)
    voices = diarizer.Diarizer(
        diarizer.DiarizationResult(str(tmp_path / "still.wav"), str(models[0]), str(models[1]))
    )
    try:
        assert voices.turns() == ()
    finally:
        voices.close()


def test_what_can_not_be_loaded_is_told_and_does_not_end_the_program(models, talk, tmp_path):
    corrupt = tmp_path / "damaged.onnx"
    corrupt.write_bytes(b"no model")
    voices = diarizer.Diarizer(diarizer.DiarizationResult(str(talk), str(corrupt), str(models[1])))
    with pytest.raises(EngineError, match="voices could not be told apart: "):
        voices.turns()
    voices.close()


def test_closing_ends_what_is_under_way(models, tmp_path):
    soundfile.write(tmp_path / "long.wav", tones((0, 600, LOW)), RATE)
    voices = diarizer.Diarizer(
        diarizer.DiarizationResult(str(tmp_path / "long.wav"), str(models[0]), str(models[1]))
    )
    assert not voices.over
    started_at = time.monotonic()
    voices.close()
    assert time.monotonic() - started_at < 5


def test_outputs_name_speakers_and_are_made_again_without_hearing_or_decoding(
    models, talk, tmp_path, monkeypatch
):
    history, engine = tmp_path / "history", FakeEngine()
    remaining = jobs(talk, output=f"{tmp_path}/out/", kinds="txt,json")
    asked = DiarizationOptions(DiarizationMethod.voices, None, ("Ann", "Bob"))

    def again(speakers: DiarizationOptions) -> object:
        processed = replace(
            work(tmp_path / "l.sqlite3", engine, history=history, speakers=speakers),
            diarization_models=diarization_models(models, history),
        )
        [outcome] = done(run(remaining, processed))
        return outcome

    assert isinstance(again(asked), InputDone)
    lines = (tmp_path / "out/talk.txt").read_text().splitlines()
    assert lines[1] == "Ann: second 1"
    assert lines[6] == "Bob: second 6"
    assert lines[11] == "Ann: second 11"
    segments = json.loads((tmp_path / "out/talk.json").read_text())["segments"]
    assert [item["speaker"] for item in segments[15:18]] == ["Bob"] * 3
    monkeypatch.setattr(diarizer.subprocess, "Popen", lambda *_, **__: pytest.fail("hears again"))
    assert again(asked).skipped
    again(DiarizationOptions(DiarizationMethod.voices))
    assert (tmp_path / "out/talk.txt").read_text().splitlines()[6] == "Speaker 2: second 6"
    assert engine.decoded == 1


def test_a_failure_costs_the_input_and_not_its_words(models, talk, tmp_path):
    corrupt = tmp_path / "damaged.onnx"
    corrupt.write_bytes(b"no model")
    engine, history = FakeEngine(), tmp_path / "history"
    remaining = jobs(talk, output=f"{tmp_path}/out/")
    plain = work(
        tmp_path / "l.sqlite3",
        engine,
        history=history,
        speakers=DiarizationOptions(DiarizationMethod.voices),
    )
    [failed] = done(
        run(remaining, replace(plain, diarization_models=diarization_models((corrupt, models[1]))))
    )
    assert isinstance(failed, InputError)
    assert engine.decoded == 1
    [finished] = done(run(remaining, replace(plain, diarization_models=diarization_models(models))))
    assert isinstance(finished, InputDone)
    assert engine.decoded == 1


def test_without_the_extra_the_line_that_installs_it_is_told(run, jfk, monkeypatch):
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    refused = run("transcribe", jfk, "--speakers", "auto")
    assert refused.code == 2
    assert "pip install '.[speakers]'" in refused.stderr


def test_a_model_of_another_kind_is_refused(run, jfk):
    refused = run("transcribe", jfk, "--speakers", "auto", "--embedding-model", "base")
    assert refused.code == 4
    assert '"base" is no embedding model' in refused.stderr
    assert "campplus-zh-en" in refused.stderr


def test_what_comes_once_can_not_be_heard_twice(run, jfk, tiny_en, models):
    refused = run(
        "transcribe", "-", "-m", tiny_en, "--speakers", "auto",
        "--segmentation-model", models[0], "--embedding-model", models[1],
        stdin=jfk.read_bytes(),
    )  # fmt: skip
    assert refused.code == 3
    assert "save it in a file first" in refused.stderr


def test_a_model_for_speakers_is_pulled_verified_and_found(models, cache, monkeypatch):
    content = models[1].read_bytes()
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("NO_PROXY", "*")
        hub.add_repo("acme/voices", {"voices.onnx": content, "other.onnx": b"x"})
        model = Model(
            "voices",
            "acme/voices",
            "f" * 40,
            (ModelFile("voices.onnx", len(content), hashlib.sha256(content).hexdigest()),),
            kind=ModelKind.embedding,
        )
        known = HubSource().pin(replace(model, files=(), revision=None))
        assert {file.name for file in known.files} == set()
        folder = ensure(
            replace(model, revision=known.revision), PullOptions(sources=(HubSource(),))
        )
    assert [path.name for path in folder.iterdir()] == ["voices.onnx"]
    assert (folder / "voices.onnx").read_bytes() == content


@pytest.mark.slow
def test_real_words_are_all_there_whoever_says_them(run, jfk, tiny_en, models):
    asked = ("transcribe", jfk, "-m", tiny_en, "-f", "json", "-o", "-", "--word-timestamps")
    whose = ("--segmentation-model", models[0], "--embedding-model", models[1])
    plain = run(*asked).json()
    reported = run(*asked, "--speakers", "auto:2", *whose)
    assert reported.code == 0
    document = reported.json()
    TRANSCRIPT.validate(document)
    assert document["words"] == plain["words"]
    assert {item["speaker"] for item in document["segments"]} <= {"Speaker 1", "Speaker 2"}
    cues = run(
        *asked[:4], "-f", "srt", "-o", "-", "--speakers", "auto:2", *whose, "--preset", "bbc"
    )
    assert "country" in cues.stdout
