"""How an engine is reached: its socket, TLS, the version of the API that both sides speak, and why it is not."""

from __future__ import annotations

import importlib
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.containers.engine_errors import EngineUnreachable

_START = (
    "Start it again, as with `systemctl start docker` or `systemctl --user start podman.socket`. What it still has of "
    "jobs that have ended is removed when the next job begins."
)
_LOCAL = "unix://"


def require_package() -> None:
    """Make sure that the package is there which drives engines.

    Raises:
        InvalidInput: It is not.
    """
    try:
        importlib.import_module("docker")
    except ImportError as error:
        raise InvalidInput(
            "Jobs in containers need the package 'docker', which drives podman as well: "
            "run `pip install 'kubeflow[container]'`."
        ) from error


def connect(host: str, certificates: str | None, timeout: int) -> Any:
    """Return docker's client of an engine.

    Args:
        host: The engine's URL.
        certificates: A folder with `ca.pem`, `cert.pem` and `key.pem`, for TLS; see `_tls`.
        timeout: Seconds that an answer may take.

    Raises:
        InvalidInput: A certificate is there without its key, or none is there at all; or the file of docker's command
            line, which the package reads logins from, is spoilt.
        Exception: What the package raises when the engine does not answer; see `unreachable`.
    """
    tls = False if certificates is None else _tls(Path(certificates))
    _knock(host, timeout)
    return _client(host, _version(host, timeout, tls), timeout, tls)


def unreachable(host: str, certificates: str | None, error: BaseException) -> EngineUnreachable:
    """Return what is said of an engine that was not reached, with what helps against this cause.

    Args:
        host: The engine's URL.
        certificates: The folder of the certificates, `None` without TLS.
        error: What the package raised.
    """
    causes = list(_causes(error))
    innermost = causes[-1]
    words = (innermost.strerror if isinstance(innermost, OSError) else None) or str(innermost)
    return EngineUnreachable(host, words or type(innermost).__name__, _remedy(host, certificates, causes))


def _remedy(host: str, certificates: str | None, causes: list[BaseException]) -> str:
    import requests.exceptions

    if any(isinstance(cause, PermissionError) for cause in causes):
        return (
            "This user may not use its socket: join the group that owns it, as with `sudo usermod -aG docker $USER` "
            "and a new login, or use a rootless engine."
        )
    if certificates is not None:
        look = (
            f"ook at the certificates in {certificates}: ca.pem is of the authority that signed the engine's "
            f"certificate, which has to name the host of {host}; cert.pem and key.pem are of an authority that the "
            "engine trusts."
        )
        # An engine that wants another certificate may also hang up without a word of TLS.
        told = any(isinstance(cause, (requests.exceptions.SSLError, ssl.SSLError)) for cause in causes)
        return f"L{look}" if told else f"{_START} If it runs, l{look}"
    if not host.startswith(_LOCAL):
        return f"{_START} If it wants TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a docker context."
    return _START


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes. The outer ones repeat the innermost with the names of classes around."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _knock(host: str, timeout: int) -> None:
    """Connect to a socket and hang up: the package forgets to close those that it could not connect."""
    if host.startswith(_LOCAL):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(timeout)
            door.connect(host.removeprefix(_LOCAL))


def _version(host: str, timeout: int, tls: Any) -> str:
    """Return the version of the API that the engine and the package both speak.

    An engine tells it with each answer. The package would ask at `/version`, where podman looks up the package of each
    of its programs, which takes a second.
    """
    import docker.constants

    newest: str = docker.constants.DEFAULT_DOCKER_API_VERSION
    client = _client(host, newest, timeout, tls)
    try:
        told: str = client.get(f"{client.base_url}/_ping", timeout=timeout).headers.get("Api-Version", "")
    finally:
        client.close()
    return min((told, newest), key=lambda text: [int(part) for part in text.split(".")]) if told else "auto"


def _client(host: str, version: str, timeout: int, tls: Any) -> Any:
    import docker
    import docker.utils.config

    try:
        client: Any = docker.APIClient(base_url=host, version=version, timeout=timeout, tls=tls)
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # the package takes its file as it is
        file: object = docker.utils.config.find_config_file()
        if file is None:
            raise
        raise InvalidInput(
            f"{file}, which has the logins of docker's command line, cannot be read ({error}): repair it, or sign in "
            "again with `docker login`."
        ) from error
    # REQUESTS_CA_BUNDLE would count more than the authority of the engine (https://github.com/psf/requests/issues/3829),
    # and no proxy stands before an engine of this machine.
    client.trust_env = False
    return client


def _tls(folder: Path) -> Any:
    """Return how TLS is spoken, as docker's command line does: with no `ca.pem`, authorities of the machine count.

    An engine need not ask for a certificate of its clients: `cert.pem` and `key.pem` may both be absent.
    """
    import docker.tls

    authority, certificate, key = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    there = [path.name for path in (authority, certificate, key) if path.is_file()]
    if not there or certificate.is_file() != key.is_file():
        raise InvalidInput(
            f"The certificates for the container engine are in {folder}, which has {' and '.join(there) or 'none'}: "
            "put ca.pem there, and cert.pem together with key.pem."
        )
    own = (os.fspath(certificate), os.fspath(key)) if key.is_file() else None
    return docker.tls.TLSConfig(
        client_cert=own, ca_cert=os.fspath(authority) if authority.is_file() else None, verify=True
    )
