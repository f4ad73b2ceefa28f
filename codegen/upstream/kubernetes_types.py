"""Recognises Kubernetes' own types where a CRD writes them out: by everything that is below, never by some of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from codegen.errors import SchemaError
from codegen.schema.definitions import CONDITION, KUBERNETES, Definitions, children, reference
from codegen.schema.jsontypes import Json, Object
from codegen.upstream.crd import CONDITIONS
from codegen.upstream.structural import Inliner, comparable

# What may stand at the place where a type is used, rather than in the type.
AT_USE = {
    "default", "nullable", "minProperties", "maxProperties", "x-kubernetes-map-type", "x-kubernetes-validations",
    CONDITION, *CONDITIONS,
}  # fmt: skip
_EVERYWHERE = {"apiVersion", "kind", "metadata", "spec", "status"}
_SIMILAR = 0.75  # share of the field names in common from which a type is worth naming as what it nearly is


class KubernetesTypes:
    """The object types of Kubernetes that other pins bring, by what an API server has of them."""

    def __init__(self, others: Definitions) -> None:
        inliner = Inliner("schemas/", others)
        self._schemas: dict[str, Object] = {}
        self._by_content: dict[str, list[str]] = defaultdict(list)
        self._by_field: dict[str, set[str]] = defaultdict(set)
        self._small: set[str] = set()  # one field makes no type: too many have a `name` and nothing else
        for name, node in others.items():
            if not name.startswith(KUBERNETES) or not node.get("properties"):
                continue
            try:
                schema = comparable(inliner.definition(name))
            except SchemaError:
                continue  # refers to itself: no CRD can have it
            for step, child in children(node):
                self._note_use(str(step), child)
            self._schemas[name] = schema
            self._by_content[_content(schema)].append(name)
            if len(cast("Mapping[str, Json]", node["properties"])) < 2:
                self._small.add(name)

    def find(self, schema: Object, field: str, called: str | None = None) -> str | None:
        """Return the type that an object schema is: the one that has exactly its fields and facts, at every depth.

        Args:
            schema: In its comparable form. What may stand where a type is used may come on top.
            field: Name of the field that the schema is of, or is an item of.
            called: Name that upstream or the configuration has for the type.

        Returns:
            None where there is no such type. Nor where there are several (a Sysctl has the fields of an HTTPHeader), or
            it has a single field, unless one of them is called so. Of several, one may be what Kubernetes has under the
            same field.
        """
        fitting = [
            name for name in self._by_content.get(_content(schema), ()) if self._stated(name, schema) is not None
        ]
        most = max((self._stated(name, schema) or 0 for name in fitting), default=0)
        best = [name for name in fitting if self._stated(name, schema) == most]
        if named := [name for name in best if name.rpartition(".")[2] == called]:
            best = named
        else:
            best = [name for name in best if name not in self._small]
        if len(best) > 1:
            best = [name for name in best if name in self._by_field[field]]
        return best[0] if len(best) == 1 else None

    def beside(self, name: str, facts: Object) -> Object:
        """Return those of the facts of a use that the type does not have by itself."""
        own = self._schemas.get(name, {})
        return {key: value for key, value in facts.items() if own.get(key) != value}

    def similar(self, schema: Object) -> str | None:
        """Return in a few words which type an object schema nearly is, and what differs; None where it is like none."""
        fields = cast("Mapping[str, Json]", schema.get("properties", {})).keys() - _EVERYWHERE
        best, share = "", 0.0
        for name, other in self._schemas.items():
            theirs = cast("Mapping[str, Json]", other["properties"]).keys() - _EVERYWHERE
            if len(fields & theirs) > 1 and (ratio := len(fields & theirs) / len(fields | theirs)) > share:
                best, share = name, ratio
        if share < _SIMILAR:
            return None
        same = self._by_content.get(_content(schema), [])
        if len(same) > 1:
            return f"as {' and '.join(same)}, which only their names tell apart"
        return f"like {best}, but for {', '.join(_first(_paths(self._schemas[best], schema)))}"

    def _note_use(self, field: str, node: Object) -> None:
        if target := reference(node):
            self._by_field[field].add(target)
        for _, child in children(node):
            self._note_use(field, child)

    def _stated(self, name: str, schema: Object) -> int | None:
        """Return how many facts of a use the type has itself; None when it has one that the schema lacks."""
        own = {key: value for key, value in self._schemas[name].items() if key in AT_USE}
        return len(own) if all(schema.get(key) == value for key, value in own.items()) else None


def _content(schema: Object) -> str:
    return json.dumps({key: value for key, value in schema.items() if key not in AT_USE}, sort_keys=True)


def _paths(ours: Json, theirs: Json, path: str = "") -> Iterator[str]:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted(ours.keys() | theirs.keys()):
            step = "" if key == "properties" else f"{path}.{key}".removeprefix(".")
            yield from _paths(ours.get(key), theirs.get(key), step or path)
    elif ours != theirs:
        yield path


def _first(paths: Iterator[str], most: int = 3) -> Sequence[str]:
    found = list(paths)
    return [*found[:most], *([f"{len(found) - most} more"] if len(found) > most else [])]
