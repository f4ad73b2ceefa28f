"""Each case runs on every backend: processes, podman, docker, and a cluster whose nodes are played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.trainer import (
    BackendConfig,
    ContainerBackendConfig,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeTrainer,
    TrainerClient,
    TrainerType,
    TrainingRuntimeSource,
)
from tests.cluster.trainjobs import API
from tests.container_engines import IMAGE, engine
from tests.trainer.conformance.rows import BACKENDS, PROPERTY, Row, Shared


def runtime_manifest(name: str, policy: dict[str, Any]) -> dict[str, Any]:
    """A runtime whose nodes are of the image of the tests; a failed pod stays, and its job fails at the first."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "node", "image": IMAGE}]}
    template = {
        "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": name},
        "spec": {
            "mlPolicy": {"numNodes": 1, **policy},
            "template": {"spec": {"replicatedJobs": [{"name": "node", "template": template}]}},
        },
    }


@pytest.fixture(params=BACKENDS)
def backend_name(request: pytest.FixtureRequest) -> str:
    """The backend, by its name in the table: a new backend joins the cases there."""
    found: str = request.param
    return found


@pytest.fixture
def shared(tmp_path: Path, backend_name: str) -> Shared:
    folder = tmp_path / "shared"
    folder.mkdir(exist_ok=True)
    return Shared(folder, backend_name == "kubernetes")


@pytest.fixture(scope="session")
def plain_on_cluster(trainer_cluster: Any) -> None:
    trainer_cluster.wire.send("POST", f"{API}/clustertrainingruntimes", runtime_manifest("plain", {}))


@pytest.fixture
def config(backend_name: str, request: pytest.FixtureRequest, tmp_path: Path, shared: Shared) -> BackendConfig:
    if backend_name == "localprocess":
        return LocalProcessBackendConfig(state_dir=tmp_path / "state")
    if backend_name == "kubernetes":
        request.getfixturevalue("plain_on_cluster")
        cluster: KubernetesBackendConfig = request.getfixturevalue("cluster_config")
        return cluster
    runtimes = tmp_path / "runtimes"
    runtimes.mkdir()
    policies: dict[str, dict[str, Any]] = {"torch-distributed": {"torch": {}}, "plain": {}}
    for name, policy in policies.items():
        (runtimes / f"{name}.yaml").write_text(yaml.safe_dump(runtime_manifest(name, policy)))
    return ContainerBackendConfig(
        container_host=engine(backend_name).host,
        pull_policy="Never",
        runtime_source=TrainingRuntimeSource(sources=[str(runtimes)]),
        state_dir=tmp_path / "state",
        volumes={"shared": shared.path},
    )


@pytest.fixture
def on_machine(backend_name: str) -> bool:
    """True where nodes are on this machine: each rank has a log of its own then."""
    return backend_name != "kubernetes"


@pytest.fixture
def plain(client: TrainerClient, backend_name: str) -> Runtime:
    """A runtime that starts one Python for each node, and no torchrun, which takes seconds."""
    if backend_name != "localprocess":
        return client.get_runtime("plain")
    trainer = RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "plain", "local")
    return Runtime("plain", trainer, RuntimeKind.CLUSTER_TRAINING_RUNTIME)


@pytest.fixture
def client(config: BackendConfig) -> Iterator[TrainerClient]:
    client = TrainerClient(config)
    yield client
    for job in client.list_jobs():
        client.delete_job(job.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let the report of a case say which row it is, and what the backend does."""
    if isinstance(item, pytest.Function):
        row = vars(item.function).get(PROPERTY)
        if isinstance(row, Row) and PROPERTY not in dict(item.user_properties):
            backend = str(item.callspec.params["backend_name"])
            item.user_properties.append((PROPERTY, (row.text, backend, row.cell(backend))))
    return (yield)
