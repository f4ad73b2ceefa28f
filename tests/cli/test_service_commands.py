"""`kubeflow services` on this machine, as processes; on a cluster, they are in `tests/kserve/cluster`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubeflow.cli.failures import ExitCode
from tests import commands
from tests.commands import Done, environment


@pytest.mark.timeout(300)
def test_a_service_from_its_start_to_its_end(tmp_path: Path) -> None:
    import joblib
    from sklearn.linear_model import LinearRegression

    (tmp_path / "doubling").mkdir()
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    joblib.dump(model, tmp_path / "doubling" / "model.joblib")
    variables = environment(KUBEFLOW_BACKEND="localprocess", KUBEFLOW_STATE_DIR=str(tmp_path / "state"))

    def run(*words: str) -> Done:
        return commands.run(*words, folder=tmp_path, environment=variables)

    serve = ("doubling", "--model", "doubling", "--format", "sklearn")
    assert run("services", "serve", *serve).code == ExitCode.WRONG_INPUT  # a pickle that nobody trusts
    assert run("services", "serve", *serve, "--trust-pickle") == Done(0, "doubling\n", "")
    try:
        assert run("services", "wait", "doubling", "--timeout", "2m").out == "doubling\n"
        assert "Status:   Ready" in run("services", "get", "doubling").out
        assert "doubling" in run("services", "explain", "doubling").out
        assert json.loads(run("services", "predict", "doubling", "[[1.5]]").out) == [pytest.approx(3.0)]
        assert "doubling" in run("services", "logs", "doubling").out
        assert run("services", "-o", "name") == Done(0, "doubling\n", "")
    finally:
        assert run("services", "delete", "doubling").out == "doubling deleted\n"
    assert run("services", "get", "doubling").code == ExitCode.NOT_FOUND
