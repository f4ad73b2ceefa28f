"""`codegen diff --cluster`: through a kubeconfig, against a stand-in for a cluster and against a real API server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codegen.__main__ import main
from tests.apiserver import MISSING, REASON, apiserver

PATH = "/openapi/v3/apis/trainer.kubeflow.org/v1alpha1"
KATIB = "/openapi/v3/apis/kubeflow.org/v1beta1"


@dataclass
class Cluster:
    """Answers what it is told to; `asked` has path and credentials of every request."""

    kubeconfig: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    path = tmp_path / "kubeconfig"
    stand_in = Cluster(str(path))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.asked.append((self.path, self.headers["Authorization"]))
            status, body = stand_in.answers.get(self.path, (404, {"message": "the server could not find it"}))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": address}}, {"name": "d", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"token": "sesame"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}, {"name": "dead", "context": {"cluster": "d", "user": "u"}}],
    }), "utf-8")  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


def served(group: str, version: str, kinds: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document as a cluster serves it for custom resources: kinds inlined, lists by reference."""
    schemas: dict[str, Any] = {}
    for kind, schema in kinds.items():
        identity = {"group": group, "version": version}
        schemas[f"made.up.{kind}"] = schema | {"x-kubernetes-group-version-kind": [identity | {"kind": kind}]}
        schemas[f"made.up.{kind}List"] = {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": {"allOf": [{"$ref": f"#/components/schemas/made.up.{kind}"}]}}
            },
            "x-kubernetes-group-version-kind": [identity | {"kind": f"{kind}List"}],
        }
    return {"openapi": "3.0.0", "components": {"schemas": schemas}}


def run(cluster: Cluster, *arguments: str) -> int:
    return main(["diff", *arguments, "--cluster", "--kubeconfig", cluster.kubeconfig])


def test_an_opaque_cluster_is_reported_as_such_and_not_as_all_removed(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}}  # fmt: skip
    kinds = dict.fromkeys(("Experiment", "Trial", "Suggestion"), anything)
    cluster.answers[KATIB] = (200, served("kubeflow.org", "v1beta1", kinds))
    assert run(cluster, "katib", "0.19") == 1
    printed = capsys.readouterr().out
    assert "unknown: nothing could be compared" in printed
    assert "Experiment was not compared: on one side its CRD is type: object with unknown fields kept" in printed
    assert "removed" not in printed


def test_the_credentials_of_the_kubeconfig_are_used(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cluster, "trainer", "2.3") == 1
    assert cluster.asked == [(PATH, "Bearer sesame")]
    assert "serves no trainer.kubeflow.org/v1alpha1: is trainer installed there?" in capsys.readouterr().err


def test_a_kind_that_the_cluster_lacks_is_removed_there(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    runtime = {"type": "object", "properties": {"spec": {"type": "object", "properties": {}}}}
    cluster.answers[PATH] = (200, served("trainer.kubeflow.org", "v1alpha1", {"TrainingRuntime": runtime}))
    assert run(cluster, "trainer", "2.3", "--format", "json") == 3
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert {change["type"] for change in changes if change["class"] == "kind-removed"} == {
        "TrainJob",
        "ClusterTrainingRuntime",
    }


@pytest.mark.parametrize(
    ("answer", "arguments", "problem"),
    [
        ((403, {"message": "user cannot get path"}), [], "the cluster refuses /openapi/v3/apis/trainer.kubeflow.org/v1alpha1: 403 user cannot get path"),
        ((500, b"<html>"), [], "500"),
        ((200, b"<html>"), [], "not JSON"),
        ((200, {"components": {"schemas": {}}}), [], "describes no kind of trainer.kubeflow.org/v1alpha1"),
        ((200, {}), ["--context", "dead"], "the cluster at http://127.0.0.1:9 does not answer"),
        ((200, {}), ["--context", "nowhere"], "nowhere"),
        ((200, {}), ["--kubeconfig", "/nowhere"], "cannot use the kubeconfig"),
    ],
)  # fmt: skip
def test_a_cluster_that_cannot_be_read_is_an_error_that_says_why(
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, Any],
    arguments: list[str],
    problem: str,
) -> None:
    cluster.answers[PATH] = answer
    assert main(["diff", "trainer", "2.3", "--cluster", "--kubeconfig", cluster.kubeconfig, *arguments]) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.skipif(MISSING, reason=REASON)
def test_a_real_api_server_serves_what_is_pinned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with apiserver(tmp_path) as transport:
        place = ["--cluster", "--kubeconfig", str(transport.kubeconfig)]
        same = main(["diff", "trainer", "2.3", *place, "--format", "json"])
        result = json.loads(capsys.readouterr().out)
        older = main(["diff", "trainer", "2.1", *place])
    assert (same, older) == (0, 3)
    assert result["changes"] == []
    assert result["compared"] == ["ClusterTrainingRuntime", "TrainJob", "TrainingRuntime"]
    assert "podTemplateOverrides → runtimePatches" in capsys.readouterr().out
