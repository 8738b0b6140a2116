# `just` lists the recipes; each runs in the active environment (pip install -e '.[dev]').

_list:
    @just --list

# every test, as the continuous integration runs them (about 12 minutes on two cores)
test:
    pytest

# the tests that need no real model (about 4 minutes)
fast *ARGS:
    pytest -m "not slow" {{ARGS}}

# the linters and the type checker
lint:
    ruff check .
    ruff format --check .
    mypy
    codespell

# the pages of docs/, served on this machine
docs:
    python docs/generate.py
    mkdocs serve

# the words of our names that no well-known package of the field uses
vocabulary:
    python -m benchmarks.vocabulary

# the folder row against faster-whisper, on a quiet machine
bench:
    python -m benchmarks.transcribe folder
