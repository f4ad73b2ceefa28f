"""One real API server with KServe's CRDs for the tests of this folder, a namespace of its own for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.kserve import KServeClient
from kubeflow.trainer import KubernetesBackendConfig
from tests.apiserver import MISSING, REASON, Recorded, apiserver
from tests.cluster.stage import install
from tests.cluster.wire import Wire
from tests.kserve.cluster.played_kserve import MLSERVER, SKLEARN, TENSORFLOW, PlayedKServe, knative_crd, lean_crds
from tests.trainer.kubernetes.edge import Edge

_numbers = itertools.count()
MODEL = "s3://models/iris/1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """An API server with KServe 0.20, Knative's services, and three of the runtimes that KServe ships."""
    if MISSING:
        pytest.skip(REASON)
    folder = tmp_path_factory.mktemp("apiserver")
    with apiserver(folder, []) as transport:
        wire = Wire(transport.kubeconfig)
        install(wire, [*lean_crds("0.20"), knative_crd()])
        for runtime in (SKLEARN, MLSERVER, TENSORFLOW):
            wire.send("POST", "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes", runtime)
        yield transport
        wire.close()


@pytest.fixture
def kserve(server: Recorded) -> Iterator[PlayedKServe]:
    """KServe's controller in a namespace of its own."""
    wire = Wire(server.kubeconfig)
    name = f"serving-{next(_numbers)}"
    wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    wire.send("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "reader"}})
    yield PlayedKServe(wire, name)
    wire.close()


@pytest.fixture
def edge(server: Recorded) -> Iterator[Edge]:
    """What the client goes through: counts, breaks, serves pod logs and forwards ports."""
    edge = Edge(server.kubeconfig)
    yield edge
    edge.close()


@pytest.fixture
def client(edge: Edge, kserve: PlayedKServe, tmp_path: Path) -> KServeClient:
    return client_of(edge, kserve, tmp_path)


def client_of(edge: Edge, kserve: PlayedKServe, folder: Path) -> KServeClient:
    config = folder / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        f"clusters: [{{name: here, cluster: {{server: '{edge.url}'}}}}]\n"
        "users: [{name: me, user: {token: any}}]\n"
        f"contexts: [{{name: here, context: {{cluster: here, user: me, namespace: {kserve.namespace}}}}}]\n"
    )
    return KServeClient(KubernetesBackendConfig(config_file=config))
