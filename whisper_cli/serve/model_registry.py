"""Which models there are: those served, in their order, then what else is installed."""

import asyncio
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import ModelError
from whisper_cli.models import store
from whisper_cli.models.catalog import Model, names, require_whisper, resolve
from whisper_cli.serve.errors import ApiError

# The names of OpenAI's own models, which many programs have built in: the first served one.
OPENAI = re.compile(r"whisper-1|gpt(-4o)?(-mini)?-transcribe(-diarize|-\d{4}-\d\d-\d\d)?")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model by the name it is served under, and where it is; None where it isn't here."""

    id: str
    model: Model
    folder: Path | None
    created: int = 0
    owner: str = "whisper-cli"


class ModelRegistry:
    """The models by name. A client's word is never taken for a path."""

    def __init__(self, models: Sequence[str]) -> None:
        """Take the names and folders to serve. Raises ModelError for one that nobody knows."""
        self._entries = [_entry(resolve(name)) for name in models]

    def models(self) -> list[ModelEntry]:
        """List what is served, as it was asked for."""
        return [_entry(entry.model, entry.id) for entry in self._entries]

    def entries(self) -> list[ModelEntry]:
        """List the served models that are here, then the other installed ones."""
        known = {entry.id: entry for entry in self.models() if entry.folder}
        for item in store.installed():
            if not any(entry.folder == item.path for entry in known.values()):
                model = resolve(item.name, folders=False)
                known.setdefault(item.name, _with_date(item.name, model, item.path))
        return list(known.values())

    async def find(self, name: str, *, present: bool = True) -> ModelEntry:
        """Find a model by its name; with `present` one that is on the disk. Raises ApiError, a 404.

        It is looked for in a thread: nobody else waits for the disk.
        """
        return await asyncio.to_thread(self._find, name, present=present)

    def _find(self, name: str, *, present: bool) -> ModelEntry:
        chosen = self._entries[0].id if OPENAI.fullmatch(name) else name
        for entry in self.models():
            if entry.id.lower() == chosen.lower():
                found = entry
                break
        else:
            try:
                model = resolve(chosen, folders=False)
                require_whisper(model)
                found = _entry(model)
            except ModelError as error:
                raise self._unknown(name, error) from error
        if present and found.folder is None:
            raise self._unknown(name)
        return found

    def _unknown(self, name: str, error: ModelError | None = None) -> ApiError:
        """Say that there is no such model, and which was meant."""
        present = [entry.id for entry in self.entries()]
        close = difflib.get_close_matches(name.lower(), present or names(), n=1)
        if error is None:
            message = f'model "{name}" is not here: POST /api/pull brings it'
        else:
            message = f'no such model: "{name}"'
        guess = close[0] if close else next(iter(present), None)
        message += f'; did you mean "{guess}"?' if guess else ""
        return ApiError(404, message, code="model_not_found", param="model")


def _entry(model: Model, name: str | None = None) -> ModelEntry:
    if model.folder is not None:
        folder = model.folder.absolute()
        return _with_date(name or folder.name, model, folder)
    return _with_date(name or model.name, model, store.find(model))


def _with_date(name: str, model: Model, folder: Path | None) -> ModelEntry:
    try:
        created = int((folder / "model.bin").stat().st_mtime) if folder else 0
    except OSError:
        created = 0
    owner = model.repo.split("/")[0] if model.repo else "whisper-cli"
    return ModelEntry(name, model, folder, created, owner)
