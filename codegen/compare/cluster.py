"""Reads what a live cluster says of one API group, through the official Kubernetes client."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from typing import Protocol, cast

from codegen.compare.contract import Contract, from_openapi
from codegen.config import Component
from codegen.errors import CodegenError
from codegen.jsontypes import as_object, parse_json

_SECONDS = 30


class _Answer(Protocol):
    data: bytes


class _Client(Protocol):
    """The part of `kubernetes.client.ApiClient` that is used; the package has no types."""

    def call_api(
        self,
        resource_path: str,
        method: str,
        *,
        auth_settings: list[str],
        _preload_content: bool,
        _request_timeout: int,
    ) -> tuple[_Answer, int, object] | _Answer: ...


class _Config(Protocol):
    """The part of `kubernetes.config` that is used."""

    ConfigException: type[Exception]

    def new_client_from_config(self, config_file: str | None, context: str | None) -> _Client: ...


def live(component: Component, kubeconfig: str | None, context: str | None) -> Contract:
    """Return the contract that a cluster serves for the component's group and version.

    Args:
        kubeconfig: File; default: `KUBECONFIG`, else `~/.kube/config`.
        context: Of the kubeconfig; default: its current one.

    Raises:
        CodegenError: The Kubernetes client is not installed, the kubeconfig is wrong, the cluster does not answer,
            or it does not serve the group.
    """
    path = f"/openapi/v3/apis/{component.group}/{component.version}"
    name = f"cluster ({context})" if context else "cluster"
    try:
        config = cast(_Config, import_module("kubernetes.config"))
        exceptions = import_module("kubernetes.client.exceptions")
        transport = import_module("urllib3.exceptions")
    except ImportError as error:
        raise CodegenError("--cluster needs the Kubernetes client: pip install 'kubeflow[codegen]'") from error
    try:
        client = config.new_client_from_config(kubeconfig, context)
        answer = client.call_api(
            path, "GET", auth_settings=["BearerToken"], _preload_content=False, _request_timeout=_SECONDS
        )
    except config.ConfigException as error:
        raise CodegenError(f"cannot use the kubeconfig: {error}; name one with --kubeconfig and --context") from error
    except cast("type[Exception]", exceptions.ApiException) as error:
        if getattr(error, "status", None) == 404:
            raise CodegenError(
                f"the cluster serves no {component.group}/{component.version}: is {component.name} installed there?"
            ) from error
        raise CodegenError(f"the cluster refuses {path}: {_reason(error)}") from error
    except cast("type[Exception]", transport.HTTPError) as error:
        raise CodegenError(f"the cluster does not answer: {error}") from error
    content = (answer[0] if isinstance(answer, tuple) else answer).data
    return from_openapi(name, as_object(parse_json(content, name), name, ()), component)


def _reason(error: Exception) -> str:
    status, reason = getattr(error, "status", None), getattr(error, "reason", None)
    with suppress(ValueError, KeyError, TypeError):  # no Status object: then the status line is all there is
        reason = json.loads(getattr(error, "body", "") or "")["message"]
    return f"{status} {reason}"
