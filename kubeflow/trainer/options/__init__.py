"""Options: changes to a job that go beyond its trainer, given as `train(options=[...])` and applied in order.

Those for pods (storage, placement, identity) apply to the pods that train; `job=` names other jobs of the runtime, like
`"dataset-initializer"`. Options that say different things about the same place are an error. An option that
only a cluster can realise (`cluster_only`) has no effect on jobs of this machine; one warning names all of them.

A TrainJob cannot say everything: gang scheduling (`podGroupPolicy`), the priority class of pods and host networking
belong to the runtime, which an administrator makes.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.trainer.options.editing import EditTrainJob, PatchJobs
    from kubeflow.trainer.options.identity import (
        ContainerSecurityContext,
        ImagePullSecrets,
        PodSecurityContext,
        ServiceAccount,
        TerminationGracePeriod,
    )
    from kubeflow.trainer.options.job import (
        ActiveDeadlineSeconds,
        Annotations,
        Labels,
        MaxRestarts,
        Name,
        Suspend,
        TrainerArgs,
        TrainerCommand,
    )
    from kubeflow.trainer.options.patches import (
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
    from kubeflow.trainer.options.placement import Affinity, MachineWith, NodeSelector, Toleration
    from kubeflow.trainer.options.queues import Queue, VolcanoQueue
    from kubeflow.trainer.options.storage import (
        ConfigMapFiles,
        ScratchVolume,
        SecretFiles,
        SharedMemory,
        Volume,
        VolumeClaim,
    )
    from kubeflow.trainer.options.variables import ConfigMapEnv, SecretEnv
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "editing": (
                "EditTrainJob",
                "PatchJobs",
            ),
            "identity": (
                "ContainerSecurityContext",
                "ImagePullSecrets",
                "PodSecurityContext",
                "ServiceAccount",
                "TerminationGracePeriod",
            ),
            "job": (
                "ActiveDeadlineSeconds",
                "Annotations",
                "Labels",
                "MaxRestarts",
                "Name",
                "Suspend",
                "TrainerArgs",
                "TrainerCommand",
            ),
            "patches": (
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
            "placement": (
                "Affinity",
                "MachineWith",
                "NodeSelector",
                "Toleration",
            ),
            "queues": (
                "Queue",
                "VolcanoQueue",
            ),
            "storage": (
                "ConfigMapFiles",
                "ScratchVolume",
                "SecretFiles",
                "SharedMemory",
                "Volume",
                "VolumeClaim",
            ),
            "variables": (
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
