"""Prepare data with Spark, on this machine or on a cluster: `SparkClient`, and the types that its methods take and
return.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.spark import options
    from kubeflow.spark.api.connected_session import ConnectedSession
    from kubeflow.spark.api.spark_client import SparkClient
    from kubeflow.spark.backend_configs import KubernetesBackendConfig, LocalProcessBackendConfig
    from kubeflow.spark.backends.registry import SparkBackendConfig
    from kubeflow.spark.errors import (
        InvalidInput,
        JavaMissing,
        JavaTooOld,
        KubeflowError,
        NoSparkAccount,
        NoSparkJobOutput,
        NoSparkJobResult,
        PySparkMissing,
        SessionExists,
        SessionLost,
        SessionNotFound,
        SparkJobExists,
        SparkJobFailed,
        SparkJobNotFinished,
        SparkJobNotFound,
        SparkJobWaitTimeout,
        Unsupported,
    )
    from kubeflow.spark.jobs.session_spec import SessionSpec
    from kubeflow.spark.jobs.spark_spec import SparkOption, SparkSpec
    from kubeflow.spark.options import Annotations, Labels, Name, NodeSelector, PodTemplateOverride, Toleration
    from kubeflow.spark.types.spark_jobs import FileJob, FuncJob, SparkJob, SparkJobStatus
    from kubeflow.spark.types.spark_nodes import Driver, Executor
    from kubeflow.spark.types.spark_sessions import SparkConnectInfo, SparkConnectState
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "": ("options",),
            "api.connected_session": ("ConnectedSession",),
            "api.spark_client": ("SparkClient",),
            "backend_configs": ("KubernetesBackendConfig", "LocalProcessBackendConfig"),
            "backends.registry": ("SparkBackendConfig",),
            "errors": (
                "InvalidInput",
                "JavaMissing",
                "JavaTooOld",
                "KubeflowError",
                "NoSparkAccount",
                "NoSparkJobOutput",
                "NoSparkJobResult",
                "PySparkMissing",
                "SessionExists",
                "SessionLost",
                "SessionNotFound",
                "SparkJobExists",
                "SparkJobFailed",
                "SparkJobNotFinished",
                "SparkJobNotFound",
                "SparkJobWaitTimeout",
                "Unsupported",
            ),
            "jobs.session_spec": ("SessionSpec",),
            "jobs.spark_spec": ("SparkOption", "SparkSpec"),
            "options": ("Annotations", "Labels", "Name", "NodeSelector", "PodTemplateOverride", "Toleration"),
            "types.spark_jobs": ("FileJob", "FuncJob", "SparkJob", "SparkJobStatus"),
            "types.spark_nodes": ("Driver", "Executor"),
            "types.spark_sessions": ("SparkConnectInfo", "SparkConnectState"),
        },
    )

__all__ = [
    "Annotations",
    "ConnectedSession",
    "Driver",
    "Executor",
    "FileJob",
    "FuncJob",
    "InvalidInput",
    "JavaMissing",
    "JavaTooOld",
    "KubeflowError",
    "KubernetesBackendConfig",
    "Labels",
    "LocalProcessBackendConfig",
    "Name",
    "NoSparkAccount",
    "NoSparkJobOutput",
    "NoSparkJobResult",
    "NodeSelector",
    "PodTemplateOverride",
    "PySparkMissing",
    "SessionExists",
    "SessionLost",
    "SessionNotFound",
    "SessionSpec",
    "SparkBackendConfig",
    "SparkClient",
    "SparkConnectInfo",
    "SparkConnectState",
    "SparkJob",
    "SparkJobExists",
    "SparkJobFailed",
    "SparkJobNotFinished",
    "SparkJobNotFound",
    "SparkJobStatus",
    "SparkJobWaitTimeout",
    "SparkOption",
    "SparkSpec",
    "Toleration",
    "Unsupported",
    "options",
]
