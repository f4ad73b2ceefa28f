"""`[[patch]]` entries of `schemas/patches.toml`: keywords to set or drop in a pin, fields to require or not.

A pin says what upstream's documents say. Where they say too little (Katib's CRDs are empty) or something wrong, an
entry here puts it right, with the reason beside it. One that no longer changes anything is an error, so that the file
does not outlive its causes.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from codegen.errors import CodegenError
from codegen.schema.definitions import Definitions
from codegen.schema.jsontypes import Json, Object
from codegen.upstream.patching import UpstreamPatch

FILE = "patches.toml"
VERBS = ("set", "drop", "require", "relax")


@dataclass(frozen=True, slots=True)
class Patch:
    """One fix-up.

    Attributes:
        at: A definition, or a field of it: `katib.v1beta1.ObjectiveSpec` or `katib.v1beta1.ObjectiveSpec/type`, with
            `/[]` behind it for the items of a list.
        set: Keywords to add or replace there.
        drop: Keywords to take away there.
        require: Fields of a definition to require.
        relax: Fields of a definition to require no longer.
    """

    component: str
    at: str
    reason: str
    set: Mapping[str, Json]
    drop: tuple[str, ...]
    require: tuple[str, ...]
    relax: tuple[str, ...]

    @property
    def definition(self) -> str:
        """The definition that is patched."""
        return self.at.partition("/")[0]


def read(schemas: Path) -> list[Patch]:
    """Return the `[[patch]]` entries of `schemas/patches.toml`; none when there is no such file.

    Raises:
        CodegenError: An entry has unknown keys, no verb, or no reason.
    """
    path = schemas / FILE
    if not path.exists():
        return []
    entries = cast("list[dict[str, object]]", tomllib.loads(path.read_text("utf-8")).get("patch", []))
    return [_patch(entry) for entry in entries]


def upstream(schemas: Path, component: str, version: str) -> list[UpstreamPatch]:
    """Return the `[[upstream]]` entries of `schemas/patches.toml` for one release of a component.

    Raises:
        CodegenError: An entry is malformed.
    """
    path = schemas / FILE
    if not path.exists():
        return []
    entries = cast("list[dict[str, object]]", tomllib.loads(path.read_text("utf-8")).get("upstream", []))
    found = [_upstream(entry) for entry in entries]
    return [patch for patch in found if patch.component == component and version in (patch.versions or (version,))]


def _upstream(entry: Mapping[str, object]) -> UpstreamPatch:
    where = f"schemas/{FILE}: the upstream patch at {entry.get('at')!r}"
    if unknown := set(entry) - {"component", "versions", "file", "at", "set", "remove", "reason"}:
        raise CodegenError(f"{where} has unknown keys: {', '.join(sorted(unknown))}")
    texts = [entry.get(key) for key in ("component", "file", "at", "reason")]
    if not all(isinstance(text, str) and text for text in texts):
        raise CodegenError(f"{where} needs a component, a file, a JSON pointer and a reason")
    if ("set" in entry) == (entry.get("remove") is True):
        raise CodegenError(f"{where} needs either `set` or `remove = true`")
    component, file, at, reason = cast("list[str]", texts)
    versions = tuple(cast("list[str]", entry.get("versions", [])))
    return UpstreamPatch(component, versions, file, at, (cast("Json", entry["set"]),) if "set" in entry else (), reason)


def of_component(schemas: Path, component: str) -> list[Patch]:
    """Return the `[[patch]]` entries for `component`; raises as `read` does."""
    return [patch for patch in read(schemas) if patch.component == component]


def check_components(schemas: Path, components: Collection[str]) -> None:
    """Check that every `[[patch]]` is for one of `components`: one for any other would match nothing, unnoticed.

    Raises:
        CodegenError: One is not.
    """
    for patch in read(schemas):
        if patch.component not in components:
            raise CodegenError(
                f"schemas/{FILE}: the patch at {patch.at!r} is for {patch.component!r}, which is no component; "
                f"pyproject.toml has: {', '.join(sorted(components))}"
            )


def _patch(entry: Mapping[str, object]) -> Patch:
    where = f"schemas/{FILE}: the patch at {entry.get('at')!r}"
    if unknown := set(entry) - {"component", "at", "reason", *VERBS}:
        raise CodegenError(f"{where} has unknown keys: {', '.join(sorted(unknown))}")
    texts = [entry.get(key) for key in ("component", "at", "reason")]
    if not all(isinstance(text, str) and text for text in texts):
        raise CodegenError(f"{where} needs a component, a place and a reason")
    if not set(entry) & set(VERBS):
        raise CodegenError(f"{where} does nothing: give one of {', '.join(VERBS)}")
    names = {verb: tuple(cast("list[str]", entry.get(verb, []))) for verb in ("drop", "require", "relax")}
    component, at, reason = cast("list[str]", texts)
    return Patch(component, at, reason, cast("Mapping[str, Json]", entry.get("set", {})), **names)


def apply(definitions: Definitions, patches: list[Patch]) -> Definitions:
    """Return `definitions` with `patches` applied in order.

    Raises:
        CodegenError: A patch's place does not exist, or the patch changes nothing there.
    """
    result = cast("dict[str, dict[str, Json]]", copy.deepcopy(dict(definitions)))
    for patch in patches:
        node = _place(result, patch)
        before = copy.deepcopy(node)
        node.update(patch.set)
        for keyword in patch.drop:
            node.pop(keyword, None)
        if patch.require or patch.relax:
            _require(node, patch)
        if node == before:
            raise CodegenError(f"schemas/{FILE}: the patch at {patch.at!r} changes nothing any more; remove it")
    return cast("dict[str, Object]", result)


def _place(definitions: dict[str, dict[str, Json]], patch: Patch) -> dict[str, Json]:
    name, *steps = patch.at.split("/")
    node: Json = definitions.get(name)
    for step in steps:
        if not isinstance(node, Mapping):
            break
        node = node.get("items") if step == "[]" else cast("Object", node.get("properties", {})).get(step)
    if not isinstance(node, dict):
        raise CodegenError(f"schemas/{FILE}: the patch at {patch.at!r} matches nothing any more; remove it")
    return node


def _require(node: dict[str, Json], patch: Patch) -> None:
    fields = cast("Mapping[str, Json]", node.get("properties", {}))
    if unknown := [name for name in (*patch.require, *patch.relax) if name not in fields]:
        raise CodegenError(f"schemas/{FILE}: the patch at {patch.at!r} names {unknown[0]!r}, which is no field there")
    required = {*cast("list[str]", node.get("required", [])), *patch.require} - set(patch.relax)
    node["required"] = sorted(required)
