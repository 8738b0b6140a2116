"""The Hugging Face hub, or a mirror named by HF_ENDPOINT: the only user of huggingface_hub."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from whisper_cli.download.progress import Phase, Progress
from whisper_cli.download.reach import require_connection
from whisper_cli.errors import DownloadError, ModelError, SourceUnavailable
from whisper_cli.models.catalog import Model, ModelFile

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

_NEEDED = ("config.json", "model.bin")
_WANTED = (*_NEEDED, "preprocessor_config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_TRIES = 3  # connections in a row that bring nothing


@dataclass(frozen=True, slots=True)
class HubSource:
    """A hub by its endpoint; HF_TOKEN or the login that huggingface_hub keeps opens private models.

    `silence` is how many seconds a server may say nothing before the connection counts as lost.
    """

    endpoint: str | None = None
    silence: float = 10.0
    name: str = "hub"

    def pin(self, model: Model) -> Model:
        """Ask for the commit and the files of a repository; a catalogue model has them already.

        Raises ModelError where there is no such repository or revision, or no Whisper model in it.
        """
        require_connection(self._url)
        if model.files or model.repo is None:
            return model
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._url, library_name="whisper-cli")
        with self._translated(model):
            found = api.model_info(
                model.repo, revision=model.revision, files_metadata=True, timeout=self.silence
            )
        wanted = (*_WANTED, *_VOCABULARIES)
        files = tuple(_file(entry) for entry in found.siblings or () if entry.rfilename in wanted)
        _require_whisper(model, {file.name for file in files})
        return replace(model, revision=found.sha, files=files)

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        """Stream the files one after another, small ones first."""
        from huggingface_hub import hf_hub_url

        for file in sorted(model.files, key=lambda file: file.size or sys.maxsize):
            url = hf_hub_url(
                model.repo or "", file.name, revision=model.revision, endpoint=self._url
            )
            with self._translated(model):
                for done in self._stream(url, folder / file.name):
                    yield Progress(file.name, Phase.download, self.name, done, file.size)

    def _stream(self, url: str, target: Path) -> Iterator[int]:
        """Go on where a connection ended too soon; one that is mute from its start is the last."""
        import httpx2

        done = fruitless = 0
        while True:
            start = done
            try:
                for done in self._connection(url, target, start):
                    yield done
            except httpx2.TransportError as error:
                mute = isinstance(error, httpx2.TimeoutException)
                fruitless = 0 if done > start else fruitless + 1
                if fruitless == _TRIES or (fruitless and mute):
                    raise
                time.sleep(fruitless)
            else:
                return

    def _connection(self, url: str, target: Path, start: int) -> Iterator[int]:
        # mypy does not see through the lazy exports of this package
        from huggingface_hub.utils import (  # type: ignore[attr-defined]
            build_hf_headers,
            hf_raise_for_status,
            http_stream_backoff,
        )

        headers = build_hf_headers(library_name="whisper-cli") | {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with http_stream_backoff(
            "GET", url, headers=headers, timeout=self.silence, max_retries=3, retry_on_exceptions=()
        ) as response:
            hf_raise_for_status(response)
            resumed = response.status_code == 206
            done = start if resumed else 0
            with target.open("ab" if resumed else "wb") as part:
                for block in response.iter_bytes():
                    done += part.write(block)
                    yield done

    @property
    def _url(self) -> str:
        named = self.endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        return named.rstrip("/")

    @contextmanager
    def _translated(self, model: Model) -> Iterator[None]:
        import httpx2
        from huggingface_hub import errors

        host = urlsplit(self._url).hostname
        try:
            yield
        except errors.HfHubHTTPError as error:
            raise self._refusal(model, error) from error
        except errors.HFValidationError as error:
            raise ModelError(f'no such repository: "{model.repo}"') from error
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise SourceUnavailable(f"the connection to {host} was lost: {reason}") from error
        except ValueError as error:  # a login page where JSON should be
            raise SourceUnavailable(f"{host} does not answer as a hub does: {error}") from error

    def _refusal(self, model: Model, error: "HfHubHTTPError") -> ModelError:
        from huggingface_hub import errors

        status, said = error.response.status_code, error.response.headers.get("X-Error-Message")
        host, page = urlsplit(self._url).hostname, f"{self._url}/{model.repo}"
        if isinstance(error, errors.GatedRepoError):
            return DownloadError(
                f'"{model.repo}" is gated: {said or "access has to be granted"}',
                hint=f"ask for access at {page}, then set HF_TOKEN to your token",
            )
        absent = isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError)
        if absent and not model.files:
            return _unknown(model, page, has_repo=isinstance(error, errors.RevisionNotFoundError))
        # Without its own words it isn't the hub that refuses, but something in between.
        if status in (401, 403) and said and not absent:
            return DownloadError(
                f'{host} refused "{model.repo}": {said}',
                hint="check HF_TOKEN, or unset it: catalogue models need none",
            )
        return SourceUnavailable(f'{host} answered {status} for "{model.repo}"')


def _unknown(model: Model, page: str, *, has_repo: bool) -> ModelError:
    if has_repo:
        return ModelError(
            f'"{model.repo}" has no revision "{model.revision}"',
            hint=f"{page}/tree/main shows its branches and tags",
        )
    return ModelError(
        f'no such repository: "{model.repo}"',
        hint="whisper-cli list --remote shows models; a private one needs HF_TOKEN",
    )


def _file(entry: "RepoSibling") -> ModelFile:
    return ModelFile(
        name=entry.rfilename,
        size=entry.size,
        sha256=entry.lfs.sha256 if entry.lfs else None,
        git_sha1=None if entry.lfs else entry.blob_id,
        lfs=entry.lfs is not None,
    )


def _require_whisper(model: Model, names: set[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if names.isdisjoint(_VOCABULARIES):
        missing.append("vocabulary")
    if missing:
        raise ModelError(
            f'"{model.repo}" is no faster-whisper model: it has no {", no ".join(missing)}',
            hint="look for a conversion of it to CTranslate2, or make one",
        )
