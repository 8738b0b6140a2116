"""Options that go together: one parameter of a command stands for them, its settings have them."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args

from whisper_cli import options as o

T = TypeVar("T")

DecodingOpts = Annotated[
    None,
    o.ModelOpt,
    o.ModeOpt,
    o.LanguageOpt,
    o.LanguageCandidatesOpt,
    o.MultilingualOpt,
    o.TaskOpt,
    o.WordTimestampsOpt,
    o.InitialPromptOpt,
    o.HotwordsOpt,
    o.BeamSizeOpt,
    o.TemperatureOpt,
    o.CompressionRatioThresholdOpt,
    o.LogProbThresholdOpt,
    o.NoSpeechThresholdOpt,
    o.SuppressTokensOpt,
]
AudioOpts = Annotated[None, o.VadOpt, o.ClipOpt, o.TrackOpt, o.ChannelOpt]
UrlOpts = Annotated[None, o.AllowPrivateUrlsOpt, o.MaxUrlSizeOpt, o.MaxUrlTimeOpt]
NamingOpts = Annotated[None, o.NameOpt, o.JsonStyleOpt, o.ReviewBelowOpt]
CueOpts = Annotated[
    None,
    o.PresetOpt,
    o.MaxLineWidthOpt,
    o.MaxLinesOpt,
    o.MaxCpsOpt,
    o.MinDurationOpt,
    o.MaxDurationOpt,
    o.MinGapOpt,
    o.MaxWordsOpt,
    o.HighlightOpt,
    o.VttSettingsOpt,
]
SpeakerOpts = Annotated[
    None, o.SpeakersOpt, o.SpeakerNamesOpt, o.SegmentationModelOpt, o.EmbeddingModelOpt
]
CareOpts = Annotated[None, o.ReplaceOpt, o.StripFillersOpt, o.MaskProfanityOpt, o.MaskWordsOpt]
MachineOpts = Annotated[
    None, o.DeviceOpt, o.ComputeTypeOpt, o.ThreadsOpt, o.WorkersOpt, o.BatchSizeOpt
]


def spread(command: Callable[..., T]) -> Callable[..., T]:
    """Show Typer each option of a command's groups, where the group stands."""
    own = inspect.signature(command)
    shown = [each for parameter in own.parameters.values() for each in _options(parameter)]

    @wraps(command)
    def call(**given: Any) -> T:
        return command(**{name: given[name] for name in own.parameters if name in given})

    vars(call)["__signature__"] = own.replace(parameters=shown)
    return call


def _options(parameter: Parameter) -> Iterator[Parameter]:
    kind, *members = get_args(parameter.annotation) or (None,)
    if kind is not NoneType:
        yield parameter
        return
    for member in members:
        flag = member.__metadata__[0].default
        yield Parameter(o.setting_of(flag), parameter.kind, default=None, annotation=member)
