"""A service as its user sees it: status, address, model, revisions. What is sent to a cluster is a generated model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from kubeflow.core.display import call, repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList
from kubeflow.core.tracebacks import thin_all
from kubeflow.kserve.types.model_formats import Protocol
from kubeflow.trainer.types.checks import wrong_type

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService

    from kubeflow.core.html import Cell

ServiceStatus = Literal["Creating", "Ready", "Updating", "Degraded", "Failed", "Stopped", "Unknown"]
"""The statuses of a service:

- `Creating`: nothing of it answers yet.
- `Ready`: what was asked for last is what answers, with its model loaded.
- `Updating`: an older revision answers, while a newer one gets ready.
- `Degraded`: an older revision answers, and the newer one cannot get ready. KServe's own condition may say Ready.
- `Failed`: nothing answers, and nothing will until the service is changed.
- `Stopped`: by `stop_service`; `start_service` starts it.
- `Unknown`: a state that this version cannot name.
"""

AwaitableServiceStatus = Literal["Creating", "Ready", "Updating", "Degraded", "Failed", "Stopped"]
"""The statuses that can be waited for."""

SERVICE_STATUSES: tuple[ServiceStatus, ...] = get_args(ServiceStatus)
AWAITABLE_SERVICE_STATUSES: tuple[AwaitableServiceStatus, ...] = get_args(AwaitableServiceStatus)

DeploymentModeName: TypeAlias = Literal["Standard", "Knative", "ModelMesh"]
"""How KServe runs a service: as a Deployment (once called RawDeployment), by Knative (once Serverless), in a mesh."""


@dataclass(frozen=True)
class ServiceCondition:
    """One condition that the control plane tells of a service.

    Attributes:
        type: Like `"PredictorReady"`.
        status: `"True"`, `"False"` or `"Unknown"`.
        reason: Why, in one CamelCase word; may be empty.
        message: Why, in words; may be empty.
    """

    type: str
    status: str
    reason: str = ""
    message: str = ""

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class ModelLoading:
    """Where the model of a service is on its way into memory.

    Attributes:
        transition: `"UpToDate"`, `"InProgress"`, `"BlockedByFailedLoad"` or `"InvalidSpec"`; empty when unknown.
        active: State of the model that answers: `"Pending"`, `"Standby"`, `"Loading"`, `"Loaded"`, `"FailedToLoad"`;
            empty when unknown.
        target: The same of the model that was asked for last.
        failed_copies: Copies that failed to load.
        total_copies: Copies that there are.
        failure: Why the last one failed, in words; empty when none has.
        failure_reason: The same in one CamelCase word, like `"ModelLoadFailed"`.
        exit_code: With which the container ended; `None` when unknown.
    """

    transition: str = ""
    active: str = ""
    target: str = ""
    failed_copies: int = 0
    total_copies: int = 0
    failure: str = ""
    failure_reason: str = ""
    exit_code: int | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class Revision:
    """One revision of a service: a model with its settings.

    Attributes:
        name: Its name.
        percent: Share of the requests that go to it, from 0 to 100; `None` when unknown.
        latest: True for what was asked for last.
        ready: True when it answers; `None` when unknown.
        url: Its own address, if it has one.
        model: URI of its model, where that is known.
    """

    name: str
    percent: int | None = None
    latest: bool = False
    ready: bool | None = None
    url: str | None = None
    model: str | None = None

    __repr__ = repr_of_fields
    to_dict = dict_of_fields


@dataclass(frozen=True)
class Service:
    """A service at one moment.

    Attributes:
        name: Its name.
        status: `Creating`, `Ready`, `Updating`, `Degraded`, `Failed`, `Stopped`, or `Unknown`.
        creation_timestamp: When it was made, with time zone.
        reason: Why it is not `Ready`, in one sentence; empty when it is.
        url: Its address, as the control plane tells it; `None` while there is none.
        internal_url: Its address within the cluster; `None` where there is none.
        model: URI of the model, or the function, that was asked for last.
        model_format: Its format; empty where the service brings its own code.
        model_name: What requests call the model: `/v2/models/{model_name}/infer`.
        protocol: What it is spoken to in.
        runtime: The runtime that serves it; empty when unknown.
        deployment_mode: `"Standard"`, `"Knative"` or `"ModelMesh"`; `None` on this machine, and while unknown.
        conditions: What the control plane tells, in its order.
        loading: Where the model is on its way into memory; `None` when nothing is told.
        revisions: What answers, and what is to answer; newest first.
        generation: Counts what was asked for; 0 where nothing is counted.
        observed_generation: The last one that the control plane has worked on; `None` when it does not tell.
        min_replicas: Pods, or processes, that there are at least; `None` when it is left to the control plane.
        max_replicas: The same, at most.
        notes: What keeps other fields from being known or true for long, in words. Mostly empty.
    """

    name: str
    status: ServiceStatus
    creation_timestamp: datetime
    reason: str = ""
    url: str | None = None
    internal_url: str | None = None
    model: str | None = None
    model_format: str = ""
    model_name: str = ""
    protocol: Protocol = "v2"
    runtime: str = ""
    deployment_mode: DeploymentModeName | None = None
    conditions: Sequence[ServiceCondition] = ()
    loading: ModelLoading | None = None
    revisions: Sequence[Revision] = ()
    generation: int = 0
    observed_generation: int | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    notes: Sequence[str] = ()

    to_dict = dict_of_fields

    def __repr__(self) -> str:
        """Return name, status, why, address, model and time; the other fields have the rest."""
        return call(
            "Service",
            name=self.name,
            status=self.status,
            reason=self.reason or None,
            url=self.url,
            model=self.model,
            runtime=self.runtime or None,
            creation_timestamp=self.creation_timestamp,
            notes=list(self.notes) or None,
        )

    def _repr_html_(self) -> str:
        """Return the service as notebooks show it: status, why, address, model, what answers which requests."""
        from kubeflow.core import html

        revisions = html.table(
            ["Revision", "Ready", "Requests", "Model"],
            [
                [
                    each.name,
                    html.StatusWord({True: "Ready", False: "NotReady", None: "Unknown"}[each.ready]),
                    None if each.percent is None else f"{each.percent} %",
                    each.model,
                ]
                for each in self.revisions
            ],
            what="revisions",
        )
        loading = self.loading
        return html.view(
            html.heading(f"Service {self.name}", self.status),
            html.tag("p", self.reason) if self.reason else None,
            html.facts(
                {
                    "Address": None if self.url is None else html.link(self.url, self.url),
                    "Within the cluster": self.internal_url,
                    "Model": self.model,
                    "Format": self.model_format,
                    "Runtime": self.runtime,
                    "Protocol": self.protocol,
                    "Mode": self.deployment_mode,
                    "Loading": "" if loading is None else f"{loading.transition} {loading.target}".strip(),
                    "Made": self.creation_timestamp,
                }
            ),
            html.bullets(self.notes),
            html.section("Revisions", revisions) if self.revisions else None,
        )


class ServiceList(ShownList[Service]):
    """Services, shown with a line for each: what `list_services` returns."""

    WHAT = "services"

    @classmethod
    def row(cls, item: Service) -> Mapping[str, Cell]:  # noqa: D102
        from kubeflow.core.html import StatusWord

        return {
            "Name": item.name,
            "Status": StatusWord(item.status),
            "Format": item.model_format,
            "Model": item.model,
            "Age": item.creation_timestamp,
            "Address": item.url,
            "Why": item.reason,
        }


ServiceReference: TypeAlias = "str | Service | InferenceService"
"""What methods take for an existing service: its name, the `Service` that `get_service` returned, or the model."""


def service_name_of(service: ServiceReference, namespace: str | None = None) -> str:
    """Return the name of a service that is given by its name, as a `Service`, or as the model of one.

    Args:
        service: What the user gave.
        namespace: Where it is looked for; `None` where there are no namespaces.

    Raises:
        InvalidInput: For anything else, for a model without a name, and for one of another namespace.
    """
    if isinstance(service, str):
        return str(service)
    if isinstance(service, Service):
        return service.name
    from kubeflow_api.kserve.v1beta1 import InferenceService

    if not isinstance(service, InferenceService):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_type("name", service, (str, Service), remedy="Give the name that serve() returned.")
    if service.metadata is None or not service.metadata.name:
        raise InvalidInput("name takes an InferenceService that has a name: this one has no metadata.name.")
    if namespace is not None and service.metadata.namespace not in (None, namespace):
        raise InvalidInput(
            f"Service {service.metadata.name!r} is of namespace {service.metadata.namespace!r}, and this client works "
            f"in {namespace!r}: use KubernetesBackendConfig(namespace={service.metadata.namespace!r})."
        )
    return service.metadata.name


thin_all(globals())
