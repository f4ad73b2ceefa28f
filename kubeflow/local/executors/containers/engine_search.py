"""Which container engine a job gets: the one that is named, or the first of the usual places that answers."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from kubeflow.core.errors import KubeflowError
from kubeflow.core.stdlib import json
from kubeflow.local.executors.containers.container_engine import ContainerEngine, EngineFacts
from kubeflow.local.executors.containers.engine_connection import require_package
from kubeflow.local.executors.containers.engine_errors import EngineNotFound, EngineRefused, EngineUnreachable
from kubeflow.local.job.container_plan import EngineKind, EnginePlan

_TIMEOUT = 20  # seconds that an engine may take to answer
_DOCKER_CONFIG = "DOCKER_CONFIG"
_INSTALL = (
    "Install one and start it: docker (https://docs.docker.com/engine/install/), or podman "
    "(https://podman.io/docs/installation, then `systemctl --user start podman.socket`). If it is there, name its "
    "socket: ContainerBackendConfig(container_host='unix:///path/to/docker.sock'), or DOCKER_HOST."
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an engine may be. `origin` says who says so; `named` that somebody does, so that no other will do."""

    host: str
    origin: str
    named: bool
    certificates: str | None = None


def find_engine(
    host: str | None = None,
    kind: EngineKind | None = None,
    *,
    keep: bool = False,
    environ: Mapping[str, str] | None = None,
) -> EnginePlan:
    """Return the engine for jobs of this process.

    The first of: `host`, the environment variables `DOCKER_HOST` and `CONTAINER_HOST`, the current context of docker's
    command line (`DOCKER_CONTEXT`, else `docker context use`), and the sockets that docker and podman have by
    themselves, those of this user before those of the system. An engine that is named has to answer. Of the sockets,
    the first one that answers and is of the wanted kind counts.

    Args:
        host: The URL of an engine: `unix:///...`, or `tcp://...` of this machine.
        kind: `"docker"` or `"podman"`; `None` takes either.
        keep: Whether finished containers stay until their job is deleted.
        environ: The environment of the caller. Default: that of this process.

    Raises:
        EngineNotFound: None answers, with all that was tried; or the one that is named is of the other kind, or of
            another machine.
        InvalidInput: Without the package `docker`.
    """
    tried: list[str] = []
    for place in _places(host, kind, os.environ if environ is None else environ):
        _refuse_elsewhere(place)
        if not place.named and not _is_there(place.host):
            tried.append(f"{place.host} (there is no such socket)")
            continue
        try:
            with ContainerEngine(place.host, place.certificates, timeout=_TIMEOUT) as engine:
                facts = engine.facts()
        except EngineUnreachable as error:
            if place.named:
                raise EngineNotFound(f"{place.origin} names an engine that does not answer: {error}") from error
            tried.append(f"{place.host} ({error.__cause__})")
            continue
        if kind is not None and facts.kind != kind:
            if place.named:
                raise EngineNotFound(
                    f"{place.origin} names {place.host}, which is {facts.kind}, and container_runtime={kind!r} asks "
                    f"for {kind}: name a socket of {kind}, or leave container_runtime out."
                )
            tried.append(f"{place.host} (it is {facts.kind}, and {kind} is wanted)")
            continue
        return EnginePlan(
            facts.kind, place.host, place.certificates, here=_is_here(facts), rootless=facts.rootless, keep=keep
        )
    raise EngineNotFound(f"No container engine answers. Tried: {'; '.join(tried)}. {_INSTALL}")


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """A place where an engine may be, and what came of asking there.

    Attributes:
        host: The URL.
        origin: Who says that one is there, like `"DOCKER_HOST"`; empty for the sockets that engines have by themselves.
        facts: What the engine says of itself; `None` where none answers.
        problem: Why none answers; `None` where one does, and for a socket that is not there.
    """

    host: str
    origin: str
    facts: EngineFacts | None = None
    problem: KubeflowError | None = None


def seen_engines(timeout: int, environ: Mapping[str, str] | None = None) -> Iterator[EngineSeen]:
    """Yield each place where `find_engine` looks for an engine, and what is there.

    Args:
        timeout: Seconds that an engine may take to answer.
        environ: As for `find_engine`.

    Raises:
        EngineNotFound: Settings of docker's command line cannot be read.
        InvalidInput: Without the package `docker`.
    """
    require_package()
    for place in _places(None, None, os.environ if environ is None else environ):
        origin = place.origin if place.named else ""
        if not place.named and not _is_there(place.host):
            yield EngineSeen(place.host, origin)
            continue
        try:
            _refuse_elsewhere(place)
            with ContainerEngine(place.host, place.certificates, timeout=timeout) as engine:
                yield EngineSeen(place.host, origin, engine.facts())
        except (EngineNotFound, EngineUnreachable, EngineRefused) as error:
            yield EngineSeen(place.host, origin, problem=error)


