"""`[[upstream]]` entries of `schemas/patches.toml`: fix-ups of upstream's own documents, by JSON pointer.

They are applied before anything is read from the documents, and stand in the lock beside the hashes of the unpatched
files. What only our models shall say differently is a `[[patch]]` instead (`codegen/pins/patches.py`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from codegen.errors import CodegenError, SchemaError, to_pointer
from codegen.schema.jsontypes import Json, JsonPath
from codegen.upstream.source import Document, Source


@dataclass(frozen=True, slots=True)
class UpstreamPatch:
    """One fix-up of one document.

    Attributes:
        versions: The releases that it is for, such as `v2.3.0`; empty for all.
        file: Path of the document below the source.
        at: JSON pointer (RFC 6901) to what is set or removed. In a file of several YAML documents it begins with the
            number of the document.
        value: In a tuple of one item what is set there; empty to remove it.
        reason: Why.
    """

    component: str
    versions: tuple[str, ...]
    file: str
    at: str
    value: tuple[Json, ...]
    reason: str

    @property
    def place(self) -> str:
        """File and pointer, as messages have them."""
        return f"{self.file}#{self.at}"

    @property
    def effect(self) -> str:
        """What the patch does, as the lock records it."""
        return f"set {json.dumps(self.value[0], sort_keys=True)}" if self.value else "remove"


def suggestion(component: str, file: str, path: JsonPath, value: Json) -> str:
    """Return, for the end of a message, the entry that would set `value` at a place of a document, or remove it.

    Args:
        value: None to remove what stands there.
    """
    change = "remove = true" if value is None else f"set = {toml_value(value)}"
    lines = [
        "",
        "Where the other is right, say so in schemas/patches.toml, with the reason:",
        "[[upstream]]",
        *(f'component = "{component}"', f'file = "{file}"', f'at = "{to_pointer(path)}"', change, 'reason = "..."'),
    ]
    return "\n  ".join(lines)


def toml_value(value: Json) -> str:
    """Return `value` as TOML has it, on one line; nulls of an object are left out, as TOML has none."""
    if isinstance(value, Mapping):
        entries = [f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items() if item is not None]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value)


@dataclass(frozen=True, slots=True)
class PatchedSource:
    """A source whose documents have patches applied."""

    source: Source
    patches: Sequence[UpstreamPatch]

    def read(self, name: str) -> Document:
        """Return the document at the path `name`, patched.

        Raises:
            CodegenError: There is no such file; or a patch for it matches nothing or changes nothing.
        """
        return self._patched(self.source.read(name))

    def glob(self, pattern: str) -> list[Document]:
        """Return the documents whose path matches `pattern`, patched; see `read`."""
        return [self._patched(document) for document in self.source.glob(pattern)]

    def commit(self) -> str | None:
        """Return the commit that the documents are from."""
        return self.source.commit()

    def _patched(self, document: Document) -> Document:
        own = [patch for patch in self.patches if patch.file == document.name]
        if not own:
            return document
        values = _parsed(document)
        for patch in own:
            values = _apply(values, patch)
        # A patched document is read like any other. JSON is YAML, and `---` stands between YAML documents.
        return replace(document, patched="\n---\n".join(json.dumps(value) for value in values).encode())


def _parsed(document: Document) -> list[Json]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if document.name.endswith(".json"):
            return [cast(Json, json.loads(document.original))]
        return cast("list[Json]", list(yaml.load_all(document.original, loader)))
    except (yaml.YAMLError, ValueError) as error:
        raise SchemaError(
            document.name, (), f"not {'JSON' if document.name.endswith('.json') else 'YAML'}: {error}"
        ) from error


def _apply(values: list[Json], patch: UpstreamPatch) -> list[Json]:
    result = copy.deepcopy(values)
    steps = [step.replace("~1", "/").replace("~0", "~") for step in patch.at.split("/")[1:]]
    if not steps:
        raise CodegenError(f"schemas/patches.toml: the patch at {patch.place!r} needs a pointer such as '/spec/scope'")
    node: Json = cast(Json, result) if len(values) > 1 else result[0]
    for step in steps[:-1]:
        node = _below(node, step, patch)
    last = steps[-1]
    if isinstance(node, list):
        index = int(last) if last.isdigit() and int(last) < len(node) else None
        if index is None:
            raise _nothing(patch)
        node[index : index + 1] = list(patch.value)
    elif isinstance(node, dict):
        if not patch.value and last not in node:
            raise _nothing(patch)
        if patch.value:
            node[last] = patch.value[0]
        else:
            del node[last]
    else:
        raise _nothing(patch)
    if json.dumps(result, sort_keys=True) == json.dumps(values, sort_keys=True):
        raise CodegenError(f"schemas/patches.toml: the patch at {patch.place!r} changes nothing any more; remove it")
    return result


def _below(node: Json, step: str, patch: UpstreamPatch) -> Json:
    if isinstance(node, Mapping) and step in node:
        return node[step]
    if isinstance(node, Sequence) and not isinstance(node, str) and step.isdigit() and int(step) < len(node):
        return node[int(step)]
    raise _nothing(patch)


def _nothing(patch: UpstreamPatch) -> CodegenError:
    return CodegenError(f"schemas/patches.toml: the patch at {patch.place!r} matches nothing any more; remove it")
