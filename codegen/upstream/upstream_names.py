"""The names that upstream's OpenAPI document gives to types, for a component whose CRDs alone say what the types are.

A document that refers to what it does not have, or says less than the CRDs, still has the best names. Nothing but names
is taken from it, so it need not agree with the CRDs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from codegen.config import KindName
from codegen.errors import SchemaError
from codegen.schema.definitions import Definitions
from codegen.schema.jsontypes import Json, Object, as_object, parse_json
from codegen.upstream.source import Document


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """What an OpenAPI document has at a place.

    Attributes:
        name: Of the type there, such as `PredictorSpec`; None where the document names none.
        node: The schema there, references followed; empty where the document says nothing.
    """

    name: str | None
    node: Object


NOWHERE = NamedPlace(None, {})


class UpstreamNames:
    """Names of types by where they stand.

    Args:
        document: OpenAPI 3.0 or Swagger 2.0; None for a component that has none.
        others: Definitions of other pins, for references that lead out of the document.
    """

    def __init__(self, document: Document | None, others: Definitions) -> None:
        self._document = document.name if document else ""
        self._own: Definitions = _definitions(document) if document else {}
        self._others = others

    def kind(self, kind: KindName) -> NamedPlace:
        """Return the place of a kind: its definition ends with version and name.

        Raises:
            SchemaError: There are several.
        """
        ending = f"{kind.version}.{kind.kind}"
        found = [name for name in self._own if name == ending or name.endswith(f".{ending}")]
        if len(found) > 1:
            raise SchemaError(self._document, (), f"{kind} is any of {', '.join(found)}")
        return NamedPlace(kind.kind, self._own[found[0]] if found else {})

    def below(self, place: NamedPlace, step: str) -> NamedPlace:
        """Return the place of a field, of the items of a list (`[]`) or of the values of a map (`{}`)."""
        holder = {"[]": "items", "{}": "additionalProperties"}.get(step)
        above = place.node if holder else place.node.get("properties")
        child = above.get(holder or step) if isinstance(above, Mapping) else None
        return self._followed(child) if isinstance(child, Mapping) else NOWHERE

    def _followed(self, node: Object) -> NamedPlace:
        members = cast("list[Json]", node.get("allOf") or [])
        link = node.get("$ref") or (members[0].get("$ref") if members and isinstance(members[0], Mapping) else None)
        if not isinstance(link, str):
            return NamedPlace(None, node)
        written = link.rpartition("/")[2]
        fitting = [name for name in self._others if name == written or name.endswith(f".{written}")]
        target = self._own.get(written) or (self._others[fitting[0]] if len(fitting) == 1 else {})
        return NamedPlace(written.rpartition(".")[2], target)


def _definitions(document: Document) -> Definitions:
    root = as_object(parse_json(document.content, document.name), document.name, ())
    swagger = root.get("swagger") == "2.0"
    above = root if swagger else as_object(root.get("components"), document.name, ("components",))
    key = "definitions" if swagger else "schemas"
    return cast("Definitions", as_object(above.get(key), document.name, (key,) if swagger else ("components", key)))
