"""Changes of a service: another model, a share of the requests for it, all of them, none, and its end.

A change is a merge patch with the resource version of what it was made from: when somebody else has changed the service
meanwhile, it is made anew from what is there then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import cast

from kubeflow.cluster import wire
from kubeflow.cluster.errors import Conflict, NotFound
from kubeflow.cluster.wire import Json
from kubeflow.core.backoff import backoff
from kubeflow.core.errors import InvalidInput
from kubeflow.core.merge_patch import difference
from kubeflow.core.stdlib import json
from kubeflow.kserve.backends.cluster import service_status as status
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.service_render import previous_predictor, server_settings, with_digest
from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
from kubeflow.kserve.backends.cluster.storage_checks import check_scheme
from kubeflow.kserve.errors import ServiceWaitTimeout
from kubeflow.kserve.service_spec import ServiceChange
from kubeflow.packaging import Bundle
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.rendering.literals import literal

_CONFLICTS = 8
_CANARY_SINCE = (0, 20)
_STANDARD_CANARY = "canary[] of KServe 0.20"
# What a canary of Standard mode may not have: it is scaled as the predictor is.
_NOT_OF_CANARY = ("minReplicas", "maxReplicas", "autoScaling", "scaleMetric", "scaleMetricType", "scaleTarget")
_LOOK = 1.0  # seconds between two looks at what is being deleted

Document = dict[str, object]


def update(connection: ServingConnection, name: str, change: ServiceChange) -> None:
    """Change a service; see `ServingBackend.update`."""

    def changed(item: Json, document: Document) -> None:
        mode = status.mode_of(item) or connection.default_mode
        predictor = _predictor(document)
        if mode == "Standard" and change.min_replicas == 0:
            refuse_no_replicas(item)
        if mode == "Standard" and change.canary_percent is not None:
            _check_standard_canary(connection, name)
            _set_standard_canary(document, predictor, change)
            return
        if mode is None and change.canary_percent is not None:
            raise Unsupported(
                f"How service {name!r} runs is not known yet, and a canary depends on it: wait for it with "
                f"client.wait_for_service_status({name!r}), or serve with options=[DeploymentMode(...)]."
            )
        new = _changed_predictor(predictor, change)
        if mode == "Knative" and change.canary_percent is not None:
            new["canaryTrafficPercent"] = change.canary_percent
        elif change.model is not None:
            new.pop("canaryTrafficPercent", None)
        if status.digest_of({"spec": {"predictor": new}}) != status.digest_of(item):
            _keep_previous(document, predictor)
        _spec(document)["predictor"] = new

    _modify(connection, name, changed)


def promote(connection: ServingConnection, name: str) -> None:
    """Give all requests to the newest revision; see `ServingBackend.promote`."""

    def changed(item: Json, document: Document) -> None:
        predictor, spec = _predictor(document), _spec(document)
        canaries = wire.objects(spec, "canary")
        if canaries:
            newest = canaries[-1]
            told = {wire.text(each, "name"): each for each in wire.objects(item, "status", "canaryStatuses")}
            if wire.at(told.get(wire.text(newest, "predictor", "name")), "ready") is not True:
                raise InvalidInput(f"The canary of service {name!r} is not ready: see client.explain({name!r}).")
            scaling = {key: value for key, value in predictor.items() if key in _NOT_OF_CANARY}
            _keep_previous(document, predictor)
            spec["predictor"] = {**wire.mapping(newest, "predictor"), **scaling}
            spec.pop("canary")
            return
        if "canaryTrafficPercent" not in predictor:
            return
        component = wire.mapping(item, "status", "components", names.PREDICTOR)
        latest, ready = wire.text(component, "latestCreatedRevision"), wire.text(component, "latestReadyRevision")
        if not latest or latest != ready:
            raise InvalidInput(f"The newest revision of service {name!r} is not ready: see client.explain({name!r}).")
        predictor.pop("canaryTrafficPercent")

    _modify(connection, name, changed)


def rollback(connection: ServingConnection, name: str) -> None:
    """Take back what was asked for last; see `ServingBackend.rollback`."""

    def changed(item: Json, document: Document) -> None:
        predictor, spec = _predictor(document), _spec(document)
        if wire.objects(spec, "canary"):
            spec.pop("canary")
            return
        if wire.integer(predictor, "canaryTrafficPercent") not in (None, 0):
            predictor["canaryTrafficPercent"] = 0  # Knative: all requests go to the revision that had all of them last
            return
        kept = wire.strings(item, "metadata", "annotations").get(names.PREVIOUS)
        if kept is None:
            raise InvalidInput(
                f"Nothing is known of what service {name!r} was before: client.update() keeps that, and it was not "
                f"called, or is taken back already. Give the model: client.update({name!r}, model=...)."
            )
        before = cast("Document", json.loads(kept))
        annotations = dict(wire.strings(document, "metadata", "annotations"))
        annotations.pop(names.PREVIOUS)
        cast("Document", document["metadata"])["annotations"] = annotations
        spec["predictor"] = before

    _modify(connection, name, changed)


def set_stopped(connection: ServingConnection, name: str, *, stopped: bool) -> None:
    """Stop or start a service, by the annotation that KServe's controller reads."""

    def changed(item: Json, document: Document) -> None:
        annotations = dict(wire.strings(document, "metadata", "annotations"))
        if stopped:
            annotations[names.STOP] = "true"
        else:
            annotations.pop(names.STOP, None)
        cast("Document", document["metadata"])["annotations"] = annotations

    _modify(connection, name, changed)


