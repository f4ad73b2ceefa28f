"""A rank ends as a bare Python that makes the same call: what it leaves, what it shows, and its exit code."""

from __future__ import annotations

import gzip
import re
import sqlite3
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow.packaging import bundle
from tests.packaging.cases import endings
from tests.packaging.launch import ROOT, Ended, launch, run_bundle

LOADS_TORCH = "import sys, types\nsys.modules['torch'] = types.ModuleType('torch')\n"


def ends_alike(function: Callable[..., None], folder: Path, *, with_torch: bool = False, **arguments: str) -> Ended:
    """Call a function of `endings` by a bare Python and as a bundle, and compare. Returns the end of the bundle."""
    extra: dict[str, str] = {}
    if with_torch:
        (folder / "site").mkdir(parents=True)
        (folder / "site/sitecustomize.py").write_text(LOADS_TORCH)
        extra["PYTHONPATH"] = str(folder / "site")
    call = f"{function.__name__}(**{arguments})"
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.packaging.cases import endings; endings.{call}"
    )
    bare = launch([sys.executable, "-c", program], folder / "bare", extra)
    job = run_bundle(bundle(function, args=arguments), folder / "job", extra=extra)
    assert job.code == bare.code, job.stderr
    assert job.stdout == bare.stdout
    assert left_by(folder / "job") == left_by(folder / "bare")
    assert shown(job.stderr) == shown(bare.stderr)
    assert "_kubeflow_remote" not in job.stderr
    return job


def left_by(folder: Path) -> dict[str, object]:
    """Return the content of the files that a program has left, by their name."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if path.suffix == ".gz":
            found[path.name] = gzip.decompress(path.read_bytes())
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found[path.name] = {name: archive.read(name) for name in archive.namelist()}
        elif path.suffix == ".db":
            with sqlite3.connect(path) as database:
                found[path.name] = database.execute("select * from rows").fetchall()
        else:
            found[path.name] = path.read_bytes()
    return found


def shown(stderr: str) -> list[str]:
    """Return the lines that are neither of a traceback's frames nor with an address or a full path in them."""
    text = re.sub(r" at 0x[0-9a-f]+", "", stderr).replace(f"{ROOT}/", "")
    frames = (" ", "Traceback", "+")
    return [line for line in text.splitlines() if line and not line.startswith(frames)]


def named(function: Callable[..., object]) -> str:
    return function.__name__


@pytest.mark.parametrize("with_torch", [False, True], ids=["", "torch"])
@pytest.mark.parametrize("function", endings.OPEN_FILES, ids=named)
def test_files_that_are_left_open_are_as_a_bare_python_leaves_them(
    function: Callable[[], None], with_torch: bool, tmp_path: Path
) -> None:
    ends_alike(function, tmp_path, with_torch=with_torch)


def test_the_files_are_there(tmp_path: Path) -> None:
    job = ends_alike(endings.files, tmp_path, with_torch=True)
    assert [outcome.error for outcome in job.outcomes] == [None]
    assert left_by(tmp_path / "job") == {
        "archive.zip": {"member": b"in the archive"},
        "binary.bin": b"binary",
        "log.txt": b"logged\n",
        "packed.gz": b"packed",
        "rows.db": [(1,)],
        "table.csv": b"epoch,1\r\n",
        "temporary.txt": b"temporary",
        "text.txt": b"text0\n",
    }


def test_where_pytorch_is_loaded_the_files_of_a_daemon_thread_are_whole_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LOADS_TORCH)
    ended = run_bundle(bundle(endings.file_of_a_daemon), tmp_path / "job", extra={"PYTHONPATH": str(tmp_path)})
    assert ended.code == 0, ended.stderr
    assert left_by(tmp_path / "job") == {"daemon.txt": b"of a daemon"}


@pytest.mark.parametrize("function", endings.THREADS_AND_HANDLERS, ids=named)
def test_threads_processes_and_handlers_end_as_those_of_a_bare_python(
    function: Callable[[], None], tmp_path: Path
) -> None:
    ends_alike(function, tmp_path, with_torch=True)


@pytest.mark.parametrize("function", endings.EXCEPTIONS, ids=named)
def test_an_exception_is_shown_as_by_a_bare_python_and_reported(function: Callable[[], None], tmp_path: Path) -> None:
    job = ends_alike(function, tmp_path)
    (outcome,) = job.outcomes
    assert outcome.error is not None
    assert outcome.error.frames[-1].file == "tests/packaging/cases/endings.py" or function is endings.syntax_of_text


@pytest.mark.parametrize("name", endings.EXIT_CODES)
def test_what_sys_exit_was_given_means_what_it_means_to_python(name: str, tmp_path: Path) -> None:
    job = ends_alike(endings.exits, tmp_path, name=name)
    (outcome,) = job.outcomes
    assert (outcome.error is None) == (job.code == 0)
    if outcome.error is not None and isinstance(endings.EXIT_CODES[name], int):
        assert outcome.error.message == f"exit code {job.code}"


def aborts_after(how: str) -> None:
    import ctypes
    import os
    import types

    sys.modules.setdefault("torch", types.ModuleType("torch"))
    libc = ctypes.CDLL(None)
    libc.on_exit(ctypes.cast(libc.abort, ctypes.c_void_p), None)  # as a C++ destructor that calls std::terminate
    if how == "failure":
        raise ValueError("boom")
    if how == "exit":
        sys.exit(3)
    if how == "abort":
        os.abort()
    if not os.fork():  # the child returns, too: that is not the end of the rank
        return
    os.wait()
    os.abort()


@pytest.mark.parametrize(("how", "code"), [("failure", 1), ("exit", 3), ("abort", -6), ("a child returns", -6)])
def test_an_abort_of_native_libraries_does_not_change_the_exit_code(how: str, code: int, tmp_path: Path) -> None:
    ended = run_bundle(bundle(aborts_after, args={"how": how}), tmp_path)
    assert ended.code == code, ended.stderr


def prints_and_returns() -> None:
    import os  # noqa: F401  (whatever needs the support for libraries)

    print("into nothing")


@pytest.mark.parametrize("buffered", [False, True])
def test_a_full_disk_under_stdout_ends_the_rank_as_a_bare_python(buffered: bool, tmp_path: Path) -> None:
    extra = {} if buffered else {"PYTHONUNBUFFERED": "1"}
    words = bundle(prints_and_returns).command(python=sys.executable)
    ended = launch(["sh", "-c", 'exec "$@" >/dev/full', "sh", *words], tmp_path, extra)
    assert ended.code == (120 if buffered else 1)
    assert "No space left on device" in ended.stderr
    assert "_kubeflow_remote" not in ended.stderr
