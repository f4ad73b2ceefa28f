"""Names that Kubeflow Trainer fixes, and defaults that an administrator may override by environment variable.

The names are facts of the Trainer 2.x API and its controllers.
"""

from __future__ import annotations

import os
from typing import Final

GROUP: Final = "trainer.kubeflow.org"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "trainer.kubeflow.org/v1alpha1"

TRAINJOB_KIND: Final = "TrainJob"
TRAINJOB_PLURAL: Final = "trainjobs"
CLUSTER_TRAINING_RUNTIME_PLURAL: Final = "clustertrainingruntimes"
TRAINING_RUNTIME_PLURAL: Final = "trainingruntimes"

# The statuses of a job. They are derived: the control plane itself only knows conditions.
TRAINJOB_CREATED: Final = "Created"
TRAINJOB_RUNNING: Final = "Running"
TRAINJOB_COMPLETE: Final = "Complete"
TRAINJOB_FAILED: Final = "Failed"

UNKNOWN: Final = "Unknown"
"""What cannot be determined, such as the device of a step that was never placed."""

TRAINJOB_ANCESTOR_LABEL: Final = "trainer.kubeflow.org/trainjob-ancestor-step"
RUNTIME_FRAMEWORK_LABEL: Final = "trainer.kubeflow.org/framework"

# The steps of a job. Training nodes are the steps "node-0", "node-1", ...
DATASET_INITIALIZER: Final = "dataset-initializer"
MODEL_INITIALIZER: Final = "model-initializer"
LAUNCHER: Final = "launcher"
NODE: Final = "node"

WORKSPACE_PATH: Final = "/workspace"
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

DEFAULT_TRAINING_RUNTIME: Final = os.environ.get("DEFAULT_TRAINING_RUNTIME") or "torch-distributed"
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
