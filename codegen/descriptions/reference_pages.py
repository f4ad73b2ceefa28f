"""The pages of `docs/reference/`: one for each kind, with the fields of every class that the kind reaches.

Classes of others, such as Kubernetes' own, are linked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from codegen import templating
from codegen.config import Config
from codegen.descriptions.constraints import constraints
from codegen.descriptions.texts import Descriptions, FieldText, Value
from codegen.pins.newest import NewestPin
from codegen.schema.definitions import REF_PREFIX, Definitions, children, is_union, members, reference
from codegen.schema.jsontypes import Json, Object
from codegen.schema.kinds import Kind
from codegen.schema.naming import attribute, attributes, location
from codegen.schema.operations import Operation, operations_of

FOLDER = "docs/reference"
_CODE = re.compile(r"(`+)(?:.*?[^`])??\1(?!`)")
_MARKUP = re.compile(r"[\\`*_\[\]|~#]")
_PUNCTUATION = re.compile(r"[^\w\s.,:()+=-]", re.ASCII)
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "object"}


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page is about: a kind, or a further definition that a component keeps, such as a request's body."""

    definition: str
    release: str
    kind: Kind | None


def pages(
    root: Path, config: Config, pins: Sequence[NewestPin], definitions: Definitions, descriptions: Descriptions
) -> dict[str, str]:
    """Return the text of every page by its path in the checkout at `root`.

    Args:
        pins: Whose kinds and extra definitions get a page each.
        definitions: Of all pins.
    """
    environment = templating.environment(root)
    writer = _Writer(config, definitions, descriptions)
    result: dict[str, str] = {}
    index: list[dict[str, object]] = []
    for entry in _wanted(pins):
        package, name = location(config, entry.definition)
        classes = [writer.of_class(definition) for definition in writer.reached(entry.definition)]
        path = f"{package}/{name}.md"
        facts_of_root = {"package": f"{config.package}.{package}", "name": name, "kind": entry.kind}
        shared = {**facts_of_root, "release": entry.release, "path": path, "description": classes[0]["description"]}
        result[f"{FOLDER}/{path}"] = environment.get_template("reference/kind.md.jinja").render(
            **shared, classes=classes
        )
        index.append(shared)
    for pin in (each for each in pins if each.component.rest):
        package = config.modules[pin.component.definitions]
        path = f"{package}/Operations.md"
        release = f"{pin.component.name} {pin.component.versions[-1]}"
        about: dict[str, object] = {"package": f"{config.package}.{package}", "name": "Operations", "kind": None}
        about |= {
            "release": release,
            "path": path,
            "description": f"The REST API below {code(str(pin.component.rest))}.",
        }
        names = [name for name in pin.definitions if name in definitions]
        result[f"{FOLDER}/{path}"] = environment.get_template("reference/operations.md.jinja").render(
            **about,
            operations=[writer.of_operation(operation) for operation in operations_of(pin.paths)],
            classes=[writer.of_class(name) for name in names],
        )
        index.append(about)
    result[f"{FOLDER}/README.md"] = environment.get_template("reference/index.md.jinja").render(pages=index)
    return result


def _wanted(pins: Iterable[NewestPin]) -> Iterator[_Page]:
    for pin in pins:
        release = f"{pin.component.name} {pin.component.versions[-1]}"
        for kind in pin.kinds:
            preview = f"{pin.component.name} {kind.preview} (a preview)"
            yield _Page(kind.definition, preview if kind.preview else release, kind)
        yield from (_Page(pin.component.definition(name), release, None) for name in pin.component.extra)


