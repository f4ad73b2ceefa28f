"""Train on this machine or on a cluster: `TrainerClient`, and the types that its methods take and return.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.trainer import options
    from kubeflow.trainer.api.trainer_client import TrainerClient
    from kubeflow.trainer.backends.container.types import ContainerBackendConfig, TrainingRuntimeSource
    from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
    from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
    from kubeflow.trainer.backends.registry import BackendConfig
    from kubeflow.trainer.constants.constants import DATASET_PATH, MODEL_PATH
    from kubeflow.trainer.errors import (
        InvalidInput,
        JobExists,
        JobFailed,
        JobNotFinished,
        JobNotFound,
        JobWaitTimeout,
        KubeflowError,
        NoJobOutput,
        NoJobResult,
        RuntimeGone,
        RuntimeMissesPackage,
        RuntimeMissesProgram,
        RuntimeNotFound,
        Unsupported,
    )
    from kubeflow.trainer.jobs.jobspec import Edit, JobSpec, Option
    from kubeflow.trainer.jobs.metric_history import MetricHistory
    from kubeflow.trainer.jobs.progress import update_trainjob_status
    from kubeflow.trainer.runtimes.tpu import get_tpu_num_nodes
    from kubeflow.trainer.types.artifacts import Artifact
    from kubeflow.trainer.types.initializers import (
        DataCacheInitializer,
        HuggingFaceDatasetInitializer,
        HuggingFaceModelInitializer,
        Initializer,
        S3DatasetInitializer,
        S3ModelInitializer,
    )
    from kubeflow.trainer.types.job_name import JobName
    from kubeflow.trainer.types.jobs import (
        AwaitableStatus,
        Event,
        JobStatus,
        Step,
        TrainJob,
        TrainJobTemplate,
    )
    from kubeflow.trainer.types.loglines import LogLines
    from kubeflow.trainer.types.metric_points import MetricPoint
    from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
    from kubeflow.trainer.types.torchtune import (
        DataFormat,
        DataType,
        LoraConfig,
        Loss,
        TorchTuneConfig,
        TorchTuneInstructDataset,
    )
    from kubeflow.trainer.types.trainers import (
        BuiltinTrainer,
        CustomTrainer,
        CustomTrainerContainer,
        TrainerType,
    )
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "": ("options",),
            "api.trainer_client": ("TrainerClient",),
            "backends.container.types": ("ContainerBackendConfig", "TrainingRuntimeSource"),
            "backends.kubernetes.config": ("KubernetesBackendConfig",),
            "runtimes.tpu": ("get_tpu_num_nodes",),
            "backends.localprocess.types": ("LocalProcessBackendConfig",),
            "backends.registry": ("BackendConfig",),
            "constants.constants": ("DATASET_PATH", "MODEL_PATH"),
            "errors": (
                "InvalidInput",
                "JobExists",
                "JobFailed",
                "JobNotFinished",
                "JobNotFound",
                "JobWaitTimeout",
                "KubeflowError",
                "NoJobOutput",
                "NoJobResult",
                "RuntimeGone",
                "RuntimeMissesPackage",
                "RuntimeMissesProgram",
                "RuntimeNotFound",
                "Unsupported",
            ),
            "jobs.jobspec": ("Edit", "JobSpec", "Option"),
            "jobs.metric_history": ("MetricHistory",),
            "jobs.progress": ("update_trainjob_status",),
            "types.artifacts": ("Artifact",),
            "types.initializers": (
                "DataCacheInitializer",
                "HuggingFaceDatasetInitializer",
                "HuggingFaceModelInitializer",
                "Initializer",
                "S3DatasetInitializer",
                "S3ModelInitializer",
            ),
            "types.job_name": ("JobName",),
            "types.jobs": ("AwaitableStatus", "Event", "JobStatus", "Step", "TrainJob", "TrainJobTemplate"),
            "types.loglines": ("LogLines",),
            "types.metric_points": ("MetricPoint",),
            "types.runtimes": ("Runtime", "RuntimeKind", "RuntimeTrainer"),
            "types.torchtune": (
                "DataFormat",
                "DataType",
                "LoraConfig",
                "Loss",
                "TorchTuneConfig",
                "TorchTuneInstructDataset",
            ),
            "types.trainers": ("BuiltinTrainer", "CustomTrainer", "CustomTrainerContainer", "TrainerType"),
        },
    )

__all__ = [
    "DATASET_PATH",
    "MODEL_PATH",
    "Artifact",
    "AwaitableStatus",
    "BackendConfig",
    "BuiltinTrainer",
    "ContainerBackendConfig",
    "CustomTrainer",
    "CustomTrainerContainer",
    "DataCacheInitializer",
    "DataFormat",
    "DataType",
    "Edit",
    "Event",
    "HuggingFaceDatasetInitializer",
    "HuggingFaceModelInitializer",
    "Initializer",
    "InvalidInput",
    "JobExists",
    "JobFailed",
    "JobName",
    "JobNotFinished",
    "JobNotFound",
    "JobSpec",
    "JobStatus",
    "JobWaitTimeout",
    "KubeflowError",
    "KubernetesBackendConfig",
    "LocalProcessBackendConfig",
    "LogLines",
    "LoraConfig",
    "Loss",
    "MetricHistory",
    "MetricPoint",
    "NoJobOutput",
    "NoJobResult",
    "Option",
    "Runtime",
    "RuntimeGone",
    "RuntimeKind",
    "RuntimeMissesPackage",
    "RuntimeMissesProgram",
    "RuntimeNotFound",
    "RuntimeTrainer",
    "S3DatasetInitializer",
    "S3ModelInitializer",
    "Step",
    "TorchTuneConfig",
    "TorchTuneInstructDataset",
    "TrainJob",
    "TrainJobTemplate",
    "TrainerClient",
    "TrainerType",
    "TrainingRuntimeSource",
    "Unsupported",
    "get_tpu_num_nodes",
    "options",
    "update_trainjob_status",
]
