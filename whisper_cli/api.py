"""The library: load a model, transcribe with it, write what it heard."""

import difflib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, Unpack

import numpy as np
from numpy.typing import NDArray

from whisper_cli import files
from whisper_cli.arguments import (
    LoadArguments,
    PullArguments,
    TranscribeArguments,
    WriteArguments,
)
from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.pcm import parse_raw
from whisper_cli.audio.sources import Source, Url, UrlLimits, is_url
from whisper_cli.batch.events import InputDone, InputError, Outcome
from whisper_cli.batch.render import render_text
from whisper_cli.batch.request import RunFlags
from whisper_cli.batch.runner import run
from whisper_cli.batch.session import Session, device_request, session_for
from whisper_cli.batch.targets import BatchJob, Target, check_highlight, format_named, special
from whisper_cli.choices import Mode
from whisper_cli.config.derived import pull_options_of
from whisper_cli.config.loader import settings_of
from whisper_cli.config.parsers import one_of
from whisper_cli.config.settings import Settings
from whisper_cli.download.fetch import ensure
from whisper_cli.download.options import PullOptions
from whisper_cli.download.types import Progress
from whisper_cli.engine import engine_for
from whisper_cli.engine.device import ResolvedDevice, resolve_device
from whisper_cli.engine.events import Engine
from whisper_cli.engine.memory import limit_memory
from whisper_cli.engine.model import WhisperEngineModel, resolve_model
from whisper_cli.errors import (
    AudioError,
    ConfigError,
    DownloadError,
    EngineError,
    ModelError,
    OutputError,
    TranscriptError,
    WhisperError,
)
from whisper_cli.formats.readers import ReadTranscript
from whisper_cli.formats.registry import Format
from whisper_cli.formats.text import join_text
from whisper_cli.models.catalog import Model, require_whisper, resolve
from whisper_cli.transcript import DecodingOptions, Dropped, Info, Segment, Word

__all__ = [
    "AudioError",
    "AudioInput",
    "ConfigError",
    "DownloadError",
    "Dropped",
    "EngineError",
    "Info",
    "LoadedModel",
    "ModelError",
    "OutputError",
    "Progress",
    "Segment",
    "Transcript",
    "TranscriptError",
    "WhisperError",
    "Word",
    "load_model",
    "pull",
]

AudioInput: TypeAlias = str | os.PathLike[str] | BinaryIO | NDArray[np.float32]
PullCallback: TypeAlias = Callable[[Progress], object]
_SETTING = {"sources": "source"}  # what the command line calls otherwise
_format = one_of(Format)


def load_model(
    name: str | os.PathLike[str],
    *,
    token: str | None = None,
    progress: PullCallback | None = None,
    **options: Unpack[LoadArguments],
) -> "LoadedModel":
    """Load a model, pulled first where it isn't here.

    `name` is one of the catalogue ("base"), a repository ("owner/name", "owner/name@revision") or
    a folder. `token` and `progress` are those of `pull`; the other options are settings of the
    command line: docs/python-api.md lists them. Neither the configuration file nor the
    environment variables of the settings are read.

    Raises ModelError (DownloadError among them) where the model can't be had or loaded,
    ConfigError for an impossible value, TypeError for an unknown option.
    """
    settings = _settings("load_model", options, LoadArguments)
    model = _model(name)
    require_whisper(model)
    return LoadedModel(model, settings, partial(_fetch_model, settings, token, progress))


def pull(
    name: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    token: str | None = None,
    force: bool = False,
    all_files: bool = False,
    progress: PullCallback | None = None,
    **options: Unpack[PullArguments],
) -> Path:
    """Download a model, verify it, and give its folder; what is here and right isn't fetched.

    `sources` are asked in order: "hub", "index", "peer", "folder:PATH" or the URL of a mirror.
    `folder` takes the files instead of the cache of the hub. `token` is for gated repositories
    (None: HF_TOKEN, or a login). `force` fetches again what is here, `all_files` what isn't
    needed too. `progress` is called about ten times a second with how far one file has come;
    what it raises ends the download, which can be gone on with.

    Raises ModelError for a model that doesn't exist and when offline, else DownloadError;
    ConfigError for an impossible value, TypeError for an unknown option.
    """
    settings = _settings("pull", options, PullArguments)
    destination = Path(folder) if folder is not None else None
    how = pull_options_of(settings, token, destination)
    how = replace(how, force=force, all_files=all_files, checked=True)
    return _fetch(_model(name), how, progress)


