"""`python -m whisper_cli`."""

from whisper_cli.cli import entry

entry()
