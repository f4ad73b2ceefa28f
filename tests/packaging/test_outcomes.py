"""What a job reports, and what of it can be read back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kubeflow.packaging import OUTPUT_DIR, bundle, parse_outcome, read_outcomes
from kubeflow.packaging.remote import outcome
from tests.packaging.cases import plain, tunable
from tests.packaging.launch import launch, run_bundle, user_session


@pytest.mark.parametrize("shell", [False, True], ids=["plain", "shell"])
def test_an_error_has_type_message_and_the_users_lines(shell: bool, tmp_path: Path) -> None:
    ended = run_bundle(bundle(plain.fail), tmp_path, shell=shell)
    assert ended.code == 1
    [found] = ended.outcomes
    assert (found.rank, found.status, found.result) == (0, "failed", None)
    error = found.error
    assert error is not None
    assert (error.type, error.message) == ("ValueError", "lost $HOME and `date`\nsecond line")
    first = plain.fail.__code__.co_firstlineno
    file = "tests/packaging/cases/plain.py"
    assert [(f.file, f.line) for f in error.frames] == [
        (file, first + 3),
        (file, first + 3),
        (file, first + 4),
    ]
    assert str(error) == f"ValueError: lost $HOME and `date`\nsecond line at {file}:{first + 4}"
    lines = error.traceback.splitlines()
    assert lines[:2] == ["Traceback (most recent call last):", f'  File "{file}", line {first + 3}, in fail']
    assert lines[-2:] == ["ValueError: lost $HOME and `date`", "second line"]
    assert ended.stderr == error.traceback  # no frame of ours, and no temporary path


HOOKED = """
import sys
def hook(kind, error, frames):
    names = []
    while frames is not None:
        names.append(frames.tb_frame.f_code.co_name)
        frames = frames.tb_next
    held = error.__traceback__.tb_frame.f_code.co_name
    print("hooked", kind.__name__, held, *names, file=sys.stderr)
def train():
    sys.excepthook = hook
    inner()
def inner():
    raise KeyError("x")
"""


def test_an_exception_hook_of_the_users_is_called_from_the_users_first_frame_on(tmp_path: Path) -> None:
    (tmp_path / "hooked.py").write_text(HOOKED)
    ended = launch(bundle_of_script(tmp_path, "hooked", "train"), tmp_path / "job")
    assert ended.code == 1
    assert ended.stderr == "hooked KeyError train train inner\n"


TOP_LEVEL = """
import os
import sys
class Config:
    if {"session.py": 1}[os.path.basename(sys.argv[0])]: where = 1
def train():
    return Config.where
