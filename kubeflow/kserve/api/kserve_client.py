"""`KServeClient`: serves models and asks them for predictions, the same way on every backend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from kubeflow.core.tracebacks import thin
from kubeflow.kserve.api.model_sources import served_model
from kubeflow.kserve.api.service_waiting import followed_service_lines, wait_for_status
from kubeflow.kserve.backends.registry import ServingConfig, serving_backend
from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.kserve.service_spec import ServiceOption, service_change, service_spec
from kubeflow.kserve.types.endpoints import Endpoint, Route
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.kserve.types.served_models import ModelSource
from kubeflow.kserve.types.service_names import check_service_name
from kubeflow.kserve.types.services import (
    AwaitableServiceStatus,
    Service,
    ServiceList,
    ServiceReference,
    service_name_of,
)
from kubeflow.trainer.backends.registry import default_config
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.jobs.log_selection import log_selection
from kubeflow.trainer.types.jobs import Event, EventList
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.resources import Resources

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kubeflow_api.kserve.v1beta1 import InferenceService

    from kubeflow.kserve.inference.prediction import Prediction

_READY: AwaitableServiceStatus = "Ready"


class ServeSettings(TypedDict, total=False):
    """The arguments of `KServeClient.serve` that do not change what it returns; its docstring says what they are."""

    model_format: str | None
    protocol: Protocol | None
    runtime: str | None
    resources: Resources | None
    min_replicas: int | None
    max_replicas: int | None
    env: Mapping[str, str] | None
    options: Sequence[ServiceOption] | None
    packages_to_install: Sequence[str] | None
    pip_index_urls: Sequence[str] | None
    image: str | None
    trust_pickle: bool


@thin
class KServeClient:
    """Serves models: on this machine, or on a cluster with KServe.

    Args:
        backend_config: Where services run. `LocalProcessBackendConfig()` is this machine. Default: what the environment
            variable `KUBEFLOW_BACKEND` names, else the cluster of the kubeconfig; as for `TrainerClient`.

    Raises:
        InvalidInput: When `backend_config` is none of the configurations.
        Unsupported: When services do not run so.

    Example:
        >>> client = KServeClient()
        >>> name = client.serve("iris", model="s3://models/iris/1", model_format="sklearn")
        >>> client.wait_for_service_status(name).status
        'Ready'
        >>> client.predict(name, [[5.1, 3.5, 1.4, 0.2]])
    """

    def __init__(self, backend_config: ServingConfig | None = None) -> None:
        self._config = default_config() if backend_config is None else backend_config
        self.backend: ServingBackend = serving_backend(self._config)

    def __repr__(self) -> str:
        return f"KServeClient({self.backend!r})"

    @overload
    def serve(
        self, name: str, model: ModelSource, *, dry_run: Literal[False] = False, server_dry_run: Literal[False] = False,
        **settings: Unpack[ServeSettings],
    ) -> str: ...  # fmt: skip

    @overload
    def serve(
        self, name: str, model: ModelSource, *, dry_run: Literal[True], server_dry_run: bool = False,
        **settings: Unpack[ServeSettings],
    ) -> InferenceService: ...  # fmt: skip

    @overload
    def serve(
        self, name: str, model: ModelSource, *, dry_run: bool = False, server_dry_run: Literal[True],
        **settings: Unpack[ServeSettings],
    ) -> InferenceService: ...  # fmt: skip

    def serve(
        self,
        name: str,
        model: ModelSource,
        *,
        model_format: str | None = None,
        protocol: Protocol | None = None,
        runtime: str | None = None,
        resources: Resources | None = None,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        env: Mapping[str, str] | None = None,
        options: Sequence[ServiceOption] | None = None,
        packages_to_install: Sequence[str] | None = None,
        pip_index_urls: Sequence[str] | None = None,
        image: str | None = None,
        trust_pickle: bool = False,
        dry_run: bool = False,
        server_dry_run: bool = False,
    ) -> str | InferenceService:
        """Make a service that answers with a model's predictions, or only show it.

        Args:
            name: Name of the service: at most 53 lower-case letters, digits and `-`. Requests call the model so.
            model: A URI (`s3://`, `gs://`, `hf://`, `pvc://`, `oci://`, `https://`, ...) or a path of this machine; an
                artifact or a registered version; a train job, whose output is served; a function; or an object with
                `predict`, or its class. A function with one parameter gets an array (a dict of arrays for several
                tensors, a data frame for a table), one with several gets the tensors by name. A class is made once, and
                `load()` of an object is called once, where it serves.
            model_format: Format of its files by KServe's name, like `"sklearn"`. Default: what the artifact or the
                version says, or the end of the URI tells; on this machine, what the files are.
            protocol: `"v2"` (Open Inference Protocol) or `"v1"`. Default: `"v2"` where a runtime serves the model so.
            runtime: Serving runtime by name. Default: the one that the control plane chooses by format and protocol.
            resources: Amount by resource for each replica, like `{"cpu": 1, "memory": "2Gi", "gpu": 1}`.
            min_replicas: Replicas that there are at least; 0 lets it go to none, where Knative or KEDA scales.
            max_replicas: The same, at most.
            env: Environment variables of the model server.
            options: Further changes, applied in order: `kubeflow.kserve.options`.
            packages_to_install: With a function: what it needs, in pip's notation.
            pip_index_urls: With a function: where that is installed from, the main index first.
            image: With a function: image of its container. Default: Python of this version.
            trust_pickle: Load a pickle (format `sklearn`) that no job and no registry of this machine has made. Loading
                one executes code that is in it. On this machine only: what a cluster loads is its runtime's to say.
            dry_run: Start nothing and return the InferenceService that stands for this service on a cluster; its
                `to_yaml()` can be kept and applied. The same on every backend.
            server_dry_run: Have the control plane check it, store nothing, and return it as it would be stored.

        Returns:
            The service's name; with `dry_run` or `server_dry_run` the typed InferenceService.

        Raises:
            InvalidInput: When it cannot work, before anything is started: `NoServingRuntime`, `ModelRejected`,
                `ServiceExists` and `PackagingError` are kinds of it.
            Unsupported: When this backend cannot do it in this version.
        """
        served = served_model(
            model,
            model_format,
            service=check_service_name(name),
            config=self._config,
            # What is only shown stands for a service on a cluster.
            same_python=self.backend.same_python and not (dry_run or server_dry_run),
            packages_to_install=packages_to_install,
            pip_index_urls=pip_index_urls,
            trust_pickle=trust_pickle,
        )
        spec = service_spec(
            name=name,
            model=served,
            protocol=protocol,
            runtime=runtime,
            image=image,
            resources=resources,
            min_replicas=min_replicas,
            max_replicas=max_replicas,
            env=env,
            options=options,
        )
        if server_dry_run:
            return self.backend.render_on_server(spec)
        if dry_run:
            return self.backend.render(spec)
        self.backend.serve(spec)
        return spec.name

    def create_service(self, service: InferenceService | str) -> str:
        """Make a service that is given as an InferenceService, as `serve(..., dry_run=True)` returns it, or its YAML.

        Raises:
            InvalidInput: When it is none, or one that cannot work.
            ServiceExists: When the name is taken.
            Unsupported: When this backend takes none.
        """
        from kubeflow_api.kserve.v1beta1 import InferenceService as Model

        return self.backend.create_service(Model.from_yaml(service) if isinstance(service, str) else service)

    def list_services(self) -> list[Service]:
        """Return the services, oldest first; those that others made as far as they can be read."""
        return ServiceList(self.backend.list_services())

    def get_service(self, name: ServiceReference) -> Service:
        """Return one service as it is now.

        Raises:
            ServiceNotFound: With names like it.
        """
        return self.backend.get_service(self._name(name))

    def wait_for_service_status(
        self,
        name: ServiceReference,
        status: AwaitableServiceStatus | Collection[AwaitableServiceStatus] = _READY,
        *,
        timeout: float = 600,
        polling_interval: float = 2,
        callbacks: Sequence[Callable[[Service], None]] | None = None,
        progress: bool | None = None,
    ) -> Service:
        """Wait until a service has a status: by default until what was asked for last answers, its model loaded.

        Args:
            name: The service.
            status: One status, or several.
            timeout: Seconds to wait at most.
            polling_interval: Seconds between two calls of the callbacks, and between two looks at the service where
                the backend cannot be told of changes.
            callbacks: Called with the service at each interval and when it has got there.
            progress: Show where it is, in one line: status, model, why. True shows it anywhere, False nowhere. Default:
                in notebooks and terminals, as `KUBEFLOW_PROGRESS` says.

        Returns:
            The service.

        Raises:
            ServiceFailed: As soon as it is `Failed` or `Degraded`, unless that is awaited: with the cause, exit code
                and last lines.
            ServiceWaitTimeout: When the time is up, a `TimeoutError` that explains where the service is.
            ServiceNotFound: With names like it; also when it is deleted meanwhile.
            InvalidInput: For a status that does not exist, or times that are not greater than 0.
        """
        return wait_for_status(
            self.backend,
            self._name(name),
            status,
            timeout=timeout,
            polling_interval=polling_interval,
            callbacks=callbacks or (),
            progress=progress,
        )

    def endpoint(self, name: ServiceReference, *, route: Route = "auto") -> AbstractContextManager[Endpoint]:
        """Return where requests to a service go, for a client of your own: `with client.endpoint(name) as endpoint`.

        Args:
            name: The service.
            route: `"url"` by the address that the control plane tells, `"cluster"` by the one within the cluster,
                `"tunnel"` through the API server. Default: the first of them that works from here.

        Raises:
            NoEndpoint: There is no such way to it, or none yet.
            ServiceNotFound: With names like it.
        """
        return self.backend.endpoint(self._name(name), route)

    def predict(
        self,
        name: ServiceReference,
        inputs: object,
        *,
        parameters: Mapping[str, object] | None = None,
        outputs: Sequence[str] = (),
        binary: bool = False,
        timeout: float = 60,
        route: Route = "auto",
    ) -> Prediction:
        """Return what the model of a service predicts for `inputs`.

        Args:
            name: The service.
            inputs: An array of numpy (or a tensor of torch) or nested lists, which are one tensor; a dict of tensors by
                name; a data frame of pandas, or a list of dicts with the same keys, which are a table. Lists get the
                datatype that the model says it takes, arrays keep theirs. For a service of protocol v1 the first axis
                counts the instances, and a dict with `instances` is sent as it is.
            parameters: Parameters of the request; further keys of the body in protocol v1.
            outputs: Names of the outputs that are wanted. Default: all. Protocol v2 only.
            binary: Send and ask for tensors as bytes, which is quicker for large ones. Protocol v2 only; KServe's own
                servers, Triton and those of this machine read them, MLServer does not.
            timeout: Seconds for the whole call. An answer of 503, as a service gives that is scaling up, is asked for
                again within them, and so is one that never began.
            route: As for `endpoint`.

        Returns:
            The outputs by name, as arrays of numpy where it is installed. It can be used as its only output:
            `prediction[0]`, `len(prediction)`, `numpy.asarray(prediction)`.

        Raises:
            InvalidInput: The inputs cannot be sent in the protocol of the service.
            PredictionFailed: The service answers with an error, or not in time.
            NoEndpoint: There is no way to the service from here, or none yet.
            ServiceNotFound: With names like it.
        """
        from kubeflow.kserve.inference.inference_client import infer

        with self.backend.endpoint(self._name(name), route) as endpoint:
            return infer(
                endpoint, inputs, timeout=timeout, parameters=parameters, outputs=tuple(outputs), binary=binary
            )

    def update(
        self,
        name: ServiceReference,
        *,
        model: ModelSource | None = None,
        model_format: str | None = None,
        canary_percent: int | None = None,
        resources: Resources | None = None,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        env: Mapping[str, str] | None = None,
        packages_to_install: Sequence[str] | None = None,
        pip_index_urls: Sequence[str] | None = None,
        trust_pickle: bool = False,
    ) -> None:
        """Change a service. What is left out stays as it is; what answers goes on answering until the change is ready.

        Args:
            name: The service.
            model: Another model, as for `serve`.
            model_format: With `model`: its format. Default: the one that the service has.
            canary_percent: Share of the requests that the new revision gets, from 0 to 100; the one before has the
                rest, until `promote` or `rollback`. Default: all of them.
            resources: Other resources per replica.
            min_replicas: As for `serve`.
            max_replicas: As for `serve`.
            env: Variables that are set or changed; the others stay.
            packages_to_install: With a function as model: as for `serve`.
            pip_index_urls: With a function as model: as for `serve`.
            trust_pickle: With `model`: as for `serve`.

        Raises:
            InvalidInput: Nothing is to change, or it cannot work.
            Unsupported: The way this service runs cannot do it, with the way round.
            ServiceNotFound: With names like it.
        """
        service = self._name(name)
        served = None
        if model is not None:
            served = served_model(
                model,
                model_format,
                service=service,
                config=self._config,
                same_python=self.backend.same_python,
                packages_to_install=packages_to_install,
                pip_index_urls=pip_index_urls,
                trust_pickle=trust_pickle,
            )
        self.backend.update(
            service,
            service_change(
                model=served,
                canary_percent=canary_percent,
                resources=resources,
                min_replicas=min_replicas,
                max_replicas=max_replicas,
                env=env,
            ),
        )

    def promote(self, name: ServiceReference) -> None:
        """Give all requests to what was asked for last; nothing happens where it has them already.

        Raises:
            InvalidInput: It is not ready.
            Unsupported: The way this service runs has no canaries.
            ServiceNotFound: With names like it.
        """
        self.backend.promote(self._name(name))

    def rollback(self, name: ServiceReference) -> None:
        """Take back what was asked for last: what answered before gets all requests.

        Raises:
            InvalidInput: There is nothing before it.
            Unsupported: The way this service runs keeps nothing of what was before.
            ServiceNotFound: With names like it.
        """
        self.backend.rollback(self._name(name))

    def stop_service(self, name: ServiceReference) -> None:
        """End what runs of a service and keep it; `start_service` starts it anew. Idempotent.

        Raises:
            ServiceNotFound: With names like it.
        """
        self.backend.stop_service(self._name(name))

    def start_service(self, name: ServiceReference) -> None:
        """Start a stopped service anew. Does nothing for one that is not stopped.

        Raises:
            ServiceNotFound: With names like it.
        """
        self.backend.start_service(self._name(name))

    def delete_service(self, name: ServiceReference, *, wait: bool = False, timeout: float = 600) -> None:
        """End a service and forget it.

        Args:
            name: The service.
            wait: Return only when nothing of it is left anywhere; a service of this machine is always waited for.
            timeout: Seconds to wait at most.

        Raises:
            ServiceNotFound: With names like it.
            ServiceWaitTimeout: When something of it is still there after `timeout` seconds.
        """
        self.backend.delete_service(self._name(name), timeout if wait else None)

    def get_service_logs(
        self,
        name: ServiceReference,
        *,
        replica: str | None = None,
        container: str | None = None,
        follow: bool = False,
        tail_lines: int | None = None,
        since: datetime | timedelta | None = None,
        progress: bool | None = None,
    ) -> LogLines:
        """Return the lines that a service's model server writes, each without its end.

        Args:
            name: The service.
            replica: One replica, by the name of its pod. Default: all, each line prefixed with its replica where there
                are several.
            container: Container of the pods, like `"storage-initializer"`. Default: the model server.
            follow: Go on with new lines, until the caller stops.
            tail_lines: The last lines of each replica, at most so many.
            since: Lines written since this time, or in this last span of time.
            progress: With `follow`, show below the lines where the service is, while the next one is waited for. True
                shows it anywhere but where only lines can be, False nowhere. Default: in notebooks and terminals, as
                `KUBEFLOW_PROGRESS` says.

        Raises:
            InvalidInput: There is no such replica or container.
            ServiceNotFound: With names like it.
        """
        selection = log_selection(replica, container=container, after=None, tail_lines=tail_lines, since=since)
        service = self._name(name)
        lines = self.backend.get_service_logs(service, selection, follow)
        return followed_service_lines(self.backend, service, lines, progress) if follow else lines

    def get_service_events(self, name: ServiceReference) -> list[Event]:
        """Return what happened to a service and to what was made for it, oldest first.

        Raises:
            ServiceNotFound: With names like it.
        """
        return EventList(self.backend.get_service_events(self._name(name)))

    def explain(self, name: ServiceReference) -> str:
        """Return, as one text, where a service is and why: model, revisions, pods, last words, what to try.

        Raises:
            ServiceNotFound: With names like it.
        """
        return Explanation(self.backend.diagnose(self._name(name)))

    def _name(self, service: ServiceReference) -> str:
        return service_name_of(service, self.backend.namespace)
