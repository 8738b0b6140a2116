"""Which of the audio tracks of a container is heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whisper_cli.errors import AudioError, ConfigError
from whisper_cli.languages import code_of
from whisper_cli.texts import printable

_MOST = 12  # tracks that a message lists
LONGEST_NAME = 30  # characters of a language or codec, as a container calls it
_EXPORT = "export it as WAV, MP3 or M4A with the program or device that made it"


@dataclass(frozen=True, slots=True)
class Track:
    """One audio track, its `number` counted from 1, as the container describes it.

    `aside` says what it holds instead of what is said, such as a commentary. One that isn't
    `probed` is announced, and nothing of it was found where FFmpeg looked.
    """

    number: int
    tag: str | None = None
    codec: str = ""
    decodable: bool = True
    probed: bool = True
    default: bool = False
    aside: str | None = None

    @property
    def language(self) -> str | None:
        """The code of its language, where its tag is of one that Whisper knows."""
        return code_of_tag(self.tag or "")

    def __str__(self) -> str:
        """Describe it: its number, its language, and what sets it apart."""
        named = self.tag if self.tag and self.tag != "und" else None
        marks = [
            self.language or (printable(named[:LONGEST_NAME]) if named else "no language"),
            *(["default"] if self.default else []),
            *([self.aside] if self.aside else []),
            *([] if self.decodable else [f"{self.codec}, can't be decoded"]),
        ]
        return f"{self.number}: {', '.join(marks)}"


def chosen(tracks: Sequence[Track], number: int | None, language: str | None, name: str) -> Track:
    """Choose the track that is heard: `number`, or else what is most likely meant.

    That is one that can be decoded and holds what is said: the one in `language`, else the
    default one, else the first. Raises AudioError where there is none.
    """
    if number is not None:
        return _numbered(tracks, number, name)
    found = [track for track in tracks if track.decodable]
    if not found:
        which = tracks[0].codec if len(tracks) == 1 else listed(tracks)
        raise AudioError(
            f"the audio in {name} is in a format that FFmpeg can't decode ({which})", hint=_EXPORT
        )
    for preferred in _preferences(language):
        found = [track for track in found if preferred(track)] or found
    return found[0]


def _preferences(language: str | None) -> Sequence[Callable[[Track], bool]]:
    return (
        lambda track: track.probed,
        lambda track: track.aside is None,
        lambda track: language is not None and track.language == language,
        lambda track: track.default,
    )


def _numbered(tracks: Sequence[Track], number: int, name: str) -> Track:
    if not 1 <= number <= len(tracks):
        raise AudioError(
            f"no audio track {number} in {name}: it has {len(tracks)}",
            hint="--track counts audio streams from 1",
        )
    track = tracks[number - 1]
    if track.decodable:
        return track
    others = [item.number for item in tracks if item.decodable]
    raise AudioError(
        f"audio track {number} in {name} is in a format that FFmpeg can't decode ({track.codec})",
        hint=f"--track {others[0]} can be decoded" if others else _EXPORT,
    )


def choice_told(tracks: Sequence[Track], track: Track) -> str:
    """Tell which of several tracks was chosen, where nobody named one."""
    return (
        f"audio track {track.number} of {len(tracks)} was chosen ({listed(tracks)}); "
        "--track N chooses another"
    )


def listed(tracks: Sequence[Track]) -> str:
    """List tracks in a message."""
    more = [f"and {len(tracks) - _MOST} more"] if len(tracks) > _MOST else []
    return "; ".join([*map(str, tracks[:_MOST]), *more])


def code_of_tag(tag: str) -> str | None:
    """Find the first language that a container names; None where Whisper does not know it."""
    try:
        return code_of(tag.partition(",")[0])
    except ConfigError:
        return None
