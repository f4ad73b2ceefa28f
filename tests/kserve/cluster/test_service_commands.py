"""`kubeflow services` on a cluster whose KServe is played: from making a service to its predictions and its end."""

from __future__ import annotations

import json
from pathlib import Path

from kubeflow.cli.failures import ExitCode
from kubeflow.doctor import examine
from kubeflow.kserve import KServeClient
from tests import commands
from tests.commands import Done, environment
from tests.kserve.cluster.played_kserve import PlayedKServe
from tests.kserve.cluster.test_routes import STANDARD, model_server
from tests.trainer.kubernetes.edge import Edge


def run(folder: Path, *words: str) -> Done:
    place = ("--backend", "kubernetes", "--kubeconfig", str(folder / "kubeconfig"))
    return commands.run(*words, *place, folder=folder, environment=environment())


def test_a_service_of_a_cluster_by_commands(
    client: KServeClient, kserve: PlayedKServe, edge: Edge, tmp_path: Path
) -> None:
    del client  # what makes the kubeconfig
    serve = ("services", "serve", "iris", "--model", "s3://models/iris/1", "--format", "sklearn")
    assert run(tmp_path, *serve) == Done(0, "iris\n", "")
    assert run(tmp_path, *serve).code == ExitCode.WRONG_INPUT  # the name is taken
    assert run(tmp_path, "services", "wait", "iris", "--timeout", "1s").code == ExitCode.TIMED_OUT
    kserve.deploy("iris")
    edge.write(kserve.namespace, kserve.pod("iris"), "the model is loaded", container="kserve-container")

    waited = run(tmp_path, "services", "wait", "iris", "--timeout", "60s")
    assert (waited.code, waited.out) == (0, "iris\n")
    assert run(tmp_path, "services", "-o", "name") == Done(0, "iris\n", "")
    assert "Status:   Ready" in run(tmp_path, "services", "get", "iris").out
    assert json.loads(run(tmp_path, "services", "get", "iris", "-o", "json").out)["status"] == "Ready"
    assert run(tmp_path, "services", "logs", "iris").out == "the model is loaded\n"
    assert "iris" in run(tmp_path, "services", "explain", "iris").out
    assert run(tmp_path, "services", "get", "irsi").code == ExitCode.NOT_FOUND
    assert run(tmp_path, "services", "delete", "iris").code == 0
    assert run(tmp_path, "services") == Done(0, "", "There are no services.\n")


def test_predictions_of_a_service_of_a_cluster(client: KServeClient, kserve: PlayedKServe, tmp_path: Path) -> None:
    client.serve("iris", model="s3://models/iris/1", model_format="sklearn", protocol="v2", options=STANDARD)
    with model_server() as server:
        kserve.deploy("iris", url=server.url)
        done = run(tmp_path, "services", "predict", "iris", "[[1.5, 2.5]]")
    assert (done.code, json.loads(done.out)) == (0, [[3.0, 5.0]])


def test_the_doctor_names_the_kserve_of_a_cluster(client: KServeClient, tmp_path: Path) -> None:
    found = examine(["control-planes"], config_file=tmp_path / "kubeconfig", timeout=60).section("control-planes")
    kserve = next(finding for finding in found.findings if finding.name == "KServe")
    assert kserve.state == "ok"
    assert kserve.why.startswith("serving.kserve.io/")
    del client  # what makes the kubeconfig
