"""From a call of `train` to the TrainJob that stands for it on a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_type

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.local.executors.ports import ReservedPort
from kubeflow.packaging.bundles.encoding import decode_command
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
    options,
)


def train(text: str = "nothing") -> None:
    import os

    print("trained with", text, "on rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"])


def report() -> None:
    import os

    rank, size = os.environ["OMPI_COMM_WORLD_RANK"], os.environ["OMPI_COMM_WORLD_SIZE"]
    print(f"rank {rank} of {size} has", os.environ["GIVEN"], os.environ["SECRET"], flush=True)


def spec_of(job: TrainJob) -> dict[str, Any]:
    """The spec as it is sent, for looking into."""
    spec = job.to_dict()["spec"]
    assert isinstance(spec, dict)
    return spec


HOSTILE = "$HOME `id` $(id) \\ \" ' %s {} \N{SNOWMAN}"


def test_the_fields_that_were_given_are_there_and_no_others() -> None:
    job = TrainerClient(KubernetesBackendConfig(namespace="ml", offline=True)).train(
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
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        train_func=train, func_args={"text": HOSTILE}, dry_run=True
    )

    assert TrainJob.from_dict(yaml.safe_load(job.to_yaml())) == job


def test_the_same_call_renders_the_same_everywhere_but_for_the_name(
    local_config: LocalProcessBackendConfig,
) -> None:
    local, cluster = TrainerClient(local_config), TrainerClient(KubernetesBackendConfig(offline=True))
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

    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        runtime, trainer=CustomTrainer(train), dry_run=True
    )

    assert spec_of(job)["runtimeRef"]["kind"] == "TrainingRuntime"


def test_a_container_and_a_bare_runtime_keep_their_own_command() -> None:
    client = TrainerClient(KubernetesBackendConfig(offline=True))

    container = client.train(trainer=CustomTrainerContainer("example/image:1", num_nodes=2), dry_run=True)
    bare = client.train("torchtune-llama3.2-1b", dry_run=True)

    assert spec_of(container)["trainer"] == {"image": "example/image:1", "numNodes": 2}
    assert spec_of(bare)["trainer"] == {}


def test_each_framework_has_its_launcher_and_an_unknown_one_is_refused() -> None:
    client = TrainerClient(KubernetesBackendConfig(offline=True))
    for name, launcher in (("torch-distributed", ("torchrun",)), ("jax-distributed", ("python",))):
        job = client.train(name, trainer=CustomTrainer(train), dry_run=True)
        assert decode_command(["python", *spec_of(job)["trainer"]["args"]]).launcher == launcher

    flux = Runtime(
        "flux-distributed", RuntimeTrainer(TrainerType.CUSTOM_TRAINER, "flux", "image"), RuntimeKind("TrainingRuntime")
    )
    with pytest.raises(Unsupported, match=r"flux-distributed.*CustomTrainerContainer"):
        client.train(flux, trainer=CustomTrainer(train), dry_run=True)


@pytest.mark.skipif(not shutil.which("mpirun"), reason="needs Open MPI")
def test_in_an_mpi_runtime_mpirun_starts_the_function_on_every_rank_with_its_variables(tmp_path: Path) -> None:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        "deepspeed-distributed",
        trainer=CustomTrainer(report, env={"GIVEN": HOSTILE}),
        options=[options.SecretEnv("token", ["SECRET"])],
        dry_run=True,
    )
    trainer = spec_of(job)["trainer"]
    hosts = tmp_path / "hostfile"
    hosts.write_text("localhost slots=2\n")
    launcher = {  # what the control plane sets on the launcher (FACTS of Trainer 2.0 to 2.3), and a root user's consent
        "OMPI_MCA_orte_default_hostfile": str(hosts),
        "OMPI_MCA_orte_keep_fqdn_hostnames": "true",
        "OMPI_MCA_orte_set_default_slots": "2",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    }
    environ = {**os.environ, **launcher, "TMPDIR": str(tmp_path), "GIVEN": HOSTILE, "SECRET": "from the cluster"}
    environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        [*trainer["command"], *trainer["args"]], env=environ, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert [f"rank {i} of 2 has {HOSTILE} from the cluster" in done.stdout for i in range(2)] == [True, True]
    assert job.to_yaml().count("from the cluster") == 0


def test_an_unknown_runtime_lists_the_known_ones() -> None:
    with pytest.raises(RuntimeNotFound, match="jax-distributed") as error:
        TrainerClient(KubernetesBackendConfig(offline=True)).train(
            "jx-distributed", trainer=CustomTrainer(train), dry_run=True
        )
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
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        trainer=CustomTrainer(train), options=[Team("red"), Team("blue")], dry_run=True
    )

    assert job.metadata is not None
    assert job.metadata.labels == {"team": "blue"}
    assert job.metadata.annotations is not None
    assert job.metadata.annotations["note"] == "mine"
    assert job.metadata.annotations["sdk.kubeflow.org/function"] == "train"  # a fact, not a wish
    assert spec_of(job)["activeDeadlineSeconds"] == 60


def test_the_rendered_command_trains_when_nodes_run_it_as_the_control_plane_would(tmp_path: Path) -> None:
    job = TrainerClient(KubernetesBackendConfig(offline=True)).train(
        train_func=train, func_args={"text": HOSTILE}, num_nodes=2, dry_run=True
    )
    trainer = spec_of(job)["trainer"]
    with ReservedPort() as port:
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
                    "PET_MASTER_PORT": str(port.number),
                },
                stdout=subprocess.PIPE,
                text=True,
            )
            for index in range(2)
        ]
        outputs = [node.communicate(timeout=180)[0] for node in nodes]

    assert [node.returncode for node in nodes] == [0, 0]
    assert [f"trained with {HOSTILE} on rank {i} of 2" in outputs[i] for i in range(2)] == [True, True]
