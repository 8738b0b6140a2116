"""The Hugging Face hub, or a mirror of it, spoken to over plain HTTP."""

import difflib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any, Self
from urllib.parse import quote, urlsplit

from whisper_cli.download.connection import require_connection
from whisper_cli.download.http import BrokenError, Client, StatusError, following, get_json
from whisper_cli.download.stopping import current_stop
from whisper_cli.download.types import RemoteFile
from whisper_cli.errors import ConfigError, DownloadError, ModelError, SourceUnavailable
from whisper_cli.models.catalog import Model, ModelFile, ModelKind, catalog
from whisper_cli.models.names import is_commit
from whisper_cli.paths import hub_token_path

_MIN_WAIT, _MAX_WAIT = 0.05, 1.0  # seconds to wait for the last answers


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where an address led to at a commit, and the seconds that the server took to say so."""

    url: str = field(repr=False)
    commit: str
    waited: float


class RedirectLookup:
    """Ask for addresses, each over a connection of its own, from `with` on until its end.

    What is refused, lost or late is left out: whoever needs it asks again and tells what is wrong.
    """

    def __init__(self, urls: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._found: dict[str, Redirect] = {}
        self._clients = [Client() for _ in urls]
        requests = zip(self._clients, urls.items(), strict=True)
        self._threads = [
            Thread(target=self._ask, args=(client, *item, headers), daemon=True)
            for client, item in requests
        ]

    def __enter__(self) -> Self:
        self._started_at = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.cut()

    def for_commit(self, commit: str) -> dict[str, Redirect]:
        """Return by name where the files of a commit are, as far as that was answered in time.

        The last answers get half as long again as all took until now.
        """
        now = time.monotonic()
        until = now + min(_MAX_WAIT, max(_MIN_WAIT, (now - self._started_at) / 2))
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return {
            name: redirect for name, redirect in self._found.items() if redirect.commit == commit
        }

    def _ask(self, client: Client, name: str, url: str, headers: Mapping[str, str]) -> None:
        with suppress(DownloadError), closing(client):
            answer = client.head(url, headers)
            target, commit = map(answer.headers.get, ("Location", "X-Repo-Commit"))
            if target and commit:
                self._found[name] = Redirect(following(url, target), commit, answer.waited)


_NEEDED = ("config.json", "model.bin")
_FILES = (*_NEEDED, "preprocessor_config.json", "tokenizer.json")
_VOCABULARY_FILES = ("vocabulary.json", "vocabulary.txt")
_TRIES = 3


@dataclass(frozen=True, slots=True)
class HubSource:
    """A hub by its endpoint: HF_ENDPOINT, else huggingface.co.

    `token` opens gated and private models; None takes HF_TOKEN, or what `hf auth login` keeps. It
    is sent to this endpoint's scheme, host and port and nowhere else.
    """

    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)
    _redirects: dict[str, Redirect] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """Name the source: the host, for a mirror."""
        return "hub" if self.endpoint is None else urlsplit(self._url).netloc.rpartition("@")[2]

    def pin(self, model: Model, *, all_files: bool = False) -> Model:
        """Ask for the commit and the files of a repository; a catalogue model has them already.

        Raises ModelError where there is no such repository or revision, or no Whisper model in it.
        """
        require_connection(self._url)
        if model.repo is None or (model.files and not all_files):
            return model
        with self._redirects_of(model) as redirects:
            pinned = self.read(model, self._information(model), all_files=all_files)
            for name, redirect in redirects.for_commit(pinned.revision or "").items():
                self._redirects[self._address(pinned, name)] = redirect
        return pinned

    def read(self, model: Model, found: Any, *, all_files: bool) -> Model:
        """Take commit and files from what a hub said of a repository.

        Raises SourceUnavailable where that is nonsense, ModelError where it is no Whisper model.
        """
        try:
            return _pinned(model, found, all_files=all_files)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            reason = f": {error}" if isinstance(error, ValueError) else ""
            message = f"{self._host} does not answer as a hub does{reason}"
            raise SourceUnavailable(message) from error

    def remote_files(self, model: Model, file: ModelFile) -> tuple[RemoteFile, ...]:
        """Name the address of a file, which redirects to wherever its bytes are."""
        url = self._address(model, file.name)
        remote_file = RemoteFile(self.name, url, self._headers())
        redirect = self._redirects.get(url)
        return (
            replace(remote_file, final_url=redirect.url, waited=redirect.waited)
            if redirect
            else remote_file,
        )

    @contextmanager
    def errors_translated(self, model: Model) -> Iterator[None]:
        """Translate what the hub refuses into what a person can do about it."""
        try:
            yield
        except StatusError as error:
            raise self._model_error(model, error) from error
        except BrokenError as error:
            raise SourceUnavailable(error.message, hint=error.hint) from error

    def _redirects_of(self, model: Model) -> RedirectLookup:
        """Ask where the files are that a model usually has, while the hub says which it has."""
        names = (*_FILES, *_VOCABULARY_FILES)
        return RedirectLookup(
            {name: self._address(model, name) for name in names}, dict(self._headers())
        )

    def _information(self, model: Model) -> Any:
        revision = quote(model.revision or "main", safe="")
        url = f"{self._url}/api/models/{quote(model.repo or '')}/revision/{revision}?blobs=true"
        with self.errors_translated(model), closing(Client()) as client:
            found, _ = get_json(
                client, url, dict(self._headers()), tries=_TRIES, stop=current_stop()
            )
        return found

    def _address(self, model: Model, name: str) -> str:
        revision = quote(model.revision or "main", safe="")
        return f"{self._url}/{quote(model.repo or '')}/resolve/{revision}/{quote(name)}"

    def _model_error(self, model: Model, error: StatusError) -> ModelError:
        page = f"{self._url}/{model.repo}"
        if error.code == "GatedRepo":
            return DownloadError(
                f'"{model.repo}" is gated: {error.server_message or "access has to be granted"}',
                hint=f"ask for access at {page}, then give your token: HF_TOKEN or --token",
            )
        if "credentials" in error.server_message.lower():
            return DownloadError(
                f"{self._host} does not accept the token: {error.server_message}",
                hint=f"check HF_TOKEN or --token; tokens are made at {self._url}/settings/tokens",
            )
        if error.wait is not None:
            return DownloadError(
                f"{self._host} limits how often it is asked: wait {error.wait:.0f} s",
                hint="a token (HF_TOKEN) raises the limit; --source names another source",
            )
        if model.files or error.status not in (401, 403, 404):
            return SourceUnavailable(error.message)
        return self._absence(model, error)

    def _absence(self, model: Model, error: StatusError) -> ModelError:
        if error.code == "RevisionNotFound":
            return ModelError(
                f'"{model.repo}" has no revision "{model.revision or "main"}"',
                hint=f"{self._url}/{model.repo}/tree/main shows branches and tags",
            )
        if error.status == 403 and error.server_message:
            return DownloadError(f'{self._host} refused "{model.repo}": {error.server_message}')
        return ModelError(f'no such repository: "{model.repo}"', hint=_suggestion(model.repo or ""))

    @property
    def _url(self) -> str:
        named = self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        if not named.startswith(("http://", "https://")):
            raise ConfigError(f"{named} is no address of a hub", hint="HF_ENDPOINT=https://…")
        return named.rstrip("/")

    @property
    def _host(self) -> str:
        return urlsplit(self._url).hostname or self._url

    def _headers(self) -> tuple[tuple[str, str], ...]:
        token = self.token if self.token is not None else os.environ.get("HF_TOKEN") or _kept()
        return (("Authorization", f"Bearer {token.strip()}"),) if token.strip() else ()


def _kept() -> str:
    try:
        return hub_token_path().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _pinned(model: Model, found: Any, *, all_files: bool) -> Model:
    file_names = (*_FILES, *_VOCABULARY_FILES)
    entries = [item for item in found["siblings"] if all_files or item["rfilename"] in file_names]
    known = {file.name: file for file in model.files}
    files = tuple(known.get(item["rfilename"]) or _file(item) for item in entries)
    _require_whisper(model, {file.name for file in files})
    commit = model.revision if model.pinned else found["sha"]
    if not is_commit(commit):
        raise ValueError("its sha is no commit")
    return replace(model, revision=commit, files=files)


def _file(entry: Any) -> ModelFile:
    """Read what a hub says of a file. Raises ValueError where it gives no hash or no size."""
    lfs = entry.get("lfs")
    digest = (lfs["sha256"] if lfs else entry.get("blobId")) or None
    file = ModelFile(
        name=entry["rfilename"],
        size=entry["size"],
        sha256=digest if lfs else None,
        git_sha1=None if lfs else digest,
        lfs=bool(lfs),
    )
    if digest is None or file.size is None:
        raise ValueError(f"it gives no hash or no size of {file.name}")
    return file


def _require_whisper(model: Model, names: set[str]) -> None:
    if model.kind is not ModelKind.whisper:
        return
    missing = [name for name in _NEEDED if name not in names]
    if names.isdisjoint(_VOCABULARY_FILES):
        missing.append("vocabulary")
    if missing:
        raise ModelError(
            f'"{model.repo}" is no faster-whisper model: it has no {", no ".join(missing)}',
            hint="look for a conversion of it to CTranslate2, or make one",
        )


def _suggestion(repo: str) -> str:
    close = difflib.get_close_matches(repo, [model.repo for model in catalog() if model.repo], n=1)
    guess = f'did you mean "{close[0]}"? ' if close else ""
    return f"{guess}a private repository needs HF_TOKEN or --token"
