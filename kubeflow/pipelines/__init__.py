"""Pipelines of Kubeflow: kfp under one roof with the other clients, and steps made of their calls.

`dsl`, `compiler`, `components`, `kubernetes` and `PipelinesClient` are kfp's, loaded when they are first used; the
extra `pipelines` brings it. Ours are `local`, `component` and `rights`.
"""

# kfp is not installed beside the tools that check this package.
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.pipelines.access_rights import AccessRule, rights
    from kubeflow.pipelines.client_components import component
    from kubeflow.pipelines.kfp_parts import (
        Experiment,
        KubernetesBackendConfig,
        ListExperimentsResponse,
        ListPipelinesResponse,
        ListPipelineVersionsResponse,
        ListRunsResponse,
        Pipeline,
        PipelinesClient,
        PipelineVersion,
        Run,
        compiler,
        components,
        constants,
        dsl,
        kubernetes,
    )
    from kubeflow.pipelines.local_runs import local
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "access_rights": ("AccessRule", "rights"),
            "client_components": ("component",),
            "kfp_parts": (
                "Experiment",
                "KubernetesBackendConfig",
                "ListExperimentsResponse",
                "ListPipelineVersionsResponse",
                "ListPipelinesResponse",
                "ListRunsResponse",
                "Pipeline",
                "PipelineVersion",
                "PipelinesClient",
                "Run",
                "compiler",
                "components",
                "constants",
                "dsl",
                "kubernetes",
            ),
            "local_runs": ("local",),
        },
    )

__all__ = [
    "AccessRule",
    "Experiment",
    "KubernetesBackendConfig",
    "ListExperimentsResponse",
    "ListPipelineVersionsResponse",
    "ListPipelinesResponse",
    "ListRunsResponse",
    "Pipeline",
    "PipelineVersion",
    "PipelinesClient",
    "Run",
    "compiler",
    "component",
    "components",
    "constants",
    "dsl",
    "kubernetes",
    "local",
    "rights",
]