class LoadedModel:
    """A model in memory; `load_model` makes one. It may be used from several threads at once.

    `name` is as it was asked for, `folder` where its files are.
    """

    def __init__(
        self, model: Model, settings: Settings, fetch_model: Callable[[Model], Path]
    ) -> None:
        """Load the weights; raises ModelError and ConfigError."""
        self._model, self._fetch_model = model, fetch_model
        self.name = model.name
        self._plan = resolve_device(device_request(model, settings))
        self.folder = fetch_model(model)
        limit_memory(self._plan.workers)
        self._resolve = cache(resolve_model)
        exact = settings.mode is Mode.exact
        plan, weights = self._resolve(self.folder, self._plan.for_one() if exact else self._plan)
        self._weights: WhisperEngineModel = weights()
        self._settings = replace(settings, history=False, batch_size=plan.batch)
        self.device, self.compute_type = plan.device.value, plan.compute_type.value

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name!r} on {self.device}, {self.compute_type}>"

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._weights.multilingual

    def transcribe(self, audio: AudioInput, **options: Unpack[TranscribeArguments]) -> "Transcript":
        """Begin to transcribe, and return once the language is known; the rest is read on demand.

        `audio` is a path, an http(s) address, a file opened in binary mode (read from where it
        stands, and not closed) or an array of samples: float32, one channel, 16 kHz. The options
        are settings of the command line: docs/python-api.md lists them.

        Raises AudioError where the input can't be read, EngineError where the engine fails on it,
        ConfigError for an impossible value, TypeError for an unknown option.
        """
        settings, flags = self._parse(options)
        [source] = _sources([audio], settings)
        segments = _Segments()
        session = self._session(settings, flags)
        transcript = Transcript(source.name, segments, run([_job(source, segments)], session))
        if transcript.error is not None:
            raise transcript.error
        return transcript

    def transcribe_many(
        self, inputs: Iterable[AudioInput], **options: Unpack[TranscribeArguments]
    ) -> "Iterator[Transcript]":
        """Transcribe many inputs, windows of all of them decoded together; much faster than a loop.

        Yields a whole transcript for each input, in the order of the inputs. An input that fails
        doesn't stop the others: its transcript has the `error`, which reading it raises. `inputs`
        are as for `transcribe`, with the same options for all.

        Raises ConfigError and TypeError as `transcribe` does.
        """
        settings, flags = self._parse(options)
        sources = _sources(inputs, settings)
        return _in_order(sources, self._session(settings, flags))

    def _parse(self, options: Mapping[str, Any]) -> tuple[Settings, RunFlags]:
        """Add what is asked of one call to what was asked of the model."""
        _check_names("transcribe", options, TranscribeArguments)
        given = dict(options)
        raw, live = given.pop("raw", None), given.pop("live", False)
        if raw is not None:
            parse_raw(raw := str(raw).lower())
        settings = settings_of(given, self._settings)
        return settings, RunFlags(raw, live=bool(live))

    def _session(self, settings: Settings, flags: RunFlags) -> Session:
        return session_for(
            self._model,
            settings,
            flags,
            fetch_model=self._folder_of,
            write=lambda _: None,
            engines=self._engine,
        )

    def _folder_of(self, model: Model) -> Path:
        """Give a model's folder; one for speakers is pulled where it isn't here."""
        return self.folder if model == self._model else self._fetch_model(model)

    def _engine(
        self,
        folder: Path,
        _plan: ResolvedDevice,  # that of the weights counts
        options: DecodingOptions,
        **how: bool,
    ) -> tuple[Engine, ResolvedDevice]:
        return engine_for(folder, self._plan, options, resolve=self._resolve, **how)


