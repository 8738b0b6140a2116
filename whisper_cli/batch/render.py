"""Transcripts that are there to other formats, without decoding again."""

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from whisper_cli.audio.sources import Source
from whisper_cli.batch.events import InputDone, InputError, Outcome
from whisper_cli.batch.outputs import address_of_sound, missing_outputs, published, sink_for
from whisper_cli.batch.session import Session, rendering_session
from whisper_cli.batch.targets import BatchJob, Target
from whisper_cli.batch.transforms import Postprocessor
from whisper_cli.config.settings import Settings
from whisper_cli.errors import TranscriptError, failure_of
from whisper_cli.formats.readers import ReadTranscript, read_transcript
from whisper_cli.formats.registry import Format
from whisper_cli.transcript import Info

PART = "the transcript is of a part only: its making was cut short"


def render(jobs: Sequence[BatchJob], session: Session) -> Iterator[Outcome]:
    """Write the outputs of transcripts in JSON; what one of them raises becomes its InputError."""
    for number, job in enumerate(jobs):
        try:
            yield _rendered(number, job, session)
        except Exception as error:  # noqa: BLE001 - it is this transcript's failure
            yield InputError(number, job.source.name, failure_of(error, job.source.name))


def render_text(
    transcript: ReadTranscript, kind: Format, settings: Settings, page: str | None = None
) -> str:
    """Give the text of one format; `page` is where it will stand, for links to the sound.

    Raises TranscriptError where the format needs times of words, and there are none.
    """
    parts: list[str] = []
    session = rendering_session(settings, write=parts.append, overwrite=True)
    format_options = replace(session.format_options, audio=address_of_sound(transcript.info, page))
    session, targets = replace(session, format_options=format_options), [Target(kind)]
    _check_words(targets, transcript, session)
    _write(targets, transcript, session)
    return "".join(parts)


def _rendered(number: int, job: BatchJob, session: Session) -> InputDone:
    started_at = time.monotonic()
    data = _bytes(job.source)
    transcript = _whole(read_transcript(data, job.source.name))
    named = _named(transcript.info, data)
    targets = missing_outputs(job, named, session)
    _check_words(targets, transcript, session)
    if targets:
        _write(targets, transcript, session)
    outputs = published(targets, named, session)
    elapsed, seconds = time.monotonic() - started_at, transcript.info.duration or 0.0
    warnings, language = transcript.info.warnings, transcript.info.language
    return InputDone(
        number,
        job.source.name,
        outputs,
        seconds,
        elapsed,
        warnings,
        language,
        skipped=not targets,
    )


def _bytes(source: Source) -> bytes:
    if source.address is not None:
        raise TranscriptError(f"{source.name} is on the web, and transcripts are read from files")
    try:
        if source.path is not None:
            return source.path.read_bytes()
        return sys.stdin.buffer.read() if sys.stdin else b""
    except OSError as error:
        raise TranscriptError(f"can't read {source.name}: {error.strerror}") from error


def _whole(transcript: ReadTranscript) -> ReadTranscript:
    """Let what there is of a transcript be written, with a warning where that isn't all."""
    if transcript.info.provenance.complete:
        return transcript
    provenance = replace(transcript.info.provenance, complete=True)
    warnings = (*transcript.info.warnings, PART)
    return replace(
        transcript, info=replace(transcript.info, provenance=provenance, warnings=warnings)
    )


def _named(info: Info, data: bytes) -> Info:
    """Name the work by the transcript and not by its audio: the text may have been edited."""
    digest = hashlib.sha256(data).hexdigest()
    return replace(info, provenance=replace(info.provenance, input_sha256=f"transcript {digest}"))


def _check_words(targets: Sequence[Target], transcript: ReadTranscript, session: Session) -> None:
    if not transcript.segments:
        return
    words = [word for segment in transcript.segments for word in segment.words]
    for target in targets:
        of_use = [w for w in words if w.probability or not target.format.spec.needs_words]
        if of_use or not target.format.needs_words(session.format_options):
            continue
        missing = "probabilities of words" if words else "times of words"
        raise TranscriptError(
            f"{transcript.info.source} has no {missing}, and {target.format} needs them",
            hint="whisper-cli transcribe --word-timestamps finds them",
        )


def _write(targets: Sequence[Target], transcript: ReadTranscript, session: Session) -> None:
    rendered = Postprocessor(session, transcript.info)
    segments = [item for segment in transcript.segments for item in rendered.add(segment)]
    info = rendered.final_info(transcript.info)
    with ExitStack() as stack:
        for target in targets:
            sink = sink_for(target, info, session)
            stack.callback(sink.close, info, segments)
            for number, segment in enumerate(segments, 1):
                sink.add(info, number, segment)
