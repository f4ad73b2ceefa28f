"""pip, run quietly: what it says is read for progress, and shown only when it fails, with the remedy."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

# Settings of a user that would put packages elsewhere than into the environment.
_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON")
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_CONNECTION = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|NameResolution|Name or service not known|"
    r"connection error|Connection (?:refused|reset|aborted)|Network is unreachable|Failed to establish a new connection"
)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|Errno 28")
_NO_WHEEL = re.compile(
    r"(?:Could not find a version that satisfies the requirement|No matching distribution found for) (\S+)"
)
_LAST = 8  # lines of pip that are shown when it failed for a reason that is not known here


class InstallError(Exception):
    """Something could not be installed. The text is for the user, with one remedy."""


def bundled() -> Path:
    """Return the wheel of pip that Python itself brings, to install the locked pip with.

    Raises:
        InstallError: When this Python came without it, as Debian's does without python3-venv.
    """
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]  # where distributions keep it
    try:
        import ensurepip

        folders.append(str(Path(ensurepip.__file__).parent / "_bundled"))
    except ImportError:
        pass
    wheels = [wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    if not wheels:
        raise InstallError(
            f"Python {sysconfig.get_python_version()} is here without ensurepip, which makes environments. On Debian "
            f"and Ubuntu: apt install python{sysconfig.get_python_version()}-venv"
        )
    return wheels[-1]


class Pip:
    """pip for one environment."""

    def __init__(self, command: Sequence[str], temporary: Path) -> None:
        """Run `command`; downloads lie in `temporary` meanwhile, on the disk of the environment."""
        self._command = (*command, "--disable-pip-version-check", "--no-input", "--retries", "2")
        self._temporary = temporary

    def install(self, *arguments: str, watch: Callable[[str | None], None] = lambda _: None) -> None:
        """Run `pip install`.

        Args:
            arguments: After `install`.
            watch: Is given each line that pip says, and None about five times a second.

        Raises:
            InstallError: When pip failed.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            lines: list[str] = []
            with _kept() as signals, self._started(arguments, errors.fileno()) as process:
                for line in _lines(process):
                    if signals:
                        raise KeyboardInterrupt
                    watch(line)
                    if line is not None:
                        lines.append(line)
            if process.returncode:
                errors.seek(0)
                raise InstallError(explain("\n".join([*lines, *errors.read().splitlines()])))

    @contextmanager
    def _started(self, arguments: Sequence[str], errors: int) -> Iterator[subprocess.Popen[str]]:
        self._temporary.mkdir(parents=True, exist_ok=True)
        environ = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
        environ |= {"TMPDIR": str(self._temporary), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        process = subprocess.Popen(
            [*self._command, "install", "--progress-bar", "off", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env=environ,
            start_new_session=True,  # Ctrl-C reaches this program, which ends pip and all that pip started
        )
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.wait()


@contextmanager
def _kept() -> Iterator[list[int]]:
    """Keep signals that would end this program in a list: at the wrong moment, one would leave pip without a parent."""
    signals: list[int] = []
    before = {stop: signal.signal(stop, lambda number, _: signals.append(number)) for stop in STOPS}
    try:
        yield signals
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


def _lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """Yield what a process says as it says it, and None when it has said nothing for a fifth of a second."""
    assert process.stdout is not None
    stream, queue = process.stdout, SimpleQueue[str | None]()

    def read() -> None:
        for line in stream:
            queue.put(line.rstrip("\n"))
        queue.put(None)

    Thread(target=read, daemon=True).start()
    while True:
        try:
            line = queue.get(timeout=0.2)
        except Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def explain(output: str) -> str:
    """Return what to tell the user of a pip that failed: cause and remedy in one line, or its own last lines."""
    if _NO_SPACE.search(output):
        return "The disk is full. Free some of it and run the command again."
    if _NO_CONNECTION.search(output):
        return (
            "No network: the package index that pip is configured with cannot be reached. Connect to it, or configure "
            "one that can be (PIP_INDEX_URL, PIP_PROXY), and run the command again."
        )
    if wanted := _NO_WHEEL.search(output):
        return (
            f"The package index that pip is configured with has no {wanted[1]} for this Python and this machine. If it "
            "is a mirror, have it synchronised; `pip config list` shows where it is configured."
        )
    said = [line for line in output.splitlines() if line.strip() and not line.startswith(("WARNING", "[notice]"))]
    return "\n  ".join(["pip failed. Its last lines:", *said[-_LAST:]])
