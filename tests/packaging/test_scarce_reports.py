"""A rank whose process has run out of something, or has changed what we use, reports its failure all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubeflow.packaging import bundle
from tests.packaging.launch import launch, run_bundle

HELD: list[object] = []


def out_of_descriptors() -> None:
    import os

    while True:
        HELD.append(os.open("/dev/null", os.O_RDONLY))


def out_of_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
    size = 1 << 24
    while size > 8:
        try:
            HELD.append(bytearray(size))
        except MemoryError:
            size //= 2
    while True:
        HELD.append([None] * 10)


def too_deep() -> None:
    too_deep()


def very_deep() -> None:
    sys.setrecursionlimit(50_000)

    def one() -> None:
        two()

    def two() -> None:
        one()

    one()


def with_a_low_limit() -> None:
    sys.setrecursionlimit(60)
    too_deep()


def no_threads() -> None:
    import threading

    threading.stack_size(1 << 34)
    raise RuntimeError("can't start new thread")


def closed_streams() -> None:
    import os

    sys.stdout.close()
    sys.stderr.close()
    os.close(2)
    raise ValueError("unheard")


def streams_of_the_users() -> None:
    sys.stderr = None
    sys.stdout = None
    raise ValueError("unheard")


def directory_gone() -> None:
    import os
    import tempfile

    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)  # noqa: PTH106
    raise ValueError("lost")


def builtins_changed() -> None:
    import builtins
    import json as users_json
    import os

    def broken(*_: object, **__: object) -> object:
        raise TypeError("of the user")

    for name in ("open", "print", "len", "sorted", "str", "type", "dict", "isinstance", "getattr", "max"):
        setattr(builtins, name, broken)
    for module, name in ((users_json, "dumps"), (sys, "exit"), (os, "_exit")):
        setattr(module, name, broken)
    sys.modules.pop("traceback", None)
    sys.path.clear()
    raise ValueError("after all that")


def environment_gone() -> None:
    import os

    os.environ.clear()
    raise ValueError("lost")


def hook_that_fails() -> None:
    def hook(*_: object) -> None:
        raise KeyError("hook")

    sys.excepthook = hook
    raise ValueError("first")


CASES: dict[Callable[[], None], str] = {
    out_of_descriptors: "OSError",
    out_of_memory: "MemoryError",
    too_deep: "RecursionError",
    very_deep: "RecursionError",
    with_a_low_limit: "RecursionError",
    no_threads: "RuntimeError",
    closed_streams: "ValueError",
    streams_of_the_users: "ValueError",
    directory_gone: "ValueError",
    builtins_changed: "ValueError",
    environment_gone: "ValueError",
    hook_that_fails: "ValueError",
}
SAYS_NOTHING = (closed_streams,)


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_the_failure_is_reported_with_the_users_frames_alone(function: Callable[[], None], tmp_path: Path) -> None:
    ended = run_bundle(bundle(function), tmp_path)
    assert ended.code == 1, ended.stderr
    (outcome,) = ended.outcomes
    assert outcome.error is not None
    assert outcome.error.type == CASES[function], ended.stderr
    assert "_kubeflow_remote" not in ended.stderr, ended.stderr
    assert "kubeflow_main" not in ended.stderr, ended.stderr
    if function is not builtins_changed:
        assert {frame.file for frame in outcome.error.frames} == {"tests/packaging/test_scarce_reports.py"}
        assert outcome.error.frames[0].function in (function.__name__, "one", "two")
    if function not in SAYS_NOTHING:
        assert CASES[function] in ended.stderr


def fills_the_disk() -> None:
    import os

    with open(os.environ["KUBEFLOW_OUTPUT_DIR"] + "/data", "wb", buffering=0) as data:  # noqa: PTH123
        while True:
            data.write(b"x" * 4096)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    outcomes = tmp_path / "outcomes"
    outcomes.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(outcomes)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(outcomes)], check=True)


def test_a_full_disk_has_room_for_the_failure(small_disk: Path) -> None:
    ended = run_bundle(bundle(fills_the_disk), small_disk)
    assert "could not be written" not in ended.stderr
    (outcome,) = ended.outcomes
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.frames[-1].function) == ("OSError", "fills_the_disk")


def returns_without_descriptors() -> int:
    import os

    try:
        while True:
            HELD.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return 7


def test_a_value_arrives_when_no_descriptor_is_left(tmp_path: Path) -> None:
    ended = run_bundle(bundle(returns_without_descriptors), tmp_path)
    assert ended.code == 0, ended.stderr
    assert [outcome.result for outcome in ended.outcomes] == [7]


def test_a_container_without_descriptors_leaves_its_termination_message(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    variables = {"KUBERNETES_SERVICE_HOST": "x", "KUBEFLOW_TERMINATION_LOG": str(log)}
    launch(bundle(out_of_descriptors).command(python=sys.executable), tmp_path / "job", variables)
    assert json.loads(log.read_text())["error"]["type"] == "OSError"
