"""One real API server for the tests of this folder, a namespace of its own for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from kubeflow.cluster import Cluster
from kubeflow.core.resource import Request
from tests.apiserver import MISSING, REASON, Recorded, apiserver
from tests.trainer.kubernetes.edge import Edge

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    if MISSING:
        pytest.skip(REASON)
    with apiserver(tmp_path_factory.mktemp("apiserver")) as transport:
        yield transport


@pytest.fixture
def namespace(server: Recorded) -> str:
    name = f"live-{next(_numbers)}"
    server.send(Request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}}))
    return name


@pytest.fixture
def edge(server: Recorded) -> Iterator[Edge]:
    """What the client goes through: counts, breaks, and serves pod logs."""
    edge = Edge(server.kubeconfig)
    yield edge
    edge.close()


@pytest.fixture
def cluster(edge: Edge) -> Cluster:
    """The client's way to the API server."""
    from kubernetes.client import Configuration

    configuration = Configuration()
    configuration.host = edge.url
    return Cluster.connect(client_configuration=configuration)
