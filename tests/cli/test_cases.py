"""What the parts of commands do with good and bad input, in this process."""

from __future__ import annotations

import enum
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pytest

from kubeflow.cli.candidates import candidates
from kubeflow.cli.code_reference import function_of
from kubeflow.cli.command_times import in_short, seconds_of, since_of
from kubeflow.cli.failures import CODES, ExitCode, exit_code, told
from kubeflow.cli.text_tables import table
from kubeflow.cli.typed_arguments import pairs, script_arguments, typed_arguments
from kubeflow.cli.wording import in_command_words
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import JobFailed, JobNotFound, JobWaitTimeout
from tests.cli.conftest import Place


class Kind(enum.Enum):
    FAST = "fast"


@dataclass
class Layer:
    width: int


def typed(  # type: ignore[no-untyped-def]
    lr: float,
    steps: int = 1,
    name: str = "",
    deep: bool = False,
    layers: list[int] | None = None,
    mode: Literal["a", 1] = "a",
    kind: Kind = Kind.FAST,
    path: Path = Path(),
    either: int | str = 0,
    size: Layer | None = None,
    guessed=None,
    by_default=3,
) -> None: ...


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("lr=1e-3", 0.001), ("lr=nan", float("nan")), ("steps=3", 3), ("name=3", "3"), ("name=a=b", "a=b"), ("name=", ""),
        ("deep", True), ("deep=false", False), ("deep=yes", True), ("layers=[1, 2]", [1, 2]), ("layers=null", None),
        ("mode=a", "a"), ("mode=1", 1), ("kind=fast", Kind.FAST), ("path=a/b", Path("a/b")), ("either=1", 1), ("either=b", "b"),
        ('size={"width": 3}', Layer(3)), ("guessed=0.5", 0.5), ("guessed=a", "a"), ("guessed=[1]", [1]), ("by_default=4", 4),
    ],
)  # fmt: skip
def test_an_argument_gets_the_type_that_the_function_asks_for(given: str, value: object) -> None:
    (made,) = typed_arguments(typed, [given]).values()
    assert repr(made) == repr(value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["lr=fast"], "--arg lr=fast: not a value of type float"),
        (["steps=1.5"], "not a value of type int"),
        (["mode=b"], "should be 'a' or 1"),
        (["layers=1"], "not a value of type list[int] | None"),
        (["learning_rate=1"], "has no parameter 'learning_rate'"),
        (["step=1"], "Did you mean 'steps'?"),
        (["=1"], "--arg takes name=value, not '=1'"),
        (["lr=1", "lr=2"], "--arg gives 'lr' twice"),
        (["by_default=x"], "not a value of type int"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused(given: list[str], told: str) -> None:
    with pytest.raises(InvalidInput, match="^.*--arg") as refused:
        typed_arguments(typed, given)
    assert told in str(refused.value)


def test_arguments_of_a_script_stay_text_and_a_name_alone_is_a_flag() -> None:
    assert script_arguments(["lr=0.1", "fast", "note=a=b"]) == {"lr": "0.1", "fast": True, "note": "a=b"}
    assert typed_arguments(lambda **rest: rest, ["a=1", "b=x"]) == {"a": 1, "b": "x"}
    with pytest.raises(InvalidInput, match="--label takes name=value, not 'a'"):
        pairs(["a"], "--label")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1h30m", 5400), ("0.5m", 30), ("2d", 172800)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text, "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "5 m", "m", "-1", "1w", "5m3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--timeout"):
        seconds_of(text, "--timeout")


def test_times_of_logs() -> None:
    assert since_of("5m", "--since") == timedelta(minutes=5)
    assert since_of("2026-01-31T12:00:00Z", "--since") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    for text in ("2026-01-31T12:00:00", "yesterday"):  # without an offset a time is any of 27 hours
        with pytest.raises(InvalidInput, match="with its offset from UTC"):
            since_of(text, "--since")
    assert [in_short(s) for s in (-1, 45, 121, 3600, 12_000, 40_000, 500_000)] == [
        "0s",
        "45s",
        "2m",
        "60m",
        "3h20m",
        "11h",
        "5d",
    ]


