"""What users write. Both type checkers must take every line of this file in strict mode, without a plugin."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from kubeflow_api.k8s.core.v1 import Container, ContainerPort, EnvVar, ResourceRequirements, Toleration
from kubeflow_api.k8s.meta.v1 import ObjectMeta, ObjectMetaUpdate
from kubeflow_api.katib.v1beta1 import Experiment, ExperimentBuilder
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    ClusterTrainingRuntime,
    RuntimeRef,
    Trainer,
    TrainJob,
    TrainJobBuilder,
    TrainJobs,
    TrainJobSpec,
    TrainJobSpecUpdate,
    TrainJobUpdate,
    validate_rules,
)

from kubeflow.core.quantity import Quantity
from kubeflow.core.resource import Transport
from kubeflow.core.rules import RuleViolation, Violation
from kubeflow.trainer import CustomTrainer, TrainerClient


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


def builders() -> None:
    job = TrainJobBuilder("mnist", namespace="ml").runtime_ref(name="torch-distributed").trainer(num_nodes=4)
    pod = job.runtime_patch("acme.io/team").replicated_job("node").pod_spec()
    pod.toleration(key="gpu", operator="Exists").node_selector(pool="a100")
    pod.volume(name="data", persistent_volume_claim={"claim_name": "d"})
    pod.container("node").volume_mount(name="data", mount_path="/data")
    job.trainer(env=[EnvVar(name="A"), {"name": "B"}], resources_per_node={"limits": {"cpu": 2}})
    job.set(suspend=True).metadata(labels={"team": "vision"})
    assert_type(job.build(), TrainJob)
    experiment = ExperimentBuilder("tune").objective(type="minimize", objective_metric_name="loss", goal=0.1)
    experiment.parameter("lr", parameter_type="double", feasible_space={"min": "0.1", "max": "0.2"})
    assert_type(experiment.build(), Experiment)


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


def updates(transport: Transport) -> None:
    update = TrainJobUpdate(metadata=ObjectMetaUpdate(labels={"a": "b"}), spec=TrainJobSpecUpdate(suspend=True))
    assert_type(Client(transport).train_jobs.update("a", update, namespace="b", dry_run=True), TrainJob)


def rules(new: TrainJob, old: TrainJob) -> None:
    found = validate_rules(new, old)
    assert_type(found, list[Violation])
    assert_type(validate_rules(ClusterTrainingRuntime()), list[Violation])
    if found:
        assert_type(found[0].path, str)
        raise RuleViolation(found)


def train(lr: float, epochs: int = 1, *, device: str = "cpu") -> dict[str, float]:
    return {"loss": lr * epochs}


async def train_later(lr: float) -> None:
    return None


def trainers(client: TrainerClient) -> None:
    trainer = CustomTrainer.call(train, 0.1, epochs=2, device="cuda")
    assert_type(trainer, CustomTrainer)
    assert_type(trainer.replace(num_nodes=2, resources_per_node={"gpu": 1}, env={"A": "1"}), CustomTrainer)
    CustomTrainer.call(train_later, lr=0.1)
    CustomTrainer.call(lambda: print("nothing to give"))
    CustomTrainer(func=train, func_args={"lr": 0.1}, num_nodes=2)
    assert_type(client.train(trainer=trainer), str)
    assert_type(client.train(trainer=trainer, dry_run=True), TrainJob)
    assert_type(client.get_job_result("a"), object)
