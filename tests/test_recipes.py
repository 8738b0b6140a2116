"""The recipes of the guide to scripts, each run as it stands there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MODELS, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("ffmpeg") and shutil.which("jq")), reason="needs ffmpeg and jq"
    ),
]


def recipes() -> dict[str, str]:
    """The commands by what is said of them."""
    text = (ROOT / "docs/guides/scripts.md").read_text("utf-8").partition("\n## Recipes\n")[2]
    block = text.partition("```sh\n")[2].partition("```")[0]
    return dict(re.findall(r"# (.+)\n(.+)\n", block))


@pytest.fixture(scope="module")
def destination(tmp_path_factory: pytest.TempPathFactory, jfk: Path) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "interviews").mkdir()
    for name in ("one", "two"):
        shutil.copy(jfk, folder / "interviews" / f"{name}.flac")
    picture = "color=black:size=320x180:rate=5:duration=11"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-i", str(jfk), "film.mkv"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder


@pytest.fixture
def shell(destination: Path, tiny_en: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WHISPER_CLI_MODEL", tiny_en)
    monkeypatch.setenv("HF_HUB_CACHE", str(MODELS))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")

    def run(about: str) -> str:
        command = recipes()[about]
        done = subprocess.run(
            ["sh", "-ec", command], cwd=destination, capture_output=True, text=True, timeout=400
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    return run


def streams(path: Path) -> list[str]:
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "json"]
    found = subprocess.run([*command, str(path)], capture_output=True, check=True, timeout=60)
    return [stream["codec_type"] for stream in json.loads(found.stdout)["streams"]]


def test_every_recipe_is_run_here():
    assert len(recipes()) == 8


def test_a_folder_becomes_subtitles(shell, destination):
    shell("a folder to subtitles, and what became of each file")
    assert len(list((destination / "interviews").glob("*.srt"))) == 2
    assert json.loads((destination / "summary.json").read_text("utf-8"))["counts"]["done"] == 2


def test_find_feeds_processes_of_a_part_each(shell, destination):
    shell("two processes, each with its part of what find finds")
    assert len(list((destination / "interviews").glob("*.txt"))) == 2


def test_jq_reads_the_lines(shell):
    rows = [line.split("\t") for line in shell("when each file says something").splitlines()]
    assert {source for source, _, _ in rows} == {"interviews/one.flac", "interviews/two.flac"}
    assert all(float(start) >= 0 and text for _, start, text in rows)


def test_a_phrase_is_found_with_its_times(shell):
    found = shell("a phrase in a folder, with times").splitlines()
    assert len(found) >= 2
    assert all(re.match(r"interviews/\w+\.flac [\d.]+s: .*country", line) for line in found)


def test_subtitles_are_burnt_in_and_muxed(shell, destination):
    shell("subtitles of a film, burnt into the picture")
    assert streams(destination / "burnt.mp4") == ["video", "audio"]
    shell("the same as a track that can be switched off")
    assert streams(destination / "subtitled.mkv") == ["video", "audio", "subtitle"]


def white(path: Path, at: float) -> int:
    """Count the pixels of a frame that are white, as words are once they are spoken."""
    command = ["ffmpeg", "-v", "error", "-ss", str(at), "-i", str(path), "-frames:v", "1"]
    gray = [*command, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    frame = subprocess.run(gray, capture_output=True, check=True, timeout=60).stdout
    return sum(item > 190 for item in frame)


def test_words_light_up_one_after_the_other(shell, destination):
    shell("karaoke, burnt into the picture")
    shown = [white(destination / "sung.mp4", at) for at in (0.1, 0.6, 2.4, 4.2)]
    assert shown == sorted(set(shown))


def test_a_transcript_is_rendered_once_more(shell, destination):
    shell("more formats of what is transcribed already")
    assert sorted(path.name for path in (destination / "more").iterdir()) == [
        "film.lrc",
        "film.vtt",
    ]
