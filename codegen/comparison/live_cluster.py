"""The contract of a component in a live cluster, read from `/openapi/v3`.

The official Kubernetes client reads the kubeconfig and brings exec plugins and certificates. Only what all its
releases have in common is used of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from codegen.comparison.contract import Contract, from_openapi
from codegen.config import Component
from codegen.errors import CodegenError
from codegen.schema.jsontypes import as_object, parse_json

_SECONDS = 30


class _Answer(Protocol):
    status: int
    data: bytes


class _Pool(Protocol):
    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout: float, retries: int
    ) -> _Answer: ...


class _Rest(Protocol):
    pool_manager: _Pool


class _Configuration(Protocol):
    host: str

    def auth_settings(self) -> Mapping[str, Mapping[str, str | None]]: ...


class _Client(Protocol):
    """The part of `kubernetes.client.ApiClient` that is used; the package has no types."""

    configuration: _Configuration
    rest_client: _Rest


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
            refuses, or does not serve the group.
    """
    try:
        config = cast(_Config, import_module("kubernetes.config"))
        unreachable = cast("type[Exception]", import_module("urllib3.exceptions").HTTPError)
    except ImportError as error:
        raise CodegenError("--cluster needs the Kubernetes client: pip install 'kubeflow[codegen]'") from error
    try:
        client = config.new_client_from_config(kubeconfig, context)
    except config.ConfigException as error:
        raise CodegenError(f"cannot use the kubeconfig: {error} Name one with --kubeconfig and --context") from error
    credentials = [each for each in client.configuration.auth_settings().values() if each.get("in") == "header"]
    headers = {str(each["key"]): str(each["value"]) for each in credentials if each.get("value")}
    name = f"cluster {context or client.configuration.host}"
    found: list[Contract] = []
    for api_version in component.api_versions:
        path = f"/openapi/v3/apis/{api_version}"
        try:
            answer = client.rest_client.pool_manager.request(
                "GET", client.configuration.host + path, headers=headers, timeout=_SECONDS, retries=0
            )
        except unreachable as error:
            raise CodegenError(f"the cluster at {client.configuration.host} does not answer: {error}") from error
        if answer.status not in (200, 404):
            raise CodegenError(f"the cluster refuses {path}: {answer.status} {_message(answer.data)}")
        if answer.status == 200:
            found.append(from_openapi(name, as_object(parse_json(answer.data, name), name, ()), component))
    if not found:
        served = " or ".join(component.api_versions)
        raise CodegenError(f"the cluster serves no {served}: is {component.name} installed there?")
    return replace(found[0], kinds={kind: node for each in found for kind, node in each.kinds.items()})


def _message(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):  # no Status object: the number says what is to be said
        return str(json.loads(body)["message"])
    return ""
