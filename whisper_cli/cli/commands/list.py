"""`whisper-cli list`."""

from typing import TYPE_CHECKING, Any

import typer

from whisper_cli.cli import options as o
from whisper_cli.console.console import Console, size

if TYPE_CHECKING:
    from whisper_cli.models.catalog import Model
    from whisper_cli.models.store import InstalledModel

REMOTE = o.flag("Options", "--remote", about="list all models that can be pulled by name")


@o.options(REMOTE, o.JSON)
def command(ctx: typer.Context, *, remote: bool, json: bool) -> None:
    """List the models here, or with --remote all that can be pulled.

    \b
    whisper-cli list
    whisper-cli list --remote
    whisper-cli list --json | jq -r '.[].path'
    """
    from whisper_cli.models.catalog import ModelKind, catalog
    from whisper_cli.models.store import installed

    console: Console = ctx.obj
    present = list(installed(*ModelKind))
    if json:
        models = (
            [_remote(item, present) for item in catalog(*ModelKind)]
            if remote
            else map(_local, present)
        )
        console.write_json(list(models))
    elif remote:
        rows = [_remote_file(model, present) for model in catalog(*ModelKind)]
        console.table(("Name", "Size", "Languages", "ModelKind", "Here"), rows)
    elif present:
        headings = ("Name", "Size", "Languages", "Revision", "Verified", "Last used", "ModelKind")
        console.table(headings, [_row(model) for model in present])
        for name in (model.name for model in present if model.corrupt):
            console.warn(f"{name} is damaged; whisper-cli pull {name} mends it")
    else:
        console.info("no models here yet; whisper-cli pull base brings one")


def _remote(model: "Model", present: "list[InstalledModel]") -> dict[str, Any]:
    local = _find(model, present)
    return _local(local) if local else _entry(model)


def _local(model: "InstalledModel") -> dict[str, Any]:
    return _entry(model) | {
        "path": str(model.path),
        "installed": True,
        "verified": model.verified,
        "damaged": model.corrupt,
        "last_used": model.last_used.isoformat() if model.last_used else None,
    }


def _entry(model: "Model | InstalledModel") -> dict[str, Any]:
    """Describe a model as one that isn't here."""
    known = {name: getattr(model, name) for name in ("name", "kind", "repo", "revision", "size")}
    missing = {"installed": False, "verified": False, "damaged": False, "last_used": None}
    return known | {"path": None} | missing


def _row(model: "InstalledModel") -> tuple[str, ...]:
    used = model.last_used.astimezone().strftime("%Y-%m-%d %H:%M") if model.last_used else "-"
    verified = "damaged" if model.corrupt else "yes" if model.verified else "no"
    languages = _languages(model.english_only)
    return model.name, size(model.size), languages, model.revision[:12], verified, used, model.kind


def _remote_file(model: "Model", present: "list[InstalledModel]") -> tuple[str, ...]:
    total = "?" if model.size is None else size(model.size)
    languages = _languages(model.english_only)
    local = _find(model, present)
    state = "damaged" if local and local.corrupt else "yes" if local else "no"
    return model.name, total, languages, model.kind, state


def _find(model: "Model", present: "list[InstalledModel]") -> "InstalledModel | None":
    return next((item for item in present if item.name == model.name), None)


def _languages(english_only: bool | None) -> str:
    return {True: "en", False: "multilingual", None: "?"}[english_only]
