"""The audio track that was chosen: told once, and part of what makes an output current."""

import json
from pathlib import Path

import pytest

from tests.audio.sounds import write_tracks
from tests.batch.fakes import FakeEngine, jobs, noise, work
from whisper_cli.batch.runner import InputDone, run
from whisper_cli.batch.session import options_of
from whisper_cli.config.settings import Settings
from whisper_cli.diarization.options import DiarizationMethod, DiarizationOptions
from whisper_cli.formats.options import FormatOptions

CHOSEN = options_of(Settings(), FormatOptions()).track


@pytest.fixture
def output_index(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outputs.sqlite3"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_tracks(tmp_path / "x.mkv", ("ger", ""), ("eng", "default"))


def done(remaining, session) -> InputDone:
    [finished] = [item for item in run(remaining, session) if isinstance(item, InputDone)]
    return finished


def test_the_transcript_says_which_track_it_is_of(tmp_path, output_index, video):
    remaining = jobs(video, output=f"{tmp_path}/out/", kinds="json,jsonl")
    finished = done(remaining, work(output_index, FakeEngine(), track=CHOSEN))
    document = json.loads((tmp_path / "out/x.json").read_text())
    last = json.loads((tmp_path / "out/x.jsonl").read_text().splitlines()[-1])
    assert document["provenance"]["options"]["track"] == 2
    [warning] = document["warnings"]
    assert warning.startswith("audio track 2 of 2 was chosen (1: de; 2: en, default)")
    assert finished.warnings == tuple(last["warnings"]) == (warning,)


def test_what_was_written_before_tracks_were_chosen_stays_current(tmp_path, output_index):
    engine, clip = FakeEngine(), noise(tmp_path / "a.wav")
    remaining = jobs(clip, output=f"{tmp_path}/out/")
    done(remaining, work(output_index, engine, track=1))
    assert done(remaining, work(output_index, engine, track=CHOSEN)).skipped
    assert engine.decoded == 1


def test_what_is_current_is_of_the_track_that_is_heard(tmp_path, output_index, video):
    engine, remaining = FakeEngine(), jobs(video, output=f"{tmp_path}/out/")
    done(remaining, work(output_index, engine, track=1))
    assert not done(remaining, work(output_index, engine, track=CHOSEN)).skipped
    assert done(remaining, work(output_index, engine, track=2)).skipped
    assert engine.decoded == 2


def test_kept_segments_of_a_track_are_told_with_a_warning_only_where_it_was_chosen(
    tmp_path, output_index, video
):
    engine, history = FakeEngine(), tmp_path / "history"
    for folder, track, count in (("a", CHOSEN, 1), ("b", 2, 0), ("c", CHOSEN, 1)):
        remaining = jobs(video, output=f"{tmp_path}/{folder}/")
        finished = done(remaining, work(output_index, engine, history=history, track=track))
        assert len(finished.warnings) == count
    assert engine.decoded == 1


def test_channels_are_those_of_one_track_and_tell_it_once(tmp_path, output_index):
    import av
    import numpy as np

    path = tmp_path / "call.mkv"
    with av.open(path, "w") as container:
        streams = [
            container.add_stream("pcm_s16le", rate=16000, layout=layout)
            for layout in ("mono", "stereo")
        ]
        streams[1].disposition = 1
        for stream in streams:
            count = stream.layout.nb_channels
            samples = np.random.default_rng(0).normal(0, 3000, (1, 48000 * count))
            frame = av.AudioFrame.from_ndarray(
                samples.astype(np.int16), format="s16", layout=stream.layout.name
            )
            frame.sample_rate, frame.pts = 16000, 0
            container.mux(stream.encode(frame))
    call = DiarizationOptions(DiarizationMethod.channels, 2)
    remaining = jobs(path, output=f"{tmp_path}/out/", kinds="json")
    finished = done(remaining, work(output_index, FakeEngine(), speakers=call, track=CHOSEN))
    document = json.loads((tmp_path / "out/call.json").read_text())
    assert (
        document["provenance"]["options"] | {"track": 2, "channel": "mix"}
        == (document["provenance"]["options"])
    )
    assert [item["speaker"] for item in document["segments"][:2]] == ["Speaker 1", "Speaker 2"]
    [warning] = finished.warnings
    assert warning.startswith("audio track 2 of 2 was chosen")
