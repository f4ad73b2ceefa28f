"""The backend of a cluster: a service is an InferenceService that KServe runs. This module wires; the others do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.errors import ServiceFailed
from kubeflow.kserve.service_spec import ServiceChange, ServiceSpec
from kubeflow.kserve.types.endpoints import Endpoint, Route
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import Service
from kubeflow.trainer.backends.kubernetes.cluster_backend import ClusterBackend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService

    from kubeflow.kserve.backends.cluster.service_views import ServiceWatches
    from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection
    from kubeflow.trainer.backends.kubernetes.connection.connection import Wrap


class ClusterServingBackend(ClusterBackend["ServingConnection", "ServiceWatches"]):
    """Realises services as InferenceServices.

    Args:
        config: Where the cluster is; with `offline=True` no cluster is asked, and services can only be rendered.
        wrap: Put between this backend and its cluster, such as a count of requests. Default: nothing.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
        ControlPlaneMissing: The cluster has no KServe.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    OFFLINE = "or write serve(..., dry_run=True).to_yaml() to a file and `kubectl apply -f` it."

    def _connect(self, config: KubernetesBackendConfig, wrap: Wrap | None) -> ServingConnection:
        from kubeflow.kserve.backends.cluster.serving_connection import ServingConnection

        return ServingConnection(config, wrap)

    def _new_watches(self, connection: ServingConnection) -> ServiceWatches:
        from kubeflow.kserve.backends.cluster.service_views import ServiceWatches

        return ServiceWatches(connection)

    # -- new services -------------------------------------------------------------------------------------------

    def render(self, spec: ServiceSpec) -> InferenceService:
        """Return the InferenceService of `spec`, by the runtimes of the cluster; offline by those that KServe ships."""
        from kubeflow.kserve.backends.cluster.submission import rendered

        return rendered(self._connection, self.namespace, spec)

    def render_on_server(self, spec: ServiceSpec) -> InferenceService:
        """Return the InferenceService of `spec` as the cluster would store it."""
        from kubeflow.kserve.backends.cluster.submission import render_on_server

        return render_on_server(self._online(f"checking service {spec.name!r}"), spec)

    def serve(self, spec: ServiceSpec) -> None:
        """Create the InferenceService of `spec`, after what can be known to fail was refused."""
        from kubeflow.kserve.backends.cluster.submission import serve

        serve(self._online(f"creating service {spec.name!r}"), spec)

    def create_service(self, service: InferenceService) -> str:
        """Create an InferenceService that is given as such, and return its name."""
        from kubeflow.kserve.backends.cluster.submission import create

        return create(self._online("creating a service"), service)

    # -- looking at services ------------------------------------------------------------------------------------

    def list_services(self) -> list[Service]:
        """Return the services, oldest first: at most three requests for 500 of them."""
        connection = self._online("listing services")
        from kubeflow.kserve.backends.cluster.service_views import list_services

        services = list_services(connection)
        if not services and connection.namespace_missing():
            raise InvalidInput(
                f"There is no namespace {connection.namespace!r}: name another one, with "
                "KubernetesBackendConfig(namespace=...)."
            )
        return services

    def get_service(self, name: str) -> Service:
        """Return one service as it is now: two requests, and a third one for its pods while it is not ready."""
        connection = self._online(f"reading service {name!r}")
        from kubeflow.kserve.backends.cluster.service_views import service_view

        return service_view(connection, connection.find(name))

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep the watch of a service, once `next_change` has begun with it, until the context ends."""
        return self._waits(name).watching(name)

    def next_change(self, name: str, seen: Service, timeout: float) -> Service:
        """Return the service once it differs from `seen`: it is watched, and its pods are looked at every 3 s."""
        return self._waits(name).next_change(name, seen, timeout)

    def failure(self, name: str) -> ServiceFailed:
        """Return why a service cannot become ready."""
        connection = self._online(f"reading service {name!r}")
        from kubeflow.kserve.backends.cluster.service_findings import failure_of
        from kubeflow.kserve.backends.cluster.service_views import service_view

        item = connection.find(name)
        return failure_of(connection.transport, connection.namespace, item, service_view(connection, item))

    def diagnose(self, name: str) -> ServiceDiagnosis:
        """Return why a service is where it is."""
        connection = self._online(f"reading service {name!r}")
        from kubeflow.kserve.backends.cluster.service_findings import diagnose
        from kubeflow.kserve.backends.cluster.service_views import service_view

        item = connection.find(name)
        return diagnose(connection.transport, connection.namespace, item, service_view(connection, item))

    def endpoint(self, name: str, route: Route) -> AbstractContextManager[Endpoint]:
        """Return where requests to a service go."""
        connection = self._online(f"calling service {name!r}")
        from kubeflow.kserve.backends.cluster.service_routes import endpoint

        return endpoint(connection, self.get_service(name), route)

    def get_service_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        connection = self._online(f"reading the logs of service {name!r}")
        from kubeflow.kserve.backends.cluster.service_logs import service_logs

        return service_logs(connection, name, selection, follow)

    def get_service_events(self, name: str) -> list[Event]:
        """Return what happened to the service and to everything that was made for it, oldest first."""
        connection = self._online(f"reading the events of service {name!r}")
        from kubeflow.kserve.backends.cluster.service_findings import service_events

        connection.find(name)
        return service_events(connection.transport, connection.namespace, name)

    # -- changing services --------------------------------------------------------------------------------------

    def update(self, name: str, change: ServiceChange) -> None:
        """Change a service; what the change does not name stays as it is."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.update(self._online(f"changing service {name!r}"), name, change)

    def promote(self, name: str) -> None:
        """Give all requests to the newest revision."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.promote(self._online(f"changing service {name!r}"), name)

    def rollback(self, name: str) -> None:
        """Take what was asked for last back."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.rollback(self._online(f"changing service {name!r}"), name)

    def stop_service(self, name: str) -> None:
        """Have the pods of a service deleted, and keep the service."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.set_stopped(self._online(f"stopping service {name!r}"), name, stopped=True)

    def start_service(self, name: str) -> None:
        """Have the pods of a stopped service made anew."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.set_stopped(self._online(f"starting service {name!r}"), name, stopped=False)

    def delete_service(self, name: str, wait: float | None = None) -> None:
        """Delete a service; what it owns goes after it."""
        from kubeflow.kserve.backends.cluster import service_changes

        service_changes.delete(self._online(f"deleting service {name!r}"), name, wait)

    def _waits(self, name: str) -> ServiceWatches:
        return self._shared_watches(f"watching service {name!r}")
