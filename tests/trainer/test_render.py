"""From a call of `train` to the TrainJob that stands for it on a cluster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_type

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.packaging.transport import decode_command
from kubeflow.trainer import (
    CustomTrainer,
    CustomTrainerContainer,
    JobSpec,
    KubernetesBackendConfig,
    LocalProcessBackendConfig,
    Runtime,
    RuntimeKind,
    RuntimeNotFound,
    RuntimeTrainer,
    TrainerClient,
    TrainerType,
    Unsupported,
)


def train(text: str = "nothing") -> None:
    import os

    print("trained with", text, "on rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"])


def spec_of(job: TrainJob) -> dict[str, Any]:
    """The spec as it is sent, for looking into."""
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    return spec


HOSTILE = "$HOME `id` $(id) \\ \" ' %s {} \N{SNOWMAN}"


def test_the_fields_that_were_given_are_there_and_no_others() -> None:
    job = TrainerClient(KubernetesBackendConfig(namespace="ml")).train(
        "torch-distributed",
        trainer=CustomTrainer(
            train,
            image="example/image:1",
            num_nodes=3,
            num_proc_per_node=2,
            resources_per_node={"gpu": 1, "Memory": "10Gi"},
            env={"A": "1"},
        ),
        name="named",
        dry_run=True,
    )

    assert_type(job, TrainJob)
    spec = spec_of(job)
    assert spec["trainer"].pop("command") == ["python"]
    args = spec["trainer"].pop("args")
    sent = decode_command(["python", *args])
    assert (sent.name, sent.launcher) == ("train", ("torchrun",))
    amounts = {"nvidia.com/gpu": "1", "memory": "10Gi"}
    assert job.to_dict() | {"spec": spec} == {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {
            "name": "named",
            "namespace": "ml",
            "annotations": {
                "sdk.kubeflow.org/function": "train",
                "sdk.kubeflow.org/bundle-digest": f"sha256:{sent.digest}",
                "sdk.kubeflow.org/bundle-size": str(len("".join(args[4:]))),
            },
        },
        "spec": {
            "runtimeRef": {
                "apiGroup": "trainer.kubeflow.org",
                "kind": "ClusterTrainingRuntime",
                "name": "torch-distributed",
            },
            "trainer": {
                "image": "example/image:1",
                "numNodes": 3,
                "numProcPerNode": 2,
                "resourcesPerNode": {"limits": amounts, "requests": amounts},
                "env": [{"name": "A", "value": "1"}],
            },
        },
    }


def test_yaml_reads_back_as_the_same_job() -> None:
    job = TrainerClient().train(train_func=train, func_args={"text": HOSTILE}, dry_run=True)

    assert TrainJob.from_dict(yaml.safe_load(job.to_yaml())) == job


def test_the_same_call_renders_the_same_everywhere_but_for_the_name(
    local_config: LocalProcessBackendConfig,
) -> None:
    local, cluster = TrainerClient(local_config), TrainerClient()
    runtime = local.get_runtime("torch-distributed")

    jobs = [
        client.train(given, trainer=CustomTrainer(train, num_nodes=2), name="same", dry_run=True)
        for client, given in ((local, None), (local, runtime), (cluster, None), (cluster, runtime))
    ]

    assert jobs[0] == jobs[1] == jobs[2] == jobs[3]
    assert not Path(str(local_config.state_dir)).exists()
    assert cluster.train(dry_run=True).metadata != cluster.train(dry_run=True).metadata


def test_a_runtime_of_a_namespace_is_referred_to_by_its_kind() -> None:
    runtime = Runtime(
        "mine", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "torch", "image"), RuntimeKind.TRAINING_RUNTIME
    )

    job = TrainerClient().train(runtime, trainer=CustomTrainer(train), dry_run=True)

    assert spec_of(job)["runtimeRef"]["kind"] == "TrainingRuntime"


def test_a_container_and_a_bare_runtime_keep_their_own_command() -> None:
    client = TrainerClient()

    container = client.train(trainer=CustomTrainerContainer("example/image:1", num_nodes=2), dry_run=True)
    bare = client.train("torchtune-llama3.2-1b", dry_run=True)

    assert spec_of(container)["trainer"] == {"image": "example/image:1", "numNodes": 2}
    assert spec_of(bare)["trainer"] == {}


def test_jax_gets_no_torchrun_and_mpi_is_refused() -> None:
    job = TrainerClient().train("jax-distributed", trainer=CustomTrainer(train), dry_run=True)
    assert decode_command(["python", *spec_of(job)["trainer"]["args"]]).launcher == ("python",)

    with pytest.raises(Unsupported, match="deepspeed-distributed"):
        TrainerClient().train("deepspeed-distributed", trainer=CustomTrainer(train), dry_run=True)


def test_an_unknown_runtime_lists_the_known_ones() -> None:
    with pytest.raises(RuntimeNotFound, match="jax-distributed") as error:
        TrainerClient().train("jx-distributed", trainer=CustomTrainer(train), dry_run=True)
    assert "torch-distributed" in error.value.available


@dataclass(frozen=True)
class Team:
    """An option as a user can write one."""

    name: str

    def apply(self, spec: JobSpec) -> JobSpec:
        notes = {"note": "mine", "sdk.kubeflow.org/function": "another"}
        labels = {**spec.labels, "team": self.name}
        return replace(spec, labels=labels, annotations=notes, active_deadline_seconds=60)


def test_options_change_the_job_in_order() -> None:
    job = TrainerClient().train(trainer=CustomTrainer(train), options=[Team("red"), Team("blue")], dry_run=True)

    assert job.metadata is not None
    assert job.metadata.labels == {"team": "blue"}
    assert job.metadata.annotations is not None
    assert job.metadata.annotations["note"] == "mine"
    assert job.metadata.annotations["sdk.kubeflow.org/function"] == "train"  # a fact, not a wish
    assert spec_of(job)["activeDeadlineSeconds"] == 60


def test_the_rendered_command_trains_when_nodes_run_it_as_the_control_plane_would(tmp_path: Path) -> None:
    job = TrainerClient().train(train_func=train, func_args={"text": HOSTILE}, num_nodes=2, dry_run=True)
    trainer = spec_of(job)["trainer"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes = [
        subprocess.Popen(
            [*trainer["command"], *trainer["args"]],
            env={
                **os.environ,
                "TMPDIR": str(tmp_path),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PET_NNODES": str(trainer["numNodes"]),
                "PET_NPROC_PER_NODE": "1",
                "PET_NODE_RANK": str(index),
                "PET_MASTER_ADDR": "127.0.0.1",
                "PET_MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    outputs = [node.communicate(timeout=60)[0] for node in nodes]

    assert [node.returncode for node in nodes] == [0, 0]
    assert [f"trained with {HOSTILE} on rank {i} of 2" in outputs[i] for i in range(2)] == [True, True]
