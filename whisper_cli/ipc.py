"""The pipe between a process and the one that started it, without which it has nothing to do."""

import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any


class Pipe:
    """The started process's end, for several threads; it ends at once when the other has gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._send_lock = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message, whole."""
        try:
            with self._send_lock:
                self._connection.send(message)
        except OSError:
            os._exit(1)

    def messages(self) -> Iterator[Any]:
        """Give what is sent, in one thread."""
        try:
            while True:
                yield self._connection.recv()
        except (EOFError, OSError):
            os._exit(1)
