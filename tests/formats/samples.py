"""Transcripts that the golden files show; `python -m tests.formats.samples` writes the files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whisper_cli.formats.registry import Format, FormatOptions, JsonStyle, Writer, writer_for
from whisper_cli.transcript import (
    DecodingOptions,
    Dropped,
    DropReason,
    Info,
    Provenance,
    Redecoded,
    RedecodeReason,
    Segment,
    Word,
)

GOLDEN = Path(__file__).with_name("golden")

INFO = Info(
    source="talks/día 1.mp3",
    provenance=Provenance(
        tool="whisper-cli 0.1.0",
        model="tiny",
        repo="Systran/faster-whisper-tiny",
        revision="d90ca5fe260221311c53c58e660288d3deb8d356",
        device="cpu",
        compute_type="int8",
        options=DecodingOptions(word_timestamps=True, clip=((0.0, 5.5), (3599.0, None))),
        input="talks/día 1.mp3",
        input_sha256="59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e",
        complete=True,
    ),
    language="es",
    language_probability=0.9876543210987,
    duration=7325.5004,
    dropped=(Dropped(12.5, 13.25, " Thank you.", DropReason.phantom),),
    redecoded=(Redecoded(60.5, 71.0, RedecodeReason.repetition, " Hi. Hi. Hi."),),
    warnings=("the last cue ends at 1.0 s, and 9.0 s of speech follow",),
)

SPEECH = (
    Segment(
        start=0.0,
        end=1.9996,
        text=' "¿Qué tal?", dijo; 1 < 2 & 3 --> 4',
        avg_logprob=-0.2261310219764709,
        no_speech_prob=0.01218,
        compression_ratio=1.25,
        words=(
            Word(" ¿Qué", 0.0, 0.4204, 0.91),
            Word(" tal?", 0.4204, 0.9, 0.5),
        ),
        seek=0,
        tokens=(50364, 3841, 50464),
    ),
    Segment(2.5, 59.9996, " مرحبا بالعالم", temperature=0.2, seek=250, tokens=(1,)),
    Segment(59.9996, 61.0, "世界、こんにちは。", seek=250),
    Segment(3599.994, 3600.9999, " 👩‍👩‍👧 family\n\n [0:12]\tsecond line ", seek=359900),
    Segment(7325.4, 7325.3, " Bell\x07 and half a pair \ud83d.", seek=359900),
)


def unfinished(info: Info) -> Info:
    """Take away what only the end of an input tells."""
    return replace(
        info,
        duration=None,
        dropped=(),
        redecoded=(),
        warnings=(),
        provenance=replace(info.provenance, complete=False),
    )


def opened(writer: Writer, info: Info, segments: Sequence[Segment]) -> str:
    """Write a transcript without its end."""
    cues = [writer.segment(number, segment) for number, segment in enumerate(segments, 1)]
    return writer.begin(unfinished(info)) + "".join(cues)


def written(writer: Writer, info: Info, segments: Sequence[Segment]) -> str:
    """Write a whole transcript."""
    return opened(writer, info, segments) + writer.end(info, segments)


def golden() -> dict[str, str]:
    """Give each golden file's name and what it should hold."""
    kinds = [(f"{kind}", kind, JsonStyle.native) for kind in Format if kind is not Format.json]
    kinds += [(f"{style}.json", Format.json, style) for style in JsonStyle]
    silent = replace(INFO, language=None, language_probability=0.0)
    return {
        f"{name}.{suffix}": written(
            writer_for(kind, FormatOptions(style), info.source), info, segments
        )
        for name, info, segments in (("speech", INFO, SPEECH), ("silence", silent, ()))
        for suffix, kind, style in kinds
    }


if __name__ == "__main__":
    for name, text in golden().items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
