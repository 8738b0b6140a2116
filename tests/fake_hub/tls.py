"""A certificate authority that nobody knows but the test, made by the `openssl` program."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:::1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """The files of an authority: `ca` is for clients to trust (`SSL_CERT_FILE`)."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Build the server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_authority(folder: Path) -> Authority:
    """Make an authority and a certificate for loopback in a folder; needs OpenSSL 3."""
    (folder / "openssl.cnf").write_text(CONFIG)
    issue(folder, "authority", "whisper-cli loopback authority")
    issue(folder, "server", "localhost", "-CA", "authority.pem", "-CAkey", "authority.key")
    return Authority(folder / "authority.pem", folder / "server.pem", folder / "server.key")


def issue(folder: Path, name: str, subject: str, *signed_by: str) -> None:
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    what = ["-subj", f"/CN={subject}", "-extensions", name]
    files = ["-config", "openssl.cnf", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    command = ["openssl", "req", "-x509", *kind, *what, *files, *signed_by]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
