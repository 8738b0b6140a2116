"""What a peer makes of words that are there, in its own Python: `regroup.py NAME WIDTH OUT`.

Standard input names the transcripts, one path a line: JSON as whisper-cli writes it, which has the
keys of openai-whisper's. Each becomes STEM.srt in the folder OUT, by the peer's own code; lines may
have WIDTH characters, where the peer can be asked for that.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

Job = Callable[[dict, Path, int], None]  # a transcript, the file to write, the width


def whisper_ctranslate2(result: dict, out: Path, width: int) -> None:
    """Write as `--max_line_width WIDTH --max_line_count 2 --word_timestamps True` does."""
    from whisper_ctranslate2.writers import get_writer

    options = {"max_line_width": width, "max_line_count": 2, "highlight_words": False}
    get_writer("srt", str(out.parent))(result, out.name, options | {"max_words_per_line": None})


def stable_ts(result: dict, out: Path, _width: int) -> None:
    """Regroup as it does by default, which knows no width."""
    regroup(result, out, "da")


def stable_ts_cut(result: dict, out: Path, width: int) -> None:
    """The same, then cut at the width of a line."""
    regroup(result, out, f"da_sl={width}")


def regroup(result: dict, out: Path, algorithm: str) -> None:
    """Regroup by an algorithm in the peer's own language."""
    import stable_whisper

    regrouped = stable_whisper.WhisperResult(result, check_sorted=False).regroup(algorithm)
    regrouped.to_srt_vtt(str(out), word_level=False)


PEERS: dict[str, tuple[str, Job]] = {  # the module, and what to call
    "whisper-ctranslate2": ("whisper_ctranslate2", whisper_ctranslate2),
    "stable-ts": ("stable_whisper", stable_ts),
    "stable-ts, cut": ("stable_whisper", stable_ts_cut),
}


def main() -> None:
    """Regroup every transcript."""
    name, width, out = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        result = json.loads(path.read_text(encoding="utf-8"))
        PEERS[name][1](result, out / f"{path.stem}.srt", width)


if __name__ == "__main__":
    main()
