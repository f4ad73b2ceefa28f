"""What runs in the process or the container of a served function: a server around it. A bundle calls it by name."""

from __future__ import annotations

import os

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.server.function_models import FunctionModel
from kubeflow.kserve.server.server_process import serve
from kubeflow.kserve.server.server_settings import SETTINGS_VARIABLE, ServerSettings, read_settings

PORT_VARIABLE = "PORT"
"""Environment variable with the port that is listened on; Knative sets it. Default: 8080, KServe's own."""

HOST_VARIABLE = "KUBEFLOW_SERVING_HOST"
"""Environment variable with the address that is listened on. Default: all of them, as a container needs."""

_PORT = 8080
_GRACE = 20.0  # seconds; a pod has 30 between SIGTERM and SIGKILL


def serve_function(function: object, model_name: str) -> None:
    """Answer requests of protocols v1 and v2 with what `function` returns, until the process is ended.

    Args:
        function: Called with what a request has, as `FunctionModel` says.
        model_name: What the model is called in paths.
    """
    settings = os.environ.get(SETTINGS_VARIABLE, "")
    if settings:
        serve(read_settings(settings), lambda: FunctionModel(function))
        return
    port = os.environ.get(PORT_VARIABLE, "") or str(_PORT)
    if not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise InvalidInput(f"{PORT_VARIABLE}={port!r} is no port: set a number from 1 to 65535.")
    told = ServerSettings(model_name, grace=_GRACE)
    serve(told, lambda: FunctionModel(function), os.environ.get(HOST_VARIABLE, ""), int(port))
