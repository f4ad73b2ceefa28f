"""Names that KServe gives: annotations, labels, containers, paths of its API, and ours beside them.

Source: https://github.com/kserve/kserve, pkg/constants/constants.go, 0.15 to 0.20.
"""

from __future__ import annotations

from urllib.parse import quote

GROUP = "serving.kserve.io"
API_VERSION = f"{GROUP}/v1beta1"
RUNTIMES_VERSION = f"{GROUP}/v1alpha1"

DEPLOYMENT_MODE = f"{GROUP}/deploymentMode"
STOP = f"{GROUP}/stop"
AUTOSCALER_CLASS = f"{GROUP}/autoscalerClass"
SERVICE_LABEL = f"{GROUP}/inferenceservice"
COMPONENT_LABEL = "component"
PREDICTOR = "predictor"

MODEL_CONTAINER = "kserve-container"
STORAGE_INITIALIZER = "storage-initializer"
HTTP_PORT = 8080

SOURCE_URI = f"internal.{GROUP}/storage-initializer-sourceuri"
"""Annotation of pods: the URI that the storage initializer fetches."""

DIGEST = "sdk.kubeflow.org/service-revision"
"""Annotation that this SDK gives the pods of a predictor: a digest of what was asked for. What a Deployment, a Knative
service or a pod was made from is told by it."""
PREVIOUS = "sdk.kubeflow.org/previous-predictor"
"""Annotation of a service: its predictor before the last change, for `rollback`."""
ORIGIN = "sdk.kubeflow.org/model-origin"
"""Annotation of a service: where its model comes from, such as the job and its uid."""

# The older names of the modes are those before 0.16.
MODES = {
    "Standard": "Standard",
    "RawDeployment": "Standard",
    "Knative": "Knative",
    "Serverless": "Knative",
    "ModelMesh": "ModelMesh",
}
OLD_MODE = {"Standard": "RawDeployment", "Knative": "Serverless", "ModelMesh": "ModelMesh"}
"""What every minor understands: newer ones take the older names as well."""


def predictor_name(service: str) -> str:
    """Return the name of the Deployment, of the Service and of the Knative service of a predictor."""
    return f"{service}-{PREDICTOR}"


def services_path(namespace: str) -> str:
    """Return the path of the InferenceServices of a namespace."""
    return f"/apis/{API_VERSION}/namespaces/{quote(namespace, safe='')}/inferenceservices"


def runtimes_path(namespace: str | None) -> str:
    """Return the path of the ServingRuntimes of a namespace; of `None` that of the ClusterServingRuntimes."""
    if namespace is None:
        return f"/apis/{RUNTIMES_VERSION}/clusterservingruntimes"
    return f"/apis/{RUNTIMES_VERSION}/namespaces/{quote(namespace, safe='')}/servingruntimes"


def deployments_path(namespace: str) -> str:
    """Return the path of the Deployments of a namespace."""
    return f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/deployments"


def knative_path(namespace: str) -> str:
    """Return the path of the Knative services of a namespace."""
    return f"/apis/serving.knative.dev/v1/namespaces/{quote(namespace, safe='')}/services"