def delete(connection: ServingConnection, name: str, wait: float | None) -> None:
    """Delete a service; what it owns goes after it.

    Raises:
        ServiceNotFound: With names like it.
        ServiceWaitTimeout: When it is still there after `wait` seconds.
    """
    item = connection.find(name)
    deadline = time.monotonic() + (wait or 0)
    try:
        connection.services.delete(name, propagation="Foreground" if wait is not None else "Background")
    except NotFound as error:
        raise connection.not_found(name) from error
    uid = wire.text(item, "metadata", "uid")
    while wait is not None:
        try:
            there = connection.services.get(name).to_dict()
        except NotFound:
            return
        if wire.text(there, "metadata", "uid") != uid:  # somebody has made another one of that name
            return
        if time.monotonic() >= deadline:
            raise ServiceWaitTimeout(name, "being deleted", ["gone"], wait)
        time.sleep(min(_LOOK, max(0.0, deadline - time.monotonic())))


def refuse_no_replicas(item: Json) -> None:
    """Refuse to let a service of Standard mode go to no replica, unless KEDA scales it.

    Raises:
        Unsupported: Nothing could start it again.
    """
    if wire.strings(item, "metadata", "annotations").get(names.AUTOSCALER_CLASS) in ("keda", "external", "none"):
        return
    raise Unsupported(
        "min_replicas=0 lets a service go to no replica, which a service of Standard mode cannot: its autoscaler (HPA) "
        "keeps one. Write min_replicas=1, serve with options=[DeploymentMode('Knative')], or have KEDA scale it: "
        "ServiceAnnotations({'serving.kserve.io/autoscalerClass': 'keda'})."
    )


def _check_standard_canary(connection: ServingConnection, name: str) -> None:
    minor = connection.minor
    if minor is not None and tuple(map(int, minor.split("."))) >= _CANARY_SINCE:
        return
    which = f"and this is KServe {minor}" if minor else "and which minor this is cannot be told"
    raise Unsupported(
        f"Service {name!r} runs in Standard mode, where canaries need {_STANDARD_CANARY}, {which}. Leave "
        "canary_percent= out: Kubernetes then replaces pods one after the other, and keeps the old ones until new ones "
        "are ready. Or serve it with options=[DeploymentMode('Knative')], which has canaries in every version."
    )


def _set_standard_canary(document: Document, predictor: Document, change: ServiceChange) -> None:
    spec = _spec(document)
    if change.model is None and (there := wire.objects(spec, "canary")):
        spec["canary"] = [{**there[-1], "trafficPercent": change.canary_percent}]
        return
    if change.model is None:
        raise InvalidInput("canary_percent= needs model=: there is no canary whose share could change.")
    new = _changed_predictor(predictor, change)
    digest = status.digest_of({"spec": {"predictor": new}})
    canary = {key: value for key, value in new.items() if key not in (*_NOT_OF_CANARY, "canaryTrafficPercent", "name")}
    if "model" in canary:
        # A canary's model is a container with a name, which the predictor's need not be.
        canary["model"] = {"name": names.MODEL_CONTAINER, **cast("Document", canary["model"])}
    spec["canary"] = [
        {"predictor": {**canary, "name": f"canary-{digest[:8]}"}, "trafficPercent": change.canary_percent}
    ]


def _changed_predictor(predictor: Document, change: ServiceChange) -> Document:
    new: Document = dict(predictor)
    if change.min_replicas is not None:
        new["minReplicas"] = change.min_replicas
    if change.max_replicas is not None:
        new["maxReplicas"] = change.max_replicas
    if change.model is not None and change.model.bundle is not None:
        new = _with_function(new, change.model.bundle)
    elif change.model is not None:
        new = _with_model(new, change.model.uri or "", change.model.format)
    if change.env is not None or change.resources is not None:
        _change_server(new, change.env, change.resources)
    return with_digest(new)


