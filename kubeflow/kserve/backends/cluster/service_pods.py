"""The pods of a service, and what is wrong with the newest of them. Reading is lenient; only `list_pods` asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.pods.exits import how_it_ended
from kubeflow.cluster.pods.pod import Container, Exit, Pod, pods_path, read_pod
from kubeflow.cluster.wire import Json
from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re
from kubeflow.core.transport import Transport
from kubeflow.kserve.backends.cluster import serving_names as names

# A model server that ended once may be well the next time; the kubelet calls it a loop after a few.
_CRASHES = 2
_STUCK = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")


@dataclass(frozen=True, slots=True)
class ServingPod:
    """A pod of a service.

    Attributes:
        pod: The pod; its main container is the model server.
        digest: The digest of what it was made from; empty for services made without this SDK.
        ready: True when it answers.
        http_port: Port that its model server listens on.
        component: `"predictor"`, `"transformer"` or `"explainer"`.
    """

    pod: Pod
    digest: str = ""
    ready: bool = False
    http_port: int = names.HTTP_PORT
    component: str = names.PREDICTOR

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class PodFailure:
    """How a container of a service's pod fails again and again.

    Attributes:
        pod: The pod.
        container: The container.
        exit: How it ended last.
    """

    pod: Pod
    container: Container
    exit: Exit

    __repr__ = repr_of_fields

    @property
    def text(self) -> str:
        """What happened, in words."""
        what = {
            names.STORAGE_INITIALIZER: "the storage initializer, which fetches the model,",
            names.MODEL_CONTAINER: "the model server",
        }.get(self.container.name, f"container {self.container.name}")
        message = self.exit.message.strip().splitlines()
        said = f": {message[-1]}" if message else ""
        return f"{what} {how_it_ended(self.exit)}{said} (pod {self.pod.name})"


def list_pods(transport: Transport, namespace: str, service: str) -> list[ServingPod]:
    """Return the pods of a service, oldest first: one request.

    Raises:
        ClusterError: As the transport does.
    """
    selector = f"{names.SERVICE_LABEL}={service}"
    items = wire.listed(transport, pods_path(namespace), {"labelSelector": selector})
    return read_pods(items)


def read_pods(items: Iterable[Json]) -> list[ServingPod]:
    """Read the pods of a service from JSON, oldest first."""
    found = [_read(item) for item in items]
    return sorted(found, key=lambda each: (each.pod.created is not None, each.pod.created, each.pod.name))


def newest_pods(pods: Sequence[ServingPod], digest: str) -> list[Pod]:
    """Return the pods that were made from what was asked for last; all, where that cannot be told."""
    chosen = [each.pod for each in pods if each.digest == digest and not each.pod.deleting]
    if digest:
        return chosen
    return [each.pod for each in pods if not each.pod.deleting]


def failing(pods: Iterable[Pod]) -> PodFailure | None:
    """Return how a container of the pods fails again and again; `None` when none does."""
    for pod in pods:
        for container in pod.containers:
            ends = [end for end in container.exits if end.exit_code != 0]
            loops = container.state == "Waiting" and container.reason == "CrashLoopBackOff"
            if ends and container.state != "Running" and (loops or container.restarts >= _CRASHES):
                return PodFailure(pod, container, ends[-1])
    return None


def stuck(pods: Iterable[Pod]) -> str:
    """Return what the pods wait for that may yet come, in words; empty when nothing is known."""
    for pod in pods:
        for container in pod.containers:
            if container.state == "Waiting" and container.reason in _STUCK:
                return f"pod {pod.name} waits ({container.reason}): {container.message}".rstrip(": ")
        if pod.scheduling_reason == "Unschedulable":
            return f"pod {pod.name} cannot be placed: {pod.scheduling_message}"
        init = next((each for each in pod.containers if each.name == names.STORAGE_INITIALIZER), None)
        if init is not None and init.state == "Running":
            return f"the storage initializer of pod {pod.name} fetches the model"
    return ""


def _read(item: Json) -> ServingPod:
    containers = wire.objects(item, "spec", "containers")
    main = next((each for each in containers if wire.text(each, "name") == names.MODEL_CONTAINER), None)
    ports = [port for each in wire.objects(main, "ports") if (port := wire.integer(each, "containerPort"))]
    metadata = wire.mapping(item, "metadata")
    return ServingPod(
        read_pod(item, main),
        digest=wire.strings(metadata, "annotations").get(names.DIGEST, ""),
        ready=bool(wire.condition(item, "Ready")),
        http_port=ports[0] if ports else names.HTTP_PORT,
        component=wire.strings(metadata, "labels").get(names.COMPONENT_LABEL, names.PREDICTOR),
    )


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """What a storage initializer or a model server says, and what it means.

    Attributes:
        pattern: Found in a line of its log, or in its last words.
        meaning: In words.
        remedy: What to do.
    """

    pattern: re.Pattern[str]
    meaning: str
    remedy: str

    __repr__ = repr_of_fields


def _known(pattern: str, meaning: str, remedy: str) -> KnownMessage:
    return KnownMessage(re.compile(pattern, re.IGNORECASE), meaning, remedy)


# Texts of python/storage, sklearnserver, xgbserver and lgbserver of https://github.com/kserve/kserve, and of the
# libraries that these call.
KNOWN_MESSAGES: Sequence[KnownMessage] = (
    _known(
        r"more than one model file",
        "the model's folder holds several files of its format",
        "Keep one file of the format in the folder, or give the folder that has one.",
    ),
    _known(
        r"missing model file|no model file",
        "the model's folder holds no file of its format",
        "Look at the folder: the file needs an extension of its format (kubeflow.kserve.MODEL_FORMATS), and lies in "
        "the folder itself, not in one below it.",
    ),
    _known(
        r"no model found in|failed to fetch model|NoSuchKey|NoSuchBucket|does not exist",
        "there is nothing at the model's URI",
        "Correct the URI: client.update(name, model=...).",
    ),
    _known(
        r"unable to locate credentials|NoCredentials|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied"
        r"|\b40[13]\b.*(client error|forbidden|unauthorized)|anonymous caller",
        "the storage does not let the pod in",
        "Give credentials: options=[StorageCredentials(service_account=...)] or StorageCredentials(key=...).",
    ),
    _known(
        r"RepositoryNotFound|GatedRepo|Invalid (user|username) or password",
        "the Hugging Face Hub has no such repository, or not for these credentials",
        "Correct 'hf://ORGANISATION/NAME'; a gated one needs HF_TOKEN from a Secret: options=[EditService(...)].",
    ),
    _known(
        r"cannot recognize storage type",
        "nothing on this cluster fetches from that scheme",
        "Give the model at s3://, gs://, hf://, pvc://, oci:// or https://.",
    ),
    _known(
        r"could not connect to the endpoint|name or service not known|temporary failure in name resolution",
        "the storage cannot be reached from the pod",
        "Check the endpoint of the credentials, and the network policies of the namespace.",
    ),
    _known(
        r"no space left on device",
        "the model does not fit onto the disk of the pod",
        "Ask for more: resources={'storage': ...}.",
    ),
    _known(
        r"No module named|unsupported pickle protocol|InconsistentVersion|Can't get attribute",
        "the model was saved with other packages, or other versions of them, than the runtime has",
        "Save it with the versions of the runtime, choose another runtime=, or serve a function that loads it.",
    ),
)


def meaning_of(lines: Iterable[str]) -> KnownMessage | None:
    """Return what the last telling line means; `None` when none is known."""
    for line in reversed(list(lines)):
        for known in KNOWN_MESSAGES:
            if known.pattern.search(line):
                return known
    return None
