"""One request for predictions: what the caller gave as JSON of protocol v1 or v2, and the answer as the same kind."""

from __future__ import annotations

from kubeflow.kserve.types.endpoints import Endpoint
from kubeflow.trainer.errors import Unsupported


def infer(endpoint: Endpoint, inputs: object, *, timeout: float = 60) -> object:
    """Send `inputs` to a model and return what it predicts, in the same form: an array for an array.

    Args:
        endpoint: Where the request goes.
        inputs: A numpy array or nested lists (one tensor), a dict of tensors by name, or instances of v1.
        timeout: Seconds for the whole call. An answer of 503 is asked for again within them.

    Raises:
        InvalidInput: The inputs cannot be sent in the endpoint's protocol.
        PredictionFailed: The service answers with an error, or not in time.
        Unsupported: This version cannot.
    """
    raise Unsupported(f"predict() is not part of this version: send your request to {endpoint} yourself.")
