"""Runs a probe as a fresh process: wall and CPU time are taken from outside, the rest from its report."""

import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cases import Probe
from tests.bench.series import Missing

Sample = Mapping[str, float]
"""The figures of one process, by metric key."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """How a place starts Python."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """Variables set on top of the caller's, whose own `PYTHON*` never reach a measured process."""


def take(probe: Probe, interpreter: Interpreter) -> Sample | Missing:
    """Run `probe` once; Missing carries the last line of what a failing process said."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        result, output = Path(folder, "result"), Path(folder, "output")
        scratch, temporary = Path(folder, "scratch"), Path(folder, "tmp")
        scratch.mkdir()
        temporary.mkdir()
        result.touch()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment |= interpreter.environment
        environment |= {"BENCH_RESULT": str(result), "BENCH_SCRATCH": str(scratch), "TMPDIR": str(temporary)}
        Path(folder, "input").write_text(probe.stdin, encoding="utf-8")
        with Path(folder, "input").open("rb") as stdin, output.open("wb") as out:
            start = time.perf_counter()
            process = subprocess.Popen(
                [*interpreter.command, *probe.arguments],
                stdin=stdin,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=scratch,
                start_new_session=True,
            )
            usage, timed_out = _wait(process, probe.timeout)
            wall = time.perf_counter() - start
        if timed_out:
            return Missing(f"no end after {probe.timeout:g} s: {_last_line(output)}")
        if process.returncode != 0:
            return Missing(f"exit code {process.returncode}: {_last_line(output)}")
        figures = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}
        for line in result.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(" ")
            figures[key] = float(value)
        return figures


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[resource.struct_rusage, bool]:
    """Wait for `process` with the call that also accounts for it; past `timeout`, end its whole group."""
    expired = threading.Event()

    def end() -> None:
        expired.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:  # it has a session of its own, so the terminal's interrupt reached only us
        end()
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage, expired.is_set()


def _last_line(output: Path) -> str:
    lines = [line.strip() for line in output.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
