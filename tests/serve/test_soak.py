"""Load that is held, with clients that vanish, come again, send slowly, and send rubbish.

SOAK_SECONDS says for how long: a moment by default, 600 before a release.
"""

import contextlib
import os
import random
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.conftest import clips
from tests.serve.fakes import until
from tests.serve.processes import server_settings

SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
AT_ONCE = 32
pytestmark = [pytest.mark.slow, pytest.mark.soak]


def test_load_that_is_held_leaks_nothing_and_stops_nothing(tiny_en, jfk, speech):
    with server_settings("--model", tiny_en, "--max-queue", "24", "--keep-alive", "-1") as served:
        crowd = Crowd(served.url, jfk, speech)
        crowd.run(min(SECONDS / 3, 60.0))
        until(lambda: not served.get("/api/ps")["queue"], 60)
        before = served.resident, handles(served.process.pid), len(served.family)
        crowd.run(SECONDS)
        until(lambda: not served.get("/api/ps")["queue"], 60)
        after = served.resident, handles(served.process.pid), len(served.family)
        assert "country" in served.post(jfk).json()["text"]
    print(before, after, crowd.seen)
    assert crowd.wrong == []
    assert {"text", "left", "slow", "rubbish"} <= set(crowd.seen)
    assert after[0] < before[0] * 1.3 + 50
    assert after[1] <= before[1] + 5
    assert after[2] <= before[2] + 1


def handles(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Crowd:
    """Clients of every kind."""

    def __init__(self, url, jfk, speech):
        self.url = url
        self.sound = jfk.read_bytes()
        self.rubbish = [
            data for item in clips("hard_corrupt") if (data := (speech / item["path"]).read_bytes())
        ]
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, seconds):
        self.until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._go, args=(seed,)) for seed in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 120)
        assert not any(thread.is_alive() for thread in threads)

    def _go(self, seed):
        chance = random.Random(seed)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while time.monotonic() < self.until:
                kinds = (self._whole, self._whole, self._leave, self._slow, self._broken)
                try:
                    chance.choice(kinds)(client, chance)
                except Exception as error:  # noqa: BLE001 - every failure is a finding
                    self.wrong.append(repr(error))

    def _post(self, client, data, chance, **more):
        return client.post(
            "/v1/audio/transcriptions",
            data={"model": "whisper-1", "stream": chance.choice(["true", "false"])},
            files={"file": data},
            headers={"x-stainless-retry-count": chance.choice("012")},
            **more,
        )

    def _whole(self, client, chance):
        answer = self._post(client, self.sound, chance)
        if answer.status_code == 429:
            self.seen["busy"] += 1
            time.sleep(0.2)
        elif answer.status_code == 200 and "country" in answer.text:
            self.seen["text"] += 1
        else:
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")

    def _leave(self, client, chance):
        with contextlib.suppress(httpx.TimeoutException):
            self._post(client, self.sound, chance, timeout=chance.uniform(0.02, 1.0))
        self.seen["left"] += 1

    def _slow(self, client, chance):
        with socket.create_connection(self.url[7:].split(":"), timeout=10) as line:
            line.sendall(
                b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\n\r\n"
            )
            for _ in range(chance.randrange(5)):
                line.sendall(b"--b\r\n"[:3])
                time.sleep(0.1)
        self.seen["slow"] += 1

    def _broken(self, client, chance):
        answer = self._post(client, chance.choice(self.rubbish), chance)
        self.seen["rubbish"] += 1
        if answer.status_code not in (200, 400, 429):
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
