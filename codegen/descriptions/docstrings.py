"""Docstrings of the generated classes, attributes and builder methods, as Python string literals.

A docstring has our description and the schema's constraints. No text can end the literal. The docstring of an
attribute stands in the source for editors, and costs nothing at run time.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import cast

from codegen.descriptions.constraints import constraints
from codegen.descriptions.texts import Descriptions, FieldText, Value
from codegen.schema.jsontypes import Json, Object
from codegen.schema.naming import attributes

WIDTH = 120
INDENT = "    "
OWN = "."  # the key under which a class's own docstring stands; no attribute has that name


def docstrings(definition: str, node: Object, descriptions: Descriptions, preview: str | None = None) -> dict[str, str]:
    """Return the docstrings of a class as Python source: its own under `OWN`, and those of attributes by name.

    An attribute of which neither we nor the schema say anything has none.

    Args:
        preview: What the class is a preview of, such as `Trainer 2.4`.
    """
    class_text = descriptions.classes.get(definition)
    origin = f"`{definition}`"
    if class_text:
        own = [class_text.description, f"Schema: {origin}."]
        if class_text.link:
            own.append(f"Fields of Kubernetes: {class_text.link}")
    elif link := descriptions.links.get(definition):
        own = [f"{origin}: {link}"]
    else:
        own = [f"{origin}."]
    if preview:
        own.insert(1, f"A preview of {preview}, which is not released: it may change, or go, with any release.")
    if rules := constraints(node):
        own.append(f"Constraints: {'; '.join(rules)}.")
    result = {OWN: literal(own)}
    required = cast("Sequence[str]", node.get("required", ()))
    properties = cast("Mapping[str, Object]", node.get("properties", {}))
    called = attributes(properties)
    for name, child in properties.items():
        text = class_text.fields.get(name) if class_text else None
        if paragraphs := _field(text, child, name in required):
            result[called[name]] = literal(paragraphs)
    return result


def update_docstrings(origin: str, full: Object, node: Object, descriptions: Descriptions) -> dict[str, str]:
    """Return the docstrings of the update type `node` of the definition `origin`, whose own schema is `full`.

    A field that is the same in both says the same in both.
    """
    fields = cast("Mapping[str, Object]", full.get("properties", {}))
    same = {key: child for key, child in cast("Object", node.get("properties", {})).items() if child == fields.get(key)}
    name = origin.rpartition(".")[2]
    own = [f"What can change of an existing `{name}`; what is not set stays as it is.", f"Derived from `{origin}`."]
    return {**docstrings(origin, {**node, "properties": same}, descriptions), OWN: literal(own)}


def summaries(definition: str, node: Object, descriptions: Descriptions) -> dict[str, str]:
    """Return what we say about the fields of a class, by attribute, as docstrings of methods that set them."""
    class_text = descriptions.classes.get(definition)
    if class_text is None:
        return {}
    called = attributes(cast("Mapping[str, Object]", node.get("properties", {})))
    return {called[name]: literal([text.text], depth=2) for name, text in class_text.fields.items() if name in called}


def _field(field_text: FieldText | None, node: Object, required: bool) -> list[str]:
    """Return the paragraphs for one field: what it does, then a line of facts in a fixed order."""
    default = Value(node["default"]) if "default" in node else field_text and field_text.default
    line = [
        "Required." if required and field_text else "",
        f"Unit: {field_text.unit}." if field_text and field_text.unit else "",
        f"Default: `{python(default.json)}`." if default else "",
        f"Constraints: {'; '.join(bounds)}." if (bounds := constraints(node)) else "",
        f"Example: `{python(field_text.example.json)}`." if field_text and field_text.example else "",
    ]
    return [text for text in (field_text.text if field_text else "", " ".join(filter(None, line))) if text]


def python(value: Json) -> str:
    """Return `value` as people write it in Python, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{python(key)}: {python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(python, value)) + "]"
    return repr(value)


def literal(paragraphs: Sequence[str], depth: int = 1) -> str:
    """Return a docstring that holds `paragraphs`, wrapped for a place indented `depth` times, as Python source.

    Whatever the texts hold, the result is one string literal and nothing else.
    """
    indent = INDENT * depth
    width = WIDTH - len(indent)
    if len(paragraphs) == 1 and len(paragraphs[0]) + len('""""""') <= width:
        return f'"""{escape(" ".join(paragraphs[0].split()))}"""'
    blocks = ["\n".join(_wrap(text, width, 3 * (not index))) for index, text in enumerate(paragraphs)]
    body = escape("\n\n".join(blocks)).replace("\n", "\n" + indent).replace(f"\n{indent}\n", "\n\n")
    return f'"""{body}\n{indent}"""'


def _wrap(text: str, width: int, taken: int) -> list[str]:
    words = " ".join(text.split())
    lines = textwrap.wrap(words, width, initial_indent=" " * taken, break_long_words=False, break_on_hyphens=False)
    return [line.lstrip() for line in lines]


def escape(text: str) -> str:
    """Return `text` as it stands between triple double quotes. Lines stay lines; what cannot be seen is escaped."""
    return "".join(_escaped(text, index) for index in range(len(text)))


def _escaped(text: str, index: int) -> str:
    mark = text[index]
    if mark == "\\":
        return "\\\\"
    if mark == '"':  # one alone needs none, and most texts have only such
        alone = text[index + 1 : index + 2] not in ("", '"') and text[index - 1 : index] != '"'
        return mark if alone else '\\"'
    if mark == "\n" or mark.isprintable():
        return mark
    number = ord(mark)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
