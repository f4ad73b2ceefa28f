"""What a control plane would refuse, or take and then fail, is found before anything is written, with its remedy.

Runtimes are those that upstream ships for each minor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainJob

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer import (
    BuiltinTrainer,
    CustomTrainer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    KubernetesBackendConfig,
    LoraConfig,
    Option,
    TorchTuneConfig,
    TrainerClient,
    options,
)
from kubeflow.trainer.rendering.older_minors import for_minor
from kubeflow.trainer.rendering.preflight import check, findings, notes
from tests.apiserver import UPSTREAM

pytestmark = pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with upstream's releases")

MINORS = ("2.0", "2.1", "2.2", "2.3")


@cache
def runtimes(minor: str) -> dict[str, dict[str, Any]]:
    """Return the runtimes that upstream ships, as written, by name."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(Path(str(UPSTREAM), "trainer", f"v{minor}.0", "manifests/base/runtimes").rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            if document and document["kind"] == "ClusterTrainingRuntime":
                found[document["metadata"]["name"]] = document
    return found


def shipped(name: str, minor: str = "2.3") -> ClusterTrainingRuntime:
    return ClusterTrainingRuntime.from_server(runtimes(minor)[name])


def changed(name: str, minor: str = "2.3", **spec: Any) -> ClusterTrainingRuntime:
    manifest = runtimes(minor)[name]
    return ClusterTrainingRuntime.from_server({**manifest, "spec": {**manifest["spec"], **spec}})


def job(runtime: str = "torch-distributed", name: str = "job", minor: str = "2.3", **spec: Any) -> TrainJob:
    """Return a TrainJob as a user could write it in YAML."""
    content = {"runtimeRef": {"name": runtime}, "trainer": {}, **spec}
    return TrainJob.from_server({"metadata": {"name": name}, "spec": content})


def patched(pod: dict[str, Any], target: str = "node", manager: str = "example.com/team") -> list[dict[str, Any]]:
    jobs = [{"name": target, "template": {"spec": {"template": {"spec": pod}}}}]
    return [{"manager": manager, "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": jobs}}}}]


def train() -> None: ...


def rendered(runtime: str, minor: str, *given: Option, **arguments: Any) -> TrainJob:
    client = TrainerClient(KubernetesBackendConfig(offline=True, trainer_version=minor))
    return client.train(runtime, options=given, name="job", dry_run=True, **arguments)


def pairs() -> Iterator[tuple[str, str]]:
    if UPSTREAM:
        for minor in MINORS:
            for name in runtimes(minor):
                yield minor, name


# -- what is well ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minor", "runtime"), list(pairs()))
def test_a_job_that_is_well_passes_in_every_shipped_runtime(minor: str, runtime: str) -> None:
    if runtime == "torchtune-llama3.2-3b" and minor == "2.0":
        pytest.skip("shipped, and refused by its own control plane")
    given = [options.Toleration("gpu"), options.VolumeClaim("claim", "/data"), options.NodeSelector({"pool": "a100"})]
    if runtime.startswith("torchtune"):
        found = rendered(runtime, minor, *given, trainer=BuiltinTrainer(TorchTuneConfig(epochs=1)))
    else:
        found = rendered(runtime, minor, *given, trainer=CustomTrainer(train, num_nodes=2))

    check(found, shipped(runtime, minor), minor)
    check(found, None, minor)