def _with_model(predictor: Document, uri: str, model_format: str | None) -> Document:
    check_scheme(uri)
    key = status.model_key(predictor)
    if not key:
        if model_format is None:
            raise InvalidInput(
                "The service serves a function, and model= is a URI now: say the format of its files, model_format=..."
            )
        container = _container(predictor)
        kept: Document = {field: container[field] for field in ("env", "resources") if field in container}
        rest: Document = {field: value for field, value in predictor.items() if field != "containers"}
        served: Document = {"modelFormat": {"name": model_format}, "protocolVersion": "v2", "storageUri": uri}
        served.update(kept)
        return {**rest, "model": served}
    model: Document = dict(wire.mapping(predictor, key))
    before = wire.text(model, "modelFormat", "name") if key == "model" else key
    if model_format is not None and model_format != before:
        if key != "model":
            model, predictor, key = {}, {k: v for k, v in predictor.items() if k != key}, "model"
        model["modelFormat"] = {"name": model_format}
        model.pop("runtime", None)  # it was chosen for the other format
    if storage := wire.mapping(model, "storage"):
        scheme, _, rest_of_uri = uri.partition("://")
        bucket, _, path = rest_of_uri.partition("/")
        parameters = {**wire.mapping(storage, "parameters"), "type": scheme, "bucket": bucket}
        model["storage"] = {**storage, "path": path, "parameters": parameters}
    else:
        model["storageUri"] = uri
    return {**predictor, key: model}


def _with_function(predictor: Document, bundle: Bundle) -> Document:
    if status.model_key(predictor):
        raise Unsupported(
            "The service serves files of a model, and model= is a function now, which needs a container of its own: "
            "serve it under another name, or delete the service first."
        )
    command = bundle.command()
    containers = [dict(each) for each in wire.objects(predictor, "containers")]
    for container in containers:
        if container.get("name") == names.MODEL_CONTAINER or len(containers) == 1:
            container["command"], container["args"] = command[:1], command[1:]
    return {**predictor, "containers": containers}


def _change_server(predictor: Document, env: Mapping[str, str] | None, resources: Mapping[str, str] | None) -> None:
    key = status.model_key(predictor)
    server = dict(wire.mapping(predictor, key)) if key else _container(predictor)
    if env is not None:
        kept = [dict(each) for each in wire.objects(server, "env") if each.get("name") not in env]
        server["env"] = [*kept, *({"name": name, "value": literal(value)} for name, value in env.items())]
    if resources is not None:
        server |= server_settings({}, resources)
        if not resources:
            server.pop("resources", None)
    if key:
        predictor[key] = server
        return
    main = server.get("name")
    others = [each for each in wire.objects(predictor, "containers") if each.get("name") != main]
    predictor["containers"] = [server, *others]


def _container(predictor: Json) -> Document:
    containers = wire.objects(predictor, "containers")
    main = next((each for each in containers if each.get("name") == names.MODEL_CONTAINER), None)
    if main is None and not containers:
        raise InvalidInput("The service has neither a model nor a container that this version knows: use kubectl edit.")
    return dict(main if main is not None else containers[0])


def _keep_previous(document: Document, predictor: Document) -> None:
    annotations = dict(wire.strings(document, "metadata", "annotations"))
    kept = previous_predictor(predictor)
    if kept is None:
        annotations.pop(names.PREVIOUS, None)
    else:
        annotations[names.PREVIOUS] = kept
    cast("Document", document["metadata"])["annotations"] = annotations


def _spec(document: Document) -> Document:
    return cast("Document", document["spec"])


def _predictor(document: Document) -> Document:
    predictor = _spec(document).get("predictor")
    if not isinstance(predictor, dict):
        raise InvalidInput("The service has no predictor: it was made by somebody else, and is not complete.")
    return cast("Document", predictor)


def _modify(connection: ServingConnection, name: str, change: Callable[[Json, Document], None]) -> None:
    """Read a service, change it, and send what differs; again when somebody else was faster.

    Args:
        connection: The cluster.
        name: The service.
        change: Is given the service as it was read, and a copy of it, which it changes.
    """
    for attempt in range(_CONFLICTS):
        item = connection.find(name)
        document = cast("Document", json.loads(json.dumps(item)))
        change(item, document)
        patch = difference(item, document)
        if not patch:
            return
        version = wire.text(item, "metadata", "resourceVersion")
        metadata = {**wire.mapping(patch, "metadata"), "resourceVersion": version}
        try:
            connection.services.patch(name, {**patch, "metadata": metadata})
        except NotFound as error:
            raise connection.not_found(name) from error
        except Conflict:
            if attempt == _CONFLICTS - 1:
                raise
            time.sleep(backoff(attempt + 1, first=0.01, longest=2.0, spread=1.0))
        else:
            return
