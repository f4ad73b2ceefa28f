"""The cluster that a kubeconfig names: whether it answers, as whom, in which namespace, on which machines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError, NotConfigured
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, in_words, reading
from kubeflow.core.transport import Request, Transport
from kubeflow.doctor.health import HealthFinding, bad, broken, missing, ok

if TYPE_CHECKING:
    from kubeflow.cluster import Cluster

_NODES_READ = 500  # of a larger cluster the first: the answer for each is some 10 KB
_IN_POD = "KUBERNETES_SERVICE_HOST"


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """Which cluster is meant; what is `None` is chosen as kubectl chooses it.

    Attributes:
        config_file: The kubeconfig.
        context: The context in it.
        namespace: The namespace of jobs.
    """

    config_file: str | os.PathLike[str] | None = None
    context: str | None = None
    namespace: str | None = None

    @property
    def configured(self) -> bool:
        """True when a cluster is named, here or by the environment: it is to answer then."""
        usual = Path("~/.kube/config").expanduser()
        named = self.config_file or self.context or os.environ.get("KUBECONFIG") or os.environ.get(_IN_POD)
        return bool(named) or usual.exists()


class Hasty:
    """A transport that sends a request once, and waits no longer for the answer than it is told.

    Args:
        transport: The transport that sends.
        seconds: Seconds that an answer may take.
    """

    def __init__(self, transport: Transport, seconds: float) -> None:
        self._transport, self._seconds = transport, seconds

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with."""
        return self._transport.send(replace(request, timeout=self._seconds, once=True))

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body."""
        return self._transport.lines(replace(request, timeout=self._seconds, once=True))


def connected(choice: ClusterChoice) -> Cluster:
    """Return the cluster that is meant; it is asked nothing, but a credentials plugin may run.

    Raises:
        NotConfigured: There is no usable configuration.
        InvalidInput: The arguments cannot be.
    """
    from kubeflow.cluster import Cluster

    return Cluster.connect(config_file=choice.config_file, context=choice.context, namespace=choice.namespace)


def connection_findings(choice: ClusterChoice, asked: bool) -> tuple[Cluster | None, HealthFinding]:
    """Return the cluster, `None` where there is none, and what is to be said of the kubeconfig."""
    try:
        cluster = connected(choice)
    except NotConfigured as error:
        return None, bad("kubeconfig", error, asked=asked or choice.configured)
    where = f"context {cluster.context!r}" if cluster.context else "the service account of this pod"
    return cluster, ok("kubeconfig", f"{where}, {cluster.server}, namespace {cluster.namespace!r}")


def version_checks(transport: Transport) -> Iterator[HealthFinding]:
    """Yield whether the API server answers, and its version."""
    try:
        version = wire.text(transport.send(Request("GET", "/version")), "gitVersion")
    except ClusterError as error:
        yield bad("API server", error, asked=True)
        return
    yield ok("API server", f"Kubernetes {version.removeprefix('v') or 'of an unknown version'}")


def identity_checks(transport: Transport) -> Iterator[HealthFinding]:
    """Yield as whom the API server knows these credentials."""
    name = "user"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = reading(lambda: transport.send(Request("POST", path, {}, body, repeatable=True)))
    match answer:
        case Found(review):
            user = wire.text(review, "status", "userInfo", "username")
            groups = wire.each(str, wire.at(review, "status", "userInfo", "groups"))
            if user == "system:anonymous":
                yield broken(
                    name,
                    "the server knows these credentials as nobody's",
                    "Log in to the cluster again, so that `kubectl auth whoami` says who you are.",
                )
                return
            shown = ", ".join(sorted(set(groups) - {"system:authenticated"}))
            yield ok(name, f"{user}{f' in the groups {shown}' if shown else ''}")
        case Absent() | NotServed():
            yield missing(name, "the server cannot say: it is older than Kubernetes 1.28", "Have it upgraded.")
        case NotPermitted() | ReadFailed():
            yield broken(name, in_words(answer, "who these credentials are"), "Log in to the cluster again.")


def namespace_checks(transport: Transport, namespace: str) -> Iterator[HealthFinding]:
    """Yield whether the namespace of jobs exists, as far as it may be seen."""
    name = f"namespace {namespace!r}"
    read = reading(lambda: transport.send(Request("GET", f"/api/v1/namespaces/{namespace}")))
    match read:
        case Found():
            yield ok(name, "it exists")
        case Absent():
            yield broken(name, "it does not exist", f"`kubectl create namespace {namespace}`, or use another one.")
        case NotPermitted():
            yield ok(name, "whether it exists may not be seen; the rights below are those in it")
        case NotServed() | ReadFailed():
            yield broken(name, in_words(read, "namespaces"), "Look again later.")


def node_checks(transport: Transport) -> Iterator[HealthFinding]:
    """Yield the machines of the cluster and their accelerators, as far as they may be seen."""
    name = "nodes"
    read = reading(lambda: transport.send(Request("GET", "/api/v1/nodes", {"limit": str(_NODES_READ)})))
    if not isinstance(read, Found):
        why = "nodes cannot be listed" if isinstance(read, Absent) else in_words(read, "nodes and their accelerators")
        yield missing(name, why, "Nothing, for jobs. To see them, ask the administrator for the right to list nodes.")
        return
    nodes = wire.objects(read.value, "items")
    usable = [node for node in nodes if _takes_pods(node)]
    of = f"at least {len(nodes)}" if wire.text(read.value, "metadata", "continue") else str(len(nodes))
    if not usable:
        yield missing(
            name, f"{of}, and none of them takes pods", "Jobs wait until there is one: ask the administrator."
        )
        return
    yield ok(name, f"{of}, {len(usable)} of them ready for pods")
    yield _accelerators(usable)


def _accelerators(nodes: Sequence[wire.Json]) -> HealthFinding:
    from kubeflow.core.quantity import Quantity
    from kubeflow.trainer.types.resources import is_accelerator

    name = "accelerators of the cluster"
    devices: Counter[str] = Counter()
    for node in nodes:
        for resource, amount in wire.strings(node, "status", "allocatable").items():
            if is_accelerator(resource) and (count := int(Quantity(amount).value)):
                devices[resource] += count
    if devices:
        return ok(name, ", ".join(f"{count} {device}" for device, count in sorted(devices.items())))
    return missing(
        name,
        "no node that is ready offers any",
        "Nothing, for CPUs. Else have a device plugin installed, such as NVIDIA's GPU operator.",
    )


def _takes_pods(node: wire.Json) -> bool:
    ready = bool(wire.condition(node, "Ready"))
    return ready and wire.at(node, "spec", "unschedulable") is not True
