"""The outputs of one input: what is still to be written, where to, what is there now."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from whisper_cli.audio.folders import SUFFIXES
from whisper_cli.batch.output_index import State, output_key
from whisper_cli.batch.session import Session
from whisper_cli.batch.sinks import DeviceSink, FileSink, Sink, StreamSink
from whisper_cli.batch.targets import BatchJob, Target, prepare, special
from whisper_cli.batch.transforms import TransformSink, transforms
from whisper_cli.errors import OutputError
from whisper_cli.files import acquire
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
    audio_path, source_path = Path(info.provenance.input), Path(info.source)
    if audio_path.suffix.lower() in SUFFIXES:
        yield audio_path
        yield source_path.parent / audio_path.name
    if source_path.suffix.lower() == ".json":
        yield from (source_path.with_suffix(suffix) for suffix in sorted(SUFFIXES))


def missing_outputs(job: BatchJob, info: Info, session: Session) -> list[Target]:
    """Leave out what is current. Raises OutputError for what isn't ours to replace."""
    remaining = []
    for target in job.targets:
        if target.pattern is None:
            remaining.append(target)
            continue
        key = _key(target, info, session)
        language = info.provenance.options.language or session.output_index.language(key)
        if target.needs_language and language is None:
            remaining.append(target)
            continue
        path = target.path(language)
        prepare(path)
        current = _state(path, key, session) is State.current
        if not current or info.provenance.input_sha256 is None:
            remaining.append(target)
    return remaining


def _state(path: Path, key: str, session: Session) -> State:
    """Tell what stands at `path`; raises OutputError for what isn't ours to replace."""
    if session.overwrite or special(path):
        return State.missing
    state = session.output_index.state(path, key)
    if state is State.foreign:
        raise OutputError(
            f"{path} was not written by whisper-cli, or was edited since: kept",
            hint="--overwrite replaces it, -o names another place",
        )
    return state


def _key(target: Target, info: Info, session: Session) -> str:
    """Name what is at a target by what was asked; a GPU that failed may have changed the rest."""
    stored_provenance = replace(info.provenance, compute_type=session.provenance.compute_type)
    info, format_options = (
        replace(info, provenance=stored_provenance),
        _format_options_of(target, info, session),
    )
    return output_key(
        info, target.format, format_options, session.cues, session.text_options, session.speakers
    )


def _format_options_of(target: Target, info: Info, session: Session) -> FormatOptions:
    """Tell a page where its sound is; colours are for stdout alone."""
    if not target.format.takes("audio"):
        return (
            session.format_options
            if target.pattern is None
            else replace(session.format_options, colors=False)
        )
    return replace(
        session.format_options,
        audio=session.format_options.audio or address_of_sound(info, target.pattern),
    )


def sink_for(target: Target, info: Info, session: Session, *, started: bool = False) -> Sink:
    """Begin one output. Raises OutputError where it can't be written.

    `started` says that we were at it before: what is left of it is ours.
    """
    if target.sink is not None:
        return target.sink(info)
    writer = writer_for(target.format, _format_options_of(target, info, session), info.source)
    sink = _plain_sink(target, writer, info, session, started=started)
    for stage in reversed(transforms(target.format, info, session.format_options, session.cues)):
        sink = TransformSink(sink, stage)
    return sink


def _plain_sink(
    target: Target, writer: Writer, info: Info, session: Session, *, started: bool
) -> Sink:
    if target.pattern is None:
        return StreamSink(writer, info, session.write)
    path = target.path(info.language)
    if special(path):
        return DeviceSink(writer, info, path)
    prepare(path)
    _state(path, _key(target, info, session), session)  # its name may be known just now
    claimed = partial(acquire, output_index=session.output_index, owned=lambda _: started)
    return FileSink(writer, info, path, claimed, partial(_index_output, target, session))


def _index_output(target: Target, session: Session, part: Path, info: Info) -> None:
    """Note what a file will be: killed before it is `published`, we would take it for foreign."""
    session.output_index.record(part, _key_for(target, info, session), info.language)


def published(targets: Sequence[Target], info: Info, session: Session) -> tuple[Path, ...]:
    """Note the files that are there now, and list them."""
    paths = []
    for target in targets:
        if target.pattern is None or special(target.path(info.language)):
            continue
        paths.append(target.path(info.language))
        session.output_index.record(paths[-1], _key_for(target, info, session), info.language)
    return tuple(paths)


def _key_for(target: Target, info: Info, session: Session) -> str:
    """Name the work of a file that is there: of none that could be asked for, if `info.changed`."""
    return "" if info.changed else _key(target, info, session)
