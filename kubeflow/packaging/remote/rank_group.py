# Must run on Python 3.8. `contextlib` would cost start-up time.
# ruff: noqa: PTH123, PTH208, SIM105, UP035, UP045
"""The rank in a process group of its own, so that signals for the group of its launcher reach it before its workers.

torchrun and supervisors end a rank by SIGTERM to its whole process group. Workers of a `DataLoader` end at once by it,
and the handler by which a rank saves a checkpoint fails. Here the launcher's child stays in the launcher's group,
passes signals on to the rank alone, and ends what the rank leaves behind.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from types import FrameType
    from typing import Callable, Optional

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_LOOKS = 125  # at what the rank has left, 20 ms apart
_TERM_AT = 25  # a program that the rank fed through a pipe has this many looks to write the rest


def separate() -> Callable[[int], bool]:
    """Return in a child, which is the rank. This process waits for it and ends as it does.

    Returns:
        A function by which the rank says that all of its work is done, and with which code it ends: if native libraries
        abort while they tear themselves down, that is the code all the same. It returns False when nobody listens: at a
        terminal, whose signals and input are for one group, where threads run already, and where processes cannot fork.
    """
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    if not hasattr(os, "fork") or os.isatty(0) or not alone:
        return _is_unheard
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    try:
        heard, done = os.pipe()
        rank = os.fork()
    except OSError:  # no descriptor or no process is left, and the user's code may do without
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _is_unheard
    if not rank:
        os.setpgid(0, 0)
        os.close(heard)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return lambda code: _is_written(done, code)
    os.close(done)
    lifeline = _guarded(rank)

    def pass_on(number: int, frame: Optional[FrameType]) -> None:
        try:
            os.kill(rank, number)
        except ProcessLookupError:  # it has just ended
            pass

    for each in _PASSED_ON:
        signal.signal(each, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    status = os.waitpid(rank, 0)[1]
    _end_group(rank)
    _is_written(lifeline, 1)
    os.set_blocking(heard, False)
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    if number in (signal.SIGABRT, signal.SIGSEGV):
        for code in _read(heard):
            os._exit(code)
    _die(number)
    raise AssertionError


def _is_unheard(code: int) -> bool:
    return False


def _guarded(rank: int) -> int:
    """Start what kills the rank's group when this process is killed. Return the file that it listens to.

    Where no process or descriptor is left, there is none (-1).
    """
    try:
        ended, lifeline = os.pipe()
        guard = os.fork()
    except OSError:
        return -1
    if guard:
        os.close(ended)
        return lifeline
    os.setsid()
    os.close(lifeline)
    for standard in (0, 1, 2):  # who reads them waits for their end
        try:
            os.close(standard)
        except OSError:
            pass
    if not os.read(ended, 1):
        try:
            os.killpg(rank, signal.SIGKILL)
        except OSError:
            pass
    os._exit(0)


def _end_group(group: int) -> None:
    try:
        for look in range(_LOOKS):
            if not _lives(group):
                return
            if look == _TERM_AT:
                os.killpg(group, signal.SIGTERM)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
    except OSError:  # nothing is left
        pass


def _lives(group: int) -> bool:
    """Say whether a process of the group runs. Ended ones stay in it while nobody waits for them."""
    try:
        names = os.listdir("/proc")
    except OSError:  # not Linux: processes that wait for their parent count, too
        os.killpg(group, 0)
        return True
    for name in names:
        try:
            with open("/proc/" + name + "/stat", encoding="utf-8", errors="replace") as stream:
                state, _, found = stream.read().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):  # no process, or one that has ended
            continue
        if found == str(group) and state not in "ZX":
            return True
    return False


def _die(number: int) -> None:
    """End by a signal, without another core file; as process 1, which no signal ends, by the code that shells give."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _is_written(file: int, code: int) -> bool:
    try:
        return os.write(file, bytes([code])) == 1
    except OSError:  # the user has closed it, or who reads it was killed
        return False


def _read(file: int) -> bytes:
    try:
        return os.read(file, 1)
    except OSError:  # a process that the rank has left holds it open
        return b""