def test_code_is_found_in_modules_files_and_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "found_here.py").write_text("class Model:\n    @staticmethod\n    def fit(): return 1\nNUMBER = 3\n")
    package = tmp_path / "parts" / "deep"
    package.mkdir(parents=True)
    for folder in (tmp_path / "parts", package):
        (folder / "__init__.py").touch()
    (package / "work.py").write_text("from . import __name__ as home\ndef main(): return home\n")
    (tmp_path / "broken.py").write_text("import no_such_package_at_all\n")
    (tmp_path / "dividing.py").write_text("1 / 0\n")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(3)\n")

    def found(reference: str) -> Callable[..., object]:
        function = function_of(reference)
        assert function is not None
        return function

    assert found("found_here:Model.fit")() == 1
    assert found("parts/deep/work.py:main")() == "parts.deep"
    assert found("parts.deep.work:main").__module__ == "parts.deep.work"
    assert function_of("found_here.py") is None
    for reference, words in {
        "found_her:fit": "There is no module 'found_her'. Did you mean 'found_here'?",
        "found_here:Modle": "has no function 'Modle'. Did you mean 'Model'?",
        "found_here:NUMBER": "is no function, but of type int",
        "found_here:": "names no function",
        "found_here:fit()": "names no function",
        "found_her.py:fit": "There is no file 'found_her.py'. Did you mean 'found_here.py'?",
        "not-a-name:fit": "is no name of a module",
        "broken:main": "Importing 'broken' fails",
        "dividing:main": "ZeroDivisionError: division by zero",
        "leaving:main": "SystemExit: 3",
    }.items():
        with pytest.raises(InvalidInput) as refused:
            function_of(reference)
        assert words in str(refused.value), reference


def test_a_table_is_aligned_by_columns_of_the_terminal_and_harmless() -> None:
    rows = [["数字-1", "Running", "a\nb"], ["fit", "", "\x1b[31mred\x1b[0m\x07"]]
    lines = table(["NAME", "STATUS", "NOTE"], rows, [lambda text: "31"] * 3, None, StringIO())
    assert lines == ["NAME    STATUS   NOTE", "数字-1  Running  a b", "fit     -        red\ufffd"]


def test_a_narrow_table_cuts_nothing_off() -> None:
    rows = [["a-job-with-a-name-of-forty-characters-xx", "Complete", "torch-distributed", "-"]]
    lines = table(["NAME", "STATUS", "RUNTIME", "NODES"], rows, [lambda text: ""] * 4, 40, StringIO())
    assert lines == ["a-job-with-a-name-of-forty-characters-xx", "  status Complete", "  runtime torch-distributed"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (str(JobFailed("a", "no", step="node-0")), "TrainJob 'a' failed: no\nThe whole log: `kubeflow logs a --step node-0`."),
        (str(JobNotFound("a", ["b"])), "There is no TrainJob 'a'. Newest jobs here: b. `kubeflow jobs` shows all."),
        (
            str(JobWaitTimeout("a", "Running", ["Complete"], 60)),
            "TrainJob 'a' is Running after 60 s, awaited: Complete. It goes on: wait again with a larger --timeout, "
            "look at `kubeflow logs a`, or end it with `kubeflow delete a`.",
        ),
        ("num_nodes must be at least 1; packages_to_install= names it", "--nodes must be at least 1; --packages names it"),
        ("give context=, or env='a' and the name of it", "give --context, or env='a' and the name of it"),
        ("or write TrainerClient(LocalProcessBackendConfig()).", "or write --backend localprocess."),
        ("or name it in packages_to_install=['torch'].", "or name it in --packages 'torch'."),
        ("If it is a module, write module='pkg.train'", "If it is a module, write -m pkg.train"),
    ],
)  # fmt: skip
def test_messages_of_the_sdk_name_commands_and_options(message: str, words: str) -> None:
    assert in_command_words(message) == words


def test_an_error_ends_the_command_with_the_code_of_its_nearest_class(capsys: pytest.CaptureFixture[str]) -> None:
    class OwnError(JobNotFound): ...

    assert exit_code(OwnError("a", [])) is ExitCode.NOT_FOUND
    assert exit_code(KeyboardInterrupt()) is ExitCode.INTERRUPTED
    assert told(ZeroDivisionError("division by zero")) == ExitCode.BUG
    err = capsys.readouterr().err
    assert err.startswith("error: ZeroDivisionError: division by zero\nThis is a fault of kubeflow")
    assert set(CODES.values()) | {ExitCode.DONE, ExitCode.BUG, ExitCode.CLOSED_PIPE} == set(ExitCode)


