"""JSON lines for streams, which can hold several inputs: schema/jsonl-1.json describes them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from whisper_cli.formats.json import Members, dump, duration, entry, language, problems, times
from whisper_cli.formats.options import FormatOptions
from whisper_cli.transcript import Info, Segment


@dataclass(frozen=True, slots=True)
class Jsonl:
    """Write an `info` line, a `segment` line for each, and an `end` line, all naming `source`.

    A `partial` line, where they are wanted, says what comes again in the segments after it.
    """

    source: str

    def begin(self, info: Info) -> str:
        """Write what is known before the first segment."""
        provenance = asdict(info.provenance)
        return self._line(
            "info", {"schema": "whisper-cli/jsonl/1", **language(info), "provenance": provenance}
        )

    def segment(self, number: int, segment: Segment) -> str:
        """Write the same object as in the JSON document."""
        return self._line("segment", entry(number, segment))

    def partial(self, segment: Segment) -> str:
        """Write what a phrase says so far that is still spoken."""
        return self._line("partial", {**times(segment), "text": segment.text.strip()})

    def closing(self, info: Info, number: int) -> str:  # noqa: ARG002 - each line stands alone
        """Write nothing."""
        return ""

    def end(self, info: Info, segments: Sequence[Segment]) -> str:
        """Write what only the end tells: `provenance.complete` says whether it is the real one."""
        provenance = asdict(info.provenance)
        return self._line(
            "end",
            {
                "duration": duration(info),
                "segments": len(segments),
                **problems(info),
                "provenance": provenance,
            },
        )

    def _line(self, kind: str, members: Members) -> str:
        return dump({"type": kind, "source": self.source, **members}) + "\n"


def writer(options: FormatOptions) -> Jsonl:
    """Make the writer of one input's lines."""
    return Jsonl(options.input_name)