"""


def test_an_error_of_the_users_module_level_code_starts_at_their_line(tmp_path: Path) -> None:
    (tmp_path / "session.py").write_text(TOP_LEVEL)
    ended = launch(bundle_of_script(tmp_path, "session", "train"), tmp_path / "job")
    [found] = ended.outcomes
    assert found.error is not None
    frame = found.error.frames[0]
    assert (frame.file, frame.line, frame.function) == ("session.py", 4, "<module>")
    assert ended.stderr.startswith('Traceback (most recent call last):\n  File "session.py", line 4')
    assert ended.stderr == found.error.traceback


def bundle_of_script(folder: Path, name: str, function: str) -> list[str]:
    """Append the packaging of one function to a script, run it as `__main__`, and return the command."""
    script = folder / f"{name}.py"
    tail = f"import json, sys\nfrom kubeflow.packaging import bundle\nopen({str(folder / 'command')!r}, 'w').write("
    tail += f"json.dumps(bundle({function}).command(python=sys.executable)))\n"
    script.write_text(f"{script.read_text()}if __name__ == '__main__':\n    " + tail.replace("\n", "\n    ").rstrip())
    user_session([script.name], cwd=folder)
    command: list[str] = json.loads((folder / "command").read_text())
    return command


def test_an_exit_code_is_a_failure_with_that_number(tmp_path: Path) -> None:
    [found] = run_bundle(bundle(plain.leave, args={"code": 3}), tmp_path).outcomes
    assert found.error is not None
    assert (found.error.type, found.error.message) == ("SystemExit", "exit code 3")
    [found] = run_bundle(bundle(plain.leave, args={"code": 0}), tmp_path / "b").outcomes
    assert found.status == "succeeded"


def test_a_value_that_is_no_data_is_said_and_does_not_fail_the_job(tmp_path: Path) -> None:
    script = "import threading\ndef train():\n    return {'t': threading.Lock()}\n"
    (tmp_path / "lib_lock.py").write_text(script)
    sys.path.insert(0, str(tmp_path))
    try:
        import lib_lock  # type: ignore[import-not-found]

        ended = run_bundle(bundle(lib_lock.train), tmp_path / "job")
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["lib_lock"]
    assert ended.code == 0
    assert ended.outcomes[0].status == "succeeded"
    assert (
        "the returned value ['t'] cannot be sent: TypeError: cannot pickle '_thread.lock' object"
        in ended.outcomes[0].no_result
    )


def test_values_come_back_as_the_classes_that_are_loaded_here() -> None:
    def outcome_of(value: object) -> str:
        return json.dumps({"version": 1, "rank": 0, "status": "succeeded", "result": value})

    known = {"$": "enum", "c": "tests.packaging.cases.tunable:Mode", "n": "FAST"}
    found = parse_outcome(outcome_of(known))
    assert found is not None
    assert found.result is tunable.Mode.FAST
    for path in ("os:system", "antigravity:x", "tests.packaging.cases.plain:fail"):
        found = parse_outcome(outcome_of({"$": "class", "c": path}))
        assert found is not None
        assert found.result is None
        assert "not loaded here" in found.no_result
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "Killed", '{"version": 2}', '{"version": 1, "status": "failed"}']
)
def test_messages_of_other_programs_are_no_outcome(text: str) -> None:
    assert parse_outcome(text) is None


def test_a_directory_without_outcomes_has_none(tmp_path: Path) -> None:
    assert read_outcomes(tmp_path / "nowhere") == []
    (tmp_path / "rank-0.json.part").write_text("{")
    (tmp_path / "rank-1.json").write_text('{"version"')
    (tmp_path / "rank-2.json").symlink_to("removed")  # as a file that is removed after it was listed
    assert read_outcomes(tmp_path) == []


def test_a_later_attempt_replaces_an_earlier_one(tmp_path: Path) -> None:
    document = {"status": "failed", "error": {"type": "E", "message": "m", "traceback": "", "frames": []}}
    for rank in (10, 2):
        outcome.report(document, {OUTPUT_DIR: str(tmp_path), "RANK": str(rank)})
    outcome.report({"status": "succeeded", "result": 1}, {OUTPUT_DIR: str(tmp_path), "RANK": "10"})
    assert [(o.rank, o.status) for o in read_outcomes(tmp_path)] == [(2, "failed"), (10, "succeeded")]


def test_an_outcome_fits_into_a_termination_message() -> None:
    frames = [{"file": "x" * 50, "line": i, "function": "f", "text": "é" * 50} for i in range(500)]
    error = {"type": "E", "message": "m" * 9000, "traceback": "t" * 90000, "frames": frames}
    text = outcome.shorten({"version": 1, "rank": 1, "status": "failed", "error": error}, 4096)
    assert len(text.encode()) <= 4096
    found = parse_outcome(text)
    assert found is not None
    assert found.error is not None
    text = outcome.shorten({"version": 1, "rank": 1, "status": "failed", "error": {**error, "message": "m"}}, 4096)
    found = parse_outcome(text)
    assert found is not None
    assert found.error is not None
    assert found.error.frames[-1].line == 499
    text = outcome.shorten({"version": 1, "rank": 0, "status": "succeeded", "result": "x" * 5000}, 4096)
    found = parse_outcome(text)
    assert found is not None
    assert found.no_result == "the value is larger than 4096 bytes"


def test_the_package_is_light_and_lazy() -> None:
    code = (
        "import sys, kubeflow.packaging as p\n"
        "heavy = {'numpy', 'pydantic', 'cloudpickle', 'pathspec', 'yaml', 'ast'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert callable(p.Bundle) and callable(p.bundle) and callable(p.bundle_annotations)\n"
        "heavy = {'numpy', 'pydantic', 'cloudpickle', 'pathspec', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "[getattr(p, n) for n in p.__all__]\n"
        "assert set(p.__all__) <= set(dir(p))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_container_leaves_its_first_failure_or_its_first_ranks_value(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    failed: dict[str, object] = {
        "status": "failed",
        "error": {"type": "E", "message": "m", "traceback": "", "frames": []},
    }

    def report(document: dict[str, object], rank: int, attempt: int = 0) -> None:
        names = {"KUBERNETES_SERVICE_HOST": "x", "RANK": str(rank), "LOCAL_RANK": str(rank)}
        outcome.report(document, {**names, "TORCHELASTIC_RESTART_COUNT": str(attempt)}, str(log))

    def said() -> tuple[int, str]:
        found = parse_outcome(log.read_text())
        assert found is not None
        return found.rank, found.status

    report({"status": "succeeded", "result": 1}, 0)
    assert not log.exists()
    log.touch()
    report({"status": "succeeded", "result": 1}, 1)
    assert log.read_text() == ""
    report({"status": "succeeded", "result": 1}, 0)
    assert said() == (0, "succeeded")
    report(failed, 3)
    report(failed, 2)
    report({"status": "succeeded", "result": 1}, 0)
    assert said() == (3, "failed")
    report({"status": "succeeded", "result": 2}, 0, attempt=1)
    assert said() == (0, "succeeded")


def test_a_rank_that_starts_anew_takes_back_its_own_word_and_no_other(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    failed: dict[str, object] = {
        "status": "failed",
        "error": {"type": "E", "message": "m", "traceback": "", "frames": []},
    }

    def rank(number: int) -> dict[str, str]:
        return {"KUBERNETES_SERVICE_HOST": "x", "RANK": str(number), "LOCAL_RANK": str(number)}

    outcome.begin(rank(0), str(log))
    outcome.report(failed, rank(0), str(log))
    outcome.begin(rank(1), str(log))  # of the same attempt, a little later
    found = parse_outcome(log.read_text())
    assert found is not None
    assert (found.rank, found.status) == (0, "failed")

    variables = {**rank(0), "KUBEFLOW_TERMINATION_LOG": str(log)}  # torchrun counts no attempt
    assert launch(bundle(plain.version).command(python=sys.executable), tmp_path / "again", variables).code == 0
    found = parse_outcome(log.read_text())
    assert found is not None
    assert (found.rank, found.status) == (0, "succeeded")

    log.write_text("what another program wrote")
    outcome.begin(rank(0), str(log))
    assert log.read_text() == "what another program wrote"


def test_a_pod_may_name_another_file_for_its_termination_message(tmp_path: Path) -> None:
    log = tmp_path / "elsewhere"
    log.touch()
    variables = {"KUBERNETES_SERVICE_HOST": "x", "KUBEFLOW_TERMINATION_LOG": str(log)}
    outcome.report({"status": "succeeded", "result": 7}, variables)
    found = parse_outcome(log.read_text())
    assert found is not None
    assert found.result == 7

    damaged = bundle(plain.fail).command(python=sys.executable)[:-1]  # it ends before the user's code begins
    assert launch(damaged, tmp_path / "start", variables).code == 78
    found = parse_outcome(log.read_text())
    assert found is not None
    assert found.error is not None
    assert found.error.type == "StartError"


def test_torchrun_names_the_users_error_as_the_root_cause(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    launcher = ("torchrun", "--nproc-per-node", "1", "--master-port", "0")
    ended = launch(bundle(plain.fail).command(launcher, python=sys.executable), tmp_path)
    assert ended.code == 1
    assert "ValueError: lost $HOME and `date`" in ended.stderr.partition("Root Cause")[2]
    assert ended.outcomes[0].error is not None
    assert ended.outcomes[0].error.type == "ValueError"


CHAINED = """
import asyncio