def write(root: Path, texts: Mapping[str, str]) -> None:
    """Write the pages to the checkout at `root`; pages that are no longer made go."""
    for path in (root / FOLDER).rglob("*.md"):
        if path.relative_to(root).as_posix() not in texts:
            path.unlink()
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@dataclass(frozen=True, slots=True)
class _Writer:
    config: Config
    definitions: Definitions
    descriptions: Descriptions

    def reached(self, root: str) -> list[str]:
        """Return the classes that a page describes: `root`, then what it reaches, nearest first."""
        classes = [root]
        for name in classes:
            for target in _targets(self.definitions[name]):
                if self._ours(target) and target not in classes:
                    classes.append(target)
        return classes

    def _ours(self, definition: str) -> bool:
        return definition not in self.config.types and definition not in self.descriptions.links

    def of_operation(self, operation: Operation) -> dict[str, str]:
        called = attributes(parameter.name for parameter in operation.parameters)
        parameters = [
            f"{code(called[each.name])}: {self._type(each.schema)}{', required' if each.required else ''}"
            for each in operation.parameters
        ]
        return {
            "name": code(attribute(operation.name)),
            "request": code(f"{operation.method.upper()} {operation.path}"),
            "parameters": "<br>".join(parameters),
            "body": self._type({"$ref": REF_PREFIX + operation.body}) if operation.body else "",
            "result": self._type({"$ref": REF_PREFIX + operation.result}) if operation.result else "",
        }

    def of_class(self, definition: str) -> dict[str, object]:
        node, class_text = self.definitions[definition], self.descriptions.classes.get(definition)
        required = cast("Sequence[str]", node.get("required", ()))
        properties = cast("Mapping[str, Object]", node.get("properties", {}))
        called = attributes(properties)
        return {
            "name": location(self.config, definition)[1],
            "description": prose(class_text.description) if class_text else "",
            "link": class_text.link if class_text else None,
            "members": [self._type({"$ref": REF_PREFIX + name}) for name in members(node).values()]
            if is_union(node)
            else [],
            "rules": [prose(fact) for fact in constraints(node)],
            "fields": [
                self._field(
                    name, called[name], child, class_text.fields.get(name) if class_text else None, name in required
                )
                for name, child in properties.items()
            ],
        }

    def _field(
        self, name: str, attribute: str, node: Object, field_text: FieldText | None, required: bool
    ) -> dict[str, str]:
        default = Value(node["default"]) if "default" in node else field_text and field_text.default
        unit = f" ({prose(field_text.unit)})" if field_text and field_text.unit else ""
        return {
            "name": code(attribute) + ("" if attribute == name else f"<br>{code(name)}"),
            "type": self._type(node) + unit,
            "default": "required" if required else code(_json(default.json)) if default else "",
            "constraints": "; ".join(prose(fact) for fact in constraints(node)),
            "text": prose(field_text.text) if field_text else "",
            "example": code(_json(field_text.example.json)) if field_text and field_text.example else "",
        }

    def _type(self, node: Object) -> str:
        if target := reference(node):
            if hand_written := self.config.types.get(target):
                return hand_written.rpartition(".")[2].removesuffix("Like")
            name = location(self.config, target)[1]
            return f"[{name}]({self.descriptions.links.get(target, f'#{name.lower()}')})"
        if isinstance(items := node.get("items"), Mapping):
            return f"list of {self._type(items)}"
        if isinstance(values := node.get("additionalProperties"), Mapping):
            return f"map of {self._type(values)}"
        if "enum" in node:
            return " or ".join(code(_json(value)) for value in cast("Sequence[Json]", node["enum"]))
        return _SCALARS.get(str(node.get("type")), "object")


def _targets(node: Object) -> Iterable[str]:
    if target := reference(node):
        yield target
    for _, child in children(node):
        yield from _targets(child)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def prose(text: str) -> str:
    """Return `text` for a table cell: code spans stay, all else that Markdown or HTML could read as markup does not."""
    parts: list[str] = []
    end = 0
    for span in _CODE.finditer(text := _visible(text)):
        inner = span.group()[len(span.group(1)) : -len(span.group(1))]
        parts += [_plain(text[end : span.start()]), code(inner)]
        end = span.end()
    return "".join([*parts, _plain(text[end:])])


def _visible(text: str) -> str:
    """Return `text` on one line, with marks that cannot be seen, such as those that turn its direction, written out."""
    line = " ".join(text.split())
    return "".join(mark if mark.isprintable() else f"\\u{ord(mark):04x}" for mark in line)


def _plain(text: str) -> str:
    marked = _MARKUP.sub(lambda mark: "\\" + mark.group(), text)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return `text` as code that a table cell can hold, whatever backticks and bars are in it."""
    text = _visible(text) or " "
    if "|" in text:  # ends a cell even within backticks, and after a backslash of the text it cannot be escaped
        return f"<code>{_PUNCTUATION.sub(lambda mark: f'&#{ord(mark.group())};', text)}</code>"
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return fence + pad + text + pad + fence
