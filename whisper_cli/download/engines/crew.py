"""The threads that fetch: each claims a piece, streams it into the file, and gives it back."""

import os
from pathlib import Path
from threading import Thread

from whisper_cli.download.engines.board import Board
from whisper_cli.download.engines.keeper import Keeper
from whisper_cli.download.engines.piece import Piece
from whisper_cli.download.engines.route import Body, Route
from whisper_cli.download.engines.throttle import Throttle
from whisper_cli.download.failures import disk_error
from whisper_cli.download.http import BrokenError, Client, public
from whisper_cli.errors import DownloadError

BUFFER = 1 << 18
"""Bytes that each connection holds in memory."""


class Worker(Thread):
    """One connection; it opens the part file itself, for none may write to a number used anew."""

    def __init__(
        self, number: int, board: Board, keeper: Keeper, part: Path, rate: Throttle, stall: float
    ) -> None:
        super().__init__(name=f"fetch-{number}", daemon=True)
        self._number, self._board, self._keeper = number, board, keeper
        self._part, self._rate = part, rate
        self._client = Client(read_timeout=stall)
        self._step = min(BUFFER, max(4096, rate.rate // 20)) if rate.rate else BUFFER

    def run(self) -> None:
        """Fetch until the board has nothing more to do."""
        buffer = memoryview(bytearray(BUFFER))
        try:
            fd = os.open(self._part, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            return self._board.fail(disk_error(self._part, error))
        try:
            while claimed := self._board.claim(self._number):
                self._fetch(*claimed, fd, buffer)
                self._keeper.note()
        finally:
            os.close(fd)
            self._client.close()

    def _fetch(self, piece: Piece, route: Route, fd: int, buffer: memoryview) -> None:
        piece.claim(self._client.cut)
        try:
            body = route.open(self._client, piece.pos, piece.end)
            self._board.begin(piece, whole=body.whole)
            try:
                self._stream(body, piece, fd, buffer)
            finally:
                self._client.release(body.response)
        except DownloadError as error:
            self._board.give_back(piece, error)
        except OSError as error:
            self._board.fail(disk_error(self._part, error))
            self._board.give_back(piece)
        else:
            self._board.give_back(piece)

    def _stream(self, body: Body, piece: Piece, fd: int, buffer: memoryview) -> None:
        at = body.start
        while piece.left and at < body.end and not self._board.over:
            count = self._client.read(body.response, buffer[: min(self._step, body.end - at)])
            if not count:
                raise BrokenError(f"{public(body.response.url)}: ended at byte {at} of {body.end}")
            skip = piece.pos - at  # a whole file begins with bytes that are there already
            if skip < count:
                self._write(piece, buffer[max(0, skip) : count], fd)
            at += count
            self._rate.take(count, self._board.ended)
            self._keeper.wrote(count)

    def _write(self, piece: Piece, data: memoryview, fd: int) -> None:
        data = data[: piece.left]
        pos = piece.pos
        while data:
            pos += (written := os.pwrite(fd, data, pos))
            data = data[written:]
        self._board.advance(piece, pos - piece.pos)
