"""From an InferenceService and what runs it to the `Service` that users see. Pure: no requests.

KServe's `observedGeneration` is that of the Deployment or the Knative service, not of the InferenceService
(pkg/apis/serving/v1beta1/inference_service_status.go): it cannot tell whether the newest change was seen. The digest of
the pods can, see `serving_names.DIGEST`. Of a Deployment, KServe says that a model is loaded while any pod is
available, also one of an older model.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from kubeflow.cluster import wire
from kubeflow.cluster.pods.exits import describe_code
from kubeflow.cluster.wire import Json
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.workloads import Workload
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.kserve.types.services import (
    DeploymentModeName,
    ModelLoading,
    Revision,
    Service,
    ServiceCondition,
    ServiceStatus,
)

_FAILING = ("BlockedByFailedLoad", "InvalidSpec")
# Older keys of a predictor than `model`, each named after its format.
_OLDER_KEYS = (
    "sklearn",
    "xgboost",
    "lightgbm",
    "onnx",
    "pytorch",
    "tensorflow",
    "triton",
    "pmml",
    "paddle",
    "huggingface",
)


def read_service(
    item: Json,
    workload: Workload | None,
    *,
    pod_failure: str = "",
    mode: DeploymentModeName | None = None,
    unseen: str = "",
) -> Service:
    """Return a service as users see it.

    Args:
        item: The InferenceService.
        workload: What runs it; `None` when there is none, or it was not seen.
        pod_failure: Why the newest pods cannot start, in words; empty when nothing is known of that.
        mode: How it runs, where it does not say so itself.
        unseen: Why what runs it was not seen; empty where it was looked at.
    """
    metadata, spec, status = (wire.mapping(item, part) for part in ("metadata", "spec", "status"))
    predictor = wire.mapping(spec, "predictor")
    loading = _loading(status)
    state, reason = _state(item, workload, loading, pod_failure)
    model = model_of(predictor)
    own = mode_of(item) or mode
    notes = [f"whether this is the newest that was asked for is not known: {unseen}"] if unseen else []
    if wire.strings(metadata, "annotations").get(names.STOP) == "true" and not wire.condition(item, "Stopped"):
        notes.append("it is being stopped")
    return Service(
        name=wire.text(metadata, "name"),
        status=state,
        creation_timestamp=wire.time(metadata, "creationTimestamp") or datetime.min.replace(tzinfo=UTC),
        reason=reason,
        url=wire.text(status, "url") or None,
        internal_url=wire.text(status, "address", "url") or None,
        model=uri_of_model(predictor) or None,
        model_format=wire.text(model, "modelFormat", "name") or _older_key(predictor),
        model_name=_model_name(metadata, model),
        protocol=protocol_of(predictor),
        runtime=_runtime(model, status),
        deployment_mode=own,
        conditions=[_condition(each) for each in wire.objects(status, "conditions")],
        loading=loading,
        revisions=_revisions(item, workload, own, state),
        generation=wire.integer(metadata, "generation") or 0,
        observed_generation=wire.integer(status, "observedGeneration"),
        min_replicas=wire.integer(predictor, "minReplicas"),
        max_replicas=wire.integer(predictor, "maxReplicas"),
        notes=notes,
    )


def mode_of(item: Json) -> DeploymentModeName | None:
    """Return how a service runs, as far as it says so itself."""
    said = wire.text(item, "status", "deploymentMode") or wire.strings(item, "metadata", "annotations").get(
        names.DEPLOYMENT_MODE, ""
    )
    return cast("DeploymentModeName | None", names.MODES.get(said))


def model_of(predictor: Json) -> Json:
    """Return what a predictor serves: `model`, or an older key; empty for containers of its own."""
    key = model_key(predictor)
    return wire.mapping(predictor, key) if key else wire.NOTHING


def model_key(predictor: Json) -> str:
    """Return the key of what a predictor serves, like `"model"`; empty for containers of its own."""
    return next((key for key in ("model", *_OLDER_KEYS) if wire.mapping(predictor, key)), "")


def uri_of_model(predictor: Json) -> str:
    """Return the URI of a predictor's model, as far as it says one."""
    model = model_of(predictor)
    if uri := wire.text(model, "storageUri"):
        return uri
    storage = wire.mapping(model, "storage")
    kind, bucket = (wire.text(storage, "parameters", part) for part in ("type", "bucket"))
    return f"{kind}://{bucket}/{wire.text(storage, 'path')}" if kind and bucket else wire.text(storage, "path")


def protocol_of(predictor: Json) -> Protocol:
    """Return the protocol of a predictor. Without a word, KServe takes v1; containers of this SDK speak both."""
    if not model_key(predictor):
        return "v2"
    said = wire.text(model_of(predictor), "protocolVersion")
    return "v2" if said == "v2" else "v1"


def digest_of(item: Json) -> str:
    """Return the digest of what was asked for last; empty for a service that was made without this SDK."""
    return wire.strings(item, "spec", "predictor", "annotations").get(names.DIGEST, "")


def is_caught_up(item: Json, workload: Workload) -> bool:
    """True when a workload was made from what was asked for last, as far as that can be told."""
    if digest := digest_of(item):
        return workload.digest == digest
    uri = uri_of_model(wire.mapping(item, "spec", "predictor"))
    return not (uri and workload.model) or uri == workload.model