@pytest.mark.parametrize("minor", MINORS)
def test_initializers_pass_where_the_runtime_has_them(minor: str) -> None:
    initializer = Initializer(
        dataset=HuggingFaceDatasetInitializer("hf://a/b", access_token="t"),
        model=HuggingFaceModelInitializer("hf://a/b"),
    )
    trainer = BuiltinTrainer(TorchTuneConfig())

    check(
        rendered("torchtune-llama3.2-1b", minor, trainer=trainer, initializer=initializer),
        shipped("torchtune-llama3.2-1b", minor),
        minor,
    )


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runtime", "nodes", "room"),
    [
        ("torch-distributed", 10, 48),
        ("torch-distributed", 11, 47),
        ("torch-distributed", 101, 46),
        ("torch-distributed-with-cache", 1, 33),
        ("torchtune-llama3.2-1b", 1, 33),
        ("deepspeed-distributed", 12, 44),
    ],
)
def test_a_name_leaves_room_for_those_of_the_pods(runtime: str, nodes: int, room: int) -> None:
    manifest = runtimes("2.3").get(runtime) or runtimes("2.2")[runtime]
    found = ClusterTrainingRuntime.from_server(manifest)

    check(job(runtime, "a" * room, trainer={"numNodes": nodes}), found, "2.3")
    with pytest.raises(InvalidInput, match=f"leave room for {room}"):
        check(job(runtime, "a" * (room + 1), trainer={"numNodes": nodes}), found, "2.3")


def test_the_runtimes_own_number_of_nodes_counts_where_the_job_has_none() -> None:
    policy = {"numNodes": 200, "torch": {}}
    with pytest.raises(InvalidInput, match="leave room for 46"):
        check(job(name="a" * 47), changed("torch-distributed", mlPolicy=policy), "2.3")


# -- one finding at a time ------------------------------------------------------------------------------------------

