"""Names that Kubeflow Trainer fixes, and defaults that an administrator may override by environment variable.

The names are facts of the Trainer 2.x API and its controllers.
"""

from __future__ import annotations

import os
from typing import Final

from kubeflow.local.job.places import WORKSPACE


def _override(variable: str, default: str) -> str:
    return os.environ.get(variable, "").strip() or default


GROUP: Final = _override("DEFAULT_TRAINER_API_GROUP", "trainer.kubeflow.org")
"""API group of TrainJobs and runtimes. An override takes effect in what is rendered (`apiVersion`, `runtimeRef`) and in
the paths of requests. Names of labels and annotations do not follow it: the control plane's code has them fixed."""
TRAINJOB_VERSION: Final = _override("DEFAULT_TRAINER_TRAINJOB_VERSION", "v1alpha1")
"""API version of TrainJobs. An override must name one whose fields are those of v1alpha1: nothing is converted."""
RUNTIME_VERSION: Final = _override("DEFAULT_TRAINER_RUNTIME_VERSION", "v1alpha1")
"""API version in which runtimes are read; a TrainJob refers to its runtime without a version."""
RUNTIME_KIND: Final = _override("DEFAULT_TRAINER_RUNTIME_KIND", "ClusterTrainingRuntime")
"""Kind of a runtime that is given by its name alone, where no cluster says which kind it has."""
VERSION: Final = TRAINJOB_VERSION
API_VERSION: Final = f"{GROUP}/{TRAINJOB_VERSION}"

SYSTEM_NAMESPACE: Final = _override("KUBEFLOW_SYSTEM_NAMESPACE", "kubeflow-system")
"""Namespace of the control plane, where its version is published."""

TRAINJOB_KIND: Final = "TrainJob"
TRAINJOB_PLURAL: Final = "trainjobs"
CLUSTER_TRAINING_RUNTIME_PLURAL: Final = "clustertrainingruntimes"
TRAINING_RUNTIME_PLURAL: Final = "trainingruntimes"

# The statuses of a job. They are derived: the control plane itself only knows conditions.
TRAINJOB_CREATED: Final = "Created"
TRAINJOB_RUNNING: Final = "Running"
TRAINJOB_SUSPENDED: Final = "Suspended"
TRAINJOB_COMPLETE: Final = "Complete"
TRAINJOB_FAILED: Final = "Failed"
TRAINJOB_ENDS: Final = (TRAINJOB_COMPLETE, TRAINJOB_FAILED)
"""The statuses that a job ends with."""

UNKNOWN: Final = "Unknown"
"""What cannot be determined, such as the device of a step that was never placed."""

TRAINJOB_ANCESTOR_LABEL: Final = "trainer.kubeflow.org/trainjob-ancestor-step"
KUEUE_QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
MULTIKUEUE: Final = "kueue.x-k8s.io/multikueue"
"""The `managedBy` of a job that Kueue runs on another cluster. Trainer leaves such a job alone from 2.3 on."""
VOLCANO_QUEUE_ANNOTATION: Final = "scheduling.volcano.sh/queue-name"
RUNTIME_FRAMEWORK_LABEL: Final = "trainer.kubeflow.org/framework"

# The steps of a job. Training nodes are the steps "node-0", "node-1", ...
DATASET_INITIALIZER: Final = "dataset-initializer"
MODEL_INITIALIZER: Final = "model-initializer"
LAUNCHER: Final = "launcher"
NODE: Final = "node"

MPI_FRAMEWORKS: Final = ("deepspeed", "mlx", "mpi")
"""Frameworks whose processes mpirun starts, from the job `launcher` on the hosts of the job `node`."""

WORKSPACE_PATH: Final = os.environ.get(WORKSPACE) or "/workspace"
DATASET_PATH: Final = f"{WORKSPACE_PATH}/dataset"
"""Where the dataset initializer leaves the data, on every node."""
MODEL_PATH: Final = f"{WORKSPACE_PATH}/model"
"""Where the model initializer leaves the model, on every node."""

INITIALIZER_DEFAULT_IGNORE_PATTERNS: Final = ("*.msgpack", "*.h5", "*.bin", "*.pt", "*.pth")
"""Model files that are skipped by default: the same weights also come as safetensors."""

CPU_LABEL: Final = "cpu"
GPU_LABEL: Final = "nvidia.com/gpu"
GPU_MIG_PREFIX: Final = "nvidia.com/mig-"
TPU_LABEL: Final = "google.com/tpu"
NPU_LABEL: Final = "huawei.com/Ascend910"

DEFAULT_TRAINING_RUNTIME: Final = _override("DEFAULT_TRAINING_RUNTIME", "torch-distributed")
"""The runtime of a job that names none."""

DEFAULT_PIP_INDEX_URLS: Final = tuple(
    url.strip() for url in os.environ.get("DEFAULT_PIP_INDEX_URLS", "").split(",") if url.strip()
)
"""Package indexes for `packages_to_install`, the main one first. Empty: pip's own configuration decides."""

TORCH_RESERVED_ENV: Final = (
    "PET_NNODES",
    "PET_NPROC_PER_NODE",
    "PET_NODE_RANK",
    "PET_MASTER_ADDR",
    "PET_MASTER_PORT",
)
"""Set by the control plane for torch runtimes; its admission webhook refuses them in a job's environment."""
MPI_RESERVED_ENV: Final = (
    "OMPI_MCA_orte_default_hostfile",
    "OMPI_MCA_plm_rsh_args",
    "OMPI_MCA_orte_keep_fqdn_hostnames",
    "OMPI_MCA_orte_set_default_slots",
)
"""The same for MPI runtimes."""
XGBOOST_RESERVED_ENV: Final = ("DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_NUM_WORKER")
"""The same for XGBoost runtimes."""
