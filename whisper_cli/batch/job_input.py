"""One job under way."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from whisper_cli.audio.decode import Audio, open_audio
from whisper_cli.audio.pcm import parse_raw
from whisper_cli.audio.sources import Source
from whisper_cli.batch.claims import Claims
from whisper_cli.batch.events import InputDone
from whisper_cli.batch.journal import JournalContent, SegmentJournal, is_journal, read
from whisper_cli.batch.output_index import words_key
from whisper_cli.batch.outputs import missing_outputs, published
from whisper_cli.batch.session import Session
from whisper_cli.batch.targets import BatchJob, Target, special
from whisper_cli.choices import Mode
from whisper_cli.engine.events import Recording
from whisper_cli.errors import AudioError, OutputError
from whisper_cli.files import beside
from whisper_cli.transcript import Info

logger = logging.getLogger("whisper_cli")

CHANGED = "the file changed while it was read: the text may be of a mixture"


class JobInput:
    """One job under way, or a `channel` of it (from 0), as an Input of the engine.

    `number` is the job's place among them, `group` the channels of the same job. `needed` turns
    false where its outputs can't be written any more. `warnings` are those of its opening.
    """

    def __init__(
        self,
        number: int,
        job: BatchJob,
        session: Session,
        claims: Claims,
        channel: int | None = None,
    ) -> None:
        self.number = number
        self.channel = channel
        self.group: tuple[JobInput, ...] = (self,)
        self.needed = True
        self.warnings: tuple[str, ...] = ()
        self.targets: tuple[Target, ...] = ()
        self._job, self._session, self._claims = job, session, claims
        self._started_at = time.monotonic()
        self._seconds = 0.0
        self._recording: Recording | None = None
        self._sound: Audio | None = None
        self._journal_key: str | None = None
        self.stored: JournalContent | None = None
        self._left: Path | None = None  # a journal that holds all, its outputs still to be written

    @property
    def source(self) -> Source:
        """Where it comes from."""
        return self._job.source

    @property
    def name(self) -> str:
        """The input's name, as people know it."""
        return self._job.source.name

    @property
    def total(self) -> float | None:
        """Seconds of the input as declared; None where nothing says."""
        return self._recording.info.duration if self._recording else None

    def open(self) -> Recording | None:
        """Open the input, once; None where its outputs are current or its segments `stored`."""
        if self._recording is None:
            self._started_at = time.monotonic()
            with ExitStack() as stack:
                audio = stack.enter_context(self._audio())
                whole = _info(self._job.source, audio, self._session)
                self.targets, self.warnings = self._missing_outputs(whole), audio.warnings
                self._seconds = audio.duration or 0.0
                info = self._of_channel(whole)
                self.stored = self._remembered(info)
                if self.targets and not (self.stored and self.stored.complete):
                    stack.pop_all()  # whoever reads it closes it
                    self._sound = audio
                    known = self.stored.info if self.stored else info
                    since = self.stored.mark if self.stored else None
                    recorded = replace(known, duration=audio.duration)
                    self._recording = Recording(audio, recorded, since)
        return self._recording

    def _missing_outputs(self, info: Info) -> tuple[Target, ...]:
        """List the outputs to be written, claimed: another run may be about to write them."""
        targets = missing_outputs(self._job, info, self._session)
        claimed = _claimed(targets)
        if claimed is None:
            return tuple(targets)
        self._claims.take(self.number, self.name, claimed)
        return tuple(missing_outputs(self._job, info, self._session))

    def journal(self) -> SegmentJournal | None:
        """Open the journal of what is told of it; None where nothing would find it again.

        Raises OutputError where it can't be written beside the outputs: they could not be, either.
        """
        path = self._journal_path()
        if self._journal_key is None or path is None:
            return None
        try:
            return SegmentJournal(path, self._journal_key, self.stored, self._session.output_index)
        except OutputError as error:
            if self.kept is None or path.parent != self.kept.parent:
                raise
            logger.warning("%s: a run that is cut off will start over", error.message)
            return None

    @property
    def started(self) -> bool:
        """Say whether a run of ours was at it before, and was cut off."""
        path = self._journal_path()
        return path is not None and is_journal(path)

    @property
    def kept(self) -> Path | None:
        """Where its finished segments are kept; None where they aren't."""
        if self._journal_key is None or self._session.history is None:
            return None
        return self._session.history / f"{self._journal_key}.jsonl"

    def _remembered(self, info: Info) -> JournalContent | None:
        """Find what earlier runs told of the same work, and clear up where nothing is to do."""
        if info.provenance.input_sha256 is None:
            return None
        self._journal_key = words_key(info)
        path = self._journal_path()
        if not self.targets:
            if path is not None and read(path, self._journal_key, info):
                path.unlink(missing_ok=True)  # a run was killed between its output and this
            return None
        if self._session.starts_over:
            return None
        found = None
        if self.kept is not None and not self._session.overwrite:
            found = read(self.kept, self._journal_key, info)
        if found is not None and not found.complete:
            found = None  # damaged: another file is to be gone on with
        if found is None and path is not None and self._session.can_resume:
            found = read(path, self._journal_key, info)
            self._left = path if found and found.complete else None
        return found

    def clear(self) -> None:
        """Take away a journal whose outputs are there now."""
        if self._left is not None:
            self._left.unlink(missing_ok=True)

    def _journal_path(self) -> Path | None:
        for target in self.targets or self._job.targets:
            if target.pattern and not target.needs_language and not special(Path(target.pattern)):
                part = "" if self.channel is None else f".{self.channel + 1}"
                return beside(Path(target.pattern), f"{part}.journal")
        return None if self.kept is None else self.kept.with_suffix(".partial")

    def close(self) -> None:
        """Close an input that nobody reads; it may be opened again."""
        if self._recording is not None:
            self._recording.audio.close()
        self._recording = None

    def finished(self, info: Info | None = None) -> InputDone:
        """Note the outputs that are there now; without `info`, nothing was to be done."""
        elapsed = time.monotonic() - self._started_at
        if info is None:
            return InputDone(self.number, self.name, (), self._seconds, elapsed, skipped=True)
        outputs = published(self.targets, info, self._session)
        position = self._recording.audio.position if self._recording else info.duration
        seconds = position or self._seconds
        problems, language = info.warnings, info.language
        return InputDone(self.number, self.name, outputs, seconds, elapsed, problems, language)

    def checked(self, info: Info) -> Info:
        """Mark what is known in the end of an input that changed while it was read."""
        if self._sound is None or not self._sound.changed:
            return info
        provenance = replace(info.provenance, complete=False)
        warnings = (*info.warnings, CHANGED)
        return replace(info, changed=True, provenance=provenance, warnings=warnings)

    def sound(self) -> Audio:
        """Open what it is heard from; raises AudioError."""
        options = self._session.provenance.options
        if self.channel is not None and self._job.source.path is None:
            raise AudioError(
                f"{self.name} can be read once, and --speakers channels reads it more often",
                hint="save it in a file first",
            )
        return open_audio(
            self._job.source,
            track=options.track or None,
            language=options.language,
            channel=options.channel if self.channel is None else str(self.channel + 1),
            raw=parse_raw(options.raw) if options.raw else None,
            clip=options.clip,
            plain=options.mode is Mode.exact and not options.vad,
        )

    def _audio(self) -> Audio:
        audio = self.sound()
        if self.channel is not None and audio.channels != len(self.group):
            audio.close()
            raise AudioError(
                f"--speakers channels takes {len(self.group)} channels, and {self.name} has "
                f"{audio.channels}",
                hint="--speakers auto tells voices apart",
            )
        return audio

    def _of_channel(self, info: Info) -> Info:
        """Name the work of one channel as if it alone had been asked for."""
        if self.channel is None:
            return info
        options = replace(info.provenance.options, channel=str(self.channel + 1))
        return replace(info, provenance=replace(info.provenance, options=options))


def _claimed(targets: Sequence[Target]) -> str | None:
    """Name what is claimed for outputs: the same in each format; None where there is no file."""
    for target in targets:
        if target.pattern and not special(Path(target.pattern)):
            return target.pattern.removesuffix(f".{target.format.suffix}")
    return None


def _info(source: Source, audio: Audio, session: Session) -> Info:
    """Say what is known before decoding; a stream's hash is known only after it."""
    sha256 = audio.sha256 if source.path is not None else None
    options = replace(session.provenance.options, track=audio.track)
    provenance = replace(
        session.provenance, options=options, input=source.name, input_sha256=sha256
    )
    return Info(source.name, provenance, warnings=audio.warnings)
