"""One job after another: skip what is current, decode, write, and go on after a failure."""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from whisper_cli.audio.decode import Audio, open_audio
from whisper_cli.audio.inputs import Source
from whisper_cli.audio.raw import parse_raw
from whisper_cli.batch.background import in_background
from whisper_cli.batch.ledger import State, work_key
from whisper_cli.batch.sinks import DeviceSink, FileSink, Sink, StreamSink
from whisper_cli.batch.targets import Job, Target, prepare, special
from whisper_cli.batch.work import Work
from whisper_cli.engine import Engine, transcribe
from whisper_cli.errors import ConfigError, ModelError, OutputError, WhisperError
from whisper_cli.transcript import Info, Segment, Transcript
from whisper_cli.writers import writer_for


@dataclass(frozen=True, slots=True)
class Heard:
    """So many seconds of the input are dealt with."""

    source: str
    seconds: float
    total: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """An input of so many seconds is done, in `elapsed`. `skipped`: its outputs were current."""

    source: str
    outputs: tuple[Path, ...]
    seconds: float
    elapsed: float
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """An input failed; the others go on."""

    source: str
    error: WhisperError


logger = logging.getLogger("whisper_cli")
Event = Heard | Finished | Failed


def run(jobs: Iterable[Job], work: Work) -> Generator[Event]:
    """Do the jobs in order; what only one input suffers from becomes its Failed event.

    Raises ConfigError and ModelError, which every job would meet. Those and a Stopped pass
    through after the output in work was closed, valid up to its last cue.
    """
    for job in jobs:
        try:
            with closing(_run(job, work)) as events:
                yield from events
        except (ConfigError, ModelError):
            raise
        except WhisperError as error:
            yield Failed(job.source.name, error)


def _run(job: Job, work: Work) -> Generator[Event]:
    began = time.monotonic()
    options = work.provenance.options
    raw = parse_raw(options.raw) if options.raw else None
    with ExitStack() as stack:
        audio = stack.enter_context(
            open_audio(
                job.source, track=options.track, channel=options.channel, raw=raw, clip=options.clip
            )
        )
        info = _info(job.source, audio, work)
        todo = _todo(job, info, work)
        if todo:
            located = work.locate()
            info = replace(info, provenance=replace(info.provenance, revision=located.revision))
            # The decoding thread closes it: it may be waiting inside for a quiet pipe.
            stack.pop_all()
            info = yield from _write(todo, audio, info, work, located.load)
        outputs = _published(todo, info, work)
        elapsed = time.monotonic() - began
        yield Finished(info.source, outputs, audio.position, elapsed, skipped=not todo)


def _info(source: Source, audio: Audio, work: Work) -> Info:
    """Say what is known before decoding; a stream's hash is known only after it."""
    sha256 = audio.sha256 if source.path is not None else None
    return Info(source.name, replace(work.provenance, input=source.name, input_sha256=sha256))


def _todo(job: Job, info: Info, work: Work) -> list[Target]:
    """Leave out what is current. Raises OutputError for what isn't ours to replace."""
    todo = []
    for target in job.targets:
        if target.pattern is None:
            todo.append(target)
            continue
        key = work_key(info, target.format, work.style)
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


def _write(
    targets: Sequence[Target], audio: Audio, info: Info, work: Work, load: Callable[[], Engine]
) -> Generator[Event, None, Info]:
    """Decode and write; tells how far it has come at every segment and every tick.

    Returns what is known in the end.
    """

    def heard() -> float:
        return 0.0

    def decode() -> Iterator[Transcript | Segment | Info]:
        with audio:
            transcript = transcribe(load(), audio, info)
            yield transcript
            yield from transcript.segments
            yield _complete(transcript.info, audio)

    def close(sink: Sink) -> None:
        sink.close(info, segments)

    total = audio.duration  # asked now: the thread may have closed it when the last item comes
    segments: list[Segment] = []
    sinks: list[Sink] = []
    with closing(in_background(decode)) as items, ExitStack() as stack:
        for item in items:
            if isinstance(item, Transcript):
                info, heard = item.info, item.heard
                for target in targets:
                    sinks.append(_sink(target, info, work))
                    stack.callback(close, sinks[-1])
            elif isinstance(item, Info):
                info = item
            elif item is not None:
                segments.append(item)
                for sink in sinks:
                    sink.add(info, len(segments), item)
            yield Heard(info.source, heard(), total)
    return info


def _sink(target: Target, info: Info, work: Work) -> Sink:
    writer = writer_for(target.format, work.style, info.source)
    if target.pattern is None:
        return StreamSink(writer, info, work.write)
    path = target.path(info.language)
    if special(path):
        return DeviceSink(writer, info, path)
    prepare(path)
    _state(path, work_key(info, target.format, work.style), work)  # its name may be known just now
    return FileSink(writer, info, path)


def _complete(info: Info, audio: Audio) -> Info:
    """Add what only the end of the input tells."""
    options = info.provenance.options
    duration = audio.duration if options.clip else audio.position
    if options.clip and audio.position <= min(start for start, _ in options.clip):
        logger.warning("%s ends at %.1f s, before the clip starts", info.source, audio.position)
    provenance = replace(info.provenance, input_sha256=audio.sha256, complete=True)
    return replace(info, duration=duration, provenance=provenance)


def _published(targets: Sequence[Target], info: Info, work: Work) -> tuple[Path, ...]:
    """Note the files that are there now, and list them."""
    paths = []
    for target in targets:
        if target.pattern is None or special(target.path(info.language)):
            continue
        paths.append(target.path(info.language))
        work.ledger.record(paths[-1], work_key(info, target.format, work.style), info.language)
    return tuple(paths)
