"""Serve models on this machine or on a cluster, and ask them for predictions: `KServeClient`, and its types.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from kubeflow.kserve.api.kserve_client import KServeClient
    from kubeflow.kserve.errors import (
        ModelRejected,
        NoEndpoint,
        NoServingRuntime,
        PredictionFailed,
        ServiceExists,
        ServiceFailed,
        ServiceNotFound,
        ServiceWaitTimeout,
    )
    from kubeflow.kserve.inference.prediction import Prediction
    from kubeflow.kserve.service_spec import ServiceEdit, ServiceOption, ServiceSpec
    from kubeflow.kserve.types.endpoints import Endpoint
    from kubeflow.kserve.types.model_formats import MODEL_FORMATS, ModelFormat
    from kubeflow.kserve.types.served_models import ModelLocation, ModelSource, ServedModel
    from kubeflow.kserve.types.services import ModelLoading, Revision, Service, ServiceCondition, ServiceStatus
else:
    from kubeflow.core.lazy import exporter as _exporter

    __getattr__, __dir__ = _exporter(
        __name__,
        {
            "api.kserve_client": ("KServeClient",),
            "errors": (
                "ModelRejected",
                "NoEndpoint",
                "NoServingRuntime",
                "PredictionFailed",
                "ServiceExists",
                "ServiceFailed",
                "ServiceNotFound",
                "ServiceWaitTimeout",
            ),
            "inference.prediction": ("Prediction",),
            "service_spec": ("ServiceEdit", "ServiceOption", "ServiceSpec"),
            "types.endpoints": ("Endpoint",),
            "types.model_formats": ("MODEL_FORMATS", "ModelFormat"),
            "types.served_models": ("ModelLocation", "ModelSource", "ServedModel"),
            "types.services": ("ModelLoading", "Revision", "Service", "ServiceCondition", "ServiceStatus"),
        },
    )

__all__ = [
    "MODEL_FORMATS",
    "Endpoint",
    "KServeClient",
    "ModelFormat",
    "ModelLoading",
    "ModelLocation",
    "ModelRejected",
    "ModelSource",
    "NoEndpoint",
    "NoServingRuntime",
    "Prediction",
    "PredictionFailed",
    "Revision",
    "ServedModel",
    "Service",
    "ServiceCondition",
    "ServiceEdit",
    "ServiceExists",
    "ServiceFailed",
    "ServiceNotFound",
    "ServiceOption",
    "ServiceSpec",
    "ServiceStatus",
    "ServiceWaitTimeout",
]
