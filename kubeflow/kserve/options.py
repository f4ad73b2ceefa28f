"""Changes to a service that go beyond the arguments of `serve`: `client.serve(..., options=[...])`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.tracebacks import thin_all
from kubeflow.kserve.service_spec import ServiceEdit, ServiceOption, ServiceSpec
from kubeflow.kserve.types.services import DeploymentModeName
from kubeflow.trainer.types.checks import check_annotations, check_labels, check_object_name, check_text

if TYPE_CHECKING:
    from kubeflow_api.kserve.v1beta1 import InferenceService

__all__ = ["DeploymentMode", "EditService", "ServiceAnnotations", "ServiceLabels", "StorageCredentials"]


@dataclass(frozen=True)
class ServiceLabels(ServiceOption):
    """Labels of the service, to find, group and bill it by. Several options add up; the later one counts.

    Attributes:
        labels: Values by key.
    """

    labels: Mapping[str, str]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_labels("labels", self.labels)

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` with these labels."""
        return replace(spec, labels={**spec.labels, **self.labels})


@dataclass(frozen=True)
class ServiceAnnotations(ServiceOption):
    """Annotations of the service, which KServe's controller reads. Several options add up; the later one counts.

    Attributes:
        annotations: Values by key, like `{"serving.kserve.io/autoscalerClass": "keda"}`.
    """

    annotations: Mapping[str, str]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_annotations("annotations", self.annotations)

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` with these annotations."""
        return replace(
            spec,
            annotations={**spec.annotations, **self.annotations},
            cluster_options=(*spec.cluster_options, "ServiceAnnotations"),
        )


@dataclass(frozen=True)
class DeploymentMode(ServiceOption):
    """How KServe runs the service. It cannot be changed later.

    `"Standard"` is a Deployment: no scaling to none without KEDA; canaries from KServe 0.20 on. `"Knative"` scales to
    none, and has canaries in every version.

    Attributes:
        mode: `"Standard"`, `"Knative"` or `"ModelMesh"`. Default of a service without this option: the cluster's own.
    """

    mode: DeploymentModeName

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        modes = get_args(DeploymentModeName)
        renamed = {"RawDeployment": "Standard", "Serverless": "Knative"}
        if self.mode not in modes:
            given = str(self.mode)
            meant = f" Did you mean {renamed[given]!r}?" if given in renamed else did_you_mean(given, modes)
            raise InvalidInput(f"mode is one of {', '.join(modes)}, not {self.mode!r}.{meant}")

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` in this mode."""
        if spec.deployment_mode not in (None, self.mode):
            raise InvalidInput(f"Two options say how the service runs, {spec.deployment_mode} and {self.mode}.")
        return replace(spec, deployment_mode=self.mode, cluster_options=(*spec.cluster_options, "DeploymentMode"))


@dataclass(frozen=True)
class StorageCredentials(ServiceOption):
    """What lets the pods of a service read its model, where that is not public. One of the two is given.

    Attributes:
        service_account: A service account of the namespace, whose Secrets have the credentials: for S3 with annotations
            such as `serving.kserve.io/s3-endpoint`.
        key: Entry of the namespace's Secret `storage-config`.
    """

    service_account: str | None = None
    # The name of an entry, which is shown: what it holds is not here.
    key: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if (self.service_account is None) == (self.key is None):
            raise InvalidInput("StorageCredentials takes service_account= or key=, and one of them.")
        if self.service_account is not None:
            check_object_name("service_account", self.service_account)
        if self.key is not None:
            check_text("key", self.key)

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` with these credentials."""
        if spec.service_account is not None or spec.storage_key is not None:
            raise InvalidInput("Two options give credentials for the model: leave one of them out.")
        if self.key is not None and spec.model.uri is None:
            raise InvalidInput("StorageCredentials(key=...) is for a model, and model= is a function: leave it out.")
        return replace(
            spec,
            service_account=self.service_account,
            storage_key=self.key,
            cluster_options=(*spec.cluster_options, "StorageCredentials"),
        )


@dataclass(frozen=True)
class EditService(ServiceOption):
    """Change the InferenceService in any way, after all options before this one.

    Attributes:
        change: Changes the typed InferenceService in place, in the form of the newest KServe that this SDK knows.
        description: What it changes, in a few words.

    Example:
        >>> def gpu_nodes(service: InferenceService) -> None:
        ...     service.spec.predictor.node_selector = {"accelerator": "h100"}
        >>> EditService(gpu_nodes, "nodes with GPUs")
    """

    change: Callable[[InferenceService], object]
    description: str = "Edit of the InferenceService"

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if not callable(self.change):
            raise InvalidInput(f"EditService takes a function that changes an InferenceService, not {self.change!r}.")

    def apply(self, spec: ServiceSpec) -> ServiceSpec:
        """Return `spec` with this edit."""
        edit = ServiceEdit(self.description, self._edit)
        return replace(spec, edits=(*spec.edits, edit), cluster_options=(*spec.cluster_options, "EditService"))

    def _edit(self, service: InferenceService) -> None:
        self.change(service)


thin_all(globals())