class Transcript:
    """What was heard in one input: iterate over its segments, read its text, write it.

    Segments come as they are decoded; iterating again gives them again. Attributes that need the
    end of the input wait for it, and raise what ended it early: a WhisperError. What was decoded
    until then is what iterating gives before it raises. `source` is the input's name.
    """

    def __init__(self, source: str, segments: "_Segments", outcomes: Iterator[Outcome]) -> None:
        self.source = source
        self.error: WhisperError | None = None
        self._processed, self._outcomes = segments, outcomes
        self._complete = False
        self._turn = threading.Lock()
        while self._advance() and segments.info is None:
            pass

    def __iter__(self) -> Iterator[Segment]:
        """Give the segments in the order of their time. Raises what ended the input early."""
        index = 0
        while self._reaches(index):
            yield self._processed.segments[index]
            index += 1

    def __repr__(self) -> str:
        state = "failed" if self.error else "complete" if self._complete else "under way"
        return f"<Transcript of {self.source!r}, {len(self._processed.segments)} segments, {state}>"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments; waits for the end."""
        return tuple(self)

    @property
    def text(self) -> str:
        """All text, without the space at either end; waits for the end."""
        return join_text(self).strip()

    @property
    def language(self) -> str | None:
        """The code of the language spoken, such as "en"; None where there was no speech."""
        return self.info.language

    @property
    def duration(self) -> float | None:
        """Seconds of sound as read; until the end as declared, None where nothing says."""
        return self.info.duration

    @property
    def warnings(self) -> tuple[str, ...]:
        """Doubts about what was covered; waits for the end."""
        self._read()
        return self.info.warnings

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """Texts that the model said and that were left out, with the reason; waits for the end."""
        self._read()
        return self.info.dropped

    @property
    def info(self) -> Info:
        """All that is known so far. Raises what ended the input before anything was known."""
        if self._processed.info is None:
            raise self.error or _interrupted(self.source)
        return self._processed.info

    def render(self, format: str, **options: Unpack[WriteArguments]) -> str:  # noqa: A002
        """Give the text of an output: txt, srt, vtt, json and the other formats; waits for the end.

        Raises TranscriptError where the format needs times of words and there are none
        (`word_timestamps=True` finds them), ConfigError for an impossible value, TypeError for an
        unknown option.
        """
        return self._rendered(_format(format), options)

    def write(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002
        **options: Unpack[WriteArguments],
    ) -> Path:
        """Write a file, whole or not at all, over one that is there; give its path.

        The suffix chooses the format, unless `format` does. Raises what `render` raises, and
        OutputError where the file can't be written.
        """
        path = Path(path)
        kind = _format(format) if format else format_named(str(path))
        text = self._rendered(kind, options, str(path))
        try:
            if special(path):
                path.write_text(text, encoding="utf-8")
            else:
                files.write_text(Path(os.path.realpath(path)), text)  # a link stays one
        except OSError as error:
            raise OutputError(f"can't write {path}: {error.strerror or error}") from error
        return path

    def _rendered(self, kind: Format, options: Mapping[str, Any], page: str | None = None) -> str:
        settings = _settings("write", options, WriteArguments)
        check_highlight(frozenset({kind}), settings.highlight)
        self._read()
        return render_text(ReadTranscript(self.info, self.segments), kind, settings, page)

    def _read(self) -> None:
        """Read to the end."""
        for _ in self:
            pass

    def _reaches(self, index: int) -> bool:
        """Read on to the segment at `index`; False where there is none."""
        with self._turn:
            while len(self._processed.segments) <= index and self._advance():
                pass
        if len(self._processed.segments) > index:
            return True
        if self._complete:
            return False
        raise self.error or _interrupted(self.source)

    def _advance(self) -> bool:
        """Take what happens next; False where nothing does any more."""
        try:
            outcome = next(self._outcomes, None)
        except WhisperError as error:
            self.error = error
            return False
        if isinstance(outcome, InputError):
            self.error = outcome.error
        self._complete = self._complete or isinstance(outcome, InputDone)
        return outcome is not None


class _Segments:
    """Keeps what a run tells of one input, as the Sink of its output."""

    def __init__(self) -> None:
        self.info: Info | None = None
        self.segments: list[Segment] = []

    def begin(self, info: Info) -> "_Segments":
        self.info = info
        return self

    def add(self, info: Info, number: int, segment: Segment) -> None:  # noqa: ARG002
        self.segments.append(segment)

    def guess(self, segment: Segment) -> None:
        """Leave it out: only what stays is told."""

    def close(self, info: Info, segments: Sequence[Segment]) -> None:  # noqa: ARG002
        self.info = info


def _job(source: Source, segments: _Segments) -> BatchJob:
    return BatchJob(source, (Target(Format.json, sink=segments.begin),))


def _in_order(sources: Sequence[Source], session: Session) -> Iterator[Transcript]:
    """Give the transcript of each source: outputs without a file come in order."""
    kept = [_Segments() for _ in sources]
    for outcome in run(map(_job, sources, kept), session):
        if isinstance(outcome, InputDone | InputError):
            segments, kept[outcome.number] = kept[outcome.number], _Segments()
            yield Transcript(outcome.source, segments, iter([outcome]))


def _interrupted(source: str) -> EngineError:
    return EngineError(f"{source}: its transcription was interrupted", hint="transcribe it again")


def _settings(function: str, options: Mapping[str, Any], known: type) -> Settings:
    """Read keyword arguments as settings. Raises TypeError and ConfigError naming the argument."""
    _check_names(function, options, known)
    return settings_of({_SETTING.get(name, name): value for name, value in options.items()})


def _check_names(function: str, options: Iterable[str], known: type) -> None:
    names = sorted(known.__annotations__)
    for name in options:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            guess = f': did you mean "{close[0]}"?' if close else ""
            raise TypeError(f'{function}() got an unexpected keyword argument "{name}"{guess}')


def _model(name: str | os.PathLike[str]) -> Model:
    """Find a model by its name; a path is one, whatever it is called."""
    return resolve(name if isinstance(name, str) else str(Path(name).absolute()))


def _fetch_model(
    settings: Settings, token: str | None, progress: PullCallback | None, model: Model
) -> Path:
    return _fetch(model, pull_options_of(settings, token), progress)


def _fetch(model: Model, how: PullOptions, progress: PullCallback | None) -> Path:
    def tell(events: Iterator[Progress]) -> None:
        for event in events:
            if progress is not None:
                progress(event)

    return ensure(model, how, show=tell)


def _sources(inputs: Iterable[AudioInput], settings: Settings) -> list[Source]:
    limits = UrlLimits(settings.allow_private_urls, settings.max_url_size, settings.max_url_time)
    return [_source(item).within(limits) for item in inputs]


def _source(audio: AudioInput) -> Source:
    """Tell what an input is. Raises TypeError for what is none."""
    if isinstance(audio, str) and is_url(audio):
        return Source(None, address=Url(audio))
    if isinstance(audio, str | os.PathLike):
        return Source(Path(audio))
    if isinstance(audio, np.ndarray):
        return Source(None, file=_as_wav(audio))
    if hasattr(audio, "read"):
        if not isinstance(audio.read(0), bytes):
            raise TypeError('a file is read in binary mode: open(path, "rb")')
        return Source(None, file=audio)
    raise TypeError(f"{type(audio).__name__} is no path, address, binary file or array of samples")


def _as_wav(samples: NDArray[np.float32]) -> BinaryIO:
    """Give samples a header, which changes none of them. Raises TypeError for other arrays."""
    import soundfile

    if samples.dtype != "float32" or samples.ndim != 1:
        raise TypeError(
            f"samples are float32 of one channel at {SAMPLE_RATE} Hz, "
            f"not {samples.dtype} of shape {samples.shape}"
        )
    wav = io.BytesIO()
    soundfile.write(wav, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    wav.seek(0)
    return wav
