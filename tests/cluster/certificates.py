"""Authorities and certificates, made by openssl: for servers, clients and proxies that are reached by TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path

    def serving(self, clients: Path | None = None) -> ssl.SSLContext:
        """Return the context of a server; with `clients`, it asks for a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """An authority that signs certificates.

    Args:
        folder: Where the files go.
        name: Of the authority.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self.certificate = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        _openssl("req", "-x509", *_KEY, "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate)

    @cached_property
    def here(self) -> Certificate:
        """The certificate of a server at 127.0.0.1."""
        return self.issue("here", "IP:127.0.0.1")

    def issue(self, name: str, subject: str = "") -> Certificate:
        """Return a certificate whose common name is `name`; `subject` like `"DNS:cluster.example"` makes it a server's."""
        made = Certificate(self._folder / f"{self._name}-{name}.crt", self._folder / f"{self._name}-{name}.key")
        alternative = ["-addext", f"subjectAltName={subject}"] if subject else []
        _openssl("req", "-x509", *_KEY, "-CA", self.certificate, "-CAkey", self._key, "-subj", f"/CN={name}", *alternative,
                 "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", made.key, "-out", made.certificate)  # fmt: skip
        return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
