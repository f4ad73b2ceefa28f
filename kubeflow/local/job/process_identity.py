"""Which process a pid meant when it was written down: a number alone may belong to another process by now."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from kubeflow.core.stdlib import json


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, for ever.

    Attributes:
        pid: Its number.
        started: When it started: on Linux in clock ticks since boot, which no change of the clock moves.
        boot: The run of the system, and the container, in which these two mean something.
        host: The machine's name.
    """

    pid: int
    started: str
    boot: str
    host: str

    def to_text(self) -> str:
        """Return it as text; the same process gives the same text wherever it is asked."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> ProcessIdentity:
        """Read what `to_text` wrote."""
        return _from_text(text)

    @property
    def local(self) -> bool:
        """Whether it is, or was, a process of this machine, so that this process can tell whether it lives.

        Containers of one machine may share its name and a home directory, and see nothing of each other.
        """
        return self.host == os.uname().nodename and not self.beside

    @property
    def beside(self) -> bool:
        """Whether it belongs to another container of this machine's present run: one beside this, or before it."""
        (boot, _, container), (here_boot, _, here) = self.boot.partition(" "), _boot().partition(" ")
        return boot == here_boot and container != here

    def alive(self) -> bool:
        """Whether the process runs, as far as this machine can see. A zombie does not."""
        return self.local and identify(self.pid) == self


@functools.lru_cache(maxsize=4096)  # a listing reads the same few for every job
def _from_text(text: str) -> ProcessIdentity:
    return ProcessIdentity(**json.loads(text))


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process that has `pid` now, `None` when none runs under it.

    Raises:
        OSError: When the system does not tell, as when this process has too many open files.
    """
    started = _started_on_linux(pid) if sys.platform == "linux" else _started(pid)
    return None if started is None else ProcessIdentity(pid, started, _boot(), os.uname().nodename)


def this_process() -> ProcessIdentity:
    """Return the identity of this process."""
    identity = identify(os.getpid())
    if identity is None:  # pragma: no cover - it runs
        raise ProcessLookupError(os.getpid())
    return identity


def _started_on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None  # any other error, such as too many open files here, says nothing about that process
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name before the last `)` may hold anything.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")


def _started(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.NoSuchProcess:
        return None


@functools.cache
def _boot() -> str:
    if sys.platform != "linux":
        import psutil

        return repr(psutil.boot_time())
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # A pid of another container of the same machine says nothing here.
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
