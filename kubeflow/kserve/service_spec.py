"""From what the user asked for to a `ServiceSpec`: one plain description of a service that every backend can realise.

Everything that is wrong on every backend is refused here, before anything is sent or started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, runtime_checkable
from typing import Protocol as TypingProtocol

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.kserve.types.model_formats import Protocol, check_protocol
from kubeflow.kserve.types.served_models import ServedModel
from kubeflow.kserve.types.service_names import check_service_name
from kubeflow.kserve.types.services import DeploymentModeName
from kubeflow.trainer.types.checks import check_annotations, check_count, check_env, check_labels, check_text
from kubeflow.trainer.types.resources import Resources, normalise

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService


@dataclass(frozen=True, slots=True)
class ServiceEdit:
    """A change to the rendered InferenceService, for what only a cluster knows.

    Attributes:
        description: What it changes, in a few words.
        apply: Changes the InferenceService in place. Edits are applied in order, after all else.
    """

    description: str
    apply: Callable[[InferenceService], None]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service, free of any backend: what `serve` was asked for. Made by `service_spec`.

    Attributes:
        name: Of the service; requests call the model so, too.
        model: What is served.
        protocol: What it is spoken to in; `None` takes `"v2"` where it can be served so, else `"v1"`.
        runtime: Serving runtime by name; `None` lets the control plane choose by format and protocol.
        image: Image of a function's container; `None` takes Python of this version.
        resources: Quantity by Kubernetes resource name, per replica; empty keeps the runtime's.
        min_replicas: Replicas that there are at least; 0 lets it go to none; `None` leaves it to the control plane.
        max_replicas: The same, at most.
        env: Environment variables of the model server.
        labels: Labels of the service.
        annotations: Annotations of the service.
        service_account: Service account of its pods; its Secrets let a pod read the model.
        storage_key: Entry of the Secret `storage-config` that lets a pod read the model.
        deployment_mode: How KServe runs it; `None` is the cluster's own way.
        edits: What only a cluster can do.
        cluster_options: Options that only a cluster can realise, by name, in order. Backends of this machine say that
            they have nothing of them.
    """

    name: str
    model: ServedModel
    protocol: Protocol | None = None
    runtime: str | None = None
    image: str | None = None
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    min_replicas: int | None = None
    max_replicas: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    service_account: str | None = None
    storage_key: str | None = None
    deployment_mode: DeploymentModeName | None = None
    edits: Sequence[ServiceEdit] = ()
    cluster_options: Sequence[str] = ()

    __repr__ = repr_of_fields


@runtime_checkable
class ServiceOption(TypingProtocol):
    """A change to a service; `serve(options=[...])` applies them in order. See `kubeflow.kserve.options`."""

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` with this option's change; `dataclasses.replace` makes one.

        Raises:
            InvalidInput: When the option contradicts the service.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What `update` was asked for. What is `None` stays as it is.

    Attributes:
        model: Another model, served by a new revision.
        canary_percent: Share of the requests that the new revision takes, from 0 to 100; `None` is all of them.
        resources: Other resources per replica.
        min_replicas: As in `ServiceSpec`.
        max_replicas: As in `ServiceSpec`.
        env: Variables that are set or changed; the others stay.
    """

    model: ServedModel | None = None
    canary_percent: int | None = None
    resources: Mapping[str, str] | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    env: Mapping[str, str] | None = None

    __repr__ = repr_of_fields


def service_spec(
    *,
    name: str,
    model: ServedModel,
    protocol: Protocol | None = None,
    runtime: str | None = None,
    image: str | None = None,
    resources: Resources | None = None,
    min_replicas: int | None = None,
    max_replicas: int | None = None,
    env: Mapping[str, str] | None = None,
    options: Sequence[ServiceOption] | None = None,
) -> ServiceSpec:
    """Describe the service that was asked for.

    Args:
        name: Its name.
        model: What is served.
        protocol: As in `ServiceSpec`.
        runtime: As in `ServiceSpec`.
        image: As in `ServiceSpec`.
        resources: As `TrainerClient` takes them, per replica.
        min_replicas: As in `ServiceSpec`.
        max_replicas: As in `ServiceSpec`.
        env: As in `ServiceSpec`.
        options: Applied in order, after all else.

    Raises:
        InvalidInput: When the service cannot work on any backend, naming cause and remedy.
    """
    check_service_name(name)
    check_protocol(protocol)
    for argument, text in (("runtime", runtime), ("image", image)):
        if text is not None:
            check_text(argument, text)
    if env is not None:
        check_env("env", env)
    check_replicas(min_replicas, max_replicas)
    if model.bundle is None:
        if image is not None:
            raise InvalidInput("image= is for a function: a model is served by the image of its runtime=.")
    elif runtime is not None:
        raise InvalidInput("runtime= is for a model: a function is served by a container of its own (image=).")
    spec = ServiceSpec(
        name=name,
        model=model,
        protocol=protocol,
        runtime=runtime,
        image=image,
        resources=normalise(resources or {}, "resources"),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        env=dict(env or {}),
    )
    for option in _checked(options):
        spec = option.apply(spec)
    check_labels("labels", spec.labels)
    check_annotations("annotations", spec.annotations)
    return spec


def service_change(
    *,
    model: ServedModel | None,
    canary_percent: int | None,
    resources: Resources | None,
    min_replicas: int | None,
    max_replicas: int | None,
    env: Mapping[str, str] | None,
) -> ServiceChange:
    """Return the change that was asked for.

    Raises:
        InvalidInput: Nothing is to change, or a value cannot be right.
    """
    if canary_percent is not None:
        check_count("canary_percent", canary_percent, least=0, most=100)
    if env is not None:
        check_env("env", env)
    check_replicas(min_replicas, max_replicas)
    given = (model, canary_percent, resources, min_replicas, max_replicas, env)
    if all(value is None for value in given):
        raise InvalidInput(
            "update() was given nothing to change: write model=, canary_percent=, resources=, min_replicas=, "
            "max_replicas= or env=."
        )
    return ServiceChange(
        model=model,
        canary_percent=canary_percent,
        resources=None if resources is None else normalise(resources, "resources"),
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        env=None if env is None else dict(env),
    )


def check_replicas(least: int | None, most: int | None) -> None:
    """Refuse numbers of replicas that cannot be.

    Raises:
        InvalidInput: One is no number, or there are to be more at least than at most.
    """
    if least is not None:
        check_count("min_replicas", least, least=0)
    if most is not None:
        check_count("max_replicas", most)
    if least is not None and most is not None and least > most:
        raise InvalidInput(f"min_replicas={least} is above max_replicas={most}: raise one, or lower the other.")


def _checked(options: Iterable[object] | None) -> list[ServiceOption]:
    if isinstance(options, ServiceOption):
        raise InvalidInput(f"options takes a list: write options=[{type(options).__name__}(...)].")
    checked: list[ServiceOption] = []
    for option in options or ():
        if isinstance(option, type) or not isinstance(option, ServiceOption):
            raise InvalidInput(
                f"options takes objects with `apply(spec: ServiceSpec) -> ServiceSpec`, not {option!r}: see "
                "kubeflow.kserve.options."
            )
        checked.append(option)
    return checked
