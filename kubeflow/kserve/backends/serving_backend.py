"""What a backend of services does: it realises a `ServiceSpec` and tells the truth about the services it has."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from kubeflow.kserve.errors import ServiceFailed
from kubeflow.kserve.service_spec import ServiceChange, ServiceSpec
from kubeflow.kserve.types.endpoints import Endpoint, Route
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import Service
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService


class ServingBackend(Protocol):
    """Where services run. `KServeClient` owns what is the same everywhere: checks, packaging, waiting, requests.

    Methods that take the name of a service raise `ServiceNotFound`, with names like it, when there is none.
    """

    @property
    def namespace(self) -> str | None:
        """The namespace that services are in; `None` where there are no namespaces."""
        ...

    @property
    def same_python(self) -> bool:
        """True when functions run under the Python of this process, and can read what it pickles."""
        ...

    def render(self, spec: ServiceSpec) -> InferenceService:
        """Return the InferenceService that stands for `spec` on a cluster; nothing is sent.

        Raises:
            InvalidInput: When no cluster could have it.
            Unsupported: When this version cannot express `spec`.
        """
        ...

    def render_on_server(self, spec: ServiceSpec) -> InferenceService:
        """Return the InferenceService of `spec` as the control plane would store it; nothing is stored.

        Raises:
            InvalidInput: When `serve(spec)` would refuse it.
            Unsupported: Where there is no control plane.
        """
        ...

    def serve(self, spec: ServiceSpec) -> None:
        """Make the service; when this returns, `get_service(spec.name)` knows it. It need not answer yet.

        Raises:
            InvalidInput: When it cannot work here, before anything is started: `NoServingRuntime`, `ModelRejected`.
            ServiceExists: When the name is taken.
            Unsupported: When this backend cannot realise `spec` in this version.
        """
        ...

    def create_service(self, service: InferenceService) -> str:
        """Make a service that is given as the InferenceService of a cluster, and return its name.

        Raises:
            InvalidInput: When it cannot work here.
            ServiceExists: When the name is taken.
            Unsupported: When this backend takes none.
        """
        ...

    def list_services(self) -> list[Service]:
        """Return the services, oldest first; those that others made as far as they can be read."""
        ...

    def get_service(self, name: str) -> Service:
        """Return one service as it is now."""
        ...

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep what `next_change` opens to be told of changes of a service, until the context ends. Asks nothing."""
        ...

    def next_change(self, name: str, seen: Service, timeout: float) -> Service:
        """Return the service as soon as it differs from `seen`, or after `timeout` seconds as it is then."""
        ...

    def failure(self, name: str) -> ServiceFailed:
        """Return, for a service that is `Failed` or `Degraded`, the error that says why."""
        ...

    def endpoint(self, name: str, route: Route) -> AbstractContextManager[Endpoint]:
        """Return where requests to a service go; what is opened for that stays open until the context ends.

        Raises:
            NoEndpoint: There is no such way to it, or none yet; the message says what helps.
        """
        ...

    def update(self, name: str, change: ServiceChange) -> None:
        """Change a service; what the change does not name stays as it is.

        Raises:
            InvalidInput: When it cannot work here.
            Unsupported: This way of running services cannot do it: a canary, say.
        """
        ...

    def promote(self, name: str) -> None:
        """Give all requests to the newest revision. Does nothing where it has them already.

        Raises:
            InvalidInput: The newest revision is not ready.
            Unsupported: This way of running services has no canaries.
        """
        ...

    def rollback(self, name: str) -> None:
        """Take what was asked for last back, so that what answered before has all requests.

        Raises:
            InvalidInput: There is nothing before it.
            Unsupported: This backend keeps nothing of what was before.
        """
        ...

    def stop_service(self, name: str) -> None:
        """End what runs of a service and keep it, so that `start_service` starts it anew. Idempotent."""
        ...

    def start_service(self, name: str) -> None:
        """Start a stopped service anew. Does nothing for one that is not stopped."""
        ...

    def delete_service(self, name: str, wait: float | None = None) -> None:
        """End the service and forget it.

        Args:
            name: The service.
            wait: Seconds to wait at most until nothing of it is left anywhere; `None` does not wait for that.

        Raises:
            ServiceWaitTimeout: When something of it is still there after `wait` seconds.
        """
        ...

    def get_service_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments at once, then yield whole lines without their ends, as they come.

        Args:
            name: The service.
            selection: Which lines; its `step` is a replica (a pod), `None` is all.
            follow: Go on until the caller stops, or the service ends.

        Raises:
            InvalidInput: The service has no such replica or container.
        """
        ...

    def get_service_events(self, name: str) -> list[Event]:
        """Return what happened to the service and what was made for it, oldest first."""
        ...

    def diagnose(self, name: str) -> ServiceDiagnosis:
        """Return why the service is where it is."""
        ...
