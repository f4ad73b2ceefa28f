"""From a `ServiceSpec` to the InferenceService that stands for it. Pure: no requests."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import cast

from kubeflow_api.kserve.v1beta1 import InferenceService

from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput, InvalidObject
from kubeflow.core.outgoing import check_outgoing
from kubeflow.core.stdlib import json
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.storage_checks import check_scheme
from kubeflow.kserve.service_spec import ServiceSpec
from kubeflow.kserve.types.model_formats import MODEL_FORMATS, Protocol
from kubeflow.packaging import Bundle, bundle_annotations
from kubeflow.trainer.rendering.literals import literal

# What may differ between two predictors that have the same pods.
_NOT_OF_PODS = ("minReplicas", "maxReplicas", "canaryTrafficPercent", "scaleTarget", "scaleMetric", "scaleMetricType")
_LONGEST_ANNOTATION = 200_000


def render(spec: ServiceSpec, namespace: str | None, protocol: Protocol) -> InferenceService:
    """Return the InferenceService of `spec`.

    Args:
        spec: What was asked for.
        namespace: Where it goes; `None` leaves that to who applies it.
        protocol: What its runtime is spoken to in.

    Raises:
        InvalidInput: No cluster could have it.
    """
    predictor: dict[str, object] = {}
    if spec.min_replicas is not None:
        predictor["minReplicas"] = spec.min_replicas
    if spec.max_replicas is not None:
        predictor["maxReplicas"] = spec.max_replicas
    if spec.service_account is not None:
        predictor["serviceAccountName"] = spec.service_account
    if spec.model.bundle is None:
        predictor["model"] = model_part(spec, protocol)
    else:
        predictor["containers"] = [function_container(spec, spec.model.bundle)]
    annotations = dict(spec.annotations)
    if spec.deployment_mode is not None:
        annotations[names.DEPLOYMENT_MODE] = names.OLD_MODE[spec.deployment_mode]
    if spec.model.origin:
        annotations[names.ORIGIN] = json.dumps(dict(spec.model.origin), sort_keys=True)
    if spec.model.bundle is not None:
        annotations |= bundle_annotations(spec.model.bundle)
    metadata: dict[str, object] = {"name": spec.name}
    if namespace is not None:
        metadata["namespace"] = namespace
    if spec.labels:
        metadata["labels"] = dict(spec.labels)
    if annotations:
        metadata["annotations"] = annotations
    kind = {"apiVersion": InferenceService.API_VERSION, "kind": InferenceService.KIND}
    service = InferenceService.from_dict({**kind, "metadata": metadata, "spec": {"predictor": predictor}})
    for edit in spec.edits:
        edit.apply(service)
    return digested(service, spec.name, namespace)


def digested(service: InferenceService, name: str, namespace: str | None) -> InferenceService:
    """Return a service whose pods say what they were made from, after its edits were held against the schema.

    Raises:
        InvalidInput: An edit has made something that does not fit, or has renamed the service.
    """
    try:
        check_outgoing(service)
    except InvalidObject as error:
        raise InvalidInput(f"What the options made is no InferenceService: {error}") from error
    document = service.to_dict()
    metadata = cast("Json", document.get("metadata") or {})
    if metadata.get("name") != name or metadata.get("namespace") != namespace:
        raise InvalidInput("An option changes the service's name or namespace: leave that out, and name it in serve().")
    spec = cast("dict[str, object]", document["spec"])
    spec["predictor"] = with_digest(cast("Json", spec["predictor"]))
    return InferenceService.from_dict(document)


def with_digest(predictor: Json) -> dict[str, object]:
    """Return a predictor whose pods carry a digest of it, so that what they were made from can be told."""
    given = cast("Mapping[str, str]", predictor.get("annotations") or {})
    plain = {key: value for key, value in given.items() if key != names.DIGEST}
    content = {key: value for key, value in predictor.items() if key not in _NOT_OF_PODS} | {"annotations": plain}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return {**predictor, "annotations": {**plain, names.DIGEST: digest}}


def model_part(spec: ServiceSpec, protocol: Protocol) -> dict[str, object]:
    """Return `predictor.model` of a service that serves a model.

    Raises:
        InvalidInput: Its format is not known, or pods cannot read its URI.
    """
    uri = spec.model.uri or ""
    check_scheme(uri)
    if spec.model.format is None:
        raise InvalidInput(
            f"What format the model at {uri} has cannot be told from its URI: write model_format=..., one of "
            f"{', '.join(MODEL_FORMATS)}."
        )
    model: dict[str, object] = {"modelFormat": {"name": spec.model.format}, "protocolVersion": protocol}
    if spec.runtime is not None:
        model["runtime"] = spec.runtime
    if spec.storage_key is not None:
        scheme, _, rest = uri.partition("://")
        bucket, _, path = rest.partition("/")
        model["storage"] = {"key": spec.storage_key, "path": path, "parameters": {"type": scheme, "bucket": bucket}}
    else:
        model["storageUri"] = uri
    return model | server_settings(spec.env, spec.resources)


def function_container(spec: ServiceSpec, bundle: Bundle) -> dict[str, object]:
    """Return the container that serves a packed function."""
    command = bundle.command()
    image = spec.image or f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    return {
        "name": names.MODEL_CONTAINER,
        "image": image,
        "command": command[:1],
        "args": command[1:],
        "ports": [{"containerPort": names.HTTP_PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": names.HTTP_PORT}, "failureThreshold": 3},
    } | server_settings(spec.env, spec.resources)


def server_settings(env: Mapping[str, str], resources: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a container for variables and resources; limits equal requests."""
    settings: dict[str, object] = {}
    if env:
        settings["env"] = [{"name": name, "value": literal(value)} for name, value in env.items()]
    if resources:
        settings["resources"] = {"requests": dict(resources), "limits": dict(resources)}
    return settings


def previous_predictor(predictor: Json) -> str | None:
    """Return a predictor as an annotation keeps it for `rollback`; `None` when it is too large for one."""
    text = json.dumps({key: value for key, value in predictor.items() if key != "canaryTrafficPercent"}, sort_keys=True)
    return text if len(text.encode()) <= _LONGEST_ANNOTATION else None
