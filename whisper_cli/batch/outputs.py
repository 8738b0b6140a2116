"""The outputs of one input: what is still to be written, where to, and what is there now."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from whisper_cli.batch.files import claim
from whisper_cli.batch.ledger import State, work_key
from whisper_cli.batch.sinks import DeviceSink, FileSink, Sink, StreamSink
from whisper_cli.batch.sound import address_of_sound
from whisper_cli.batch.stages import StagedSink, stages
from whisper_cli.batch.targets import Job, Target, prepare, special
from whisper_cli.batch.work import Work
from whisper_cli.choices import Format
from whisper_cli.errors import OutputError
from whisper_cli.transcript import Info
from whisper_cli.writers import Look, Writer, writer_for


def still_to_write(job: Job, info: Info, work: Work) -> list[Target]:
    """Leave out what is current. Raises OutputError for what isn't ours to replace."""
    todo = []
    for target in job.targets:
        if target.pattern is None:
            todo.append(target)
            continue
        key = _key(target, info, work)
        language = info.provenance.options.language or work.ledger.language(key)
        if target.needs_language and language is None:
            todo.append(target)
            continue
        path = target.path(language)
        prepare(path)
        current = _state(path, key, work) is State.current
        if not current or info.provenance.input_sha256 is None:
            todo.append(target)
    return todo


def _state(path: Path, key: str, work: Work) -> State:
    """Tell what stands at `path`; raises OutputError for what isn't ours to replace."""
    if work.overwrite or special(path):
        return State.absent
    state = work.ledger.state(path, key)
    if state is State.foreign:
        raise OutputError(
            f"{path} was not written by whisper-cli, or was edited since: kept",
            hint="--overwrite replaces it, -o names another place",
        )
    return state


def _key(target: Target, info: Info, work: Work) -> str:
    """Name what is at a target by what was asked; a GPU that failed may have changed the rest."""
    asked = replace(info.provenance, compute_type=work.provenance.compute_type)
    info, look = replace(info, provenance=asked), _look(target, info, work)
    return work_key(info, target.format, look, work.cues, work.care, work.speakers)


def _look(target: Target, info: Info, work: Work) -> Look:
    """Tell a page where its sound is; colours are for stdout alone."""
    if target.format is not Format.html:
        return work.look if target.pattern is None else replace(work.look, colors=False)
    return replace(work.look, audio=address_of_sound(info, target.pattern))


def sink_for(target: Target, info: Info, work: Work, *, begun: bool = False) -> Sink:
    """Begin one output. Raises OutputError where it can't be written.

    `begun` says that we were at it before: what is left of it is ours.
    """
    writer = writer_for(target.format, _look(target, info, work), info.source)
    sink = _plain_sink(target, writer, info, work, begun=begun)
    for stage in reversed(stages(target.format, info, work.look, work.cues)):
        sink = StagedSink(sink, stage)
    return sink


def _plain_sink(target: Target, writer: Writer, info: Info, work: Work, *, begun: bool) -> Sink:
    if target.pattern is None:
        return StreamSink(writer, info, work.write)
    path = target.path(info.language)
    if special(path):
        return DeviceSink(writer, info, path)
    prepare(path)
    _state(path, _key(target, info, work), work)  # its name may be known just now
    claimed = partial(claim, ledger=work.ledger, ours=lambda _: begun)
    return FileSink(writer, info, path, claimed, partial(_announce, target, work))


def _announce(target: Target, work: Work, part: Path, info: Info) -> None:
    """Note what a file will be: killed before it is `published`, we would take it for foreign."""
    work.ledger.record(part, _noted(target, info, work), info.language)


def published(targets: Sequence[Target], info: Info, work: Work) -> tuple[Path, ...]:
    """Note the files that are there now, and list them."""
    paths = []
    for target in targets:
        if target.pattern is None or special(target.path(info.language)):
            continue
        paths.append(target.path(info.language))
        work.ledger.record(paths[-1], _noted(target, info, work), info.language)
    return tuple(paths)


def _noted(target: Target, info: Info, work: Work) -> str:
    """Name the work of a file that is there: of none that could be asked for, if `info.changed`."""
    return "" if info.changed else _key(target, info, work)
