"""Each case runs on every backend: processes, podman, docker, and a cluster whose nodes are played.

Cases of what the clients of training jobs and of Spark have in common run on the backends of Spark as well.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.spark import SparkClient
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
from tests.cluster.spark.sparkstage import SparkCluster, new_home
from tests.cluster.trainjobs import API
from tests.container_engines import IMAGE, engine
from tests.spark.spark_environment import spark_python
from tests.trainer.conformance.rows import BACKENDS, COLUMNS, ON_CLUSTER, PROPERTY, SPARK, Row, Shared
from tests.trainer.conformance.shared_client import SharedClient

__all__ = ["spark_python"]


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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a case on each backend, by its name in the table: a new backend joins the cases there."""
    if "backend_name" in metafunc.fixturenames:
        metafunc.parametrize("backend_name", COLUMNS if "jobs" in metafunc.fixturenames else BACKENDS)


@pytest.fixture
def shared(tmp_path: Path, backend_name: str) -> Shared:
    folder = tmp_path / "shared"
    folder.mkdir(exist_ok=True)
    return Shared(folder, backend_name in ON_CLUSTER)


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
    return backend_name not in ON_CLUSTER


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


@pytest.fixture
def spark_here(spark_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find pyspark behind its own packages. Jobs without a session need no more of it."""
    packages = sysconfig.get_path("purelib", vars={"base": str(spark_python.parents[1])})
    monkeypatch.setattr(sys, "path", [*sys.path, packages])


@pytest.fixture
def jobs(backend_name: str, on_machine: bool, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SharedClient]:
    """A client of the backend, for what clients of training jobs and of Spark jobs have in common."""
    if backend_name not in SPARK:
        client: TrainerClient = request.getfixturevalue("client")  # which deletes its jobs
        yield SharedClient(client, request.getfixturevalue("plain"), not on_machine)
        return
    if on_machine:
        request.getfixturevalue("spark_here")
        spark = SparkClient(LocalProcessBackendConfig(state_dir=tmp_path / "state"))
    else:
        cluster: SparkCluster = request.getfixturevalue("spark_cluster")
        spark = new_home(cluster).client
    jobs = SharedClient(spark, None, not on_machine)
    yield jobs
    jobs.forget_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let the report of a case say which row it is, and what the backend does."""
    if isinstance(item, pytest.Function):
        row = vars(item.function).get(PROPERTY)
        if isinstance(row, Row) and PROPERTY not in dict(item.user_properties):
            backend = str(item.callspec.params["backend_name"])
            item.user_properties.append((PROPERTY, (row.text, backend, row.cell(backend))))
    return (yield)
