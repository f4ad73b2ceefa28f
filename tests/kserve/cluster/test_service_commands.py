"""`kubeflow services` on a cluster whose KServe is played: from making a service to its predictions and its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubeflow.cli import main
from kubeflow.cli.failures import ExitCode
from kubeflow.doctor import examine
from kubeflow.kserve import KServeClient
from tests.kserve.cluster.played_kserve import PlayedKServe
from tests.kserve.cluster.test_routes import STANDARD, model_server
from tests.trainer.kubernetes.edge import Edge


def run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--backend", "kubernetes", "--kubeconfig", str(folder / "kubeconfig")])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_service_of_a_cluster_by_commands(
    client: KServeClient, kserve: PlayedKServe, edge: Edge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del client  # what makes the kubeconfig
    serve = ("services", "serve", "iris", "--model", "s3://models/iris/1", "--format", "sklearn")
    assert run(capsys, tmp_path, *serve) == (0, "iris\n", "")
    assert run(capsys, tmp_path, *serve)[0] == ExitCode.WRONG_INPUT  # the name is taken
    assert run(capsys, tmp_path, "services", "wait", "iris", "--timeout", "1s")[0] == ExitCode.TIMED_OUT
    kserve.deploy("iris")

    assert run(capsys, tmp_path, "services", "wait", "iris", "--timeout", "60s")[:2] == (0, "iris\n")
    assert run(capsys, tmp_path, "services", "-o", "name") == (0, "iris\n", "")
    assert "Status:   Ready" in run(capsys, tmp_path, "services", "get", "iris")[1]
    assert json.loads(run(capsys, tmp_path, "services", "get", "iris", "-o", "json")[1])["status"] == "Ready"
    assert "iris" in run(capsys, tmp_path, "services", "explain", "iris")[1]
    assert run(capsys, tmp_path, "services", "get", "irsi")[0] == ExitCode.NOT_FOUND
    assert run(capsys, tmp_path, "services", "delete", "iris")[0] == 0
    assert run(capsys, tmp_path, "services") == (0, "", "There are no services.\n")


def test_predictions_of_a_service_of_a_cluster(
    client: KServeClient, kserve: PlayedKServe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client.serve("iris", model="s3://models/iris/1", model_format="sklearn", protocol="v2", options=STANDARD)
    with model_server() as server:
        kserve.deploy("iris", url=server.url)
        code, out, _ = run(capsys, tmp_path, "services", "predict", "iris", "[[1.5, 2.5]]")
    assert (code, json.loads(out)) == (0, [[3.0, 5.0]])


def test_the_doctor_names_the_kserve_of_a_cluster(client: KServeClient, tmp_path: Path) -> None:
    found = examine(["control-planes"], config_file=tmp_path / "kubeconfig", timeout=60).section("control-planes")
    kserve = next(finding for finding in found.findings if finding.name == "KServe")
    assert kserve.state == "ok"
    assert kserve.why.startswith("serving.kserve.io/")
    del client  # what makes the kubeconfig
