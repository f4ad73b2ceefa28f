"""`[[server_only]]` entries of `schemas/patches.toml`: CEL rules that only the server checks, each with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from codegen.errors import CodegenError
from codegen.pins.patches import FILE
from codegen.schema.jsontypes import Json, Object


@dataclass(frozen=True, slots=True)
class ServerOnly:
    """A rule, by its text, that the generator cannot lower: only the server checks it."""

    component: str
    rule: str
    reason: str


def server_only(schemas: Path, pinned: Mapping[str, Iterable[Object]]) -> list[ServerOnly]:
    """Return all entries.

    Args:
        pinned: By component, the definitions of its newest pin, where each entry must match a rule.

    Raises:
        CodegenError: An entry is malformed, or matches no rule any more.
    """
    path = schemas / FILE
    if not path.exists():
        return []
    entries = cast("list[dict[str, object]]", tomllib.loads(path.read_text("utf-8")).get("server_only", []))
    rules = [_entry(entry) for entry in entries]
    for entry in rules:
        if not any(entry.rule in _texts(definition) for definition in pinned.get(entry.component, ())):
            raise CodegenError(
                f"schemas/{FILE}: the server_only rule {entry.rule!r} matches nothing in {entry.component} any more; "
                "remove it"
            )
    return rules


def _entry(entry: Mapping[str, object]) -> ServerOnly:
    values = [entry.get(key) for key in ("component", "rule", "reason")]
    if len(entry) != len(values) or not all(isinstance(value, str) and value for value in values):
        raise CodegenError(f"schemas/{FILE}: a server_only entry has exactly component, rule and reason; found {entry}")
    component, rule, reason = cast("list[str]", values)
    return ServerOnly(component, rule, reason)


def _texts(node: Json) -> Iterator[str]:
    if isinstance(node, Mapping):
        for entry in cast("list[Mapping[str, str]]", node.get("x-kubernetes-validations", [])):
            yield entry["rule"]
        for child in node.values():
            yield from _texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child)
