"""What to try after a rank failed, by its exception, its last log lines and its exit code: one table for all backends.

The rows are about user code and its surroundings. What only one backend can know (an image that cannot be pulled, a
supervisor that was killed) stays with that backend.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from kubeflow.core.stdlib import re

Platform = Literal["machine", "cluster"]
"""Where a job runs: processes or containers of this machine, or pods of a cluster."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to try when a failing rank wrote something.

    Attributes:
        pattern: Searched for in the exception, its traceback and the last log lines. It has at most one group that
            matches; `{0}` in the texts is what that group matched.
        machine: What to try on this machine.
        cluster: What to try on a cluster.
        example: A line that the pattern matches, as Python or the kernel writes it.
    """

    pattern: re.Pattern[str]
    machine: str
    cluster: str
    example: str

    def text(self, words: str, platform: Platform) -> str | None:
        """Return the remedy for `platform` when `words` match the pattern, else `None`."""
        match = self.pattern.search(words)
        if match is None:
            return None
        template = self.machine if platform == "machine" else self.cluster
        return template.format(next(filter(None, match.groups()), ""))


_GPU_MEMORY = "The GPU's memory is too small for this: use a smaller batch, or more GPUs (resources_per_node)."
_MEMORY = "The process may not have more memory: raise 'memory' in resources_per_node, or use smaller batches."
_SOCKET_PATH = (
    "TMPDIR is too long for the sockets of Python's multiprocessing, so a DataLoader with workers waits for ever: set "
    "a shorter one, env={{'TMPDIR': '/tmp'}}."
)
_PORT = (
    "Another process listens on a port that this job chose by itself: leave the choice to the system (port 0), or "
    "end the other process."
)

REMEDIES: tuple[Remedy, ...] = (
    Remedy(
        re.compile(r"No module named '?([\w.]+)|ModuleNotFoundError: (?!No module named)([\w.]+)"),
        "Name the package that has module {0} in packages_to_install=[...], or install it for the job's Python.",
        "Name the package that has module {0} in packages_to_install=[...], or use an image that has it.",
        "ModuleNotFoundError: No module named 'einops'",
    ),
    Remedy(
        re.compile(r"CUDA out of memory|OutOfMemoryError"),
        _GPU_MEMORY,
        _GPU_MEMORY,
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ),
    Remedy(
        re.compile(r"\bMemoryError\b|can't allocate memory|Cannot allocate memory"),
        _MEMORY,
        _MEMORY,
        "OSError: [Errno 12] Cannot allocate memory",
    ),
    Remedy(
        re.compile(r"AF_UNIX path too long"),
        _SOCKET_PATH,
        _SOCKET_PATH,
        "OSError: AF_UNIX path too long",
    ),
    Remedy(
        re.compile(r"EADDRINUSE|Address already in use"),
        _PORT,
        _PORT,
        "OSError: [Errno 98] Address already in use",
    ),
    Remedy(
        re.compile(r"No space left on device|database or disk is full"),
        "The disk is full: delete what is not needed (delete_job() removes a job's logs), or set state_dir= to a place "
        "with room.",
        "The disk of the node is full: write to a volume, or ask for 'ephemeral-storage' in resources_per_node.",
        "OSError: [Errno 28] No space left on device",
    ),
    Remedy(
        re.compile(r"\bbus error\b|SIGBUS|shared memory", re.IGNORECASE),
        "/dev/shm is too small: use fewer DataLoader workers, or make room in it (df -h /dev/shm).",
        "/dev/shm is small in a pod: give it more with options.SharedMemory('8Gi'), or use fewer DataLoader workers.",
        "RuntimeError: DataLoader worker (pid 71) is killed by signal: Bus error.",
    ),
)

_FEWER = "use smaller batches or fewer DataLoader workers"
_SIGKILL = {
    "machine": "SIGKILL that nobody sent on purpose is mostly the kernel's, when memory runs out "
    f"(`dmesg | grep -i oom` tells): {_FEWER}, fewer processes, or a machine with more memory.",
    "cluster": "SIGKILL that nobody sent on purpose is mostly the kernel's, when memory runs out: raise 'memory' in "
    f"resources_per_node, or {_FEWER}.",
}
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE)
_CRASHED = (
    "It crashed in native code: env={'PYTHONFAULTHANDLER': '1'} makes it say where. Mostly a library is to blame that "
    "was built for other versions of its neighbours: install them anew, together."
)

SHOWN_LINES = "Look at the lines above: they are the last that the failing process wrote."
"""For a failure that no remedy fits, when its last log lines are shown."""


def remedies(words: str, ended_by: signal.Signals | None, platform: Platform) -> list[str]:
    """Return what to try, most promising first; nothing when neither words nor signal tell.

    Args:
        words: The exception with its traceback, what is said of the end, and the last log lines.
        ended_by: The signal that ended the rank; `None` when none did.
        platform: Where the job ran.
    """
    found = [text for remedy in REMEDIES if (text := remedy.text(words, platform)) is not None]
    if ended_by == signal.SIGKILL:
        found.append(_SIGKILL[platform])
    if ended_by in _CRASHES:
        found.append(_CRASHED)
    return found
