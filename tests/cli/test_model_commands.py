"""`kubeflow models`, and what `kubeflow services` and `kubeflow searches` refuse, on this machine.

Services that answer and searches that run are in docs/tutorial.md, whose blocks tests run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.cli import main
from kubeflow.cli.failures import ExitCode
from tests import commands
from tests.commands import Done, environment
from tests.hub.registry_server import running


@pytest.fixture(autouse=True)
def _this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEFLOW_BACKEND", "localprocess")
    monkeypatch.setenv("KUBEFLOW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("KUBEFLOW_MODEL_REGISTRY", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("work.py").write_text("def fit(lr: float, epochs: int = 1) -> float:\n    return lr * epochs\n", "utf-8")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(params=["local", "v1", "v1alpha3"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables that name a registry: the one of this machine, and servers of both versions."""
    if request.param == "local":
        yield {"KUBEFLOW_STATE_DIR": str(tmp_path / "state")}
        return
    with running(request.param) as made:
        yield {"KUBEFLOW_MODEL_REGISTRY": made.url}
    assert made.complaints == []


def test_a_model_from_its_registration_to_its_files(registry: dict[str, str], tmp_path: Path) -> None:
    def run(*words: str) -> Done:
        return commands.run(*words, folder=tmp_path, environment=environment(**registry))

    assert run("models") == Done(0, "", "There are no such models.\n")
    first = ("models", "register", "iris", "s3://models/iris/1", "--version", "1", "--format", "onnx")
    assert run(*first, "--author", "ada") == Done(0, "iris\n", "")
    assert run(*first, "--author", "ada") == Done(0, "iris\n", "")  # the same again changes nothing
    assert run("models", "register", "iris", "s3://models/iris/2", "--version", "2").code == 0

    listed = run("models", "list")
    assert listed.code == 0
    assert listed.out.splitlines()[0].split() == ["NAME", "STATE", "OWNER", "CREATED", "DESCRIPTION"]
    assert listed.out.splitlines()[1].split()[:3] == ["iris", "LIVE", "ada"]
    assert run("models", "versions", "iris", "-o", "name") == Done(0, "1\n2\n", "")
    assert "Versions: 1, 2" in run("models", "get", "iris").out
    assert run("models", "artifact", "iris", "--uri") == Done(0, "s3://models/iris/2\n", "")
    one = json.loads(run("models", "get", "iris", "1", "-o", "json").out)
    assert (one["name"], one["author"], one["artifact"]["model_format_name"]) == ("1", "ada", "onnx")
    assert "Format:   onnx" in run("models", "get", "iris", "1").out


