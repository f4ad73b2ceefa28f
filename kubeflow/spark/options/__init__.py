"""Options: changes to a Spark job that go beyond its arguments, given as `options=[...]` and applied in order.

Those for pods (placement, storage, identity, variables) are the trainer's. They apply to driver and executors; `job=`
names one of them, `"driver"` or `"executor"`. An option that only a cluster can realise (`cluster_only`) has no effect
on jobs of this machine; one warning names all of them.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.spark.options.spark_options import (
        DynamicAllocation,
        MavenPackages,
        Monitoring,
        PodTemplateOverride,
        Retries,
        Schedule,
    )
    from kubeflow.spark.options.trainer_options import (
        ActiveDeadlineSeconds,
        Affinity,
        Annotations,
        ConfigMapEnv,
        ConfigMapFiles,
        ContainerSecurityContext,
        ImagePullSecrets,
        Labels,
        MachineWith,
        Name,
        NodeSelector,
        PodSecurityContext,
        Queue,
        ScratchVolume,
        SecretEnv,
        SecretFiles,
        Suspend,
        TerminationGracePeriod,
        Toleration,
        Volume,
        VolumeClaim,
    )
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "spark_options": (
                "DynamicAllocation",
                "MavenPackages",
                "Monitoring",
                "PodTemplateOverride",
                "Retries",
                "Schedule",
            ),
            "trainer_options": (
                "ActiveDeadlineSeconds",
                "Affinity",
                "Annotations",
                "ConfigMapEnv",
                "ConfigMapFiles",
                "ContainerSecurityContext",
                "ImagePullSecrets",
                "Labels",
                "MachineWith",
                "Name",
                "NodeSelector",
                "PodSecurityContext",
                "Queue",
                "ScratchVolume",
                "SecretEnv",
                "SecretFiles",
                "Suspend",
                "TerminationGracePeriod",
                "Toleration",
                "Volume",
                "VolumeClaim",
            ),
        },
    )

__all__ = [
    "ActiveDeadlineSeconds",
    "Affinity",
    "Annotations",
    "ConfigMapEnv",
    "ConfigMapFiles",
    "ContainerSecurityContext",
    "DynamicAllocation",
    "ImagePullSecrets",
    "Labels",
    "MachineWith",
    "MavenPackages",
    "Monitoring",
    "Name",
    "NodeSelector",
    "PodSecurityContext",
    "PodTemplateOverride",
    "Queue",
    "Retries",
    "Schedule",
    "ScratchVolume",
    "SecretEnv",
    "SecretFiles",
    "Suspend",
    "TerminationGracePeriod",
    "Toleration",
    "Volume",
    "VolumeClaim",
]
