"""Who takes part in the download benchmark: command lines, and the environment they start in."""

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 8
PULL = "whisper-cli pull {repo} --source hub --progress none"
BY = f"--connections {CONNECTIONS} --engine"
FOREIGN = re.compile(r"HF_|HUGGINGFACE_|WHISPER_CLI_|SSL_|CURL_|.*_PROXY$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """A model as the hub serves it: `size` and `sha256` are those of its weights."""

    endpoint: str
    repo: str
    size: int
    sha256: str
    authority: Path | None = None

    @property
    def url(self) -> str:
        """Say where the weights are, for programs that know nothing of models."""
        return f"{self.endpoint}/{self.repo}/resolve/main/model.bin"


@dataclass(frozen=True, slots=True)
class Contender:
    """A command line with blanks for the model; `program` has to be there for it."""

    program: str
    line: str
    line_for_tls: str = ""

    @property
    def missing(self) -> bool:
        return shutil.which(self.program, path=search_path()) is None

    def command(self, model: Served) -> list[str]:
        line = f"{self.line} {self.line_for_tls if model.authority else ''}"
        names = {"repo": model.repo, "url": model.url, "sha256": model.sha256}
        return shlex.split(line.format(**names, authority=model.authority))


AUTO = "whisper-cli"
RANGES = f"whisper-cli, ranges, {CONNECTIONS} connections"
HF_TRANSFER = f"whisper-cli, hf-transfer, {CONNECTIONS} connections"
HF = "hf download"
ARIA2C = f"aria2c -x{CONNECTIONS} --checksum"
CURL = "curl, then sha256sum"

CONTENDERS = {
    AUTO: Contender("whisper-cli", PULL),
    RANGES: Contender("whisper-cli", f"{PULL} {BY} ranges"),
    HF_TRANSFER: Contender("whisper-cli", f"{PULL} {BY} hf-transfer"),
    HF: Contender("hf", "hf download {repo}"),
    ARIA2C: Contender(
        "aria2c",
        "aria2c {url} --out=model.bin --checksum=sha-256={sha256} --no-conf --quiet"
        f" -x{CONNECTIONS} -s{CONNECTIONS} -k1M --file-allocation=falloc",
        "--ca-certificate={authority}",
    ),
    CURL: Contender(
        "curl",
        "sh -c 'curl -sfLo model.bin {url} && echo {sha256} model.bin | sha256sum --check'",
    ),
}


def environment(model: Served, folder: Path) -> dict[str, str]:
    """Make the environment of a machine that has nothing yet and knows only this hub.

    hf gets no Xet, which this hub doesn't have, and spends no time on looking for updates.
    """
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    trust = {"SSL_CERT_FILE", "CURL_CA_BUNDLE"} if model.authority else ()
    own = {
        "PATH": search_path(),
        "HF_ENDPOINT": model.endpoint,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "WHISPER_CLI_CONFIG": str(folder / "config.toml"),
        "WHISPER_CLI_STATE_DIR": str(folder / "state"),
        "WHISPER_CLI_CACHE_DIR": str(folder / "cache"),
    }
    return kept | dict.fromkeys(trust, str(model.authority)) | own


def search_path() -> str:
    """Look for programs beside this interpreter first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
