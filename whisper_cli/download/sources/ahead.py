"""Where files are, asked for while the hub is still saying which files there are."""

import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Self

from whisper_cli.download.http import Client, following
from whisper_cli.errors import DownloadError

_LEAST, _MOST = 0.05, 1.0  # seconds to wait for the last answers


@dataclass(frozen=True, slots=True)
class Lead:
    """Where an address led to at a commit, and the seconds that the server took to say so."""

    url: str = field(repr=False)
    commit: str
    waited: float


class Ahead:
    """Ask for addresses, each over a connection of its own, from `with` on until its end.

    What is refused, lost or late is left out: whoever needs it asks again and tells what is wrong.
    """

    def __init__(self, urls: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._found: dict[str, Lead] = {}
        self._clients = [Client() for _ in urls]
        asked = zip(self._clients, urls.items(), strict=True)
        self._threads = [
            Thread(target=self._ask, args=(client, *each, headers), daemon=True)
            for client, each in asked
        ]

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.cut()

    def leads(self, commit: str) -> dict[str, Lead]:
        """Return by name where the files of a commit are, as far as that was answered in time.

        The last answers get half as long again as all took until now.
        """
        now = time.monotonic()
        until = now + min(_MOST, max(_LEAST, (now - self._began) / 2))
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return {name: lead for name, lead in self._found.items() if lead.commit == commit}

    def _ask(self, client: Client, name: str, url: str, headers: Mapping[str, str]) -> None:
        with suppress(DownloadError), closing(client):
            answer = client.head(url, headers)
            target, commit = map(answer.headers.get, ("Location", "X-Repo-Commit"))
            if target and commit:
                self._found[name] = Lead(following(url, target), commit, answer.waited)
