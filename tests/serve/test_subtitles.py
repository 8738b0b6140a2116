"""Subtitles of the server and of its page: a cue of no length gets time."""

import json
import shutil
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.formats.samples import INFO
from whisper_cli import serve
from whisper_cli.formats.registry import Format
from whisper_cli.serve.responses import answer
from whisper_cli.transcript import Segment

EMPTY = [Segment(2, 2, " a"), Segment(4, 4, " b"), Segment(4, 5, " c"), Segment(7, 7.0004, " d")]
TIMES = [("02.000", "02.500"), ("04.000", "04.001"), ("04.000", "05.000"), ("07.000", "07.500")]


@pytest.mark.parametrize(("kind", "mark"), [(Format.srt, ","), (Format.vtt, ".")])
def test_no_cue_of_the_api_is_without_length(kind, mark):
    _, text = answer(SimpleNamespace(shape=kind), replace(INFO, duration=8.0), EMPTY)
    found = [line for line in text.splitlines() if "-->" in line]
    assert found == [f"00:00:{a} --> 00:00:{b}".replace(".", mark) for a, b in TIMES]


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize(("kind", "mark"), [("srt", ","), ("vtt", ".")])
def test_no_cue_of_the_page_is_without_length(tmp_path, kind, mark):
    code = next(iter(serve.__path__)) + "/page/formats.js"
    shutil.copy(code, tmp_path / "formats.mjs")
    segments = [{"start": item.start, "end": item.end, "text": item.text} for item in EMPTY]
    script = (
        "import {WRITERS} from './formats.mjs';"
        f"process.stdout.write(WRITERS.{kind}({json.dumps({'segments': segments})}))"
    )
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    found = [line for line in done.stdout.decode().splitlines() if "-->" in line]
    assert found == [f"00:00:{a} --> 00:00:{b}".replace(".", mark) for a, b in TIMES]