def test_debug_shows_the_traceback(local: Place) -> None:
    plain, debugged = local.call("get", "nothing"), local.call("get", "nothing", "--debug")
    assert plain.code == debugged.code == 3
    assert "Traceback" not in plain.err
    assert "Traceback" in debugged.err
    assert debugged.err.splitlines()[-1] == plain.err.strip()
    by_variable = Place(
        local.backend, local.folder, {**local.environment, "KUBEFLOW_DEBUG": "1"}, local.runtime, local.client
    )
    assert "Traceback" in by_variable.call("get", "nothing").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "Nothing says what to train"),
        (["train", "--nodes", "2", "--packages", "numpy"], "--packages and --nodes: of code to run, and none is named"),
        (["train", "script.py", "--timeout", "5m"], "--timeout is of --wait and --follow"),
        (["train", "script.py", "--wait", "--dry-run"], "a dry run starts none"),
        (["train", "script.py", "--arg", "a=1", "--", "--b"], "both give arguments"),
        (["render", "script.py", "--offline"], "--offline: of clusters only"),
        (["train", "script.py", "--offline", "--backend", "kubernetes"], "add --dry-run, or use `kubeflow render`"),
        (["train", "script.py", "--env", "NO_SUCH_VARIABLE_HERE"], "there is no such variable here"),
        (["train", "script.py", "--resources", "cpus=2"], "--resources does not know 'cpus'. Did you mean 'cpu'?"),
        (["train", "script.py", "--nodes", "0"], "Invalid value for '--nodes'"),
        (["train", "script.py", "--serializer", "pickle"], "--serializer is source or cloudpickle"),
        (["train", "scrpt.py"], "Did you mean 'script.py'?"),
        (["train", "script.py", "--name", "A job"], "'A job'"),
        (["train", "script.py", "--output", "./model"], "Where the job leaves what it makes is --job-output"),
        (["train", "--file", "no.yaml"], "no.yaml cannot be read"),
        (["train", "--file", "script.py"], "TrainJob"),
        (["train", "script.py", "--file", "job.yaml"], "--file says all of a job"),
        (
            ["render", "script.py", "--python", "3.12", "--backend", "container"],
            "--python is of --backend localprocess",
        ),
        (["runtimes", "--phase", "training"], "phase is"),
        (["runtimes", "--packages"], "--packages needs the name of a runtime"),
        (["delete", "a", "--timeout", "5s"], "--timeout is of --wait"),
        (["unpack", "no.yaml", "out"], "no.yaml cannot be read as YAML"),
        (["unpack", "script.py", "script.py"], "script.py is a file: name a new folder"),
        (["completion", "csh"], "'csh' is not one of 'bash', 'zsh', 'fish'"),
        (["wait", "a", "--for", "Done"], "A job never has the status 'Done'"),
    ],
)
def test_wrong_input_is_told_in_words_of_the_command_line(local: Place, words: list[str], told: str) -> None:
    done = local.call(*words)
    assert done.code == 2, done.err
    assert done.out == ""
    assert told in done.err
    assert not list(local.folder.glob("out*"))


def test_a_cluster_that_is_not_there_and_what_a_backend_lacks_have_codes_of_their_own(
    local: Place, tmp_path: Path
) -> None:
    none = local.call("jobs", "--backend", "kubernetes", "--kubeconfig", str(tmp_path / "none"))
    assert (none.code, none.out) == (5, "")
    assert "Correct --kubeconfig" in none.err
    assert local.call("unpack", "some-job", "out").code == 6
    assert local.call("train", "script.py", "--runtime", "no-such-runtime").code == 3


def test_a_render_needs_no_cluster_and_hides_nothing(local: Place) -> None:
    words = ("render", "script.py", "--backend", "kubernetes", "--offline", "--nodes", "2", "--env", "API_TOKEN=b")
    text = local.call(*words).out
    assert "kind: TrainJob" in text
    assert "numNodes: 2" in text
    assert "value: b" in text  # what is sent, to the letter
    assert local.call(*words, "--name", "named", "-o", "name").out == "named\n"


