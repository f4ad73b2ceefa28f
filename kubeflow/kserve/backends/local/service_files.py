"""The files of a service, in the directory of its job: what it is to be, what its keeper has made of that, events.

Clients write the first, the keeper the second, both the third. A file is replaced as a whole, so that who reads it sees
one state or the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json

_WANTED = "service.json"
_KEPT = "keeper.json"
_EVENTS = "service-events.jsonl"
_LOCK = "service.lock"


@dataclass(frozen=True, slots=True)
class LocalRevision:
    """What was asked for at one time.

    Attributes:
        number: Counts revisions, from 1.
        model: What is served, in words: a URI, or the function.
        uri: Where the model is; empty for a function.
        format: Its format, `None` where the files are to tell.
        trusted: True when a file may be loaded that executes code.
        argv: Command line of a function's server; empty for a model.
        environment: Fields of the `EnvironmentPlan` that a function asks for; `None` for this interpreter.
        env: Variables of the server beside those of the service's environment.
        made: When, in seconds since the epoch.
    """

    number: int
    model: str
    uri: str = ""
    format: str | None = None
    trusted: bool = False
    argv: tuple[str, ...] = ()
    environment: Mapping[str, Any] | None = field(default=None, repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    made: float = 0.0

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class WantedService:
    """What a service is to be.

    Attributes:
        name: The service.
        protocol: What its user speaks to it in.
        revisions: All that were asked for, oldest first.
        wanted: Number of the one that is to answer.
        stopped: True when it is not to run.
        grace: Seconds that requests get when a server ends.
        min_replicas: As asked for; one process serves in any case.
        max_replicas: The same.
    """

    name: str
    protocol: str
    revisions: tuple[LocalRevision, ...]
    wanted: int
    stopped: bool = False
    grace: float = 5.0
    min_replicas: int | None = None
    max_replicas: int | None = None

    __repr__ = repr_of_fields

    def revision(self, number: int) -> LocalRevision:
        """Return a revision by number."""
        return next(revision for revision in self.revisions if revision.number == number)

    @property
    def latest(self) -> LocalRevision:
        """The revision that is to answer."""
        return self.revision(self.wanted)


@dataclass(frozen=True, slots=True)
class KeeperState:
    """What the keeper of a service has made of what was wanted.

    Attributes:
        port: Loopback port of the service; 0 before there is one.
        pid: Of the keeper.
        active: Number of the revision that answers; 0 for none.
        server: Pid of its process; 0 for none.
        loading: Number of the revision that is being loaded; 0 for none.
        format: Format of what answers.
        restarts: How often a server had to be started anew after it had died or hung.
        failed: Why a revision cannot be served, by number.
        trouble: What happened last to a server, in words; empty once another one answers.
        exit_code: Of the server that died last; `None` where none has.
        good: Numbers of the revisions that have answered, newest last.
    """

    port: int = 0
    pid: int = 0
    active: int = 0
    server: int = 0
    loading: int = 0
    format: str = ""
    restarts: int = 0
    failed: Mapping[int, str] = field(default_factory=dict[int, str])
    trouble: str = ""
    exit_code: int | None = None
    good: tuple[int, ...] = ()

    __repr__ = repr_of_fields


class ServiceFiles:
    """The files of one service.

    Args:
        directory: Of its job.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def wanted(self) -> WantedService:
        """Return what the service is to be.

        Raises:
            InvalidInput: It cannot be read: somebody deletes the service, or a later version has written more.
        """
        try:
            data = json.loads((self.directory / _WANTED).read_text(encoding="utf-8"))
            revisions = tuple(_revision(each) for each in data.pop("revisions"))
            return WantedService(revisions=revisions, **data)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InvalidInput(
                f"The service in {str(self.directory)!r} cannot be read ({error}). It is being deleted, it is damaged, "
                "or a later version of kubeflow made it."
            ) from error

    def write_wanted(self, service: WantedService) -> None:
        """Say what the service is to be; only its user can read it, since variables may be secrets."""
        self._replace(_WANTED, asdict(service))

    @contextlib.contextmanager
    def changing(self) -> Generator[WantedService, None, None]:
        """Let one client at a time change what is wanted; it calls `write_wanted` within."""
        with (self.directory / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.wanted()

    def kept(self) -> KeeperState:
        """Return what the keeper has written; nothing where there was none yet."""
        try:
            data = json.loads((self.directory / _KEPT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return KeeperState()
        known = cast("dict[str, Any]", data)
        known["failed"] = {int(number): str(words) for number, words in known.get("failed", {}).items()}
        known["good"] = tuple(known.get("good", ()))
        return KeeperState(**known)

    def write_kept(self, state: KeeperState) -> None:
        """Say what the keeper has made of it."""
        self._replace(_KEPT, asdict(state))

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when one of the files does. Costs microseconds."""
        found: list[int] = []
        for name in (_WANTED, _KEPT, _EVENTS):
            with contextlib.suppress(OSError):
                stat = (self.directory / name).stat()
                found += [stat.st_ino, stat.st_mtime_ns, stat.st_size]
        return tuple(found)

    def tell(self, reason: str, message: str) -> None:
        """Add an event."""
        line = json.dumps([time.time(), reason, message]).encode() + b"\n"
        descriptor = os.open(self.directory / _EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)  # one write, so that lines of several processes do not mix
        finally:
            os.close(descriptor)

    def events(self) -> list[tuple[float, str, str]]:
        """Return time, reason and message of each event, oldest first."""
        found: list[tuple[float, str, str]] = []
        with contextlib.suppress(FileNotFoundError):
            for line in (self.directory / _EVENTS).read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # a full disk has cut it
                    at, reason, message = json.loads(line)
                    found.append((float(at), str(reason), str(message)))
        return found

    def _replace(self, name: str, data: Mapping[str, object]) -> None:
        new = self.directory / f".{name}.{os.getpid()}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, private from the start
            json.dump(data, file)
        new.replace(self.directory / name)


def _revision(data: dict[str, Any]) -> LocalRevision:
    argv = tuple(data.pop("argv", ()))
    return LocalRevision(**data, argv=argv)


def with_revision(service: WantedService, revision: LocalRevision) -> WantedService:
    """Return the service with one more revision, which is to answer."""
    return replace(service, revisions=(*service.revisions, revision), wanted=revision.number)