class Wrong(Exception):
    pass


def deep():
    assert 1 == 2


def middle():
    try:
        deep()
    except AssertionError as error:
        raise Wrong("middle") from error


async def task():
    middle()


async def train():
    if HOW == "group":
        import later
    elif HOW == "assert":
        deep()
    elif HOW == "exit":
        raise SystemExit(3)
    else:
        await asyncio.gather(task())
"""


@pytest.mark.parametrize("how", ["chain", "group", "assert", "exit"])
def test_errors_of_all_kinds_show_frames_of_the_users_alone(how: str, tmp_path: Path) -> None:
    if how == "group" and sys.version_info < (3, 11):
        pytest.skip("groups are of Python 3.11")
    (tmp_path / "session.py").write_text(f"HOW = {how!r}\n{CHAINED}")
    (tmp_path / "later.py").write_text(
        "def one():\n    raise ValueError('one')\ntry:\n    one()\nexcept ValueError as error:\n"
        "    raise ExceptionGroup('all', [error, KeyError('two')])\n"
    )
    ended = launch(bundle_of_script(tmp_path, "session", "train"), tmp_path / "job")
    text = ended.stderr
    assert "kubeflow" not in text, text
    assert "frozen" not in text, text
    [found] = ended.outcomes
    assert found.error is not None
    assert {frame.file for frame in found.error.frames if frame.file.endswith(".py")} <= {"session.py", "later.py"}
    said = str(found.error)
    if how == "assert":
        assert said.startswith("AssertionError at session.py:")
        assert ended.code == 1
    elif how == "exit":
        assert said.startswith("SystemExit: exit code 3 at session.py:")
        assert ended.code == 3
    elif how == "chain":
        assert said.startswith("Wrong: middle at session.py:")
        assert "The above exception was the direct cause" in text
    elif how == "group":
        assert "ExceptionGroup: all (2 sub-exceptions)" in text
        assert 'File "later.py", line 2, in one' in text


def test_an_error_of_syntax_in_a_module_of_the_users_has_no_frame_of_ours(tmp_path: Path) -> None:
    (tmp_path / "start.py").write_text(
        "import pathlib\ndef load():\n    pathlib.Path(__file__).with_name('later.py').write_text('def f(:')\n"
        "    __import__('la' + 'ter')\nload()\n"
    )
    ended = run_bundle(bundle(tmp_path / "start.py", code_dir=tmp_path), tmp_path / "job")
    assert ended.stderr.count("File ") == 3, ended.stderr
    assert "kubeflow" not in ended.stderr
    assert "frozen" not in ended.stderr
