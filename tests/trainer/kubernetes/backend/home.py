"""A cluster that nobody controls, clients of it that count their requests, and the hands of a test in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubeflow.core.resource import Request, Transport
from kubeflow.trainer import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.apiserver import own_server
from tests.cluster.stage import crds, install, runtimes
from tests.cluster.trainjobs import API
from tests.cluster.wire import Wire
from tests.trainer.kubernetes.objects import Made


@dataclass
class Counted:
    """A transport that keeps the requests that go through it."""

    transport: Transport
    requests: list[Request] = field(default_factory=list[Request])

    def send(self, request: Request) -> Mapping[str, object]:
        self.requests.append(request)
        return self.transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        self.requests.append(request)
        return self.transport.lines(request)

    def sent(self) -> list[str]:
        """Return what was sent since the last call, in short: method and path."""
        sent = [f"{request.method} {request.path}" for request in self.requests]
        self.requests.clear()
        return sent


@dataclass(frozen=True)
class Home:
    """A cluster.

    Attributes:
        kubeconfig: Reaches it.
        wire: Reaches it behind the client's back.
        minor: Of Trainer.
    """

    kubeconfig: Path
    wire: Wire
    minor: str

    def backend(
        self, namespace: str, counting: Callable[[Transport], Counted] = Counted, **config: Any
    ) -> tuple[KubernetesBackend, Counted]:
        """Return a new backend for a namespace, which is made, and what counts its requests."""
        self.make_namespace(namespace)
        counted: list[Counted] = []

        def wrap(transport: Transport) -> Transport:
            counted.append(counting(transport))
            return counted[0]

        return KubernetesBackend(self.config(namespace, **config), wrap), counted[0]

    def config(self, namespace: str, **config: Any) -> KubernetesBackendConfig:
        """Return what a client of a namespace is made with."""
        return KubernetesBackendConfig(config_file=str(self.kubeconfig), namespace=namespace, **config)

    def make_namespace(self, namespace: str) -> None:
        if not self.wire.exists(f"/api/v1/namespaces/{namespace}"):
            self.wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def made(self, namespace: str) -> Made:
        """Return what makes objects of a namespace as controllers would."""
        self.make_namespace(namespace)
        return Made(Direct(self.wire), namespace)

    def jobs(self, namespace: str) -> list[dict[str, Any]]:
        """Return the TrainJobs of a namespace as they are stored."""
        return self.wire.items(f"{API}/namespaces/{namespace}/trainjobs")


@dataclass(frozen=True)
class Direct:
    """A transport that goes past the client."""

    wire: Wire

    def send(self, request: Request) -> Mapping[str, object]:
        return self.wire.send(
            request.method, request.path, request.body, query=request.query, content_type=request.content_type
        )

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        raise NotImplementedError


@contextmanager
def home(folder: Path, minor: str) -> Iterator[Home]:
    """Yield a new cluster with the CRDs and runtimes of a Trainer minor."""
    with own_server(folder) as kubeconfig:
        wire = Wire(kubeconfig)
        install(wire, crds(minor))
        for runtime in runtimes(minor):
            wire.send("POST", f"{API}/clustertrainingruntimes", runtime)
        if minor not in ("2.0", "2.1"):
            publish_version(wire, f"v{minor}.0")
        try:
            yield Home(kubeconfig, wire, minor)
        finally:
            wire.close()


def publish_version(wire: Wire, version: str, namespace: str = "kubeflow-system") -> None:
    """Say which version is installed, as Trainer 2.2 and later do."""
    if not wire.exists(f"/api/v1/namespaces/{namespace}"):
        wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    body = {"metadata": {"name": "kubeflow-trainer-public"}, "data": {"kubeflow_trainer_version": version}}
    wire.remove(f"{path}/kubeflow-trainer-public")
    wire.send("POST", path, body)
