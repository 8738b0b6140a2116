"""`whisper-cli pull`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whisper_cli.cli import options as o
from whisper_cli.config.settings import Settings
from whisper_cli.console.console import Console, size
from whisper_cli.errors import ConfigError, WhisperError

if TYPE_CHECKING:
    from whisper_cli.download.options import PullOptions
    from whisper_cli.download.types import Progress
    from whisper_cli.models.catalog import Model

ALL_FILES = o.flag(
    "Options", "--all-files", about="download all files of the repository, not only those needed"
)
FORCE = o.flag("Options", "--force", about="download again what is already here")
DRY_RUN = o.flag("Options", "--dry-run", about="show what would be downloaded, and from where")
TOKEN = o.flag(
    "Options",
    "--token",
    kind=str | None,
    about="access token for gated and private repositories (better: HF_TOKEN)",
)
OUTPUT = o.flag(
    "Options",
    "--output",
    "-o",
    kind=Path | None,
    metavar="FOLDER",
    about="folder for plain files, instead of the cache",
)


@o.options(
    o.SOURCE,
    o.DOWNLOAD_OPTIONS,
    TOKEN,
    ALL_FILES,
    OUTPUT,
    DRY_RUN,
    FORCE,
    o.OFFLINE,
    o.PROGRESS,
    o.MESSAGE_OPTIONS,
)
def command(
    ctx: typer.Context,
    models: o.ModelsArg,
    *,
    token: str | None,
    all_files: bool,
    output: Path | None,
    dry_run: bool,
    force: bool,
) -> int:
    """Download and verify models, and print the folder of each.

    What is already here and intact is not downloaded again, and an interrupted download is
    continued. One model that fails does not stop the others.

    \b
    whisper-cli pull medium
    whisper-cli pull tiny.en Systran/faster-whisper-small@main
    whisper-cli pull large-v3 --source http://mirror.local:8080 --source hub
    whisper-cli pull base --output models/base --limit-rate 5MB
    """
    from dataclasses import replace

    from whisper_cli.config.derived import pull_options_of
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    if output and len(models) > 1:
        raise ConfigError("several models can't share one folder", hint="pull them one by one")
    how = replace(pull_options_of(settings, token, output), all_files=all_files, force=force)
    results = _Results(console, len(models))
    chosen: list[Model] = []
    for name in models:
        with results.attempt(name):
            chosen.append(resolve(name))
    for model in chosen:
        with results.attempt(model.name):
            if dry_run:
                _preview(model, how, console)
            else:
                console.write(f"{_pull_model(model, replace(how, checked=True), console)}\n")
    return results.exit_code()


def fetch_model(model: "Model", settings: Settings, console: Console) -> Path:
    """Give the folder of a model, pulled first where it isn't here, and show how that goes."""
    from whisper_cli.config.derived import pull_options_of

    return _pull_model(model, pull_options_of(settings), console)


@dataclass(frozen=True, slots=True)
class _Results:
    """What became of several models; the failure of one that is alone passes through."""

    console: Console
    count: int
    failed: list[WhisperError] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        try:
            yield
        except WhisperError as error:
            if self.count == 1:
                raise
            self.console.failure(error, name)
            self.failed.append(error)
            self.names.append(name)

    def exit_code(self) -> int:
        """Sum up: 0, the code that all failed with, or 1."""
        if not self.failed:
            return 0
        message = f"{len(self.failed)} of {self.count} models failed: {', '.join(self.names)}"
        self.console.error(WhisperError(message))
        codes = {error.exit_code for error in self.failed}
        return codes.pop() if len(self.failed) == self.count and len(codes) == 1 else 1


def _pull_model(model: "Model", how: "PullOptions", console: Console) -> Path:
    from whisper_cli.download.fetch import ensure

    def show(events: "Iterator[Progress]") -> None:
        console.pull(model.name, events)

    return ensure(model, how, show=show)


def _preview(model: "Model", how: "PullOptions", console: Console) -> None:
    """Print a line a file: name, size, what is to be done, from where."""
    from whisper_cli.download.fetch import preview

    rows = [
        (model.name, row.file, size(row.size), row.state, row.source) for row in preview(model, how)
    ]
    console.table(("Model", "File", "Size", "State", "From"), rows)
