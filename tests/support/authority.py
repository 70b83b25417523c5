"""A private CA and a server certificate of it, as a company's TLS-inspecting proxy or internal PKI has them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.tools import tool


@dataclass(frozen=True)
class Authority:
    """Files in PEM form: the CA's certificate, and certificate and key of the server."""

    ca: Path
    certificate: Path
    key: Path


def make_authority(folder: Path, *names: str) -> Authority:
    """Make a CA and a certificate for the host names and 127.0.0.1."""
    made = Authority(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    extensions = folder / "extensions"
    listed = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    extensions.write_text(f"subjectAltName={listed}\nauthorityKeyIdentifier=keyid\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca = ["-x509", "-subj", "/CN=private CA", "-addext", "keyUsage=critical,keyCertSign", "-days", "2"]
    _openssl("req", *new_key, *ca, "-keyout", folder / "ca.key", "-out", made.ca)
    _openssl("req", *new_key, "-subj", "/CN=server", "-keyout", made.key, "-out", folder / "request")
    signed_by = ["-CA", made.ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2"]
    _openssl("x509", "-req", "-in", folder / "request", *signed_by, "-extfile", extensions, "-out", made.certificate)
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([tool("openssl"), *arguments], check=True, capture_output=True)
