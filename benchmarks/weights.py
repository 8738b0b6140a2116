"""The models of the benchmark of speech: the same weights in the form that each program reads."""

import subprocess
import sys
from pathlib import Path

from benchmarks.transcribers import Model


def pulled(name: str, converted: Path) -> Model:
    """Pull a model where it isn't here."""
    command = [sys.executable, "-m", "whisper_cli", "pull", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Model(name, Path(done.stdout.strip()).absolute(), converted)


def convert(model: Model, converter: Path, python: Path) -> None:
    """Write a model for openai-whisper and whisper.cpp, unless it was written before.

    `converter` is a script that takes a folder and the two files; who lacks it goes without.
    """
    forms = [model.form(suffix) for suffix in (".pt", ".bin")]
    if all(form.exists() for form in forms) or not converter.is_file():
        return
    model.converted.mkdir(parents=True, exist_ok=True)
    parts = [form.with_suffix(form.suffix + ".part") for form in forms]
    done = subprocess.run([python, converter, model.folder, *parts], check=False)
    if not done.returncode:
        for part, form in zip(parts, forms, strict=True):
            part.rename(form)
