"""What a node's processes are held to by the operating system: CPUs, memory, and the life of their supervisor."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

# https://man7.org/linux/man-pages/man2/prctl.2.html
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

CAN_LIMIT_MEMORY = sys.platform == "linux"
"""Whether `memory` has an effect: macOS takes the limit and does not keep to it."""
CAN_PIN_CPUS = hasattr(os, "sched_setaffinity")
"""Whether `cpus` has an effect."""


def usable_cpus() -> list[int]:
    """Return the CPUs that this process may use, by number."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else list(range(os.cpu_count() or 1))


def usable_memory() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends, where the system can."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def before_start(cpus: frozenset[int] | None, memory: int | None) -> Callable[[], None]:
    """Return what a new process does to itself before it becomes a node's program.

    Memory is limited by RLIMIT_DATA, for each process by itself. RLIMIT_AS would count address space, of which CUDA
    reserves many times what the machine has, and torch maps its libraries; RLIMIT_DATA counts what can be written
    and is the process's own (Linux 4.7 and later). A cgroup would hold the node as a whole, and needs rights that
    users seldom have.

    On Linux the process gets TERM when its supervisor is killed, so that nothing runs on unseen.

    Args:
        cpus: The CPUs that it may use, `None` for all.
        memory: Bytes, `None` for no limit.
    """
    supervisor = os.getpid()

    def prepare() -> None:
        if sys.platform == "linux":
            if cpus is not None:
                os.sched_setaffinity(0, cpus)
            if memory is not None:
                hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
                soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
                resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
            _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:  # it was killed just now, before the line above
                os._exit(128 + signal.SIGTERM)

    return prepare


_libc: list[ctypes.CDLL] = []


def _prctl(option: int, value: int) -> None:
    if not _libc:
        _libc.append(ctypes.CDLL(None, use_errno=True))
    if _libc[0].prctl(option, value, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")
