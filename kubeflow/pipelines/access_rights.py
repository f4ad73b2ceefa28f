"""The rights that the service account of a pipeline's step needs, by the kinds and verbs that its call uses.

A step works as the service account of its pod: in Kubeflow Pipelines `pipeline-runner`, or `default-editor` in the
namespace of a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import is_label

__all__ = ["CALL_RULES", "AccessRule", "remember_rules", "rights"]


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Verbs on resources of one API group.

    Attributes:
        group: The API group; `""` is the core group.
        resources: Plural names, with subresources as `"pods/log"`.
        verbs: What may be done.
        cluster: True for resources that are in no namespace.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    cluster: bool = False

    __repr__ = repr_of_fields


_SEE = ("get", "list", "watch")
_MAKE = ("create", *_SEE)
# To follow a job: its pods, their logs, and what was told of them.
_PODS = (
    AccessRule("", ("pods",), _SEE),
    AccessRule("", ("pods/log",), ("get",)),
    AccessRule("", ("events",), ("list",)),
)
_TRAINER = "trainer.kubeflow.org"
_RUNTIMES = (
    AccessRule(_TRAINER, ("trainingruntimes",), ("get", "list")),
    AccessRule(_TRAINER, ("clustertrainingruntimes",), ("get", "list"), cluster=True),
)
_TRAIN = (AccessRule(_TRAINER, ("trainjobs",), _MAKE), *_RUNTIMES, *_PODS)
# Katib runs a search where it is installed and can do all of it, else the client, which ends trials early itself.
_OPTIMIZE = (
    AccessRule(_TRAINER, ("trainjobs",), (*_MAKE, "patch", "update", "delete")),
    AccessRule("kubeflow.org", ("experiments",), _MAKE),
    AccessRule("kubeflow.org", ("trials", "suggestions"), _SEE),
    *_RUNTIMES,
    *_PODS,
)
_PROCESS_DATA = (
    AccessRule("sparkoperator.k8s.io", ("sparkapplications",), _MAKE),
    AccessRule("", ("configmaps",), ("create", "get", "patch", "delete")),
    *_PODS,
)
_SERVE = (
    AccessRule("serving.kserve.io", ("inferenceservices",), (*_MAKE, "patch", "update")),
    AccessRule("serving.kserve.io", ("servingruntimes",), ("get", "list")),
    AccessRule("serving.kserve.io", ("clusterservingruntimes",), ("get", "list"), cluster=True),
    *_PODS,
)
CALL_RULES: Mapping[str, tuple[AccessRule, ...]] = {
    "train": _TRAIN,
    "optimize": _OPTIMIZE,
    "process_data": _PROCESS_DATA,
    "serve": _SERVE,
}
"""What the calls of `component` do on a cluster."""

_remembered: WeakKeyDictionary[Any, tuple[AccessRule, ...]] = WeakKeyDictionary()


def remember_rules(step: object, rules: tuple[AccessRule, ...]) -> None:
    """Keep what a component does, as long as the component lives."""
    _remembered[step] = rules


def rights(*steps: object, namespace: str, service_account: str = "pipeline-runner") -> str:
    """Return as YAML the roles and bindings with which a service account can run steps; nothing more is in them.

    Args:
        steps: Components that `component` made.
        namespace: Where the pipeline runs, and the jobs that its steps make.
        service_account: The account of the steps' pods.

    Raises:
        InvalidInput: A step is none of `component`'s, or a name is none.

    Example:
        >>> print(rights(fit, serve, namespace="team-a"))
    """
    for argument, text in (("namespace", namespace), ("service_account", service_account)):
        if not (isinstance(text, str) and is_label(text)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"{argument}={text!r} is no name of an object: lower-case letters, digits and '-'.")
    found: list[AccessRule] = []
    for step in steps:
        rules = _remembered.get(step)
        if rules is None:
            raise InvalidInput(f"rights() takes components that kubeflow.pipelines.component made, not {step!r}.")
        found += rules
    if not found:
        raise InvalidInput("rights() takes the components of a pipeline: give at least one.")
    from kubeflow.core.yaml_text import write

    return "---\n".join(write(document) for document in _documents(found, namespace, service_account))


def _documents(rules: Sequence[AccessRule], namespace: str, account: str) -> Iterable[dict[str, Any]]:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    name = f"{account}-kubeflow-steps"
    for cluster in (False, True):
        own = _merged(rule for rule in rules if rule.cluster is cluster)
        if not own:
            continue
        kind = "ClusterRole" if cluster else "Role"
        # Roles of a cluster are of all namespaces: their names say which one they are for.
        metadata = {"name": f"{namespace}-{name}"} if cluster else {"name": name, "namespace": namespace}
        yield {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": own}
        yield {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]},
            "subjects": [subject],
        }


def _merged(rules: Iterable[AccessRule]) -> list[dict[str, Any]]:
    """Return rules as a role has them: the verbs of a resource in one place, resources of equal verbs together."""
    verbs: dict[tuple[str, str], dict[str, None]] = {}
    for rule in rules:
        for resource in rule.resources:
            verbs.setdefault((rule.group, resource), {}).update(dict.fromkeys(rule.verbs))
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in verbs.items():
        together.setdefault((group, tuple(allowed)), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in together.items()
    ]