def test_files_of_this_machine_are_registered(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = tmp_path / "iris"
    files.mkdir()
    (files / "model.onnx").write_bytes(b"weights")
    words = ("models", "register", "iris", str(files), "--version", "1", "--format", "onnx", "--author", "ada")
    assert run(capsys, *words) == (0, "iris\n", "")
    assert run(capsys, *words) == (0, "iris\n", "")  # the same again changes nothing
    _, uri, _ = run(capsys, "models", "artifact", "iris", "--uri")
    assert (Path(uri.strip().removeprefix("file://")) / "model.onnx").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["models", "lst"], ExitCode.WRONG_INPUT, "no command 'models lst'. Did you mean 'models list'?"),
        (["models", "regster", "a"], ExitCode.WRONG_INPUT, "Did you mean 'models register'?"),
        (["models", "get", "iris"], ExitCode.NOT_FOUND, "`kubeflow models register` makes one"),
        (["models", "register", "iris"], ExitCode.WRONG_INPUT, "Say once where the files are"),
        (["models", "register", "iris", "s3://a/b"], ExitCode.WRONG_INPUT, "--version is missing"),
        (["models", "--query", "state = "], ExitCode.WRONG_INPUT, "error: "),
        (["services", "serve", "iris"], ExitCode.WRONG_INPUT, "Nothing says what to serve"),
        (["services", "serve", "a", "--model", "b", "--job", "c"], ExitCode.WRONG_INPUT, "--model and --job says"),
        (["services", "serve", "a", "--model", "b", "--timeout", "5m"], ExitCode.WRONG_INPUT, "--timeout is of --wait"),
        (["services", "serve", "a", "--registered", "iris"], ExitCode.NOT_FOUND, "There is no model 'iris'"),
        (["services", "get", "iris"], ExitCode.NOT_FOUND, "iris"),
        (["services", "predict", "iris", "[[1"], ExitCode.WRONG_INPUT, "DATA is no JSON"),
        (["services", "predict", "iris"], ExitCode.WRONG_INPUT, "Give the inputs once"),
        (["services", "--backend", "container"], ExitCode.UNSUPPORTED, "error: "),
        (["trials", "fit-3f2a"], ExitCode.NOT_FOUND, "fit-3f2a"),
        (["best", "fit-3f2a"], ExitCode.NOT_FOUND, "fit-3f2a"),
        (["tune", "work.py:fit"], ExitCode.WRONG_INPUT, "--space is missing"),
        (["tune", "-s", "lr=uniform(0,1)"], ExitCode.WRONG_INPUT, "Nothing says what"),
        (["tune", "work.py:fit", "-s", "rl=uniform(0,1)"], ExitCode.WRONG_INPUT, "rl: fit does not take it"),
        (["tune", "work.py:fit", "-s", "lr=unifrm(0,1)"], ExitCode.WRONG_INPUT, "Did you mean 'uniform'?"),
        (["tune", "work.py:fit", "-s", "lr=uniform(0,1)", "--engine", "optuna"], ExitCode.WRONG_INPUT, "--engine is"),
        (
            ["tune", "work.py:fit", "-s", "lr=uniform(0,1)", "--trials", "2", "--parallel", "3"],
            ExitCode.WRONG_INPUT,
            "3",
        ),
        (
            ["tune", "work.py:fit", "-s", "lr=uniform(0,1)", "--job-output", "a"],
            ExitCode.WRONG_INPUT,
            "trials are many",
        ),
        (["tune", "work.py:fit", "-s", "lr=uniform(0,1)", "--timeout", "1h"], ExitCode.WRONG_INPUT, "is of --wait"),
        (["searches", "delet", "fit-3f2a"], ExitCode.WRONG_INPUT, "Did you mean 'searches delete'?"),
    ],
)
def test_what_cannot_be_is_told_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], words: list[str], code: ExitCode, told: str
) -> None:
    found, out, err = run(capsys, *words)
    assert (found, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_nothing_there_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "services") == (0, "", "There are no services.\n")
    assert run(capsys, "searches", "list", "-o", "json") == (0, "[]\n", "")


def test_a_service_is_shown_as_the_object_of_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["services", "serve", "iris", "--model", "s3://models/iris/1", "--format", "sklearn", "--dry-run"]
    code, out, _ = run(capsys, *words, "--resources", "cpu=1,memory=2Gi")
    assert code == 0
    assert "kind: InferenceService" in out
    assert "memory: 2Gi" in out
    assert json.loads(run(capsys, *words, "-o", "json")[1])["metadata"]["name"] == "iris"


def test_a_search_is_shown_as_the_jobs_of_its_trials(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tune", "work.py:fit", "--name", "fit", "-s", "lr=choice(0.5, 0.25)", "--arg", "epochs=3", "--trials", "2"]
    code, out, err = run(capsys, *words, "--algorithm", "grid", "--parallel", "2", "--dry-run", "-o", "json")
    assert (code, err) == (0, "")
    assert [job["metadata"]["name"] for job in json.loads(out)] == ["fit-0", "fit-1"]
    assert run(capsys, "searches", "-o", "name") == (0, "", "")  # nothing was started


@pytest.mark.parametrize(
    ("words", "candidate"),
    [
        (["serv"], "services\tList services of models\n"),
        (["services", "pre"], "predict\tAsk a service for predictions\n"),
        (["models", "get", "ir"], "iris\t\n"),
        (["doctor", "mach"], "machine\t\n"),
        (["searches", "stop", "--back"], "--backend\t"),
    ],
)
def test_words_of_these_commands_are_completed(
    capsys: pytest.CaptureFixture[str], words: list[str], candidate: str
) -> None:
    run(capsys, "models", "register", "iris", "s3://models/iris/1", "--version", "1")
    code, out, _ = run(capsys, "__complete", *words)
    assert code == 0
    assert out.startswith(candidate)
