"""The runtimes that Trainer 2.3.0 ships, as objects: images, frameworks, commands, initializers. No cluster is asked.

Facts of https://github.com/kubeflow/trainer, tag v2.3.0: `manifests/base/runtimes`, with the tags of images that
`manifests/overlays/runtimes` sets. What only a cluster reads (probes, ssh keys, claims' sizes) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.trainer.constants import constants
from kubeflow.trainer.runtimes.shipped import DATASET, FRAMEWORKS, MODELS

_TAG = "v2.3.0"
_OWN = "ghcr.io/kubeflow/trainer"
_TORCH = "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
_IMAGES = {
    "torch": _TORCH,
    "jax": "nvcr.io/nvidia/jax:25.10-py3",
    "deepspeed": f"{_OWN}/deepspeed-runtime:{_TAG}",
    "mlx": f"{_OWN}/mlx-runtime:{_TAG}",
    "xgboost": f"{_OWN}/xgboost-runtime:{_TAG}",
    "torchtune": f"{_OWN}/torchtune-trainer:{_TAG}",
}
INITIALIZER_IMAGES: Mapping[str, str] = {
    step: f"{_OWN}/{step}:{_TAG}" for step in (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)
}
"""The images that fetch datasets and models, by step."""
_WORKSPACE = [{"name": "initializer", "mountPath": "/workspace"}]
_MPI_USER = 1000

Object = dict[str, object]


def shipped_manifests() -> list[Object]:
    """Return the `ClusterTrainingRuntime` objects that the newest Trainer ships, in wire names."""
    return [_manifest(name, framework) for name, framework in FRAMEWORKS.items()]


def _manifest(name: str, framework: str) -> Object:
    makers = {"torchtune": _torchtune, "deepspeed": _mpi, "mlx": _mpi}
    jobs = makers.get(framework, _one_job)(name, framework)
    policy: Object = {"numNodes": 1}
    if framework in constants.MPI_FRAMEWORKS:
        policy["mpi"] = {"numProcPerNode": 1, "mpiImplementation": "OpenMPI", "runLauncherAsNode": True}
    else:
        policy["torch" if framework == "torchtune" else framework] = {}
    return {
        "apiVersion": constants.API_VERSION,
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": name, "labels": {constants.RUNTIME_FRAMEWORK_LABEL: framework}},
        "spec": {"mlPolicy": policy, "template": {"spec": {"replicatedJobs": jobs}}},
    }


def _one_job(name: str, framework: str) -> list[Object]:
    node = _job(constants.NODE, {"name": constants.NODE, "image": _IMAGES[framework]}, "trainer")
    if not name.endswith("-with-cache"):
        return [node]
    step = constants.DATASET_INITIALIZER
    cache = {"name": "CACHE_IMAGE", "value": f"{_OWN}/data-cache:{_TAG}"}
    return [_job(step, {"name": step, "image": INITIALIZER_IMAGES[step], "env": [cache]}, step), node]


def _mpi(name: str, framework: str) -> list[Object]:
    container: Object = {
        "name": constants.NODE,
        "image": _IMAGES[framework],
        "securityContext": {"runAsUser": _MPI_USER},
    }
    sshd: Object = {**container, "command": ["/usr/sbin/sshd"], "args": ["-De", "-f", "/home/mpiuser/.sshd_config"]}
    return [_job(constants.NODE, sshd), _job(constants.LAUNCHER, container, "trainer")]


def _torchtune(name: str, framework: str) -> list[Object]:
    sources = {constants.DATASET_INITIALIZER: DATASET, constants.MODEL_INITIALIZER: MODELS[name]}
    steps = [
        _job(
            step,
            {
                "name": step,
                "image": INITIALIZER_IMAGES[step],
                "env": [{"name": "STORAGE_URI", "value": uri}],
                "volumeMounts": _WORKSPACE,
            },
            step,
        )
        for step, uri in sources.items()
    ]
    node: Object = {
        "name": constants.NODE,
        "image": _IMAGES[framework],
        "command": _tune(name),
        "resources": {"limits": {constants.GPU_LABEL: 2}},
        "volumeMounts": _WORKSPACE,
    }
    return [*steps, _job(constants.NODE, node, "trainer")]


def _tune(name: str) -> Sequence[str]:
    _, family, size = name.split("-")
    qwen = family.startswith("qwen")
    config = f"{family.replace('.', '_')}/{size.upper()}_full"
    tokenizer = "vocab.json" if qwen else "original/tokenizer.model"
    return [
        *("tune", "run", "--rdzv_endpoint=localhost:29500", "full_finetune_distributed", "--config", config),
        "dataset=torchtune.datasets.instruct_dataset",
        "dataset.source=parquet",
        "dataset.data_dir=/workspace/dataset/data",
        "output_dir=/workspace/output",
        f"tokenizer.path=/workspace/model/{tokenizer}",
        *(["tokenizer.merges_file=/workspace/model/merges.txt"] if qwen else []),
        "checkpointer.checkpoint_dir=/workspace/model",
    ]


def _job(name: str, container: Object, ancestor: str | None = None) -> Object:
    template: Object = {"spec": {"template": {"spec": {"containers": [container]}}}}
    if ancestor is not None:
        template["metadata"] = {"labels": {constants.TRAINJOB_ANCESTOR_LABEL: ancestor}}
    return {"name": name, "template": template}
