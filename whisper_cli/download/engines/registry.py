"""Which engine pulls: the table of their names, and what `auto` stands for."""

from whisper_cli.choices import EngineName
from whisper_cli.download.types import Transfer

__all__ = ["EngineName", "choose"]


def choose(name: EngineName) -> Transfer:
    """Return an engine; all jobs of a pull go through one, so that they share `limit_rate`.

    `auto` never takes hf_transfer: it holds whole chunks, which alone breaks the memory limit.
    """
    from whisper_cli.download.engines.hf_transfer import HfTransfer
    from whisper_cli.download.engines.ranges import Ranges
    from whisper_cli.download.engines.xet import Xet

    engines: dict[EngineName, type[HfTransfer | Ranges | Xet]] = {
        EngineName.auto: Ranges,
        EngineName.hf_transfer: HfTransfer,
        EngineName.ranges: Ranges,
        EngineName.xet: Xet,
    }
    return engines[name]()
