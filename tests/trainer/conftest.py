"""The backends that the conformance cases run on, each with state of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow.trainer import BackendConfig, KubernetesBackendConfig, LocalProcessBackendConfig, TrainerClient
from tests.cluster.proxy import Proxy
from tests.cluster.scenarios import Scenario
from tests.cluster.stage import MISSING, REASON, Stage, namespace, stage

_numbers = itertools.count()


@pytest.fixture
def local_config(tmp_path: Path) -> LocalProcessBackendConfig:
    return LocalProcessBackendConfig(state_dir=tmp_path / "state")


@pytest.fixture(scope="session")
def trainer_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster with the newest Trainer, which runs the nodes of its jobs as processes here."""
    if MISSING:
        pytest.skip(REASON)
    with stage(tmp_path_factory.mktemp("cluster")) as running:
        # What PyTorch's images set; without it torchrun says at length that it sets it itself.
        running.controller.default = Scenario(environment={"OMP_NUM_THREADS": "1"})
        yield running


@pytest.fixture
def front(trainer_cluster: Stage) -> Iterator[Proxy]:
    """What the client goes through to reach the cluster: it counts, and can break."""
    running = Proxy(trainer_cluster.kubeconfig, logs=trainer_cluster.logs)
    yield running
    running.stop()


@pytest.fixture
def home(trainer_cluster: Stage) -> str:
    """A namespace that no other test uses."""
    return namespace(trainer_cluster.wire, f"home-{next(_numbers)}")


@pytest.fixture
def cluster_config(front: Proxy, home: str, tmp_path: Path) -> KubernetesBackendConfig:
    file = front.kubeconfig(tmp_path / "kubeconfig", namespace=home)
    return KubernetesBackendConfig(config_file=str(file))


@pytest.fixture(params=["localprocess", "kubernetes"])
def config(request: pytest.FixtureRequest) -> BackendConfig:
    """One configuration per backend that trains: a new backend joins the conformance cases here."""
    fixtures = {"localprocess": "local_config", "kubernetes": "cluster_config"}
    found: BackendConfig = request.getfixturevalue(fixtures[request.param])
    return found


@pytest.fixture
def client(config: BackendConfig) -> Iterator[TrainerClient]:
    client = TrainerClient(config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)
