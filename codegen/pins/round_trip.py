"""The gate of `pin`: the CRD made from a pin is compared with upstream's, field by field, constraint by constraint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from codegen.errors import CodegenError, to_pointer
from codegen.pins.crd_manifests import kind_schema
from codegen.schema.definitions import OPEN, Definitions
from codegen.schema.jsontypes import Json, JsonPath, Object, as_object
from codegen.upstream.crd import Crd
from codegen.upstream.patching import suggestion
from codegen.upstream.structural import Inliner, comparable

_SHOWN = 10  # differences in a message
_LONG = 200  # characters of one value in a message


def check(component: str, document: str, pin: Object, crds: Iterable[Crd]) -> None:
    """Compare a pin with the CRDs that it was made from.

    What a CRD leaves open (`x-kubernetes-preserve-unknown-fields` and no fields), an OpenAPI document may describe.

    Args:
        document: Name of the pin, for messages.
        pin: The parsed pin, without the patches that only models have.
        crds: Of all kinds of the pin.

    Raises:
        CodegenError: They differ. Lists the differences, with file and JSON pointer, and the patch that would help.
    """
    definitions = cast("Definitions", as_object(pin["components"], document, ("components",))["schemas"])
    inliner = Inliner(document, definitions)
    found: list[str] = []
    first: tuple[str, JsonPath, Json] | None = None
    for crd in crds:
        if crd.opaque:
            continue
        ours = comparable(kind_schema(document, inliner, crd.facts), root=True)
        for path, mine, theirs in _differences(ours, comparable(crd.schema, root=True), crd.path):
            first = first or (crd.document, path, mine)
            found.append(f"{crd.document}#{to_pointer(path)}: the pin has {_text(mine)}, the CRD {_text(theirs)}")
    if first is None:
        return
    file, path, mine = first
    more = [f"... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    lines = [
        f"{document} does not give back the CRDs that it was made from; {len(found)} difference(s):",
        *found[:_SHOWN],
        *more,
    ]
    raise CodegenError("\n  ".join(lines) + suggestion(component, file, path, mine))


def _differences(ours: Json, theirs: Json, path: JsonPath) -> Iterator[tuple[JsonPath, Json, Json]]:
    """Yield every place where two schemas differ, with what stands there; None where nothing does."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        if theirs.get(OPEN) is True and "properties" not in theirs:
            ours = {key: value for key, value in ours.items() if key not in _CONTENT or key in theirs} | {OPEN: True}
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _differences(ours.get(key), theirs.get(key), (*path, key))
    elif ours != theirs or type(ours) is not type(theirs):
        yield path, ours, theirs


_CONTENT = ("properties", "required", "additionalProperties")


def _text(value: Json) -> str:
    text = "nothing" if value is None else json.dumps(value, sort_keys=True)
    return text if len(text) < _LONG else text[:_LONG] + "..."
