"""Words in our names that no well-known package of the field uses.

`python -m benchmarks.vocabulary` counts them. A word counts where it stands three times or more in
our identifiers (split at underscores and capitals) and nowhere in those of the packages below,
which pip brings. Names of libraries that we call count like ours.
"""

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import tokenize
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGES = (
    *("pipx", "httpie", "httpx", "llm", "stamina", "huggingface_hub", "rich"),
    *("faster-whisper", "whisperx", "stable-ts", "yt-dlp"),
)
MINIMUM = 3  # uses of a word below which it is no part of our vocabulary
_LEFT_OUT = re.compile(r"yt_dlp/extractor/")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words_of(source: str) -> Iterator[str]:
    """Yield the words of each identifier, in lower case, as often as it stands there."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                yield from (word.lower() for word in _WORD.findall(token.string) if len(word) > 1)
    except (tokenize.TokenError, SyntaxError):
        return


def sources_in(archive: Path) -> Iterator[str]:
    """Yield the Python files of a wheel or a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.endswith(".py") and not _LEFT_OUT.search(name):
                    yield wheel.read(name).decode(errors="replace")
        return
    with tarfile.open(archive) as sources:
        for member in sources:
            if member.isfile() and member.name.endswith(".py"):
                file = sources.extractfile(member)
                yield file.read().decode(errors="replace") if file else ""


def words_of_the_field(folder: Path) -> set[str]:
    """Return every word of the packages, downloaded to `folder` where they aren't there."""
    if not any(folder.iterdir()):
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        subprocess.run([*pip, *PACKAGES], check=True)
    return {
        word
        for archive in folder.iterdir()
        for text in sources_in(archive)
        for word in words_of(text)
    }


def main() -> None:
    """Print how many words are ours alone, and which."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="a folder with the packages already in it")
    parser.add_argument("tree", nargs="?", type=Path, default=Path("whisper_cli"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as contains:
        known = words_of_the_field(asked.packages or Path(contains))
    owned = Counter(
        word for path in asked.tree.rglob("*.py") for word in words_of(path.read_text("utf-8"))
    )
    often = {word: count for word, count in owned.items() if count >= MINIMUM}
    alone = sorted(set(often) - known, key=lambda word: (-often[word], word))
    print(f"{len(often)} words used {MINIMUM} times or more, {len(alone)} of them nowhere else")
    print(" ".join(f"{word}:{often[word]}" for word in alone))


if __name__ == "__main__":
    main()
