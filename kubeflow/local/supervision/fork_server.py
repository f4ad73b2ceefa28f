"""A process that has loaded what supervisors need, and forks one for each job of a process that makes many short ones.

A supervisor that begins as an interpreter of its own takes 0.15 s of CPU time before it does anything, a fork some
milliseconds. The fork is as detached as the other kind: it lives on when the fork server and its owner end, and the
fork server ends with its owner.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.job.places import Places
from kubeflow.local.job.process_identity import ProcessIdentity, identify, this_process

logger = logging.getLogger(__name__)

CAN_FORK = sys.platform == "linux"
"""Whether there are fork servers: elsewhere libraries of the system are not to be used in a fork."""

_PATIENCE = 60.0  # seconds until a fork server has answered, which first loads its modules beside others that do so
_RUN = "import sys; sys.path.append(sys.argv[1]); from kubeflow.local.supervision.fork_server import serve; serve()"


class ForkServer:
    """The fork server of this process, which owns it. Not for several threads.

    Args:
        state: The state directory of the jobs.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ForkServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start it, with the environment that this process has now; does not wait until it is ready."""
        root = str(Path(__file__).absolute().parents[3])
        environ = {name: value for name, value in os.environ.items() if name != MARK}
        try:
            self._process = subprocess.Popen(
                # As in `spawn`: no file of the user's shadows the library.
                [sys.executable, "-P", "-W", "ignore", "-c", _RUN, root],
                # With this variable it counts, as its forks do, as no part of the job that this process may be.
                env={**environ, SUPERVISES: str(self._state / "jobs")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            logger.info("supervisors are not forked: %s", error)

    def spawn(self, directory: Path) -> ProcessIdentity | None:
        """Start the supervisor of the job in `directory`, and return its identity.

        Returns:
            `None` when the fork server does not answer, as when it was killed: start the supervisor otherwise. Should
            it have started one all the same, the second does nothing: a job is adopted once.
        """
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return None
        try:
            self._process.stdin.write(os.fsencode(directory) + b"\n")
            self._process.stdin.flush()
            answer = _line(self._process.stdout.fileno(), time.monotonic() + _PATIENCE)
        except OSError as error:
            answer = f"{error}"
        if not answer.isdigit():
            logger.info("the fork server answers %r, and is given up", answer)
            self.close()
            return None
        pid = int(answer)
        return identify(pid) or replace(this_process(), pid=pid, started="")  # the supervisor has ended already

    def close(self) -> None:
        """End it; supervisors go on. Closing twice does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not sent: it has ended
                    pipe.close()
        process.kill()  # it has nothing to bring to an end, and may be stopped
        process.wait()


def serve() -> None:
    """Fork a supervisor for each line of stdin, which is a job's directory; answer with its pid. Ends with stdin."""
    for needed in ("psutil", "kubeflow.local.executors.process", "kubeflow.local.supervision.supervisor"):
        import_module(needed)  # once, and not in each fork
    gc.collect()
    gc.freeze()  # so that the forks share these objects, and do not copy them to look at them
    with contextlib.suppress(BrokenPipeError):  # its owner has ended
        while directory := _line(sys.stdin.fileno(), None):
            try:
                child = os.fork()
                if not child:
                    _fork_again(Path(directory))
                if os.waitpid(child, 0)[1]:  # killed, maybe before it could answer
                    os.write(sys.stdout.fileno(), b"killed\n")
            except OSError as error:
                os.write(sys.stdout.fileno(), f"{error.strerror}\n".encode())


def _fork_again(directory: Path) -> NoReturn:
    """Be a process that ends at once, so that the supervisor is no child of the fork server, and never its zombie."""
    try:
        child = os.fork()
        if not child:
            _supervise(directory)
        os.write(sys.stdout.fileno(), f"{child}\n".encode())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), f"{error.strerror}\n".encode())
    os._exit(0)


def _supervise(directory: Path) -> NoReturn:
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(Places(directory).supervisor_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        for opened, standard in ((null, 0), (log, 1), (log, 2)):
            os.dup2(opened, standard)
        os.close(null)
        os.close(log)
        from kubeflow.local.supervision.supervisor import main

        main(directory)
        code = 0
    except BaseException:  # noqa: BLE001 - this is the end of a process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _line(descriptor: int, deadline: float | None) -> str:
    """Return the next line, without its end; nothing when there is none any more, or none until `deadline`."""
    content = b""
    while not content.endswith(b"\n"):
        if deadline is not None and not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return ""
        more = os.read(descriptor, 1)
        if not more:
            return ""
        content += more
    return os.fsdecode(content[:-1])
