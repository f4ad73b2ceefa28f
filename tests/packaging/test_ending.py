"""A function that has returned has done its work: what native libraries do while the process ends is not its failure."""

from __future__ import annotations

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
    threading.Thread(target=later).start()
    print("done", end="")
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
