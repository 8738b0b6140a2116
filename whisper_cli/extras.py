"""How the parts that not everybody needs are installed."""


def install_hint(extra: str) -> str:
    """Return what to type for an extra.

    It names the clone: the distribution, fast-whisper-cli, is not published yet, and `whisper-cli`
    on the package index is another program.
    """
    return f"pip install '.[{extra}]' in the clone of whisper-cli"
