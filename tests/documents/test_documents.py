"""TTML, CSV and the list for review, as others read them; subtitles as FFmpeg does."""

import csv
import json
import logging
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest
import ttconv.imsc.reader
import ttconv.isd
import ttconv.model
from hypothesis import given

from tests.documents.samples import TALK, UNSURE
from tests.formats.samples import INFO, SPEECH, written
from tests.formats.test_parsing import any_segments
from tests.test_render import VERBOSE
from whisper_cli.formats.registry import Format, writer_for


def imsc(text):
    return ttconv.imsc.reader.to_model(ET.ElementTree(ET.fromstring(text)))


def shown(document, at):
    """List what a presentation processor paints at a time, a Br between two lines."""
    isd = ttconv.isd.ISD.from_model(document, at)
    elements = [item for region in isd.iter_regions() for item in region.dfs_iterator()]
    painted = [item for item in elements if isinstance(item, ttconv.model.Text | ttconv.model.Br)]
    return [item.get_text() if isinstance(item, ttconv.model.Text) else "Br" for item in painted]


def test_a_processor_of_imsc_shows_each_cue_in_its_time():
    document = imsc(written(writer_for(Format.ttml), INFO, SPEECH))
    assert document.get_lang() == "es"
    assert shown(document, 1) == ['"¿Qué tal?", dijo; 1 < 2 & 3 --> 4']
    assert shown(document, 2.25) == []
    assert shown(document, 60.5) == ["世界、こんにちは。"]
    assert shown(document, 3600) == ["👩‍👩‍👧 family", "Br", "[0:12] second line"]


def test_a_transcript_without_speech_has_no_body_as_ebu_tt_d_asks():
    text = written(writer_for(Format.ttml), INFO, ())
    assert [item.tag for item in ET.fromstring(text)] == ["{http://www.w3.org/ns/ttml}head"]
    assert shown(imsc(text), 1) == []


@given(segments=any_segments)
def test_a_processor_of_imsc_complains_of_nothing(segments):
    complaints: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = complaints.append
    logging.getLogger("ttconv").addHandler(handler)
    try:
        assert imsc(written(writer_for(Format.ttml), INFO, segments)) is not None
    finally:
        logging.getLogger("ttconv").removeHandler(handler)
    assert complaints == []


@pytest.fixture
def talk(tmp_path):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(TALK))
    return path


def test_a_review_lists_the_doubtful_words_and_keeps_its_suffix(run, talk):
    assert run("render", talk, "-f", "review", "-o", f"{talk.parent}/").code == 0
    assert run("render", talk, "-o", talk.parent / "again.review.csv").code == 0
    text = (talk.parent / "talk.review.csv").read_text()
    assert (talk.parent / "again.review.csv").read_text() == text
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["word"]: float(row["probability"]) for row in rows} == {
        word: round(probability, 3) for word, probability in UNSURE.items()
    }
    assert rows[0]["text"] == TALK["segments"][0]["text"]


def test_the_limit_of_a_review_can_be_set_and_makes_it_stale(run, talk):
    ask = ("render", talk, "-f", "review,html", "-o", f"{talk.parent}/", "-v")
    assert run(*ask).stderr.count("written") == 2
    assert run(*ask, "--review-below", "0.35").stderr.count("written") == 2
    rows = list(csv.DictReader((talk.parent / "talk.review.csv").read_text().splitlines()))
    assert [row["word"] for row in rows] == ["sugar?", "laugh,"]
    assert (talk.parent / "talk.html").read_text().count('class="low"') == 2
    for bad in ("1.5", "-1", "nan", "half", ""):
        assert run(*ask, "--review-below", bad).code == 2


def test_words_whose_probability_nobody_knows_are_not_reviewed(run, tmp_path):
    path = tmp_path / "openai.json"
    path.write_text(json.dumps(VERBOSE))
    result = run("render", path, "-f", "review")
    assert (result.code, result.stdout) == (3, "")
    assert "has no probabilities of words, and review needs them" in result.stderr
    assert 'class="low"' not in run("render", path, "-f", "html").stdout


def test_a_sheet_has_the_text_of_every_segment_whole(run, talk):
    rows = list(csv.DictReader(run("render", talk, "-f", "csv").stdout.splitlines()))
    assert [row["text"] for row in rows] == [item["text"] for item in TALK["segments"]]
    assert float(rows[1]["start"]) == pytest.approx(TALK["segments"][1]["start"])


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
@pytest.mark.parametrize("options", [(), ("--highlight", "words", "--preset", "bbc")])
@pytest.mark.parametrize("kind", ["srt", "vtt", "ass", "lrc"])
def test_ffmpeg_reads_every_cue(run, talk, kind, options):
    path = talk.parent / f"talk.{kind}"
    assert run("render", talk, "-o", path, *options).code == 0
    counted = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_entries",
         "stream=codec_type,nb_read_packets", "-of", "json", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert counted.stderr == ""
    [stream] = json.loads(counted.stdout)["streams"]
    text = path.read_text()
    written = {"srt": "-->", "vtt": "-->", "ass": "Dialogue:", "lrc": "\n"}[kind]
    assert (stream["codec_type"], int(stream["nb_read_packets"])) == (
        "subtitle",
        text.count(written),
    )
    shown = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "srt", "-"], capture_output=True, check=True
    )
    assert shown.stderr == b""
    for word in ("Well,", "sugar.", "laugh,"):
        assert word in shown.stdout.decode()


@pytest.mark.slow
def test_transcribe_finds_the_words_that_a_review_and_a_page_need(run, jfk, tiny_en, tmp_path):
    ask = ("transcribe", jfk, "-m", tiny_en, "--review-below", "0.9")
    assert run(*ask, "-f", "review,html,txt", "-o", f"{tmp_path}/").code == 0
    rows = list(csv.DictReader((tmp_path / "jfk.review.csv").read_text().splitlines()))
    assert 0 < len(rows) < 22
    page = (tmp_path / "jfk.html").read_text()
    assert page.count('<span data-at="') == 22
    assert page.count('class="low"') == len(rows)
