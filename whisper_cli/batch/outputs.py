"""The outputs of one input: what is still to be written, where to, what is there now."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from whisper_cli.audio.sources import SUFFIXES
from whisper_cli.batch.output_index import State, work_key
from whisper_cli.batch.session import Session
from whisper_cli.batch.sinks import DeviceSink, FileSink, Sink, StreamSink
from whisper_cli.batch.targets import BatchJob, Target, prepare, special
from whisper_cli.batch.transforms import TransformedSink, transforms
from whisper_cli.errors import OutputError
from whisper_cli.files import claim
from whisper_cli.formats.registry import FormatOptions, Writer, writer_for
from whisper_cli.transcript import Info


def address_of_sound(info: Info, page: str | None) -> str | None:
    """Give the sound's address as seen from the page (None: stdout, taken to be saved here).

    None where there is no file, as with what came from a pipe or the web.
    """
    found = next((path for path in _candidates(info) if os.path.isfile(path)), None)
    if found is None:
        return None
    folder = Path(page).parent if page else Path()
    try:
        relative = os.path.relpath(found.resolve(), folder.resolve())
    except ValueError:  # another drive of Windows
        return found.resolve().as_uri()
    return quote(Path(relative).as_posix())


def _candidates(info: Info) -> Iterator[Path]:
    """List where it may be: the input as it was named, and beside a transcript in JSON."""
    heard, told = Path(info.provenance.input), Path(info.source)
    if heard.suffix.lower() in SUFFIXES:
        yield heard
        yield told.parent / heard.name
    if told.suffix.lower() == ".json":
        yield from (told.with_suffix(suffix) for suffix in sorted(SUFFIXES))


def still_to_write(job: BatchJob, info: Info, work: Session) -> list[Target]:
    """Leave out what is current. Raises OutputError for what isn't ours to replace."""
    todo = []
    for target in job.targets:
        if target.pattern is None:
            todo.append(target)
            continue
        key = _key(target, info, work)
        language = info.provenance.options.language or work.output_index.language(key)
        if target.needs_language and language is None:
            todo.append(target)
            continue
        path = target.path(language)
        prepare(path)
        current = _state(path, key, work) is State.current
        if not current or info.provenance.input_sha256 is None:
            todo.append(target)
    return todo


def _state(path: Path, key: str, work: Session) -> State:
    """Tell what stands at `path`; raises OutputError for what isn't ours to replace."""
    if work.overwrite or special(path):
        return State.absent
    state = work.output_index.state(path, key)
    if state is State.foreign:
        raise OutputError(
            f"{path} was not written by whisper-cli, or was edited since: kept",
            hint="--overwrite replaces it, -o names another place",
        )
    return state


def _key(target: Target, info: Info, work: Session) -> str:
    """Name what is at a target by what was asked; a GPU that failed may have changed the rest."""
    asked = replace(info.provenance, compute_type=work.provenance.compute_type)
    info, look = replace(info, provenance=asked), _look(target, info, work)
    return work_key(info, target.format, look, work.cues, work.care, work.speakers)


def _look(target: Target, info: Info, work: Session) -> FormatOptions:
    """Tell a page where its sound is; colours are for stdout alone."""
    if not target.format.takes("audio"):
        return work.look if target.pattern is None else replace(work.look, colors=False)
    return replace(work.look, audio=work.look.audio or address_of_sound(info, target.pattern))


def sink_for(target: Target, info: Info, work: Session, *, begun: bool = False) -> Sink:
    """Begin one output. Raises OutputError where it can't be written.

    `begun` says that we were at it before: what is left of it is ours.
    """
    if target.sink is not None:
        return target.sink(info)
    writer = writer_for(target.format, _look(target, info, work), info.source)
    sink = _plain_sink(target, writer, info, work, begun=begun)
    for stage in reversed(transforms(target.format, info, work.look, work.cues)):
        sink = TransformedSink(sink, stage)
    return sink


def _plain_sink(target: Target, writer: Writer, info: Info, work: Session, *, begun: bool) -> Sink:
    if target.pattern is None:
        return StreamSink(writer, info, work.write)
    path = target.path(info.language)
    if special(path):
        return DeviceSink(writer, info, path)
    prepare(path)
    _state(path, _key(target, info, work), work)  # its name may be known just now
    claimed = partial(claim, output_index=work.output_index, ours=lambda _: begun)
    return FileSink(writer, info, path, claimed, partial(_announce, target, work))


def _announce(target: Target, work: Session, part: Path, info: Info) -> None:
    """Note what a file will be: killed before it is `published`, we would take it for foreign."""
    work.output_index.record(part, _noted(target, info, work), info.language)


def published(targets: Sequence[Target], info: Info, work: Session) -> tuple[Path, ...]:
    """Note the files that are there now, and list them."""
    paths = []
    for target in targets:
        if target.pattern is None or special(target.path(info.language)):
            continue
        paths.append(target.path(info.language))
        work.output_index.record(paths[-1], _noted(target, info, work), info.language)
    return tuple(paths)


def _noted(target: Target, info: Info, work: Session) -> str:
    """Name the work of a file that is there: of none that could be asked for, if `info.changed`."""
    return "" if info.changed else _key(target, info, work)