def test_bundles_do_not_lead_out_of_the_folder(local: Place, tmp_path: Path) -> None:
    text = local.call("render", "script.py", "--name", "packed").out
    file = tmp_path / "job.yaml"
    file.write_text(text)
    out = tmp_path / "out"
    first = local.data("unpack", str(file), str(out))
    assert str(out / "script.py") in first["files"]
    again = local.call("unpack", str(file), str(out))
    assert again.code == 2
    assert "is not empty" in again.err
    file.write_text("kind: TrainJob\n")
    assert local.call("unpack", str(file), str(tmp_path / "other")).code == 2
    assert not (tmp_path / "other").exists()


def complete_names(words: list[str]) -> list[str]:
    return [word for word, _ in candidates(words)]


def test_completion_of_commands_options_and_values(local: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBEFLOW_BACKEND", "KUBEFLOW_STATE_DIR"):
        monkeypatch.setenv(name, local.environment[name])
    local.client.train("torch-distributed", train_func=str(local.folder / "script.py"), name="to-complete")
    local.client.wait_for_job_status("to-complete")
    assert complete_names(["me"]) == ["metrics"]
    assert complete_names(["wait", "--t"]) == ["--timeout"]
    assert "to-complete" in complete_names(["wait", "to-"])
    assert "to-complete" not in complete_names(["wait", "to-complete", "to-"])
    assert complete_names(["logs", "to-complete", "--step", ""]) == ["node-0"]
    assert complete_names(["jobs", "-o", "j"]) == ["json"]
    assert complete_names(["jobs", "--output=j"]) == ["--output=json"]
    assert complete_names(["jobs", "--output", "=", "j"]) == ["json"]  # as bash splits it
    assert complete_names(["jobs", "--backend", "k"]) == ["kubernetes"]
    assert "torch-distributed" in complete_names(["train", "a.py", "--runtime", "torch-d"])
    assert complete_names(["train", "scr"]) == []  # files: the shell's
    assert complete_names(["no-such-command", ""]) == []
    assert complete_names(["completion", "z"]) == ["zsh"]
    assert complete_names(["services", "p"]) == ["predict"]
    assert "--help" in complete_names(["services", "get", "--h"])


def test_bash_completes_by_the_script(local: Place) -> None:
    bin_folder = local.folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    program = bin_folder / "kubeflow"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kubeflow "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(kubeflow completion bash)"; COMP_WORDS=(kubeflow unp); COMP_CWORD=1; _kubeflow_completion; '
        'echo "${COMPREPLY[@]}"; complete -p kubeflow'
    )
    environment = {**local.environment, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert local.ok("completion", "bash").endswith("complete -F _kubeflow_completion kubeflow\n")
    assert done.stdout == "unpack\ncomplete -F _kubeflow_completion kubeflow\n", done.stderr


def on_a_terminal(place: Place, columns: int, *words: str, **variables: str) -> str:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    environment = {**place.environment, "COLUMNS": str(columns), "TERM": "xterm", **variables}
    command = [sys.executable, "-m", "kubeflow", *words]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place.folder, env=environment
    ) as process:
        os.close(theirs)
        parts: list[bytes] = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux' way to say that the other end is closed
                break
            if not part:
                break
            parts.append(part)
        process.wait(60)
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_ages_and_blocks_where_it_is_narrow(local: Place) -> None:
    local.client.train("torch-distributed", train_func=str(local.folder / "script.py"), name="on-a-terminal")
    local.client.wait_for_job_status("on-a-terminal")
    wide = on_a_terminal(local, 100, "jobs", "--newest", "1")
    assert "\x1b[32mComplete\x1b[0m" in wide
    assert wide.rstrip().endswith(" ago")
    narrow = on_a_terminal(local, 40, "jobs", "--newest", "1", NO_COLOR="1")
    assert "\x1b" not in narrow
    assert narrow.startswith("on-a-terminal\n  status Complete  nodes 1\n  runtime torch-distributed\n  created ")


def test_nothing_that_a_job_calls_itself_moves_the_cursor(local: Place, capsys: pytest.CaptureFixture[str]) -> None:
    name: Any = "a\x1b[2Jb"
    done = local.call("get", name)
    assert done.code == 3
    assert "\x1b" not in done.err
