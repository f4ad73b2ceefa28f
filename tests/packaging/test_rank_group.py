"""Signals for the group of a rank reach the rank and not its workers; and nothing of a rank outlives it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kubeflow.packaging import bundle, read_outcomes
from tests.packaging.launch import environment

TORCHRUN = ("torchrun", "--standalone", "--nproc-per-node", "2")


def saves_on_signal(stop: int) -> None:
    """Loads batches by workers; when it is told to end, loads one more, and saves it."""
    import os
    import signal
    import types

    from torch.utils.data import DataLoader

    def handler(number: int, frame: types.FrameType | None) -> None:
        more = [next(batches).tolist() for _ in range(8)]  # more than were loaded ahead
        rank = os.environ.get("RANK", "0")
        with open(f"saved-{rank}.txt", "w") as file:  # noqa: PTH123
            file.write(str(more[-1]))
        raise SystemExit(0)

    batches = iter(DataLoader(range(10**6), 2, num_workers=2))  # type: ignore[arg-type]
    next(batches)
    signal.signal(stop, handler)
    with open(f"pid-{os.environ.get('RANK', '0')}.part", "w") as file:  # noqa: PTH123
        file.write(str(os.getpid()))
    os.rename(file.name, file.name.replace(".part", ".txt"))  # noqa: PTH104
    while True:
        signal.pause()


def leaves_processes() -> None:
    import os
    import subprocess
    import sys

    child = subprocess.Popen(
        [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
    )
    with open("child.txt", "w") as file:  # noqa: PTH123
        file.write(str(child.pid))
    with open("pid-0.part", "w") as file:  # noqa: PTH123
        file.write(str(os.getpid()))
    os.rename("pid-0.part", "pid-0.txt")  # noqa: PTH104
    if os.environ.get("STAYS"):
        child.wait()


def ends(how: str) -> None:
    import os
    import signal

    if how.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, how))
    os._exit(int(how))


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a bundle in a session of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(
        function: Callable[..., None], launcher: tuple[str, ...], args: dict[str, object] | None = None, **extra: str
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            bundle(function, args=args or {}).command(launcher, python=sys.executable),
            env=environment(tmp_path / "outcomes", {"TMPDIR": str(tmp_path), **extra}),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()


def rank_pid(folder: Path, rank: int = 0) -> int:
    path = folder / f"pid-{rank}.txt"
    eventually(path.exists)
    return int(path.read_text())


def eventually(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("ranks", [1, 2], ids=["python", "torchrun"])
def test_a_checkpoint_handler_runs_while_the_workers_of_its_data_loader_live(
    start: Start, ranks: int, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    launched = start(saves_on_signal, TORCHRUN if ranks == 2 else ("python",), {"stop": int(signal.SIGTERM)})
    workers = [child for r in range(ranks) for child in psutil.Process(rank_pid(tmp_path, r)).children()]
    assert len(workers) == 2 * ranks
    if ranks == 1:
        os.killpg(launched.pid, signal.SIGTERM)
    else:
        launched.send_signal(signal.SIGTERM)  # torchrun sends it to the group of each rank
    stderr = launched.communicate(timeout=90)[1]
    for rank in range(ranks):
        assert (tmp_path / f"saved-{rank}.txt").read_text() == "[16, 17]", stderr
    assert all(gone(worker.pid) for worker in workers)
    assert ranks == 2 or launched.returncode == 0


def test_an_interrupt_of_the_group_reaches_the_rank_alone(start: Start, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    launched = start(saves_on_signal, ("python",), {"stop": int(signal.SIGINT)})
    rank_pid(tmp_path)
    os.killpg(launched.pid, signal.SIGINT)
    stderr = launched.communicate(timeout=90)[1]
    assert launched.returncode == 0, stderr
    assert (tmp_path / "saved-0.txt").read_text() == "[16, 17]"


@pytest.mark.parametrize("how", ["end", "rank", "launcher"])
def test_what_a_rank_has_started_does_not_outlive_it(start: Start, how: str, tmp_path: Path) -> None:
    launched = start(leaves_processes, ("python",), STAYS="" if how == "end" else "1")
    rank = rank_pid(tmp_path)
    child = int((tmp_path / "child.txt").read_text())
    if how == "launcher":  # which starts a guard of the rank beside it
        eventually(lambda: len(psutil.Process(launched.pid).children()) == 2)
    if how != "end":
        os.kill(rank if how == "rank" else launched.pid, signal.SIGKILL)
    launched.communicate(timeout=60)
    eventually(lambda: gone(child) and gone(rank), 5)
    assert launched.returncode == (0 if how == "end" else -signal.SIGKILL)


@pytest.mark.parametrize("how", ["0", "3", "255", "SIGTERM", "SIGKILL", "SIGABRT", "SIGSEGV", "SIGUSR1"])
def test_the_launcher_sees_the_end_of_the_rank(start: Start, how: str) -> None:
    launched = start(ends, ("python",), {"how": how})
    launched.communicate(timeout=60)
    assert launched.returncode == (-getattr(signal, how) if how.startswith("SIG") else int(how))


def interrupted() -> None:
    import signal
    import sys

    print("ready", file=sys.stderr, flush=True)
    signal.pause()


def test_an_interrupted_rank_shows_the_users_lines_alone(start: Start, tmp_path: Path) -> None:
    launched = start(interrupted, ("python",))
    assert launched.stderr is not None
    assert launched.stderr.readline() == "ready\n"
    os.killpg(launched.pid, signal.SIGINT)
    stderr = launched.communicate(timeout=60)[1]
    assert launched.returncode == -signal.SIGINT
    assert stderr.count("File ") == 1
    assert re.search(r", in interrupted\n    .*\nKeyboardInterrupt\n$", stderr), stderr
    (outcome,) = read_outcomes(tmp_path / "outcomes")
    assert outcome.error is not None
    assert re.fullmatch(r"KeyboardInterrupt at tests/packaging/test_rank_group.py:\d+", str(outcome.error))


def test_at_a_terminal_the_rank_is_in_the_group_that_the_terminal_is_for(tmp_path: Path) -> None:
    code = (
        "import json, pty, sys\n"
        f"sys.exit(pty.spawn(json.loads({json.dumps(json.dumps(bundle(in_foreground).command(python=sys.executable)))})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(tmp_path / "outcomes"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [outcome.result for outcome in read_outcomes(tmp_path / "outcomes")] == [True], done.stdout


def in_foreground() -> bool:
    import os

    return os.tcgetpgrp(0) == os.getpgrp()
