"""The objects of a Spark job for people to keep: the application, and the ConfigMap with its code that it mounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, TypeAlias

from kubeflow_api.spark.v1beta2 import ScheduledSparkApplication, SparkApplication
from pydantic import PrivateAttr

from kubeflow.cluster.wire import mapping
from kubeflow.core import yaml_text
from kubeflow.core.model import JsonObject, KubeObject
from kubeflow.spark.backends.kubernetes.application_rendering import (
    RenderedJob,
    render_application,
)
from kubeflow.spark.jobs.spark_spec import SparkSpec


class CodeCarrier(KubeObject):
    """An object, and the ConfigMap that its driver mounts where the job brings code of its user's."""

    _code: dict[str, str] = PrivateAttr(default_factory=dict[str, str])
    _code_name: str = PrivateAttr(default="")

    @classmethod
    def of(cls, rendered: RenderedJob) -> Self:
        """Return what is made on a cluster for a job, as this kind.

        Args:
            rendered: A job whose application is of this kind.
        """
        shown = cls.from_dict(rendered.application.to_dict())
        shown._code, shown._code_name = dict(rendered.code), rendered.code_name
        return shown

    @property
    def companions(self) -> list[JsonObject]:
        """What has to be on the cluster before the object, by wire names: the ConfigMap with its code, or none.

        It is in the namespace that the object names. Nobody owns it: it is deleted by hand where it was applied by
        hand.
        """
        namespace = mapping(self.to_dict(), "metadata").get("namespace")
        return [_config_map(self._code_name, self._code, namespace, {})] if self._code else []

    def to_yaml(self) -> str:
        """Return all that is applied for the job, as YAML: its companions and `to_dict()`, each a document."""
        return "---\n".join(map(yaml_text.write, [*self.companions, self.to_dict()]))


class ApplicationWithCode(CodeCarrier, SparkApplication):
    """A SparkApplication, and the ConfigMap that it mounts where the job brings code of its user's."""


class ScheduleWithCode(CodeCarrier, ScheduledSparkApplication):
    """A ScheduledSparkApplication, and the ConfigMap that its runs mount where they bring code of their user's."""


ShownApplication: TypeAlias = ApplicationWithCode | ScheduleWithCode
"""What `process_data(..., dry_run=True)` returns."""


def shown_application(spec: SparkSpec, *, namespace: str | None = None, account: str | None = None) -> ShownApplication:
    """Return the objects of a job for people to look at and to keep.

    Raises:
        InvalidInput: As for `render_application`.
    """
    rendered = render_application(spec, namespace=namespace, account=account)
    return (ApplicationWithCode if spec.timetable is None else ScheduleWithCode).of(rendered)


def code_object(rendered: RenderedJob, namespace: str | None, labels: Mapping[str, str]) -> JsonObject:
    """Return the ConfigMap with the code of a job, in wire names."""
    return _config_map(rendered.code_name, rendered.code, namespace, labels)


def _config_map(name: str, code: Mapping[str, str], namespace: object, labels: Mapping[str, str]) -> JsonObject:
    metadata: JsonObject = {"name": name}
    if labels:
        metadata["labels"] = dict(labels)
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(code)}
