"""Options that say on which machines of a cluster the pods of a job run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import typed, with_pods
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.options._targets import Jobs
from kubeflow.trainer.types.checks import check_key, check_labels, check_strings

if TYPE_CHECKING:
    from kubeflow_api.k8s.core.v1 import NodeAffinity, PodAffinity, PodAntiAffinity
    from kubeflow_api.k8s.core.v1.builders import NodeAffinityDict, PodAffinityDict, PodAntiAffinityDict

_WHOLE = re.compile(r"-?[0-9]{1,18}")

NodeOperator: TypeAlias = Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]


@dataclass(frozen=True)
class Toleration(Option):
    """Let the pods run on machines with a taint, as GPU pools often have one.

    Several options add up; together they take the place of those that the runtime has.

    Attributes:
        key: The taint. Default: every taint.
        operator: `"Exists"`: any value of it; `"Equal"`: this one. Default: `"Equal"` with a value, else `"Exists"`.
        value: Value of the taint.
        effect: Only taints with this effect. Default: all.
        toleration_seconds: With the effect `"NoExecute"`: how long the pods stay after the taint came.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.key is not None:
            check_key("Toleration", self.key)
        if self.value is not None:
            check_labels("Toleration value", {str(self.key or "key"): self.value})
        if self.operator == "Exists" and self.value is not None:
            raise InvalidInput(f"Toleration: 'Exists' takes any value, so leave value={self.value!r} out.")
        if self.key is None and self.value is not None:
            raise InvalidInput("Toleration: a value is that of a taint: name it with key=.")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise InvalidInput("Toleration: toleration_seconds= only works with effect='NoExecute'.")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this toleration."""
        toleration = {
            "key": self.key,
            "operator": self.operator or ("Exists" if self.value is None else "Equal"),
            "value": self.value,
            "effect": self.effect,
            "toleration_seconds": self.toleration_seconds,
        }
        given = {name: value for name, value in toleration.items() if value is not None}
        return with_pods(spec, "Toleration", {"tolerations": [given]}, self.job)


@dataclass(frozen=True)
class NodeSelector(Option):
    """Only machines with these labels. Several options add up.

    Attributes:
        labels: Values by key, like `{"pool": "a100"}`.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    labels: Mapping[str, str]
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_labels("NodeSelector", self.labels)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this selector."""
        return with_pods(spec, "Node selector", {"node_selector": dict(self.labels)}, self.job)


@dataclass(frozen=True)
class MachineWith(Option):
    """Only machines whose label has one of several values, or rather those; a node affinity in short.

    All of several options hold. Trainer 2.1 and later.

    Attributes:
        key: The label, like `"nvidia.com/gpu.product"`.
        values: Its values. `"Exists"` and `"DoesNotExist"` take none, `"Gt"` and `"Lt"` one number.
        operator: How the label is compared with them. Default: `"In"` with values, else `"Exists"`.
        weight: 1 to 100: how much such a machine is preferred. Default: no other will do.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    key: str
    values: Sequence[str] = ()
    operator: NodeOperator | None = None
    weight: int | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_key("MachineWith", self.key)
        check_strings("MachineWith values", self.values)
        counts: Mapping[str, bool] = {
            "In": len(self.values) > 0,
            "NotIn": len(self.values) > 0,
            "Exists": not self.values,
            "DoesNotExist": not self.values,
            "Gt": len(self.values) == 1,
            "Lt": len(self.values) == 1,
        }
        if not counts.get(self._operator(), False):
            raise InvalidInput(f"MachineWith: {self._operator()!r} does not go with values={list(self.values)!r}.")
        if self._operator() in ("Gt", "Lt") and not _WHOLE.fullmatch(self.values[0]):
            raise InvalidInput(f"MachineWith: {self._operator()!r} compares whole numbers, not {self.values[0]!r}.")
        for value in self.values:
            check_labels("MachineWith value", {self.key: value.removeprefix("-")})
        if self.weight is not None and (type(self.weight) is not int or not 1 <= self.weight <= 100):
            raise InvalidInput(f"MachineWith: weight is from 1 to 100, not {self.weight!r}.")

    def _operator(self) -> str:
        return self.operator or ("In" if self.values else "Exists")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this affinity."""
        expression = {"key": self.key, "operator": self._operator(), "values": list(self.values) or None}
        term = {"match_expressions": [{name: value for name, value in expression.items() if value is not None}]}
        affinity: Json
        if self.weight is None:
            affinity = {"required_during_scheduling_ignored_during_execution": {"node_selector_terms": [term]}}
        else:
            preferred = {"weight": self.weight, "preference": term}
            affinity = {"preferred_during_scheduling_ignored_during_execution": [preferred]}
        return with_pods(spec, "Node affinity", {"affinity": {"node_affinity": affinity}}, self.job)


@dataclass(frozen=True)
class Affinity(Option):
    """Draw the pods to machines or to other pods, or keep them apart, in full Kubernetes terms.

    All of several options hold. Trainer 2.1 and later.

    Attributes:
        node: Machines; `MachineWith` says the same in short.
        pod: Other pods to be near to.
        pod_anti: Other pods to keep away from.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    node: NodeAffinity | NodeAffinityDict | None = None
    pod: PodAffinity | PodAffinityDict | None = None
    pod_anti: PodAntiAffinity | PodAntiAffinityDict | None = None
    job: Jobs = None

    __repr__ = repr_of_fields

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this affinity."""
        from kubeflow_api.k8s.core import v1

        given = {"node_affinity": self.node, "pod_affinity": self.pod, "pod_anti_affinity": self.pod_anti}
        affinity = typed(v1.Affinity, {name: value for name, value in given.items() if value is not None}, "Affinity")
        return with_pods(spec, "Affinity", {"affinity": affinity.to_dict()}, self.job)


thin_all(globals())
