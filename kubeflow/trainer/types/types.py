"""All user types in one module, at the import path that the published package has."""

from kubeflow.trainer.types.initializers import (
    BaseInitializer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    S3DatasetInitializer,
    S3ModelInitializer,
)
from kubeflow.trainer.types.job_name import JobName
from kubeflow.trainer.types.jobs import AwaitableStatus, Event, JobStatus, Step, TrainJob, TrainJobTemplate
from kubeflow.trainer.types.resources import Resources
from kubeflow.trainer.types.runtimes import Runtime, RuntimeKind, RuntimeTrainer
from kubeflow.trainer.types.torchtune import (
    DataFormat,
    DataType,
    LoraConfig,
    Loss,
    TorchTuneConfig,
    TorchTuneInstructDataset,
)
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer, TrainerType

TORCH_TUNE = "torchtune"
"""The framework of the runtimes that take a `TorchTuneConfig`."""

__all__ = [
    "TORCH_TUNE",
    "AwaitableStatus",
    "BaseInitializer",
    "BuiltinTrainer",
    "CustomTrainer",
    "CustomTrainerContainer",
    "DataCacheInitializer",
    "DataFormat",
    "DataType",
    "Event",
    "HuggingFaceDatasetInitializer",
    "HuggingFaceModelInitializer",
    "Initializer",
    "JobName",
    "JobStatus",
    "LoraConfig",
    "Loss",
    "Resources",
    "Runtime",
    "RuntimeKind",
    "RuntimeTrainer",
    "S3DatasetInitializer",
    "S3ModelInitializer",
    "Step",
    "TorchTuneConfig",
    "TorchTuneInstructDataset",
    "TrainJob",
    "TrainJobTemplate",
    "TrainerType",
]
