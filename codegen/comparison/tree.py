"""The tree of an API: every field at its path, with references resolved.

A pin, a CRD and the OpenAPI document of a cluster write the same contract in different ways: with references or
without, with the type of a field at its definition or beside it. Their trees are alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from codegen.errors import SchemaError
from codegen.schema.definitions import REF_PREFIX, Definitions, is_union, members, reference
from codegen.schema.jsontypes import Json, Object

# What a node's shape is made of, and what says nothing about the contract.
_SHAPE = {
    "discriminator",
    "type",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "$ref",
    "allOf",
    "oneOf",
    "anyOf",
}
_PROSE = {"description", "title", "example", "externalDocs", "x-kubernetes-v2-schema", "x-kubernetes-int-or-string"}
_KIND_FACTS = {"x-kubernetes-group-version-kind"}
_OPEN = "x-kubernetes-preserve-unknown-fields"


@dataclass(frozen=True, slots=True)
class Node:
    """One place in an API.

    Attributes:
        type: A JSON type, or `int-or-string`, `map` (an object with free keys), `open` (an object whose unknown
            fields are kept), `any`, or `recursive` (a definition inside itself, where the tree is cut).
        facts: Everything else that holds at this place, by keyword.
        required: The fields that an object here must have.
        children: By step: a field's name, `[]` for the items of a list, `{}` for the values of a map.
        definition: Full name of the type, where the document names it.
        own: Those of `type` and `facts` that the definition says, rather than this use of it.
    """

    type: str
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    required: frozenset[str] = frozenset()
    children: Mapping[str, Node] = field(default_factory=dict[str, "Node"])
    definition: str | None = None
    own: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @property
    def opaque(self) -> bool:
        """True when the schema has no facts about the content: any object is stored as it comes."""
        return self.type == "open" and not self.children

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Yield every place below this one, with the steps to it, parents first."""
        for step, child in self.children.items():
            here = (*path, step)
            yield here, child
            yield from child.walk(here)

    def outline(self) -> Counter[tuple[str, str, str]]:
        """Return what is below: how often which field of which type stands in which place.

        Two subtrees with a similar outline hold much the same, whatever they are called themselves.
        """
        return Counter((("", *path)[-2], path[-1], node.type) for path, node in self.walk())


def dotted(path: tuple[str, ...]) -> str:
    """Return a path as people write it: `spec.env[].name`, `spec.labels{}`."""
    text = "".join(step if step in ("[]", "{}") else f".{step}" for step in path)
    return text.removeprefix(".")


def expand(schema: Object, definitions: Definitions, document: str) -> Node:
    """Return the tree of `schema`, with references replaced by what `definitions` says.

    Args:
        document: Name of the document, for messages.

    Raises:
        SchemaError: A reference leads nowhere.
    """
    return _Expansion(definitions, document, {}).node(schema, ())


def expand_all(definitions: Definitions, document: str) -> dict[str, Node]:
    """Return the tree of every definition; see `expand`. What they have in common is one object."""
    expansion = _Expansion(definitions, document, {})
    return {name: expansion.node({"$ref": REF_PREFIX + name}, ()) for name in definitions}


@dataclass(frozen=True, slots=True)
class _Expansion:
    definitions: Definitions
    document: str
    expanded: dict[str, Node]

    def node(self, schema: Object, stack: tuple[str, ...]) -> Node:
        target = reference(schema)
        if target is None:
            return self._plain(schema, stack)
        if target not in self.definitions:
            raise SchemaError(self.document, ("components", "schemas", target), "referred to, but not defined")
        if target in stack:
            return Node("recursive", definition=target)
        base = self.expanded.get(target)
        if base is None:
            base = self.expanded[target] = self.node(self.definitions[target], (*stack, target))
        beside = _facts(schema)
        rules = [*_rules(base.facts), *_rules(beside)]
        merged = {**base.facts, **beside} | ({"x-kubernetes-validations": rules} if rules else {})
        own = {"type": base.type, **base.facts}
        return Node(base.type, merged, base.required, base.children, base.definition or target, own)

    def _plain(self, schema: Object, stack: tuple[str, ...]) -> Node:
        children: dict[str, Node] = {}
        for name, child in cast("Mapping[str, Object]", schema.get("properties", {})).items():
            children[name] = self.node(child, stack)
        for keyword, step in (("items", "[]"), ("additionalProperties", "{}")):
            below = schema.get(keyword)
            if isinstance(below, Mapping):
                children[step] = self.node(below, stack)
        if is_union(schema):
            for value, target in members(schema).items():
                children[f"({value})"] = self.node({"$ref": REF_PREFIX + target}, stack)
        required = frozenset(cast("list[str]", schema.get("required", [])))
        return Node(_type(schema), _facts(schema), required, children)


def _type(schema: Object) -> str:
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return "int-or-string"
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        if schema.get(_OPEN) or schema.get("additionalProperties") is True:
            return "open"
        return "map" if isinstance(schema.get("additionalProperties"), Mapping) else "object"
    return kind if isinstance(kind, str) else "any"


def _facts(schema: Object) -> dict[str, Json]:
    facts = {key: schema[key] for key in schema if key not in _SHAPE | _PROSE | _KIND_FACTS | {_OPEN}}
    if facts.get("format") == "int-or-string":
        del facts["format"]
    return facts


def _rules(facts: Mapping[str, Json]) -> list[Json]:
    return list(cast("list[Json]", facts.get("x-kubernetes-validations", [])))
