"""The command itself: help, version, what it does not understand, and what it must not load."""

from __future__ import annotations

import ast
import logging
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from kubeflow import __version__
from kubeflow.cli import main
from kubeflow.cli.command_table import COMMANDS
from kubeflow.cli.failures import CODES


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_the_list_of_commands(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    for entry in COMMANDS:
        assert f"  {entry.name}  " in out
        assert entry.summary in out


def test_a_command_of_the_table_has_a_function_and_a_short_summary() -> None:
    for entry in COMMANDS:
        function = entry.load()
        assert function.__doc__
        assert len(entry.summary) <= 60
        assert not entry.summary.endswith(".")


def test_each_command_is_run_as_a_process_by_a_test() -> None:
    tests = Path(__file__).parents[1]
    files = [*(tests / "cli").glob("test_*.py"), *tests.glob("*/*/test_*_commands.py"), tests / "cli" / "conftest.py"]
    run = set[str]()
    for call in (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in {
            "ok",
            "run",
            "start",
        }:
            words = [word.value for word in call.args if isinstance(word, ast.Constant)]
            run |= {" ".join(map(str, words[:count])) for count in (1, 2)}
    assert {entry.name for entry in COMMANDS} <= run


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert run(capsys, option) == (0, f"kubeflow {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["jbos"], "error: There is no command 'jbos'. Did you mean 'jobs'?"),
        (["--contxt", "a", "jobs"], "error: There is no option '--contxt'. Did you mean '--context'?"),
        (["jobs", "--statos", "Running"], "error: There is no option '--statos'. Did you mean '--status'?"),
        (["jobs", "-o", "xml"], "'xml' is not one of 'table', 'json', 'yaml', 'name'"),
        (["get"], "error: Missing argument 'JOB"),
        (["jobs", "--backend", "container", "--namespace", "a"], "error: --namespace: of clusters only"),
        (["logs", "a", "--step", "node-0", "--all"], "give one of the two"),
        (["jobs", "--backend", "localprocess", "--status", "runing"], "Did you mean 'Running'?"),
    ],
)
def test_wrong_input_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_every_class_that_has_an_exit_code_exists() -> None:
    for place in CODES:
        module, _, name = place.rpartition(".")
        assert issubclass(getattr(import_module(module), name), BaseException), place


def test_python_runs_the_package_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kubeflow", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"kubeflow {__version__}\n"


def test_a_call_of_main_leaves_the_logging_of_its_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path))
    logger = logging.getLogger("kubeflow")
    before = (logger.level, logger.propagate, list(logger.handlers))
    assert main(["jobs", "--backend", "localprocess", "--debug"]) == 0
    assert main(["get", "nothing", "--backend", "localprocess"]) == 3
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
