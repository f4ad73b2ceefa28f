"""Definitions (`components.schemas` in OpenAPI) by name: references, children, what a definition reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, cast

from codegen.schema.jsontypes import Json, Object

Definitions: TypeAlias = Mapping[str, Object]

REF_PREFIX = "#/components/schemas/"
KUBERNETES = "io.k8s."  # prefix of Kubernetes' own types
OPEN = "x-kubernetes-preserve-unknown-fields"
# Of a pin: the alternatives of a node (`oneOf` and so on), which say nothing of its structure.
CONDITION = "x-value-validation"
# An object of which nothing is said: the type that a pin gives it.
FREE = "io.k8s.apimachinery.pkg.apis.meta.v1.unstructured.Unstructured"
ANY_OBJECT: Definitions = {FREE: {"type": "object", "additionalProperties": True}}
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# In a template, a CRD admits only part of ObjectMeta and the server prunes the rest: a type of its own.
EMBEDDED_META = "io.k8s.apimachinery.pkg.apis.meta.v1.EmbeddedObjectMeta"


def reference(node: Object) -> str | None:
    """Return the definition that `node` refers to: `$ref` itself, or the single member of an `allOf`."""
    target = node.get("$ref")
    if target is None and (members := node.get("allOf")):
        target = cast("Object", cast("list[Json]", members)[0]).get("$ref")
    return None if target is None else cast(str, target).removeprefix(REF_PREFIX)


def children(node: Object) -> Iterator[tuple[str | int, Object]]:
    """Yield the child nodes of a checked node with their step: a property's name, `[]` for items, `{}` for values."""
    yield from cast("Mapping[str, Object]", node.get("properties", {})).items()
    for keyword, step in (("items", "[]"), ("additionalProperties", "{}")):
        below = node.get(keyword)
        if isinstance(below, Mapping):
            yield step, below


def reachable(definitions: Definitions, roots: Iterable[str]) -> Definitions:
    """Return the definitions that `roots` reach, themselves included, sorted by name."""
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(references(definitions[name]))
    return {name: definitions[name] for name in sorted(reached)}


def is_union(node: Object) -> bool:
    """Return True when a definition is one of several objects, which a field of theirs tells apart."""
    return "oneOf" in node and "discriminator" in node


def tag_of(node: Object) -> str:
    """Return the field by which the objects of a union are told apart."""
    return str(cast("Object", node["discriminator"])["propertyName"])


def members(node: Object) -> dict[str, str]:
    """Return the definitions that a union is one of, by the value of the field that tells them apart."""
    mapping = cast("Mapping[str, str]", cast("Object", node["discriminator"])["mapping"])
    return {value: target.removeprefix(REF_PREFIX) for value, target in mapping.items()}


def references(node: Object) -> set[str]:
    """Return the definitions that `node` refers to, at any depth of its own."""
    target = reference(node)
    targets = {target} if target else set[str]()
    if is_union(node):
        targets.update(members(node).values())
    for _, child in children(node):
        targets |= references(child)
    return targets


def forbids_change(rule: str) -> bool:
    """True when the CEL rule is `self == oldSelf`, however it is written: what it stands on is immutable once set."""
    return "".join(rule.split()) in ("self==oldSelf", "oldSelf==self")