def _state(
    item: Json, workload: Workload | None, loading: ModelLoading | None, pod_failure: str
) -> tuple[ServiceStatus, str]:
    """Return the status, and why it is not Ready."""
    if wire.strings(item, "metadata", "annotations").get(names.STOP) == "true":
        return "Stopped", "stop_service() has stopped it"
    ready = bool(wire.condition(item, "Ready"))
    answers = ready or (workload is not None and workload.available and bool(wire.condition(item, "IngressReady")))
    caught_up = workload is None or is_caught_up(item, workload)
    settled = workload is None or workload.settled
    failing = loading is not None and loading.transition in _FAILING
    loaded = loading is None or loading.transition in ("", "UpToDate")
    failure = pod_failure if caught_up and not settled else ""
    if caught_up and not settled and workload is not None:
        failure = failure or workload.failure
    # The word on the model is of what was asked for last only once that has been worked on.
    if caught_up and failing and loading is not None:
        failure = _load_failure(loading)
    if failure:
        return ("Degraded" if answers else "Failed"), failure
    if ready and caught_up and settled and loaded:
        return "Ready", ""
    if not wire.objects(item, "status", "conditions"):
        return "Creating", "KServe's controller has not looked at it yet"
    if not caught_up:
        return ("Updating" if answers else "Creating"), "KServe's controller has not worked on the last change yet"
    if answers:
        return "Updating", "the newest revision is not ready yet; the one before answers"
    return "Creating", _not_ready(item)


def _load_failure(loading: ModelLoading) -> str:
    what = {"InvalidSpec": "KServe cannot work with what was asked for"}.get(
        loading.transition, "the model cannot be loaded"
    )
    code = f" ({describe_code(loading.exit_code)})" if loading.exit_code else ""
    reason = f"{loading.failure_reason}: " if loading.failure_reason else ""
    return f"{what}{code}: {reason}{loading.failure or 'no reason is told'}"


def _not_ready(item: Json) -> str:
    """Return what the conditions say of a service that is not ready."""
    for condition in wire.objects(item, "status", "conditions"):
        if wire.text(condition, "status") != "True" and wire.text(condition, "type") not in ("Ready", "Stopped"):
            why = wire.text(condition, "message") or wire.text(condition, "reason")
            return f"{wire.text(condition, 'type')} is {wire.text(condition, 'status')}{f': {why}' if why else ''}"
    return "its first pod is not ready yet"


def _loading(status: Json) -> ModelLoading | None:
    told = wire.mapping(status, "modelStatus")
    if not told:
        return None
    failure = wire.mapping(told, "lastFailureInfo")
    return ModelLoading(
        transition=wire.text(told, "transitionStatus"),
        active=wire.text(told, "states", "activeModelState"),
        target=wire.text(told, "states", "targetModelState"),
        failed_copies=wire.integer(told, "copies", "failedCopies") or 0,
        total_copies=wire.integer(told, "copies", "totalCopies") or 0,
        failure=wire.text(failure, "message").strip(),
        failure_reason=wire.text(failure, "reason"),
        exit_code=wire.integer(failure, "exitCode"),
    )


def _condition(entry: Json) -> ServiceCondition:
    return ServiceCondition(*(wire.text(entry, field) for field in ("type", "status", "reason", "message")))


def _model_name(metadata: Json, model: Json) -> str:
    """Return what requests call the model: KServe's servers take the service's name, or the argument --model_name."""
    for argument in wire.each(str, wire.at(model, "args")):
        if argument.startswith("--model_name="):
            return argument.partition("=")[2]
    return wire.text(metadata, "name")


def _runtime(model: Json, status: Json) -> str:
    told = wire.text(status, "servingRuntimeName") or wire.text(status, "clusterServingRuntimeName")
    return told or wire.text(model, "runtime")


def _older_key(predictor: Json) -> str:
    key = model_key(predictor)
    return key if key != "model" else ""


def _revisions(
    item: Json, workload: Workload | None, mode: DeploymentModeName | None, state: ServiceStatus
) -> Sequence[Revision]:
    component = wire.mapping(item, "status", "components", names.PREDICTOR)
    if mode == "Knative":
        return _knative_revisions(item, workload, component)
    predictor = wire.mapping(item, "spec", "predictor")
    canaries = wire.objects(item, "spec", "canary")
    told = {wire.text(each, "name"): each for each in wire.objects(item, "status", "canaryStatuses")}
    revisions: list[Revision] = []
    rest = 100
    for canary in canaries:
        name = wire.text(canary, "predictor", "name")
        percent = wire.integer(canary, "trafficPercent") or 0
        rest -= percent
        ready = wire.at(told.get(name), "ready") if name in told else None
        model = uri_of_model(wire.mapping(canary, "predictor")) or None
        revisions.append(
            Revision(name, percent, latest=True, ready=ready if isinstance(ready, bool) else None, model=model)
        )
    name = wire.text(predictor, "name") or names.predictor_name(wire.text(item, "metadata", "name"))
    ready_now = state == "Ready" or (workload.available if workload is not None else None)
    return [*revisions, Revision(name, rest, not canaries, ready_now, model=uri_of_model(predictor) or None)]


def _knative_revisions(item: Json, workload: Workload | None, component: Json) -> list[Revision]:
    latest = (workload.latest if workload else "") or wire.text(component, "latestCreatedRevision")
    ready = (workload.ready if workload else "") or wire.text(component, "latestReadyRevision")
    shares: dict[str, int] = {}
    urls: dict[str, str] = {}
    for target in wire.objects(component, "traffic"):
        name = wire.text(target, "revisionName")
        shares[name] = shares.get(name, 0) + (wire.integer(target, "percent") or 0)
        urls[name] = urls.get(name) or wire.text(target, "url")
    order = dict.fromkeys(name for name in (latest, ready, *shares) if name)
    model = uri_of_model(wire.mapping(item, "spec", "predictor")) or None
    return [
        Revision(
            name,
            shares.get(name, 0),
            name == latest,
            name != latest or latest == ready,
            urls.get(name) or None,
            model if name == latest and (workload is None or is_caught_up(item, workload)) else None,
        )
        for name in order
    ]
