"""Options: changes to a job that go beyond its trainer, given as `train(options=[...])` and applied in order.

Those for pods (storage, placement, identity) apply to the pods that train; `job=` names other jobs of the runtime, like
`"dataset-initializer"`. Options that say different things about the same place are an error. An option that
only a cluster can realise (`cluster_only`) has no effect on jobs of this machine; one warning names all of them.

A TrainJob cannot say everything: gang scheduling (`podGroupPolicy`), the priority class of pods and host networking
belong to the runtime, which an administrator makes.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.trainer.options._editing import EditTrainJob, PatchJobs
    from kubeflow.trainer.options._identity import (
        ContainerSecurityContext,
        ImagePullSecrets,
        PodSecurityContext,
        ServiceAccount,
        TerminationGracePeriod,
    )
    from kubeflow.trainer.options._job import (
        ActiveDeadlineSeconds,
        Annotations,
        Labels,
        MaxRestarts,
        Name,
        ResourceRequests,
        Suspend,
        TrainerArgs,
        TrainerCommand,
    )
    from kubeflow.trainer.options._patches import (
        ContainerPatch,
        JobSetSpecPatch,
        JobSetTemplatePatch,
        JobSpecPatch,
        JobTemplatePatch,
        PodSpecPatch,
        PodTemplatePatch,
        ReplicatedJobPatch,
        RuntimePatch,
        TrainingRuntimeSpecPatch,
    )
    from kubeflow.trainer.options._placement import Affinity, MachineWith, NodeSelector, Toleration
    from kubeflow.trainer.options._queues import Queue, VolcanoQueue
    from kubeflow.trainer.options._storage import (
        ConfigMapFiles,
        ScratchVolume,
        SecretFiles,
        SharedMemory,
        Volume,
        VolumeClaim,
    )
    from kubeflow.trainer.options._variables import ConfigMapEnv, SecretEnv
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "_editing": (
                "EditTrainJob",
                "PatchJobs",
            ),
            "_identity": (
                "ContainerSecurityContext",
                "ImagePullSecrets",
                "PodSecurityContext",
                "ServiceAccount",
                "TerminationGracePeriod",
            ),
            "_job": (
                "ActiveDeadlineSeconds",
                "Annotations",
                "Labels",
                "MaxRestarts",
                "Name",
                "ResourceRequests",
                "Suspend",
                "TrainerArgs",
                "TrainerCommand",
            ),
            "_patches": (
                "ContainerPatch",
                "JobSetSpecPatch",
                "JobSetTemplatePatch",
                "JobSpecPatch",
                "JobTemplatePatch",
                "PodSpecPatch",
                "PodTemplatePatch",
                "ReplicatedJobPatch",
                "RuntimePatch",
                "TrainingRuntimeSpecPatch",
            ),
            "_placement": (
                "Affinity",
                "MachineWith",
                "NodeSelector",
                "Toleration",
            ),
            "_queues": (
                "Queue",
                "VolcanoQueue",
            ),
            "_storage": (
                "ConfigMapFiles",
                "ScratchVolume",
                "SecretFiles",
                "SharedMemory",
                "Volume",
                "VolumeClaim",
            ),
            "_variables": (
                "ConfigMapEnv",
                "SecretEnv",
            ),
        },
    )

__all__ = [
    "ActiveDeadlineSeconds",
    "Affinity",
    "Annotations",
    "ConfigMapEnv",
    "ConfigMapFiles",
    "ContainerPatch",
    "ContainerSecurityContext",
    "EditTrainJob",
    "ImagePullSecrets",
    "JobSetSpecPatch",
    "JobSetTemplatePatch",
    "JobSpecPatch",
    "JobTemplatePatch",
    "Labels",
    "MachineWith",
    "MaxRestarts",
    "Name",
    "NodeSelector",
    "PatchJobs",
    "PodSecurityContext",
    "PodSpecPatch",
    "PodTemplatePatch",
    "Queue",
    "ReplicatedJobPatch",
    "ResourceRequests",
    "RuntimePatch",
    "ScratchVolume",
    "SecretEnv",
    "SecretFiles",
    "ServiceAccount",
    "SharedMemory",
    "Suspend",
    "TerminationGracePeriod",
    "Toleration",
    "TrainerArgs",
    "TrainerCommand",
    "TrainingRuntimeSpecPatch",
    "VolcanoQueue",
    "Volume",
    "VolumeClaim",
]
