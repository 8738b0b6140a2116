"""Neighbours on the LAN that run `whisper-cli share`, several of them read side by side."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from whisper_cli.download.connection import require_connection
from whisper_cli.download.http import BrokenError, Client, StatusError
from whisper_cli.download.types import RemoteFile
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.share import discovery

_NAME_ONE = "WHISPER_CLI_PEERS=HOST:PORT names one"
_CONNECT, _ANSWER = 2.0, 5.0  # seconds; a LAN is quick
_log = logging.getLogger("whisper_cli")


class PeerSource:
    """The peers that are `named` by `host:port`; without any, those that `find` finds.

    They are trusted with nothing: which bytes are right, the catalogue says, and no credential is
    sent to them.
    """

    name = "peer"

    def __init__(
        self, named: tuple[str, ...] = (), find: Callable[[], tuple[str, ...]] = discovery.find
    ) -> None:
        self._known, self._find = named, find
        self._hosts: tuple[str, ...] = ()

    def pin(self, model: Model, *, all_files: bool = False) -> Model:
        """Take a catalogue model as it is, and note for `remote_files` which peers have it.

        Raises SourceUnavailable where none has, or where nothing says which bytes are right.
        """
        if all_files or not model.files or not all(file.sha256 for file in model.files):
            raise SourceUnavailable(f'nothing says which bytes of "{model.name}" are right')
        self._known = self._known or self._found()
        biggest = max(model.files, key=lambda file: file.size or 0)
        with ThreadPoolExecutor(len(self._known)) as pool:
            reasons = list(pool.map(lambda peer: _reason(_url(peer, biggest)), self._known))
        results = list(zip(self._known, reasons, strict=True))
        self._hosts = tuple(peer for peer, reason in results if reason is None)
        message = "; ".join(f"{peer}: {reason}" for peer, reason in results if reason)
        if not self._hosts:
            raise SourceUnavailable(f'no peer has "{model.name}" ({message})')
        if message:
            _log.info("passed over peers: %s", message)
        return model

    def remote_files(self, model: Model, file: ModelFile) -> tuple[RemoteFile, ...]:  # noqa: ARG002
        """Name the address of a file at every peer that has the model."""
        return tuple(
            RemoteFile(f"peer {peer}", _url(peer, file), trusted=False) for peer in self._hosts
        )

    @contextmanager
    def errors_translated(self, model: Model) -> Iterator[None]:  # noqa: ARG002
        """Let the next source go on where the last peer can't."""
        try:
            yield
        except (StatusError, BrokenError) as error:
            raise SourceUnavailable(error.message, hint=error.hint) from error

    def _found(self) -> tuple[str, ...]:
        if not discovery.installed():
            raise SourceUnavailable(
                f"no peer is named; {_NAME_ONE}, {discovery.INSTALL} finds those on the LAN"
            )
        if found := self._find():
            return found
        raise SourceUnavailable(f"no peer was found on the LAN; {_NAME_ONE}")


def _url(peer: str, file: ModelFile) -> str:
    return f"http://{peer}/blobs/{file.sha256}"


def _reason(url: str) -> str | None:
    """Ask for the first byte; say why it can't be had, None if it can."""
    with closing(Client(connect_timeout=_CONNECT, read_timeout=_ANSWER)) as client:
        try:
            require_connection(url, within=_CONNECT)
            client.release(client.get(url, {"Range": "bytes=0-0"}))
        except DownloadError as error:
            return error.message
    return None
