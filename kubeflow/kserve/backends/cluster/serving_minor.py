"""Which minor of KServe a cluster runs, by what its API looks like: KServe publishes its version nowhere."""

from __future__ import annotations

from kubeflow_api.kserve.v1beta1.availability import AVAILABILITY

from kubeflow.cluster import wire
from kubeflow.cluster.served_schema import likeliest_minor, served_schema
from kubeflow.core.transport import Transport
from kubeflow.kserve.backends.cluster.serving_names import API_VERSION

_KIND = "InferenceService"


def serving_minor(transport: Transport) -> str | None:
    """Return the minor of KServe, like `"0.18"`, with one request.

    `None` when the schema of InferenceServices does not say what is in them, as with the minimal CRDs.

    Raises:
        ClusterError: As the transport does.
    """
    schema = served_schema(transport, API_VERSION, _KIND)
    if not wire.mapping(schema, "properties", "spec", "properties", "predictor", "properties"):
        return None
    return likeliest_minor(AVAILABILITY, _KIND, schema)
