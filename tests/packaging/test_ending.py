"""A function that has returned has done its work: what native libraries do while the process ends is not its failure."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kubeflow.packaging import bundle
from tests.packaging.launch import run_bundle


def returns_before_a_native_abort(with_torch: bool) -> int:
    import atexit
    import ctypes
    import sys
    import threading
    import time
    import types

    if with_torch:
        sys.modules.setdefault("torch", types.ModuleType("torch"))
    libc = ctypes.CDLL(None)
    libc.on_exit(ctypes.cast(libc.abort, ctypes.c_void_p), None)  # as a C++ destructor that calls std::terminate

    def later() -> None:
        time.sleep(0.2)
        print("the user's thread ended")

    atexit.register(print, "the user's handler ran")
    print("done", end="")
    threading.Thread(target=later).start()
    return 42


@pytest.mark.parametrize("shell", [False, True])
def test_the_job_succeeds_and_all_of_python_has_ended_properly(tmp_path: Path, shell: bool) -> None:
    ended = run_bundle(bundle(returns_before_a_native_abort, args={"with_torch": True}), tmp_path / "run", shell=shell)
    assert ended.code == 0, ended.stderr
    assert ended.stdout.split("\n") == ["donethe user's thread ended", "the user's handler ran", ""]
    assert [outcome.result for outcome in ended.outcomes] == [42]


def test_without_pytorch_the_process_ends_as_any_other(tmp_path: Path) -> None:
    ended = run_bundle(bundle(returns_before_a_native_abort, args={"with_torch": False}), tmp_path / "run")
    assert ended.code == -6


OPEN_FILES: list[object] = []


def leaves_files_open(abort: bool) -> None:
    import csv
    import ctypes
    import gc
    import gzip
    import io
    import sys
    import types
    import weakref

    sys.modules.setdefault("torch", types.ModuleType("torch"))
    logger = open("log.csv", "w")  # noqa: PTH123, SIM115
    csv.writer(logger).writerow(["epoch", 1])
    OPEN_FILES.append(logger)

    packed = io.TextIOWrapper(gzip.open("text.gz", "wb"))  # noqa: SIM115
    packed.write("packed")

    class Cycle:
        def __init__(self) -> None:
            self.me = self
            self.file = open("cycle.txt", "w")  # noqa: PTH123, SIM115
            self.file.write("in a cycle")

    def closure() -> object:
        return packed

    OPEN_FILES.append(closure)
    OPEN_FILES.append(Cycle())
    held = open("held.bin", "wb")  # noqa: PTH123, SIM115
    held.write(b"held by C alone")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
    gc.freeze()

    class Final:
        def __del__(self) -> None:
            print("deleted")

    OPEN_FILES.append(Final())
    weakref.finalize(Final, print, "finalized")
    libc = ctypes.CDLL(None)
    libc.printf(b"of C\n")
    if abort:
        libc.on_exit(ctypes.cast(libc.abort, ctypes.c_void_p), None)


@pytest.mark.parametrize("abort", [False, True])
def test_files_that_are_left_open_are_whole_and_finalizers_run(tmp_path: Path, abort: bool) -> None:
    ended = run_bundle(bundle(leaves_files_open, args={"abort": abort}), tmp_path / "run")
    assert ended.code == 0, ended.stderr
    assert ended.stderr == ""
    read = {name: (tmp_path / "run" / name).read_bytes() for name in ("log.csv", "cycle.txt", "held.bin")}
    assert read == {"log.csv": b"epoch,1\r\n", "cycle.txt": b"in a cycle", "held.bin": b"held by C alone"}
    assert gzip.decompress((tmp_path / "run/text.gz").read_bytes()) == b"packed"
    assert set(ended.stdout.split("\n")) == {"", "finalized", "deleted", "of C"}


def forks() -> str:
    import os
    import sys

    child = os.fork()
    if not child:
        sys.exit(3)
    os.waitpid(child, 0)
    if not os.fork():
        raise ValueError("in a child")
    os.wait()
    return "of the rank"


def test_the_end_of_a_process_that_the_rank_has_forked_is_not_that_of_the_rank(tmp_path: Path) -> None:
    ended = run_bundle(bundle(forks), tmp_path / "run")
    assert ended.code == 0, ended.stderr
    assert [outcome.result for outcome in ended.outcomes] == ["of the rank"]
