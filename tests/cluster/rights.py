"""Waiting until an API server knows who may do what: it takes notice of roles and bindings a moment after it has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.cluster.until import until
from tests.cluster.wire import Wire

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def until_allowed(
    wire: Wire,
    user: str,
    rules: Iterable[Mapping[str, Any]],
    namespace: str | None,
    *,
    groups: Sequence[str] = (),
    allowed: bool = True,
) -> None:
    """Return once a user has all rights that rules give, or none of them.

    Args:
        wire: The cluster.
        user: The user.
        rules: Of a role; each has verbs, resources and API groups.
        namespace: Where the rights count; `None` for the whole cluster.
        groups: That the user is in.
        allowed: False to wait until they are gone.
    """
    about = list(_rights(rules, namespace))
    spec = {"user": user, "groups": list(groups)}

    def known() -> bool:
        answers = (wire.send("POST", REVIEWS, {"spec": {**spec, "resourceAttributes": each}}) for each in about)
        return all(answer["status"]["allowed"] is allowed for answer in answers)

    until(known)


def _rights(rules: Iterable[Mapping[str, Any]], namespace: str | None) -> Iterator[dict[str, str]]:
    place = {} if namespace is None else {"namespace": namespace}
    for rule in rules:
        named = [{"name": name} for name in rule.get("resourceNames") or ()] or [{}]
        for group in rule.get("apiGroups") or ():
            for whole in rule.get("resources") or ():
                resource, _, subresource = whole.partition("/")
                part = {"subresource": subresource} if subresource else {}
                for verb in rule["verbs"]:
                    for name in named:
                        yield {**place, "verb": verb, "group": group, "resource": resource, **part, **name}
