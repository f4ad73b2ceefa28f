"""Definitions made from CRDs alone, for a component that has no OpenAPI document, or none that is complete.

A CRD writes every type out in full at every place. Here the types get their names back: an object that is exactly a
Kubernetes type that another pin brings is that type. Every other object is named for where it stands
(`InferenceServiceSpecPredictor`), or as the configuration says (`names`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import cast

from codegen.errors import CodegenError, SchemaError
from codegen.schema.definitions import ANY_OBJECT, FREE, OBJECT_META, OPEN, REF_PREFIX, Definitions
from codegen.schema.jsontypes import Json, JsonPath, Object
from codegen.schema.naming import singular
from codegen.upstream.crd import Crd, admits_anything, facts_of, is_opaque
from codegen.upstream.kubernetes_types import KubernetesTypes
from codegen.upstream.structural import comparable

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
        unrecognised: A line for each type of its own that is much like one of Kubernetes', which a maintainer may know.
    """

    definitions: Definitions
    unrecognised: Sequence[str]


def name_types(
    prefixes: Mapping[str, str], crds: Sequence[Crd], others: Definitions, names: Mapping[str, str]
) -> NamedTypes:
    """Return definitions for `crds`, those of `others` included that they use.

    Args:
        prefixes: Group and version, such as `gadget.example/v1` -> prefix of its definitions, without the final dot.
        crds: The kinds.
        others: Definitions of other pins.
        names: Pattern of places (`InferenceService.spec.*.containers[]`) -> the name of the types there.

    Raises:
        SchemaError: Two types come out with one name.
        CodegenError: A pattern of `names` matches no type.
    """
    if missing := [name for name in (OBJECT_META, LIST_META, QUANTITY, INT_OR_STRING, TIME) if name not in others]:
        raise SchemaError(crds[0].document, (), f"no other pin brings {missing[0]}; pin a component with OpenAPI first")
    naming = _Naming(prefixes, KubernetesTypes(others), others, names)
    for crd in crds:
        naming.kind(crd)
    if unused := sorted(names.keys() - naming.used):
        every = ", ".join(prefixes.values())
        raise CodegenError(f"pyproject.toml: the pattern {unused[0]!r} of `names` matches no type of {every}")
    anything: Object = {OPEN: True}
    return NamedTypes({**others, **ANY_OBJECT, ANY: anything, **naming.definitions}, sorted(naming.unrecognised))


@dataclass(frozen=True, slots=True)
class _SchemaPlace:
    """Where a schema stands.

    Attributes:
        name: That a type here would have.
        dotted: As patterns have it: `Robot.spec.arms[]`.
        siblings: Names that types of the other fields beside it would have.
    """

    crd: Crd
    path: JsonPath
    name: str
    dotted: str
    siblings: frozenset[str] = frozenset()

    @property
    def field(self) -> str:
        """Name of the field that this is of, or is an item of."""
        return self.dotted.rpartition(".")[2].rstrip("[]{}")

    def below(self, properties: Iterable[str]) -> dict[str, _SchemaPlace]:
        """Return the place of each of the properties of the object that stands here."""
        names = {key: self.name + _capitalised(key) for key in properties}
        return {
            key: _SchemaPlace(
                self.crd,
                (*self.path, "properties", key),
                name,
                f"{self.dotted}.{key}",
                frozenset(other for each, other in names.items() if each != key),
            )
            for key, name in names.items()
        }

    def items(self) -> _SchemaPlace:
        # `addresses` beside `address`: one of them has the name already.
        one = singular(self.name)
        name = f"{one}Item" if one in self.siblings else one
        return _SchemaPlace(self.crd, (*self.path, "items"), name, f"{self.dotted}[]")

    def values(self) -> _SchemaPlace:
        return _SchemaPlace(self.crd, (*self.path, "additionalProperties"), self.name, f"{self.dotted}{{}}")


def _capitalised(key: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", key) or ["Field"]
    return "".join(word[:1].upper() + word[1:] for word in words)


@dataclass
class _Naming:
    prefixes: Mapping[str, str]
    kubernetes: KubernetesTypes
    others: Definitions
    names: Mapping[str, str]
    definitions: dict[str, Object] = field(default_factory=dict[str, Object])
    unrecognised: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    _contents: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    def kind(self, crd: Crd) -> None:
        prefix = self._prefix(crd)
        self._define(crd.schema, _SchemaPlace(crd, crd.path, crd.kind, crd.kind), root=True)
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
        name = self._named(place)
        full = f"{self._prefix(place.crd)}.{name}"
        facts = {key: node[key] for key in _OF_DEFINITION if key in node}
        if root:
            facts |= {key: value for key, value in facts_of(node).items() if key not in facts}
        content = json.dumps(comparable({**facts, "properties": node.get("properties", {})}), sort_keys=True)
        if full in self._contents:
            if self._contents[full] == (content, name) and name != place.name:
                return full  # several places, one configured name
            raise SchemaError(
                place.crd.document, place.path, f"another type is called {name!r} already; {self._remedy(place)}"
            )
        self._contents[full] = (content, name)
        properties = cast("Mapping[str, Object]", node.get("properties", {}))
        places = place.below(properties)
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
        for keyword, there in (("items", place.items()), ("additionalProperties", place.values())):
            if isinstance(child := node.get(keyword), Mapping):
                facts[keyword] = self._node(child, there)
        return facts

    def _object(self, node: Object, at_use: Object, place: _SchemaPlace) -> Object:
        if is_opaque(node):
            return _link(FREE, {**at_use, **{key: node[key] for key in ("required",) if key in node}})
        schema = comparable(node)
        found = self.kubernetes.find(schema, place.field)
        if found:
            return _link(found, self.kubernetes.beside(found, at_use))
        if similar := self.kubernetes.similar(schema):
            self.unrecognised.add(
                f"{self._prefix(place.crd)}.{self._named(place)} ({place.dotted}) is a type of its own: {similar}"
            )
        return _link(self._define(node, place), at_use)

    def _prefix(self, crd: Crd) -> str:
        return self.prefixes[crd.name.api_version]

    def _named(self, place: _SchemaPlace) -> str:
        for pattern, name in self.names.items():
            if fnmatchcase(place.dotted, pattern.replace("[]", "[[][]]")):
                self.used.add(pattern)
                return name
        return place.name

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
