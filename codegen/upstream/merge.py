"""The merge of OpenAPI and CRDs: names and references from the one, constraints, defaults and rules from the other.

Both describe the same tree, path for path. A walk over both at once collects, for each *position* (a field of a
named definition, the items of a list, the values of a map), what the CRD says there. A definition is met on many
paths; what the CRDs say must be the same on all of them, or the merge fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from codegen.errors import SchemaError, to_pointer
from codegen.schema.definitions import (
    ANY_OBJECT,
    EMBEDDED_META,
    FREE,
    OBJECT_META,
    REF_PREFIX,
    Definitions,
    children,
    reference,
)
from codegen.schema.jsontypes import Json, JsonPath, Object
from codegen.upstream.crd import EITHER_FORM, Crd, facts_of, is_opaque
from codegen.upstream.patching import suggestion

Position = tuple[str, ...]  # definition, then steps within it


@dataclass(frozen=True, slots=True)
class OpenApiPlaces:
    """Where the definitions of an OpenAPI document stand in it, for messages.

    Attributes:
        component: That the document is of.
        name: Of the document.
        definitions: Definition, by the name that a pin gives it -> path in the document. Those of other pins have none.
    """

    component: str
    name: str
    definitions: Mapping[str, JsonPath]

    def path(self, position: Position) -> JsonPath | None:
        """Return the path of a place in a definition; None where the document does not have the definition."""
        definition, *steps = position
        if definition not in self.definitions:
            return None
        keywords = {"[]": ("items",), "{}": ("additionalProperties",)}
        below = [keyword for step in steps for keyword in keywords.get(step, ("properties", step))]
        return (*self.definitions[definition], *below)


@dataclass
class _PairedWalk:
    definitions: dict[str, Object]
    openapi: OpenApiPlaces
    facts: dict[Position, tuple[Object, str, JsonPath]] = field(
        default_factory=dict[Position, tuple[Object, str, JsonPath]]
    )
    embedded: set[Position] = field(default_factory=set[Position])

    def visit(self, position: Position, node: Object, crd: Object, document: str, path: JsonPath) -> None:
        target = reference(node)
        kept = facts_of(crd)
        shape, owner = (self.definitions[target], (target,)) if target else (node, position)
        if target == OBJECT_META and "properties" not in crd:
            return  # metadata of the kind itself: the CRD leaves it to the server's built-in type
        if target == OBJECT_META:
            self._embed(position, crd, document, path)
            self._state(position, kept, document, path)
            return
        opaque = is_opaque(crd)
        if not opaque:
            self._agree(owner, node, crd, document, path)
        self._state(position, kept, document, path)
        if opaque:
            return  # the CRD leaves what is below to the controller: OpenAPI alone describes it
        below = dict(children(crd))
        for step, child in children(shape):
            step_path = {"[]": ("items",), "{}": ("additionalProperties",)}.get(str(step), ("properties", step))
            self.visit((*owner, str(step)), child, below[step], document, (*path, *step_path))

    def _state(self, position: Position, kept: Object, document: str, path: JsonPath) -> None:
        earlier = self.facts.get(position)
        if earlier and earlier[0] != kept:
            where = f"{earlier[1]}#{to_pointer(earlier[2])}"
            keyword = min(key for key in earlier[0].keys() | kept.keys() if earlier[0].get(key) != kept.get(key))
            problem = f"constraints differ from those of the same field at {where}"
            patch = suggestion(self.openapi.component, document, (*path, keyword), earlier[0].get(keyword))
            raise SchemaError(document, path, problem + patch)
        self.facts[position] = (kept, document, path)

    def _agree(self, owner: Position, node: Object, crd: Object, document: str, path: JsonPath) -> None:
        shape = self.definitions[owner[0]] if reference(node) else node
        ours, theirs = {step for step, _ in children(shape)}, {step for step, _ in children(crd)}
        if ours != theirs:
            raise SchemaError(
                document,
                path,
                f"{self.openapi.name} and the CRD have different fields here; only one of them has: "
                f"{', '.join(sorted(map(str, ours ^ theirs)))}"
                f"{self._field_correction(owner, crd, document, path, sorted(map(str, ours ^ theirs))[0])}",
            )
        for keyword, mine, other in (
            ("type", shape.get("type"), crd.get("type")),
            ("required", _names(shape.get("required")), _names(crd.get("required"))),
        ):
            if mine != other:
                raise SchemaError(
                    document,
                    path,
                    f"`{keyword}` is {other!r} here but {mine!r} in {self.openapi.name}"
                    f"{self._correction(owner, keyword, other, document, path, mine)}",
                )
        for keyword in ("enum", "format", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"):
            mine = node.get(keyword, shape.get(keyword))
            if mine is not None and keyword in crd and crd[keyword] != mine:
                raise SchemaError(
                    document,
                    path,
                    f"`{keyword}` is {crd[keyword]!r} here but {mine!r} in {self.openapi.name}"
                    f"{suggestion(self.openapi.component, document, (*path, keyword), mine)}",
                )

    def _correction(
        self, owner: Position, keyword: str, theirs: Json, document: str, path: JsonPath, ours: Json
    ) -> str:
        """Return the patch that makes the OpenAPI document say what the CRD says; else the other way round."""
        place = self.openapi.path(owner)
        if place is None:  # a type of Kubernetes that another pin brings
            return suggestion(self.openapi.component, document, (*path, keyword), ours)
        return suggestion(self.openapi.component, self.openapi.name, (*place, keyword), theirs)

    def _field_correction(self, owner: Position, crd: Object, document: str, path: JsonPath, field: str) -> str:
        """Return the patch that gives or takes the OpenAPI document a field, as the CRD has it or not."""
        place = self.openapi.path(owner)
        theirs = cast("Mapping[str, Json]", crd.get("properties", {})).get(field)
        if place is None:
            return suggestion(self.openapi.component, document, (*path, "properties", field), None)
        return suggestion(self.openapi.component, self.openapi.name, (*place, "properties", field), theirs)

    def _embed(self, position: Position, crd: Object, document: str, path: JsonPath) -> None:
        allowed = cast("Mapping[str, Json]", crd["properties"])
        full = cast("Mapping[str, Json]", self.definitions[OBJECT_META]["properties"])
        if extra := set(allowed) - set(full):
            raise SchemaError(document, path, f"ObjectMeta has no field {min(extra)!r} in {self.openapi.name}")
        subset: Object = {"type": "object", "properties": {key: full[key] for key in full if key in allowed}}
        if self.definitions.setdefault(EMBEDDED_META, subset) != subset:
            raise SchemaError(document, path, "embedded metadata admits other fields here than elsewhere")
        self.embedded.add(position)


def _names(required: Json) -> list[str]:
    return sorted(cast("list[str]", required or []))


def merge(definitions: Definitions, openapi: OpenApiPlaces, kinds: Iterable[tuple[str, Crd]]) -> Definitions:
    """Return `definitions` with the constraints of the CRDs at their places.

    Args:
        definitions: Of the OpenAPI document, by name.
        openapi: Where they stand in that document.
        kinds: For each kind the name of its definition, and its CRD.

    Raises:
        SchemaError: The two disagree: another set of fields, type, required fields, enum or format; or the CRDs
            constrain one field differently on different paths.
    """
    definitions = {name: _with_free_objects(node) for name, node in ({**ANY_OBJECT, **definitions}).items()}
    walk = _PairedWalk(dict(definitions), openapi)
    for name, crd in kinds:
        if name not in definitions:
            problem = f"no definition {name!r} for the kind {crd.kind}"
            raise SchemaError(openapi.name, ("components", "schemas"), problem)
        walk.visit((name, "."), {"$ref": REF_PREFIX + name}, crd.schema, crd.document, crd.path)
    facts = {position: entry[0] for position, entry in walk.facts.items()}
    owned = _hoist(walk.definitions, facts)
    return {name: _apply(node, (name,), facts, walk.embedded) for name, node in owned.items()}


def _with_free_objects(node: Object) -> Object:
    """Return a definition whose objects of which nothing is said are references to the type of such objects."""
    result = dict(node)
    for keyword in ("items", "additionalProperties"):
        if isinstance(child := node.get(keyword), Mapping):
            result[keyword] = _with_free_object(child)
    if "properties" in node:
        fields = cast("Mapping[str, Object]", node["properties"])
        result["properties"] = {name: _with_free_object(child) for name, child in fields.items()}
    return result


def _with_free_object(node: Object) -> Object:
    free = node.get("type") == "object" and node.get("additionalProperties") is True and "properties" not in node
    return {"$ref": REF_PREFIX + FREE} if free else _with_free_objects(node)


def _hoist(definitions: Definitions, facts: dict[Position, Object]) -> Definitions:
    """Move facts from positions to the definitions that they belong to.

    That is what a CRD says at the root of a kind and, for a scalar type such as Quantity, what it says at every
    single use of it.
    """
    uses = _uses(definitions)
    result: dict[str, Object] = {}
    for name, node in definitions.items():
        own: dict[str, Json] = dict(facts.pop((name, "."), {}))
        if node.get("type") != "object":
            positions = [position for position in uses[name] if position in facts]
            stated = [facts[position] for position in positions]
            first: Object = stated[0] if stated else {}
            common = {key: first[key] for key in first if all(other.get(key) == first[key] for other in stated)}
            for position in positions:
                facts[position] = {key: value for key, value in facts[position].items() if key not in common}
            own |= common
        if own.get("x-kubernetes-int-or-string"):
            own["oneOf"] = EITHER_FORM  # OpenAPI says "number" of a Quantity; the server refuses fractions
        result[name] = {**node, **own}
    return result


def _uses(definitions: Definitions) -> dict[str, list[Position]]:
    uses: dict[str, list[Position]] = defaultdict(list)

    def visit(position: Position, node: Object) -> None:
        for step, child in children(node):
            here = (*position, str(step))
            if target := reference(child):
                uses[target].append(here)
            visit(here, child)

    for name, node in definitions.items():
        visit((name,), node)
    return uses


def _apply(node: Object, position: Position, facts: Mapping[Position, Object], embedded: set[Position]) -> Object:
    result: dict[str, Json] = dict(node)
    for keyword, single in (("properties", None), ("items", "[]"), ("additionalProperties", "{}")):
        child = node.get(keyword)
        if not isinstance(child, Mapping):
            continue
        if single is None:
            result[keyword] = {
                key: _at(cast("Object", value), (*position, key), facts, embedded) for key, value in child.items()
            }
        else:
            result[keyword] = _at(child, (*position, single), facts, embedded)
    return result


def _at(node: Object, position: Position, facts: Mapping[Position, Object], embedded: set[Position]) -> Object:
    own = facts.get(position, {})
    target = EMBEDDED_META if position in embedded else reference(node)
    if target is None:
        return {**_apply(_as_enforced(node, facts.get(position)), position, facts, embedded), **own}
    rest = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
    link: Object = {"$ref": REF_PREFIX + target}
    beside = {**rest, **own}
    return {"allOf": [link], **beside} if beside else link


def _as_enforced(node: Object, enforced: Object | None) -> Object:
    """Return `node` without a `format` that the CRD lacks: OpenAPI says int32 of a plain Go integer, no server does."""
    if enforced is None or "format" in enforced:
        return node
    return {key: value for key, value in node.items() if key != "format"}
