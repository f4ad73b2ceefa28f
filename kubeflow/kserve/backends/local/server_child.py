"""One process that serves a revision, as its keeper sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kubeflow.kserve.server.server_settings import SETTINGS_VARIABLE, ServerSettings

# This interpreter may have found kubeflow on a path that a new interpreter does not have.
_RUN = (
    "import sys; sys.path.extend(sys.argv[2:]); "
    "from kubeflow.kserve.server.server_process import main; main(sys.argv[1])"
)


class ServerChild:
    """A server process.

    Args:
        revision: Number of what it serves.
        argv: Its command line; empty for the server of a model file.
        settings: How it runs; the descriptors are filled in here.
        place: Folder for the file of settings.
        env: Its whole environment.
        listening: Descriptor of the socket that it answers on.
    """

    def __init__(
        self,
        revision: int,
        argv: Sequence[str],
        settings: ServerSettings,
        place: Path,
        env: Mapping[str, str],
        listening: int,
    ) -> None:
        self.revision = revision
        self.format = settings.model_format
        self.loaded = False
        self.words = ""
        """Why it cannot load its model, by its own word."""
        self.hung = ""
        """How it was found to hang, where it was killed for that."""
        self.started = time.monotonic()
        self.loaded_at = 0.0
        self._told: float | None = None
        self._killed = False
        self._grace = settings.grace
        self._rest = b""
        ready, says = os.pipe()
        alive, self._alive = os.pipe()  # its end tells the server that its keeper is gone
        os.set_blocking(ready, False)
        self._ready = ready
        own = replace(settings, descriptor=listening, keeper=alive, ready=says)
        file = place / f"settings-{revision}-{os.getpid()}-{listening}.json"
        own.write(file)
        command = list(argv) or [sys.executable, "-P", "-c", _RUN, str(file), *_roots()]
        try:
            self._process = subprocess.Popen(
                command,
                env={**env, SETTINGS_VARIABLE: str(file), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=(listening, alive, says),
            )
        except OSError:
            for descriptor in (ready, self._alive):
                os.close(descriptor)
            raise
        finally:
            os.close(says)
            os.close(alive)

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._process.pid

    def poll(self) -> int | None:
        """Read what it says; return its exit code once it has ended, negative for a signal."""
        code = self._process.poll()  # first: what a process that has ended says is all there then
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._ready, 4096):
                self._rest += piece
        line, end, _ = self._rest.partition(b"\n")
        if end and not self.loaded and not self.words:
            text = line.decode("utf-8", "replace")
            if text == "loaded":
                self.loaded, self.loaded_at = True, time.monotonic()
            else:
                self.words = text.removeprefix("failed ")
        # uvicorn counts the grace from when it has noticed the signal.
        overdue = self._told is not None and time.monotonic() > self._told + self._grace + 2
        if code is None and overdue and not self._killed:
            self._killed = True
            self._kill_all()
        return code

    def end(self) -> None:
        """Tell it to end, after the requests that have come. It is killed when it has not after its grace."""
        if self._told is None:
            self._told = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def kill(self, hung: str) -> None:
        """End it at once.

        Args:
            hung: How it was found to hang.
        """
        self.hung = hung
        self._kill_all()

    def _kill_all(self) -> None:
        """Kill the process and those below it: a function's server is started by another process."""
        import psutil

        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._process.kill()

    def close(self) -> None:
        """Give up what this object holds; the process has ended."""
        for descriptor in (self._ready, self._alive):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _roots() -> list[str]:
    """Return where this interpreter found kubeflow."""
    return [str(Path(__file__).absolute().parents[4])]
