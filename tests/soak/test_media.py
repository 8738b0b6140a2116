"""Recordings that are damaged: text or a refusal, and one engine all along."""

import random

import pytest

from tests.conftest import clips
from tests.serve.processes import server_settings
from tests.serve.test_real import _mutated
from tests.soak.tally import forms
from tests.soak.test_clients import engines

LIMITS = "can't be decoded within the limits"


@pytest.mark.slow
@forms(5, 266)
def test_damaged_media(speech, jfk, tally, count, tiny_en):
    """Clips as they are; at length, also as a bad disk leaves them, made anew by their seeds."""
    short = [c["path"] for c in (*clips("hard_corrupt"), *clips("hard_formats"))]
    originals = [(speech / path).read_bytes() for path in short]
    chance, finished = random.Random(9), 0
    with server_settings("--model", tiny_en, "--keep-alive", "-1") as served:
        assert served.post(jfk).status_code == 200
        before = engines(served)
        for number in range(count):
            data = originals[number % len(originals)]
            if number >= len(originals) and data:
                data = _mutated(data, chance)
            with tally.trial(number):
                answer = served.post(data)
                assert answer.status_code in (200, 400), answer.text
                assert "/tmp" not in answer.text
                finished += LIMITS in answer.text
        with tally.trial("one engine all along"):
            assert engines(served) == before
            assert len(before) == 1
            assert "country" in served.post(jfk).json()["text"]
            assert served.get("/api/ps")["queue"] == []
    tally.notes.append(f"{finished} decoding processes ended by their limits")