def _is_here(facts: EngineFacts) -> bool:
    """Return whether containers are processes of this machine: an engine in a virtual machine has another kernel."""
    here = os.uname()
    return sys.platform == "linux" and (facts.name, facts.kernel) == (here.nodename, here.release)


def _places(host: str | None, kind: EngineKind | None, environ: Mapping[str, str]) -> Iterator[_Place]:
    certificates = None
    if environ.get("DOCKER_TLS_VERIFY"):
        certificates = environ.get("DOCKER_CERT_PATH") or str(_docker_folder(environ))
    if host is not None:
        yield _Place(host, "container_host", named=True, certificates=certificates if "tcp:" in host else None)
        return
    for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
        if address := environ.get(variable, "").strip():
            yield _Place(address, variable, True, certificates if variable == "DOCKER_HOST" else None)
            return
    if kind != "podman" and (context := _context(environ)) is not None:
        yield context
        return
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    home = Path(environ.get("HOME") or "~").expanduser()
    sockets = {
        "docker": (f"{runtime}/docker.sock", home / ".docker/run/docker.sock", "/var/run/docker.sock"),
        "podman": (
            f"{runtime}/podman/podman.sock",
            home / ".local/share/containers/podman/machine/podman.sock",
            "/run/podman/podman.sock",
        ),
    }
    for names in (sockets[kind],) if kind else sockets.values():
        for socket in names:
            yield _Place(f"unix://{socket}", "this machine", named=False)


def _is_there(host: str) -> bool:
    try:
        return Path(host.removeprefix("unix://")).exists()
    except PermissionError:  # then asking says so
        return True


def _refuse_elsewhere(place: _Place) -> None:
    scheme, _, rest = place.host.partition("://")
    machine = rest.partition("/")[0].rpartition(":")[0] or rest
    if scheme == "unix" and rest.startswith("/"):
        return
    if scheme in ("tcp", "http", "https") and machine in ("localhost", "127.0.0.1", "[::1]", "host.docker.internal"):
        return
    if scheme in ("tcp", "http", "https", "ssh"):
        raise EngineNotFound(
            f"{place.origin} names {place.host}, an engine of another machine. Jobs of this client are kept in folders "
            "of this machine, which their containers mount: name a socket of this machine, or use a cluster."
        )
    raise EngineNotFound(
        f"{place.origin} names {place.host!r}, which is no URL of an engine: write 'unix:///path/to/docker.sock'."
    )


def _docker_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(_DOCKER_CONFIG) or Path(environ.get("HOME") or "~").expanduser() / ".docker")


def _context(environ: Mapping[str, str]) -> _Place | None:
    """Return the engine of docker's current context, `None` for the default one.

    https://docs.docker.com/engine/manage-resources/contexts/: a context is a folder named by the SHA-256 of its name.
    """
    folder = _docker_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext") or "default"
    if name == "default":
        return None
    digest = hashlib.sha256(str(name).encode()).hexdigest()
    origin = f"docker's context {name!r}"
    endpoints = _read(folder / "contexts/meta" / digest / "meta.json").get("Endpoints")
    host = _item(_item(endpoints, "docker"), "Host")
    if not host:
        raise EngineNotFound(
            f"{origin} is the current one, and names no engine below {folder / 'contexts'}: run `docker context ls`, "
            "and choose one that is there with `docker context use`."
        )
    if _item(_item(endpoints, "docker"), "SkipTLSVerify") is True:
        raise EngineNotFound(
            f"{origin} skips the check of the engine's certificate, so that anybody could be the engine at {host}: "
            "give it the certificate of the authority; `docker context update --help` says how."
        )
    certificates = folder / "contexts/tls" / digest / "docker"
    return _Place(str(host), origin, named=True, certificates=str(certificates) if certificates.is_dir() else None)


def _read(path: Path) -> dict[str, object]:
    try:
        data: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EngineNotFound(
            f"{path} of docker's command line cannot be read: {error}. Repair or remove it."
        ) from error
    return cast("dict[str, object]", data) if isinstance(data, dict) else {}


def _item(data: object, name: str) -> object:
    return cast("dict[str, object]", data).get(name) if isinstance(data, dict) else None


def facts_of(plan: EnginePlan) -> EngineFacts:
    """Return what the engine of a job says of itself.

    Raises:
        KubeflowError: It does not answer.
    """
    with ContainerEngine.of(plan, timeout=_TIMEOUT) as engine:
        return engine.facts()
