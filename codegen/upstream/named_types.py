"""Definitions made from CRDs alone, for a component that has no OpenAPI document, or none that is complete.

A CRD writes every type out in full at every place. Here the types get their names back: an object that is exactly a
Kubernetes type that another pin brings is that type. Every other object is named as the configuration says (`names`),
or as upstream's OpenAPI document names what stands there (`names_from`), or for where it stands below the type that has
a name (`InferenceServiceSpecPredictor`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import cast

from codegen.errors import SchemaError
from codegen.schema.definitions import ANY_OBJECT, FREE, OBJECT_META, OPEN, REF_PREFIX, Definitions
from codegen.schema.jsontypes import Json, JsonPath, Object
from codegen.schema.naming import singular
from codegen.upstream.crd import Crd, admits_anything, facts_of, is_opaque
from codegen.upstream.kubernetes_types import KubernetesTypes
from codegen.upstream.structural import Comparables, comparable
from codegen.upstream.upstream_names import NOWHERE, NamedPlace, UpstreamNames

LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
ANY = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"


@dataclass(frozen=True, slots=True)
class NamedTypes:
    """What `name_types` made.

    Attributes:
        definitions: Of the kinds, and those of other pins.
        own: How many of them are the component's own.
        unused: Patterns of `names` that match no type.
        unrecognised: A line for each type of its own that is much like one of Kubernetes', which a maintainer may know.
    """

    definitions: Definitions
    own: int
    unused: Sequence[str]
    unrecognised: Sequence[str]


def name_types(
    prefixes: Mapping[str, str],
    crds: Sequence[Crd],
    others: Definitions,
    names: Mapping[str, str],
    upstream: UpstreamNames | None = None,
) -> NamedTypes:
    """Return definitions for `crds`, those of `others` included that they use.

    Args:
        prefixes: Group and version, such as `gadget.example/v1` -> prefix of its definitions, without the final dot.
        crds: The kinds.
        others: Definitions of other pins.
        names: Pattern of places (`InferenceService.spec.*.containers[]`) -> the name of the types there. With the full
            name of a definition of another pin, types below are named as they are there.
        upstream: Names that upstream has; default: none.

    Raises:
        SchemaError: Two types come out with one name.
    """
    if missing := [name for name in (OBJECT_META, LIST_META, QUANTITY, INT_OR_STRING, TIME) if name not in others]:
        raise SchemaError(crds[0].document, (), f"no other pin brings {missing[0]}; pin a component with OpenAPI first")
    naming = _Naming(prefixes, KubernetesTypes(others), others, names, upstream or UpstreamNames(None, others))
    for crd in crds:
        naming.kind(crd)
    anything: Object = {OPEN: True}
    definitions = {**others, **ANY_OBJECT, ANY: anything, **naming.definitions}
    unused = sorted(names.keys() - naming.used)
    return NamedTypes(definitions, len(naming.definitions), unused, naming.notes())


@dataclass(frozen=True, slots=True)
class _SchemaPlace:
    """Where a schema stands.

    Attributes:
        name: That a type here would have.
        dotted: As patterns have it: `Robot.spec.arms[]`.
        siblings: Names that types of the other fields beside it would have.
        shared: True at and below a type whose name does not come from its place: it may stand at several.
        upstream: What upstream's OpenAPI document has here.
    """

    crd: Crd
    path: JsonPath
    name: str
    dotted: str
    siblings: frozenset[str] = frozenset()
    shared: bool = False
    upstream: NamedPlace = NOWHERE

    @property
    def field(self) -> str:
        """Name of the field that this is of, or is an item of."""
        return self.dotted.rpartition(".")[2].rstrip("[]{}")

    def below(self, properties: Iterable[str], upstream: UpstreamNames) -> dict[str, _SchemaPlace]:
        """Return the place of each of the properties of the object that stands here."""
        names = {key: self.name + _capitalised(key) for key in properties}
        return {
            key: replace(
                self._step(("properties", key), key, upstream),
                name=name,
                dotted=f"{self.dotted}.{key}",
                siblings=frozenset(other for each, other in names.items() if each != key),
            )
            for key, name in names.items()
        }

    def items(self, upstream: UpstreamNames) -> _SchemaPlace:
        # `addresses` beside `address`: one of them has the name already.
        one = singular(self.name)
        name = f"{one}Item" if one in self.siblings else one
        return replace(self._step(("items",), "[]", upstream), name=name, dotted=f"{self.dotted}[]")

    def values(self, upstream: UpstreamNames) -> _SchemaPlace:
        return replace(self._step(("additionalProperties",), "{}", upstream), dotted=f"{self.dotted}{{}}")

    def _step(self, path: JsonPath, step: str, upstream: UpstreamNames) -> _SchemaPlace:
        there = upstream.below(self.upstream, step)
        return replace(self, path=(*self.path, *path), siblings=frozenset(), upstream=there)


def _capitalised(key: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", key) or ["Field"]
    return "".join(word[:1].upper() + word[1:] for word in words)


@dataclass
class _Naming:
    prefixes: Mapping[str, str]
    kubernetes: KubernetesTypes
    others: Definitions
    names: Mapping[str, str]
    upstream: UpstreamNames
    definitions: dict[str, Object] = field(default_factory=dict[str, Object])
    unrecognised: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    used: set[str] = field(default_factory=set[str])
    _contents: dict[str, str] = field(default_factory=dict[str, str])
    _known: Comparables = field(default_factory=dict[int, tuple[Object, Object]])

    def kind(self, crd: Crd) -> None:
        prefix = self._prefix(crd)
        there = self.upstream.kind(crd.name)
        self._define(crd.schema, _SchemaPlace(crd, crd.path, crd.kind, crd.kind, upstream=there), root=True)
        list_kind = str(crd.facts["listKind"])
        self.definitions[f"{prefix}.{list_kind}"] = {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": _link(LIST_META),
                "items": {"type": "array", "items": _link(f"{prefix}.{crd.kind}")},
            },
        }

    def _define(self, node: Object, place: _SchemaPlace, *, root: bool = False) -> str:
        given = NOWHERE if root else self._given(place)
        if given.name:
            place = replace(place, name=given.name, shared=True, upstream=given)
        name = place.name
        full = f"{self._prefix(place.crd)}.{name}"
        facts = {key: node[key] for key in _OF_DEFINITION if key in node}
        if root:
            facts |= {key: value for key, value in facts_of(node).items() if key not in facts}
        content = json.dumps(
            comparable({**facts, "properties": node.get("properties", {})}, known=self._known), sort_keys=True
        )
        if full in self._contents:
            if self._contents[full] == content and place.shared:
                return full  # several places, one type
            raise SchemaError(
                place.crd.document, place.path, f"another type is called {name!r} already; {self._remedy(place)}"
            )
        self._contents[full] = content
        properties = cast("Mapping[str, Object]", node.get("properties", {}))
        places = place.below(properties, self.upstream)
        below = {
            key: self._node(child, places[key]) for key, child in properties.items() if not root or key not in _SERVERS
        }
        fields = {**(_SERVERS if root else {}), **below}
        self.definitions[full] = {**facts, **({"properties": fields} if fields else {})}
        return full

    def _node(self, node: Object, place: _SchemaPlace) -> Object:
        facts: dict[str, Json] = {key: node[key] for key in ("type", "required", "additionalProperties") if key in node}
        facts |= facts_of(node)
        if node.get("x-kubernetes-int-or-string"):
            rest = {key: value for key, value in facts.items() if key != "x-kubernetes-int-or-string"}
            if node.get("pattern") == self.others[QUANTITY].get("pattern"):
                return _link(QUANTITY, {key: value for key, value in rest.items() if key != "pattern"})
            return _link(INT_OR_STRING, rest)
        if node.get("format") == "date-time" and node.get("type") == "string":
            return _link(TIME, {key: value for key, value in facts.items() if key not in ("type", "format")})
        if admits_anything(node):
            return _link(ANY, {key: value for key, value in facts.items() if key != OPEN})
        if node.get("type", "object") == "object" and not isinstance(node.get("additionalProperties"), Mapping):
            return self._object(node, {key: value for key, value in facts.items() if key not in _OF_DEFINITION}, place)
        for keyword, there in (("items", place.items), ("additionalProperties", place.values)):
            if isinstance(child := node.get(keyword), Mapping):
                facts[keyword] = self._node(child, there(self.upstream))
        return facts

    def _object(self, node: Object, at_use: Object, place: _SchemaPlace) -> Object:
        if is_opaque(node):
            return _link(FREE, {**at_use, **{key: node[key] for key in ("required",) if key in node}})
        schema = comparable(node, known=self._known)
        given = self._given(place)
        found = self.kubernetes.find(schema, place.field, given.name)
        if found:
            return _link(found, self.kubernetes.beside(found, at_use))
        if similar := self.kubernetes.similar(schema):
            name = f"{self._prefix(place.crd)}.{given.name or place.name}"
            self.unrecognised.setdefault(name, []).append((place.dotted, similar))
        return _link(self._define(node, place), at_use)

    def notes(self) -> list[str]:
        """Return a line for each type that is nearly one of Kubernetes'."""
        result: list[str] = []
        for name, places in sorted(self.unrecognised.items()):
            dotted, similar = places[0]
            more = f" and {len(places) - 1} more places" if len(places) > 1 else ""
            result.append(f"{name} ({dotted}{more}) is a type of its own: {similar}")
        return result

    def _prefix(self, crd: Crd) -> str:
        return self.prefixes[crd.name.api_version]

    def _given(self, place: _SchemaPlace) -> NamedPlace:
        """Return what the configuration or upstream calls a type; without a name where its place names it."""
        for pattern, name in self.names.items():
            if fnmatchcase(place.dotted, pattern.replace("[]", "[[][]]")):
                self.used.add(pattern)
                return NamedPlace(name.rpartition(".")[2], self.others.get(name) or place.upstream.node)
        return place.upstream

    def _remedy(self, place: _SchemaPlace) -> str:
        return f"name one of them by `names` of the component in pyproject.toml, by its place {place.dotted!r}"


_OF_DEFINITION = ("type", "required", OPEN)
_SERVERS: Mapping[str, Json] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"$ref": REF_PREFIX + OBJECT_META},
}


def _link(target: str, facts: Mapping[str, Json] | None = None) -> Object:
    link: Object = {"$ref": REF_PREFIX + target}
    return {"allOf": [link], **facts} if facts else link
