"""One job under way."""

import time
from contextlib import ExitStack
from dataclasses import replace

from whisper_cli.audio.decode import Audio, open_audio
from whisper_cli.audio.inputs import Source
from whisper_cli.audio.raw import parse_raw
from whisper_cli.batch.outcomes import Finished
from whisper_cli.batch.outputs import published, still_to_write
from whisper_cli.batch.targets import Job, Target
from whisper_cli.batch.work import Work
from whisper_cli.engine.events import Recording
from whisper_cli.transcript import Info


class Doing:
    """One job under way, as an Input of the engine; `number` is its place among them.

    `wanted` turns false where its outputs can't be written any more.
    """

    def __init__(self, number: int, job: Job, work: Work) -> None:
        self.number = number
        self.wanted = True
        self.targets: tuple[Target, ...] = ()
        self._job, self._work = job, work
        self._began = time.monotonic()
        self._seconds = 0.0
        self._recording: Recording | None = None

    @property
    def name(self) -> str:
        """The input's name, as people know it."""
        return self._job.source.name

    @property
    def total(self) -> float | None:
        """Seconds of the input as declared; None where nothing says."""
        return self._recording.info.duration if self._recording else None

    def open(self) -> Recording | None:
        """Open the input, once; None where its outputs are current."""
        if self._recording is None:
            self._began = time.monotonic()
            with ExitStack() as stack:
                audio = stack.enter_context(self._audio())
                info = _info(self._job.source, audio, self._work)
                self.targets = tuple(still_to_write(self._job, info, self._work))
                self._seconds = audio.duration or 0.0
                if self.targets:
                    stack.pop_all()  # whoever reads it closes it
                    self._recording = Recording(audio, replace(info, duration=audio.duration))
        return self._recording

    def close(self) -> None:
        """Close an input that nobody will read."""
        if self._recording is not None:
            self._recording.audio.close()

    def finished(self, info: Info | None = None) -> Finished:
        """Note the outputs that are there now; without `info`, nothing was to be done."""
        elapsed = time.monotonic() - self._began
        if info is None or self._recording is None:
            return Finished(self.name, (), self._seconds, elapsed, skipped=True)
        outputs = published(self.targets, info, self._work)
        seconds = self._recording.audio.position
        return Finished(self.name, outputs, seconds, elapsed, info.warnings, info.language)

    def _audio(self) -> Audio:
        options = self._work.provenance.options
        return open_audio(
            self._job.source,
            track=options.track,
            channel=options.channel,
            raw=parse_raw(options.raw) if options.raw else None,
            clip=options.clip,
        )


def _info(source: Source, audio: Audio, work: Work) -> Info:
    """Say what is known before decoding; a stream's hash is known only after it."""
    sha256 = audio.sha256 if source.path is not None else None
    return Info(source.name, replace(work.provenance, input=source.name, input_sha256=sha256))
