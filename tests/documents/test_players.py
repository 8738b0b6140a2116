"""What players make of our files: text from right to left, long lines, lyrics."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pysubs2
import pytest

from whisper_cli.formats.registry import Format
from whisper_cli.languages import LANGUAGES, RIGHT_TO_LEFT
from whisper_cli.subtitles.measure import columns

HEBREW = "שלום לכולם."
CHINESE = "我们明天早上八点在火车站见面然后一起坐公共汽车去学校老师已经在教室里等他们了" * 2
JAPANESE = "今日は天気がいいので公園まで散歩に行きましょうそうですねと彼女は言って帽子" * 2


def rendered(run, folder, kind, segments, language, *options):
    """Write segments, given as (start, end, text, speaker), in a format."""
    names = ("start", "end", "text", "speaker")
    entries = [dict(zip(names, item, strict=False)) for item in segments]
    path = folder / "x.json"
    path.write_text(json.dumps({"segments": entries, "language": language}), "utf-8")
    result = run("render", path, "-f", kind, *options)
    assert result.code == 0, result.stderr
    return result.stdout


def test_the_letters_decide_from_which_side_a_line_of_ass_runs(run, tmp_path):
    for language, text in (("he", HEBREW), ("en", "Hello.")):
        file = pysubs2.SSAFile.from_string(rendered(run, tmp_path, "ass", [(0, 2, text)], language))
        assert file.styles["Default"].encoding == -1


@pytest.mark.parametrize(("language", "direction"), [("he", "rtl"), ("ur", "rtl"), ("en", None)])
def test_ttml_says_that_a_language_runs_from_right_to_left(run, tmp_path, language, direction):
    root = ET.fromstring(rendered(run, tmp_path, "ttml", [(0, 2, HEBREW)], language))
    ns, identifier = "{http://www.w3.org/ns/ttml}", "{http://www.w3.org/XML/1998/namespace}id"
    body = root.find(f"{ns}body").get("style")
    [style] = [item for item in root.iter(f"{ns}style") if item.get(identifier) == body]
    assert style.get("{http://www.w3.org/ns/ttml#styling}direction") == direction


def test_the_languages_from_right_to_left_are_ours():
    assert set(LANGUAGES) >= RIGHT_TO_LEFT


@pytest.mark.parametrize("kind", ["srt", "lrc", "ttml", "txt"])
def test_a_latin_name_turns_no_text_from_right_to_left_round(run, tmp_path, kind):
    spoken = [(0, 2, HEBREW, "Speaker 1"), (2, 4, "Hello.", "Speaker 2"), (4, 6, HEBREW, "דנה")]
    text = rendered(run, tmp_path, kind, spoken, "he")
    assert f"\u200fSpeaker 1: {HEBREW}" in text
    assert re.search(r"(?<!\u200f)Speaker 2: Hello", text)
    assert f"דנה: {HEBREW}" in text
    assert text.count("\u200f") == 1


@pytest.mark.parametrize(("language", "text"), [("zh", CHINESE), ("ja", JAPANESE), (None, CHINESE)])
def test_a_long_line_without_spaces_stays_in_the_picture_of_ass(run, tmp_path, language, text):
    [event] = pysubs2.SSAFile.from_string(rendered(run, tmp_path, "ass", [(0, 9, text)], language))
    shown = event.plaintext.split("\n")
    assert "".join(shown) == text
    assert len(shown) > 1
    assert max(map(columns, shown)) <= Format.ass.spec.columns


def test_what_players_break_themselves_keeps_its_lines_in_ass(run, tmp_path):
    text = "And so my fellow Americans, ask not what your country can do for you. " * 3
    [event] = pysubs2.SSAFile.from_string(rendered(run, tmp_path, "ass", [(0, 9, text)], "en"))
    assert event.plaintext == text.strip()


SUNG = [(0, 2, "[Music]"), (2, 4, "[12:30] We go."), (20, 22, "On.")]


def test_lyrics_end_before_a_silence_and_after_the_last_line(run, tmp_path):
    text = rendered(run, tmp_path, "lrc", SUNG, "en")
    assert text.splitlines() == [
        "[00:00.00] \u2060[Music]", "[00:02.00] \u2060[12:30] We go.", "[00:04.00]",
        "[00:20.00] On.", "[00:22.00]",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_ffmpeg_shows_lyrics_whole_and_as_long_as_they_last(run, tmp_path):
    path = tmp_path / "x.lrc"
    path.write_text(rendered(run, tmp_path, "lrc", SUNG, "en"), "utf-8")
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "srt", "-"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert "[Music]" in shown
    assert "[12:30] We go." in shown
    assert "00:00:02,000 --> 00:00:04,000" in shown
    assert "00:00:20,000 --> 00:00:22,000" in shown
