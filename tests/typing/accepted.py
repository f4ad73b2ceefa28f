"""What users write. Both type checkers must take every line of this file in strict mode, without a plugin."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from kubeflow.core.quantity import Quantity
from kubeflow.core.resource import Transport
from kubeflow_api.k8s.core.v1 import Container, ContainerPort, EnvVar, ResourceRequirements, Toleration
from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    ClusterTrainingRuntime,
    RuntimeRef,
    Trainer,
    TrainJob,
    TrainJobs,
    TrainJobSpec,
)


def build() -> TrainJob:
    job = TrainJob(
        metadata=ObjectMeta(name="mnist", labels={"team": "vision"}),
        spec=TrainJobSpec(
            runtime_ref=RuntimeRef(name="torch-distributed"),
            trainer=Trainer(
                num_nodes=2,
                env=[EnvVar(name="A", value="1")],
                resources_per_node=ResourceRequirements(limits={"cpu": 2, "memory": "4Gi"}),
            ),
            suspend=None,
        ),
    )
    job.spec = TrainJobSpec(runtime_ref=RuntimeRef(name="other"))
    return job


def read(job: TrainJob) -> None:
    if job.metadata is not None:
        assert_type(job.metadata.creation_timestamp, datetime | None)
    assert_type(TrainJob.from_dict({}), TrainJob)
    assert_type(TrainJob.from_server({}), TrainJob)
    assert_type(TrainJob.from_yaml(""), TrainJob)
    assert_type(job.to_dict(), dict[str, object])
    assert_type(job.to_yaml(), str)
    assert_type(TrainJob.KIND, str)
    assert_type(Quantity("1Gi") > "512Mi", bool)


def enums() -> Toleration:
    return Toleration(operator="Exists", effect="NoSchedule")


def ports() -> Container:
    return Container(name="a", ports=[ContainerPort(container_port=80, protocol="TCP", host_ip="127.0.0.1")])


def clients(transport: Transport) -> None:
    client = Client(transport, namespace="ml")
    assert_type(client.train_jobs, TrainJobs)
    assert_type(client.train_jobs.get("a", namespace="b"), TrainJob)
    assert_type(client.cluster_training_runtimes.get("a"), ClusterTrainingRuntime)
    for job in client.train_jobs.list(all_namespaces=True, label_selector="team=vision"):
        assert_type(job, TrainJob)
    client.train_jobs.patch("a", {"spec": {"suspend": True}})
    client.train_jobs.patch_status("a", {"status": None})
    client.train_jobs.delete("a", propagation="Foreground")
