"""What something that can't be decoded looks like, and what to tell the person who named it."""

from whisper_cli.errors import AudioError

_KINDS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"<!DOCTYPE": "a web page",
    b"<HTML": "a web page",
    b"<?XML": "an XML document",
    b"#EXTM3U": "a playlist",
    b"FFCONCAT": "a playlist",
}
_AUDIO = (
    b"RIFF",
    b"RF64",
    b"FORM",
    b"fLaC",
    b"OggS",
    b".snd",
    b"caff",
    b"ID3",
    b"\x1a\x45\xdf\xa3",
)


def audio_error_of(name: str, head: bytes) -> AudioError:
    """Explain why nothing can decode what begins with `head`."""
    if head[4:8] == b"ftyp":
        return AudioError(
            f"{name} was cut off before its index was written (no moov atom)",
            hint="record, convert or download it again; nothing in it can be decoded as it is",
        )
    if head.startswith(_AUDIO):
        return AudioError(
            f"{name} is damaged, or has a header and no sound", hint="record or download it again"
        )
    kind = _kind(head)
    if kind:
        return AudioError(
            f"{name} is not audio: it looks like {kind}", hint="name an audio or video file"
        )
    return AudioError(
        f"{name} is in no audio format we know",
        hint="if it is headerless PCM, say which: --raw s16le:16000:1",
    )


def _kind(head: bytes) -> str | None:
    start = head.lstrip().upper()
    named = (kind for magic, kind in _KINDS.items() if start.startswith(magic.upper()))
    return next(named, "text" if _is_text(head) else None)


def _is_text(head: bytes) -> bool:
    """Tell UTF-8, cut anywhere, from sound: no control characters but white space."""
    text = head.decode(errors="ignore")
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c.isspace() for c in text)
