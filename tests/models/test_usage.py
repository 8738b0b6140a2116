import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.models.fakes import cache, fake_model, published, write
from whisper_cli.models import usage

__all__ = ["cache"]
STAMP = {"size": 1, "mtime_ns": 1, "digest": "x"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b'{"used": {"a": ' + b"9" * 5000 + b"}}",
        *(
            json.dumps({"used": {"/a": seconds}}).encode()
            for seconds in (1e400, -1, 2**70, float("nan"), 1e30, "x", [], None, 10**400)
        ),
        *(
            json.dumps({"used": {}, "verified": {"/a": stamp}}).encode()
            for stamp in (
                [], None, {}, {**STAMP, "size": -1}, {**STAMP, "size": 1e400},
                {**STAMP, "digest": None}, {**STAMP, "more": 1},
            )
        ),
    ],
    ids=range(23),
)  # fmt: skip
def test_what_makes_no_sense_of_what_was_remembered_is_ignored_with_a_warning(
    run: Callable[..., Result], cache: Path, isolated: Path, tmp_path: Path, content: bytes,
    caplog: pytest.LogCaptureFixture,
):  # fmt: skip
    caplog.set_level(logging.WARNING, "whisper_cli")
    published(fake_model(), write(tmp_path / "staged"))
    state = isolated / "state" / "models.json"
    state.parent.mkdir()
    state.write_bytes(content)
    assert usage.load() == usage.Usage()
    assert "ignoring what was remembered of models" in caplog.text
    result = run("list")
    assert (result.code, "Traceback" in result.stderr) == (0, False)


def test_names_that_no_file_can_have_are_forgotten(isolated: Path, tmp_path: Path):
    state = isolated / "state" / "models.json"
    state.parent.mkdir()
    odd = dict.fromkeys(("a\0b", "\ud800", "x" * 5000, "/" + "y/" * 5000), 5)
    state.write_text(json.dumps({"used": odd}), encoding="utf-8")
    usage.note_used(tmp_path)
    usage.note_used(tmp_path)
    assert list(usage.load().used) == [str(tmp_path)]
