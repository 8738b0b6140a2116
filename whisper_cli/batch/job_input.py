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
from whisper_cli.batch.outputs import published, still_to_write
from whisper_cli.batch.session import Session
from whisper_cli.batch.targets import BatchJob, Target, special
from whisper_cli.choices import Mode
from whisper_cli.engine.events import Recording
from whisper_cli.errors import AudioError, OutputError
from whisper_cli.transcript import Info

logger = logging.getLogger("whisper_cli")

CHANGED = "the file changed while it was read: the text may be of a mixture"


class JobInput:
    """One job under way, or a `channel` of it (from 0), as an Input of the engine.

    `number` is the job's place among them, `group` the channels of the same job. `wanted` turns
    false where its outputs can't be written any more.
    """

    def __init__(
        self, number: int, job: BatchJob, work: Session, claims: Claims, channel: int | None = None
    ) -> None:
        self.number = number
        self.channel = channel
        self.group: tuple[JobInput, ...] = (self,)
        self.wanted = True
        self.targets: tuple[Target, ...] = ()
        self._job, self._work, self._claims = job, work, claims
        self._began = time.monotonic()
        self._seconds = 0.0
        self._recording: Recording | None = None
        self._sound: Audio | None = None
        self._work_name: str | None = None
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
            self._began = time.monotonic()
            with ExitStack() as stack:
                audio = stack.enter_context(self._audio())
                whole = _info(self._job.source, audio, self._work)
                self.targets = self._still_to_write(whole)
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

    def _still_to_write(self, info: Info) -> tuple[Target, ...]:
        """List the outputs to be written, claimed: another run may be about to write them."""
        targets = still_to_write(self._job, info, self._work)
        claimed = _claimed(targets)
        if claimed is None:
            return tuple(targets)
        self._claims.take(self.number, self.name, claimed)
        return tuple(still_to_write(self._job, info, self._work))

    def journal(self) -> SegmentJournal | None:
        """Open the journal of what is told of it; None where nothing would find it again.

        Raises OutputError where it can't be written beside the outputs: they could not be, either.
        """
        place = self._journal_place()
        if self._work_name is None or place is None:
            return None
        try:
            return SegmentJournal(place, self._work_name, self.stored, self._work.output_index)
        except OutputError as error:
            if self.kept is None or place.parent != self.kept.parent:
                raise
            logger.warning("%s: a run that is cut off will start over", error.message)
            return None

    @property
    def begun(self) -> bool:
        """Say whether a run of ours was at it before, and was cut off."""
        place = self._journal_place()
        return place is not None and is_journal(place)

    @property
    def kept(self) -> Path | None:
        """Where its finished segments are kept; None where they aren't."""
        if self._work_name is None or self._work.history is None:
            return None
        return self._work.history / f"{self._work_name}.jsonl"

    def _remembered(self, info: Info) -> JournalContent | None:
        """Find what earlier runs told of the same work, and clear up where nothing is to do."""
        if info.provenance.input_sha256 is None:
            return None
        self._work_name = words_key(info)
        place = self._journal_place()
        if not self.targets:
            if place is not None and read(place, self._work_name, info):
                place.unlink(missing_ok=True)  # a run was killed between its output and this
            return None
        if self._work.starts_over:
            return None
        found = None
        if self.kept is not None and not self._work.overwrite:
            found = read(self.kept, self._work_name, info)
        if found is not None and not found.complete:
            found = None  # damaged: another file is to be gone on with
        if found is None and place is not None and self._work.goes_on:
            found = read(place, self._work_name, info)
            self._left = place if found and found.complete else None
        return found

    def clear(self) -> None:
        """Take away a journal whose outputs are there now."""
        if self._left is not None:
            self._left.unlink(missing_ok=True)

    def _journal_place(self) -> Path | None:
        for target in self.targets or self._job.targets:
            if target.pattern and not target.needs_language and not special(Path(target.pattern)):
                part = "" if self.channel is None else f".{self.channel + 1}"
                return Path(f"{target.pattern}{part}.journal")
        return None if self.kept is None else self.kept.with_suffix(".partial")

    def close(self) -> None:
        """Close an input that nobody reads; it may be opened again."""
        if self._recording is not None:
            self._recording.audio.close()
        self._recording = None

    def finished(self, info: Info | None = None) -> InputDone:
        """Note the outputs that are there now; without `info`, nothing was to be done."""
        elapsed = time.monotonic() - self._began
        if info is None:
            return InputDone(self.number, self.name, (), self._seconds, elapsed, skipped=True)
        outputs = published(self.targets, info, self._work)
        heard = self._recording.audio.position if self._recording else info.duration
        seconds = heard or self._seconds
        doubts, language = info.warnings, info.language
        return InputDone(self.number, self.name, outputs, seconds, elapsed, doubts, language)

    def checked(self, info: Info) -> Info:
        """Mark what is known in the end of an input that changed while it was read."""
        if self._sound is None or not self._sound.changed:
            return info
        provenance = replace(info.provenance, complete=False)
        warnings = (*info.warnings, CHANGED)
        return replace(info, changed=True, provenance=provenance, warnings=warnings)

    def sound(self) -> Audio:
        """Open what it is heard from; raises AudioError."""
        options = self._work.provenance.options
        if self.channel is not None and self._job.source.path is None:
            raise AudioError(
                f"{self.name} can be read once, and --speakers channels reads it more often",
                hint="save it in a file first",
            )
        return open_audio(
            self._job.source,
            track=options.track,
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


def _info(source: Source, audio: Audio, work: Session) -> Info:
    """Say what is known before decoding; a stream's hash is known only after it."""
    sha256 = audio.sha256 if source.path is not None else None
    return Info(source.name, replace(work.provenance, input=source.name, input_sha256=sha256))