BIG = "x" * 70_000
# fmt: off
REFUSED: list[tuple[str, str, TrainJob, str, str]] = [
    # case, minor, job, runtime, words
    ("an unknown job", "2.3", job(runtimePatches=patched({"serviceAccountName": "a"}, "nodes")), "torch-distributed", "no job 'nodes'.*Did you mean 'node'"),
    ("an unknown container", "2.3", job(runtimePatches=patched({"containers": [{"name": "trainer"}]})), "torch-distributed", "no container 'trainer'.*It has node"),
    ("an unknown job, in 2.1", "2.1", job(podTemplateOverrides=[{"targetJobs": [{"name": "worker"}], "spec": {}}]), "torch-distributed", "no job 'worker'"),
    ("an unknown job, in 2.0", "2.0", job(podSpecOverrides=[{"targetJobs": [{"name": "worker"}]}]), "torch-distributed", "no job 'worker'"),
    ("a mount of nothing", "2.3", job(runtimePatches=patched({"containers": [{"name": "node", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]})), "torch-distributed", "mounts volume 'v', which nobody defines"),
    ("variables of the trainer in a patch", "2.3", job(runtimePatches=patched({"containers": [{"name": "node", "env": [{"name": "A"}]}]})), "torch-distributed", "SecretEnv"),
    ("a manager without a domain", "2.3", job(runtimePatches=patched({}, manager="team")), "torch-distributed", "'domain/name'"),
    ("a manager twice", "2.3", job(runtimePatches=patched({}) * 2), "torch-distributed", "several runtime patches"),
    ("too many managers", "2.2", job(runtimePatches=[entry for i in range(17) for entry in patched({}, manager=f"example.com/{i}")]), "torch-distributed", "takes 16"),
    ("no trainer", "2.2", job("jax-distributed", trainer=None), "jax-distributed", r"add an empty one, trainer: \{\}"),
    ("an empty kind of runtime", "2.3", job(runtimeRef={"name": "torch-distributed", "kind": ""}), "torch-distributed", "Write ClusterTrainingRuntime or TrainingRuntime"),
    ("an empty group of runtimes", "2.3", job(runtimeRef={"name": "torch-distributed", "apiGroup": ""}), "torch-distributed", "apiGroup is empty"),
    ("no nodes at all", "2.3", job(trainer={"numNodes": 0}), "torch-distributed", "num_nodes=1 or more"),
    ("a variable twice", "2.3", job(trainer={"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}), "torch-distributed", "spec.trainer.env sets A twice"),
    ("an initializer's variable twice", "2.2", job("torchtune-llama3.2-1b", initializer={"model": {"storageUri": "hf://a/b", "env": [{"name": "A"}, {"name": "A"}]}}), "torchtune-llama3.2-1b", "spec.initializer.model.env sets A twice"),
    ("two mounts at one path", "2.3", job(runtimePatches=patched({"containers": [{"name": "node", "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/v"}]}], "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]})), "torch-distributed", "two mounts '/v' in container 'node'"),
    ("two mounts at one path, spelt in two ways", "2.3", job(runtimePatches=patched({"containers": [{"name": "node", "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/v/"}]}], "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]})), "torch-distributed", "two mounts '/v' in container 'node'"),
    ("a volume mounted twice", "2.2", job(runtimePatches=patched({"containers": [{"name": "node", "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}]}], "volumes": [{"name": "v", "emptyDir": {}}]})), "torch-distributed", "mounts volume 'v' twice in container 'node'"),
    ("a volume that JobSet makes", "2.3", job("torchtune-llama3.2-1b", runtimePatches=patched({"volumes": [{"name": "initializer", "emptyDir": {}}]})), "torchtune-llama3.2-1b", "'initializer' that JobSet makes of a claim"),
    ("a volume that JobSet makes, in an initializer", "2.2", job("torchtune-llama3.2-1b", runtimePatches=patched({"volumes": [{"name": "initializer", "emptyDir": {}}]}, "model-initializer")), "torchtune-llama3.2-1b", "'initializer' that JobSet makes of a claim"),
    ("a volume that MPI has", "2.3", job("mlx-distributed", runtimePatches=patched({"volumes": [{"name": "mpi-ssh-auth", "emptyDir": {}}]})), "mlx-distributed", "'mpi-ssh-auth' that Trainer makes for MPI"),
    ("a volume of two patches", "2.3", job(runtimePatches=[*patched({"volumes": [{"name": "v", "emptyDir": {}}]}), *patched({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, manager="example.com/other")]), "torch-distributed", "has a volume 'v' already"),
    ("two patches that mount at one path", "2.3", job(runtimePatches=[entry for name, path in (("v", "/data"), ("w", "/data/")) for entry in patched({"volumes": [{"name": name, "emptyDir": {}}], "containers": [{"name": "node", "volumeMounts": [{"name": name, "mountPath": path}]}]}, manager=f"example.com/{name}")]), "torch-distributed", "mount volumes 'v' and 'w' at '/data' in container 'node' of 'node'"),
    ("a volume of two sources", "2.3", job(runtimePatches=patched({"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]})), "torch-distributed", "gives volume 'v' several sources"),
    ("a part of a device", "2.3", job(trainer={"resourcesPerNode": {"limits": {"nvidia.com/gpu": "500m"}}}), "torch-distributed", "no parts"),
    ("less than nothing", "2.2", job(trainer={"resourcesPerNode": {"limits": {"cpu": "-1"}}}), "torch-distributed", "-1 of cpu: write 0 or more"),
    ("no amount", "2.1", job(trainer={"resourcesPerNode": {"limits": {"memory": "1GB"}, "requests": {"memory": "1Gi"}}}), "torch-distributed", "'1GB' of memory, which is no amount"),
    ("a short name in YAML", "2.3", job(trainer={"resourcesPerNode": {"limits": {"gpu": 1}}}), "torch-distributed", "'gpu', which Kubernetes does not know"),
    ("a part of a page", "2.3", job(trainer={"resourcesPerNode": {"limits": {"cpu": 1, "hugepages-2Mi": "3Mi"}}}), "torch-distributed", "no multiple of the size of a page"),
    ("a device of another kind", "2.3", job(trainer={"resourcesPerNode": {"limits": {"graphcore.ai/ipu": 4}}}), "torch-distributed", "num_proc_per_node=4"),
    ("a word in 2.3", "2.3", job(trainer={"numProcPerNode": "auto"}), "torch-distributed", "takes only an integer: write one"),
    ("a variable without a name", "2.3", job(trainer={"env": [{"name": "", "value": "1"}]}), "torch-distributed", "a variable ''"),
    ("a variable with its value in its name", "2.2", job(trainer={"env": [{"name": "A=1"}]}), "torch-distributed", "a variable 'A=1'"),
    ("a variable of two values", "2.3", job(trainer={"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}), "torch-distributed", "both a value and a valueFrom"),
    ("two volumes of one name", "2.3", job(runtimePatches=patched({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "hostPath": {"path": "/"}}]})), "torch-distributed", "has two volumes 'v'"),
    ("two patches of a container", "2.3", job(runtimePatches=patched({"containers": [{"name": "node"}, {"name": "node"}]})), "torch-distributed", "has two containers 'node'"),
    ("fewer than no nodes", "2.3", job(trainer={"numNodes": -1}), "torch-distributed", "numNodes is -1"),
    ("no processes", "2.3", job(trainer={"numProcPerNode": 0}), "torch-distributed", "numProcPerNode is 0"),
    ("QLoRA without modules", "2.3", job("torchtune-qwen2.5-1.5b", trainer={"command": ["tune", "run"], "args": ["model.quantize_base=True"], "numNodes": 1, "numProcPerNode": 1}), "torchtune-qwen2.5-1.5b", "no QLoRA"),
    ("a slice that is not counted", "2.3", job(trainer={"resourcesPerNode": {"limits": {"nvidia.com/mig-1g.5gb": 1, "cpu": 6}}}), "torch-distributed", "num_proc_per_node=1"),
    ("NPUs that are not counted", "2.2", job(trainer={"resourcesPerNode": {"limits": {"huawei.com/Ascend910": 8}}}), "torch-distributed", "num_proc_per_node=8"),
    ("TPUs that are not counted", "2.1", job(trainer={"resourcesPerNode": {"limits": {"google.com/tpu": 4}}}), "torch-distributed", "num_proc_per_node=4"),
    ("two kinds of GPUs", "2.3", job(trainer={"resourcesPerNode": {"limits": {"nvidia.com/gpu": 1, "amd.com/gpu": 1}}}), "torch-distributed", "nobody knows which"),
    ("GPUs beside the runtime's", "2.3", job("torchtune-llama3.2-1b", trainer={"resourcesPerNode": {"limits": {"amd.com/gpu": 1}}}), "torchtune-llama3.2-1b", "2 nvidia.com/gpu, and would keep it.*'nvidia.com/gpu': 0"),
    ("GPUs beside the runtime's, with processes", "2.3", job("torchtune-llama3.2-1b", trainer={"numProcPerNode": 1, "resourcesPerNode": {"limits": {"amd.com/gpu": 1}}}), "torchtune-llama3.2-1b", "would keep it"),
    ("suspended for ever", "2.3", job("torchtune-llama3.2-1b", suspend=True), "torchtune-llama3.2-1b", "retentionPolicy: {whenDeleted: Delete}"),
    ("reserved by torch", "2.0", job(trainer={"env": [{"name": "PET_NNODES", "value": "1"}]}), "torch-distributed", "PET_NNODES.*num_nodes="),
    ("reserved by MPI", "2.3", job("mlx-distributed", trainer={"env": [{"name": "OMPI_MCA_plm_rsh_args", "value": "1"}]}), "mlx-distributed", "OMPI_MCA_plm_rsh_args"),
    ("reserved by XGBoost", "2.2", job("xgboost-distributed", trainer={"env": [{"name": "DMLC_TASK_ID", "value": "1"}]}), "xgboost-distributed", "DMLC_TASK_ID"),
    ("a word for a number", "2.1", job("mlx-distributed", trainer={"numProcPerNode": "auto"}), "mlx-distributed", "whole number"),
    ("resources without the runtime's GPUs", "2.3", job("torchtune-llama3.2-1b", trainer={"resourcesPerNode": {"limits": {"cpu": "4"}}}), "torchtune-llama3.2-1b", "'nvidia.com/gpu': 2, or 0"),
    ("requests above limits", "2.3", job(trainer={"resourcesPerNode": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}), "torch-distributed", "2 of cpu, above its limit of 1"),
    ("requests above limits, in units", "2.2", job(trainer={"resourcesPerNode": {"limits": {"memory": "1Gi"}, "requests": {"memory": "1025Mi"}}}), "torch-distributed", "1025Mi of memory, above its limit of 1Gi"),
    ("fewer devices than the limit", "2.1", job(trainer={"resourcesPerNode": {"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 1}}}), "torch-distributed", "the same in both"),
    ("devices without a limit", "2.3", job(trainer={"resourcesPerNode": {"requests": {"amd.com/gpu": 1}}}), "torch-distributed", "amd.com/gpu without a limit"),
    ("huge pages alone", "2.3", job(trainer={"resourcesPerNode": {"limits": {"hugepages-2Mi": "4Mi"}}}), "torch-distributed", "cpu or memory"),
    ("a dataset where none is fetched", "2.2", job(initializer={"dataset": {"storageUri": "hf://a/b"}}), "torch-distributed", "no dataset-initializer"),
    ("a model where none is fetched", "2.1", job("torch-distributed-with-cache", initializer={"model": {"storageUri": "hf://a/b"}}), "torch-distributed-with-cache", "no model-initializer"),
    ("no volume to fetch into", "2.3", job("torch-distributed-with-cache", initializer={"dataset": {"storageUri": "cache://a/b", "env": [{"name": "METADATA_LOC", "value": "s3://a"}]}}), "torch-distributed-with-cache", "mounts no volume 'initializer'"),
    ("a cache without its table", "2.1", job("torch-distributed-with-cache", initializer={"dataset": {"storageUri": "cache://a/b"}}), "torch-distributed-with-cache", "METADATA_LOC"),
    ("a model in a cache", "2.3", job("torchtune-llama3.2-1b", initializer={"model": {"storageUri": "cache://a/b"}}), "torchtune-llama3.2-1b", "must start with 'hf://' or 's3://'"),
    ("S3 in 2.0", "2.0", job("torchtune-llama3.2-1b", initializer={"dataset": {"storageUri": "s3://a/b"}}), "torchtune-llama3.2-1b", "cannot fetch 's3://a/b'"),
    ("a file", "2.3", job("torchtune-llama3.2-1b", initializer={"dataset": {"storageUri": "file:///data"}}), "torchtune-llama3.2-1b", "VolumeClaim"),
    ("a large argument in 2.2", "2.2", job(trainer={"args": [BIG]}), "torch-distributed", r"args\[0\].*65536"),
    ("many arguments", "2.3", job(trainer={"args": ["a"] * 129}), "torch-distributed", "128 entries or fewer"),
    ("a long image", "2.2", job(trainer={"image": "i" * 501}), "torch-distributed", "500 characters"),
    ("a large object", "2.0", job(trainer={"args": [BIG] * 24}), "torch-distributed", "stores at most"),
    ("a deadline in 2.1", "2.1", job(activeDeadlineSeconds=3), "torch-distributed", "came with 2.2"),
    ("an older form", "2.3", job(podTemplateOverrides=[]), "torch-distributed", "use spec.runtimePatches"),
    ("TorchTune on two nodes", "2.3", job("torchtune-llama3.2-1b", trainer={"command": ["tune", "run"], "numNodes": 2}), "torchtune-llama3.2-1b", "num_nodes=1"),
    ("a model that 2.0 does not know", "2.0", job("torchtune-llama3.2-3b", trainer={"command": ["tune", "run"]}), "torchtune-llama3.2-3b", "Trainer 2.0 fine-tunes"),
    ("TorchTune's crash in 2.1", "2.1", job("torchtune-llama3.2-1b", trainer={"command": ["tune", "run"], "numProcPerNode": 2}), "torchtune-llama3.2-1b", "set numNodes too"),
    ("a fixed setting of TorchTune", "2.3", job("torchtune-llama3.2-1b", trainer={"command": ["tune", "run"], "args": ["output_dir=/x"]}), "torchtune-llama3.2-1b", "output_dir"),
    ("Volcano without Volcano", "2.1", job(annotations={"scheduling.volcano.sh/queue-name": "q"}), "torch-distributed", "podGroupPolicy.volcano"),
]  if UPSTREAM else []
# fmt: on


@pytest.mark.parametrize(
    ("minor", "found", "runtime", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_would_fail_is_found_with_its_remedy(minor: str, found: TrainJob, runtime: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"(?s)'job' cannot run on Trainer {minor}.*{words}"):
        check(found, shipped(runtime, minor), minor)
    assert len(findings(found, shipped(runtime, minor), minor)) == 1


def test_all_findings_come_at_once() -> None:
    found = job(
        "torchtune-llama3.2-1b",
        name="a" * 40,
        trainer={"env": [{"name": "PET_NNODES"}], "command": ["tune", "run"], "numNodes": 3},
        initializer={"model": {"storageUri": "gs://a"}},
    )

    with pytest.raises(InvalidInput) as error:
        check(found, shipped("torchtune-llama3.2-1b"), "2.3")

    assert str(error.value).count("\n- ") == 4


def with_job_set(name: str, minor: str = "2.3", **spec: Any) -> ClusterTrainingRuntime:
    """Return a shipped runtime with more in the spec of its JobSet."""
    template = runtimes(minor)[name]["spec"]["template"]
    return changed(name, minor, template={**template, "spec": {**template["spec"], **spec}})


def with_resources(resources: dict[str, dict[str, str]]) -> ClusterTrainingRuntime:
    """Return a runtime whose nodes have these requests and limits."""
    pod = {"containers": [{"name": "node", "image": "img:1", "resources": resources}]}
    template = {"metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}}
    return with_job_set(
        "torch-distributed",
        replicatedJobs=[{"name": "node", "template": {**template, "spec": {"template": {"spec": pod}}}}],
    )


def with_volume(volume: dict[str, Any]) -> ClusterTrainingRuntime:
    pod = {"containers": [{"name": "node", "image": "img:1"}], "volumes": [volume]}
    template = {"metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}}
    return with_job_set(
        "torch-distributed",
        replicatedJobs=[{"name": "node", "template": {**template, "spec": {"template": {"spec": pod}}}}],
    )


def test_a_volume_of_the_runtime_keeps_its_kind_of_source() -> None:
    runtime = with_volume({"name": "shm", "emptyDir": {"medium": "Memory"}})

    check(job(runtimePatches=patched({"volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "1Gi"}}]})), runtime, "2.3")
    with pytest.raises(InvalidInput, match=r"cannot change its source \(emptyDir, hostPath\): give yours another name"):
        check(job(runtimePatches=patched({"volumes": [{"name": "shm", "hostPath": {"path": "/x"}}]})), runtime, "2.3")


@pytest.mark.parametrize(
    ("own", "asked", "words"),
    [
        ({"limits": {"cpu": "4"}}, {"requests": {"cpu": "8"}}, "requests of 8 cpu, and the runtime has limits of 4"),
        ({"requests": {"cpu": "4"}}, {"limits": {"cpu": "2"}}, "limits of 2 cpu, and the runtime has requests of 4"),
        ({"limits": {"cpu": "4"}}, {"requests": {"cpu": "4000m"}}, None),
        ({"requests": {"cpu": "4"}}, {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}, None),
        ({"limits": {"hugepages-2Mi": "4Mi", "cpu": "1"}}, {"requests": {"hugepages-2Mi": "2Mi"}}, "do not fit"),
        ({"limits": {"nvidia.com/gpu": "2"}}, {"requests": {"nvidia.com/gpu": "2"}}, None),
        ({"limits": {"nvidia.com/gpu": "2"}}, {"requests": {"nvidia.com/gpu": "4"}}, "requests of 4 nvidia.com/gpu"),
    ],
)
def test_requests_and_limits_of_job_and_runtime_fit_where_they_are_merged(
    own: dict[str, dict[str, str]], asked: dict[str, dict[str, str]], words: str | None
) -> None:
    runtime = with_resources(own)
    asked_for = job(trainer={"resourcesPerNode": asked, "numProcPerNode": 2})
    found = findings(asked_for, runtime, "2.3")
    assert (found == []) is (words is None), found
    assert words is None or any(words in finding for finding in found), found
    # Earlier ones replace the runtime's resources.
    assert not any("do not fit" in finding for finding in findings(asked_for, runtime, "2.2"))


@pytest.mark.parametrize("nodes", [0, -1])
def test_a_runtime_without_nodes_trains_nothing(nodes: int) -> None:
    runtime = changed("torch-distributed", mlPolicy={"numNodes": nodes, "torch": {}})
    check(job(trainer={"numNodes": 2}), runtime, "2.3")
    with pytest.raises(InvalidInput, match=f"mlPolicy.numNodes is {nodes}.*set num_nodes=1 or more"):
        check(job(), runtime, "2.3")

    mpi = {**runtimes("2.3")["mlx-distributed"]["spec"]["mlPolicy"], "numNodes": nodes}
    with pytest.raises(InvalidInput, match=f"mlPolicy.numNodes is {nodes}.*an administrator sets it to 1"):
        check(job("mlx-distributed", trainer={"numNodes": 2}), changed("mlx-distributed", mlPolicy=mpi), "2.3")


@pytest.mark.parametrize(
    ("part", "amount", "same"),
    [("cpu", "1", "1000m"), ("memory", "1Gi", "1024Mi"), ("memory", "1G", "1e9"), ("nvidia.com/gpu", "2000", "2k")],
)
def test_one_amount_in_two_spellings_is_the_same(part: str, amount: str, same: str) -> None:
    for limit, request in ((amount, same), (same, amount)):
        trainer = {"numProcPerNode": 1, "resourcesPerNode": {"limits": {part: limit}, "requests": {part: request}}}
        check(job(trainer=trainer), shipped("torch-distributed"), "2.3")


def test_resources_need_a_policy_in_2_3() -> None:
    plain = changed("torch-distributed", mlPolicy=None)
    found = job(trainer={"resourcesPerNode": {"limits": {"cpu": "4"}}})

    check(found, plain, "2.2")
    check(found, changed("torch-distributed", mlPolicy={"numNodes": 1}), "2.3")
    with pytest.raises(InvalidInput, match=r"2\.3 drops resources_per_node.*mlPolicy"):
        check(found, plain, "2.3")


def test_of_a_runtime_whose_failed_jobs_start_again_its_user_is_told_and_may_go_on() -> None:
    runtime = with_job_set("torch-distributed", ttlSecondsAfterFinished=60)
    check(job(), runtime, "2.3")
    (note,) = notes(job(), runtime, "2.3")
    assert "ttlSecondsAfterFinished: 60" in note
    assert "client.delete_job(" in note
    assert notes(job(), with_job_set("torch-distributed", "2.2", ttlSecondsAfterFinished=60), "2.2") == []
    assert notes(job(), with_job_set("torch-distributed"), "2.3") == []


@pytest.mark.parametrize("given", [options.Suspend(), options.Queue("team")])
def test_a_suspended_job_resumes_when_its_claims_say_what_becomes_of_them(given: Option) -> None:
    found = rendered("torchtune-llama3.2-1b", "2.3", given, trainer=BuiltinTrainer(TorchTuneConfig()))
    policies = [
        {**policy, "retentionPolicy": {"whenDeleted": "Delete"}}
        for policy in runtimes("2.3")["torchtune-llama3.2-1b"]["spec"]["template"]["spec"]["volumeClaimPolicies"]
    ]

    check(found, with_job_set("torchtune-llama3.2-1b", volumeClaimPolicies=policies), "2.3")
    with pytest.raises(InvalidInput, match="would wait for ever.*retentionPolicy"):
        check(found, shipped("torchtune-llama3.2-1b"), "2.3")


def test_the_runtimes_own_command_runs_without_a_trainer() -> None:
    """Measured on 2.3.0: torch and MPI run what the runtime names."""
    check(job(trainer=None), shipped("torch-distributed"), "2.3")
    check(job("mlx-distributed", trainer=None), shipped("mlx-distributed"), "2.3")


def test_the_volumes_that_mpi_gets_can_be_mounted() -> None:
    mount = {"name": "mpi-ssh-auth", "mountPath": "/other/.ssh"}
    pod = {"containers": [{"name": "node", "volumeMounts": [mount]}]}

    check(job("mlx-distributed", runtimePatches=patched(pod)), shipped("mlx-distributed"), "2.3")


def test_processes_may_be_named_for_devices_that_are_not_counted() -> None:
    trainer = {"numProcPerNode": 1, "resourcesPerNode": {"limits": {"nvidia.com/mig-1g.5gb": 1}}}

    check(job(trainer=trainer), shipped("torch-distributed"), "2.3")
    check(
        job(trainer={"resourcesPerNode": {"limits": {"vpc.amazonaws.com/efa": 4}}}), shipped("torch-distributed"), "2.3"
    )


def test_flux_needs_nodes_and_processes() -> None:
    flux = changed("torch-distributed", mlPolicy={"flux": {}})

    check(job(trainer={"numNodes": 2}), flux, "2.3")
    with pytest.raises(InvalidInput, match="set num_nodes="):
        check(job(), flux, "2.3")
    with pytest.raises(InvalidInput, match="set num_proc_per_node="):
        check(job(trainer={"numNodes": 2, "numProcPerNode": 0}), flux, "2.3")


def test_mpi_needs_its_implementation_and_both_jobs() -> None:
    manifest = runtimes("2.3")["mlx-distributed"]["spec"]
    mpi = manifest["mlPolicy"]["mpi"]
    launcher = [each for each in manifest["template"]["spec"]["replicatedJobs"] if each["name"] == "launcher"]
    alone = changed("mlx-distributed", template={"spec": {"replicatedJobs": launcher}})

    check(job(trainer={"numNodes": 1}), alone, "2.3")
    with pytest.raises(InvalidInput, match="needs the job 'node'"):
        check(job(trainer={"numNodes": 2}), alone, "2.3")
    with pytest.raises(InvalidInput, match="'OpenMPI'"):
        check(job(), changed("mlx-distributed", mlPolicy={"mpi": {**mpi, "mpiImplementation": ""}}), "2.3")


def test_a_volcano_queue_passes_where_volcano_schedules() -> None:
    volcano = changed("torch-distributed", podGroupPolicy={"volcano": {}})

    for minor in ("2.1", "2.2", "2.3"):
        check(rendered("torch-distributed", minor, options.VolcanoQueue("q")), volcano, minor)


def test_resources_may_say_that_no_gpu_is_wanted() -> None:
    trainer = {"resourcesPerNode": {"limits": {"cpu": "4", "nvidia.com/gpu": 0}}}

    check(job("torchtune-llama3.2-1b", trainer=trainer), shipped("torchtune-llama3.2-1b"), "2.3")


def test_mpi_environment_is_only_reserved_from_2_3_on() -> None:
    found = job("mlx-distributed", trainer={"env": [{"name": "OMPI_MCA_plm_rsh_args", "value": "-v"}]})

    check(found, shipped("mlx-distributed", "2.2"), "2.2")


def test_lora_is_refused_where_the_control_plane_has_none() -> None:
    config = TorchTuneConfig(peft_config=LoraConfig(quantize_base=True), resources_per_node={"gpu": 1})
    found = rendered("torchtune-llama3.2-1b", "2.3", trainer=BuiltinTrainer(config))

    check(found, shipped("torchtune-llama3.2-1b"), "2.3")
    with pytest.raises(InvalidInput, match="Trainer 2.0 has no LoRA"):
        check(for_minor(found, "2.0"), shipped("torchtune-llama3.2-1b", "2.0"), "2.0")
