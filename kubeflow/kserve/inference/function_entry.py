"""What runs in the process or the container of a served function: a server around it. A bundle calls it by name."""

from __future__ import annotations

from collections.abc import Callable

PORT_VARIABLE = "PORT"
"""Environment variable with the port that is listened on; Knative sets it. Default: 8080, KServe's own."""

HOST_VARIABLE = "KUBEFLOW_SERVING_HOST"
"""Environment variable with the address that is listened on. Default: all of them, as a container needs."""


def serve_function(function: Callable[..., object], model_name: str) -> None:
    """Answer requests of protocols v1 and v2 with what `function` returns, until the process is ended.

    Args:
        function: Called with what a request has, as `KServeClient.serve` says.
        model_name: What the model is called in paths.
    """
    from kubeflow.trainer.errors import Unsupported

    raise Unsupported(f"Serving {function!r} as {model_name!r} is not part of this version.")
