"""Our descriptions of classes and fields, read from `schemas/docs/*.yaml` and compared with the definitions.

A package either has a file of our own descriptions, named after it, or a link in `links.yaml` to the reference of those
who own its types. What is missing or stale does not stop a generation, so that a maintainer can look at a new release
before writing about it; it is recorded in the manifest, and `verify` fails until it is put right.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from codegen.config import Config
from codegen.errors import SchemaError
from codegen.schema.definitions import reference
from codegen.schema.jsontypes import Json, Object, as_object, as_string, type_name
from codegen.schema.naming import location

FOLDER = "docs"
LINKS = "links.yaml"


@dataclass(frozen=True, slots=True)
class Value:
    """A value that was given, which may be null: what distinguishes it from none given."""

    json: Json


@dataclass(frozen=True, slots=True)
class FieldText:
    """What we say about one field.

    Attributes:
        default: What a webhook or controller fills in; what the API server fills in stands in the pin.
        elsewhere: True when others describe it, of whose type it is a field.
    """

    text: str
    unit: str | None = None
    default: Value | None = None
    example: Value | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ClassText:
    """What we say about one class, and about its fields by their names on the wire.

    Attributes:
        like: Package and name of a class that it has fields in common with; they are described there.
        link: Where others describe fields of it.
    """

    description: str
    fields: Mapping[str, FieldText]
    like: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Descriptions:
    """All texts and links, by definition.

    Attributes:
        findings: What is missing or stale, each with its file and key.
    """

    classes: Mapping[str, ClassText]
    links: Mapping[str, str]
    findings: tuple[str, ...]


def describe(schemas: Path, config: Config, definitions: Mapping[str, Object]) -> Descriptions:
    """Return what `schemas/docs/` says about `definitions`, and what it fails to say.

    Raises:
        SchemaError: A file is not YAML of the expected form.
    """
    files = {path.name: _load(path) for path in sorted((schemas / FOLDER).glob("*.yaml"))}
    links = _Links(files.pop(LINKS, {}))
    packages: dict[str, dict[str, str]] = {}
    by_place: dict[str, str] = {}
    for definition in definitions:
        if definition not in config.types:
            package, name = location(config, definition)
            packages.setdefault(package, {})[name] = definition
            by_place[f"{package}.{name}"] = definition
    own: dict[str, ClassText] = {}
    for file, table in files.items():
        package = file.removesuffix(".yaml")
        own |= {f"{package}.{name}": _class(file, name, value) for name, value in table.items()}
    likeness = _Likeness(own, by_place, definitions, links)
    texts: dict[str, ClassText] = {}
    findings: list[str] = []
    for package, classes in packages.items():
        file = f"{package}.yaml"
        if links.covers(package):
            if file in files:
                findings.append(f"{_shown(file)}: {LINKS} has a link for the package too; keep one of them")
                del files[file]
            continue
        written = {name: own[f"{package}.{name}"] for name in files.pop(file, {})}
        for name in sorted(written.keys() - classes.keys()):
            findings.append(f"{_shown(file)}: {name} is described but there is no such class; remove or rename it")
        for name, definition in classes.items():
            ours = {other for other in definitions if other not in config.types and not _linked(config, links, other)}
            full = likeness.completed(f"{package}.{name}", definitions[definition]) if name in written else None
            findings += _compare(_shown(file), name, full, definitions[definition], ours)
            findings += likeness.problems(_shown(file), name, written.get(name))
            if full:
                texts[definition] = full
    findings += [f"{_shown(file)}: there is no package {file.removesuffix('.yaml')!r}" for file in files]
    names = {definition: location(config, definition) for definition in definitions if definition not in config.types}
    urls = {name: url for name, where in names.items() if (url := links.of(*where))}
    findings += [f"{_shown(LINKS)}: {key} covers nothing" for key in links.unused()]
    return Descriptions(texts, urls, tuple(findings))


@dataclass(frozen=True, slots=True)
class _Likeness:
    """Completes the texts of classes that have fields in common with others.

    Attributes:
        texts: By package and name of class.
        definitions_of: Package and name of class -> definition.
    """

    texts: Mapping[str, ClassText]
    definitions_of: Mapping[str, str]
    definitions: Mapping[str, Object]
    links: _Links

    def completed(self, place: str, node: Object) -> ClassText:
        """Return what is said of a class, with what is said of the same fields of the class that it is like."""
        text = self.texts[place]
        if text.like is None:
            return text
        fields = cast("Mapping[str, Object]", node.get("properties", {}))
        shared = {name: said for name, said in self._fields(text.like, (place,)).items() if name in fields}
        return replace(text, fields={**shared, **text.fields}, link=self._link(text.like, (place,)))

    def _link(self, place: str, way: tuple[str, ...]) -> str | None:
        """Return the address of the first class above that others describe."""
        above = self.texts[place].like if place in self.texts and place not in way else None
        return self.links.of(*_split(place)) or (self._link(above, (*way, place)) if above else None)

    def problems(self, file: str, name: str, text: ClassText | None) -> Iterator[str]:
        """Yield that a class is like none that there is."""
        if text and text.like and text.like not in self.definitions_of:
            yield f"{file}: {name} is said to be like {text.like!r}, which is no class"

    def _fields(self, place: str, way: tuple[str, ...]) -> Mapping[str, FieldText]:
        if place in way or place not in self.definitions_of:
            return {}
        node = self.definitions[self.definitions_of[place]]
        properties = cast("Mapping[str, Object]", node.get("properties", {}))
        package, name = _split(place)
        if self.links.covers(package):
            return {key: FieldText(f"As `{key}` of Kubernetes' {name}.", elsewhere=True) for key in properties}
        text = self.texts.get(place)
        if text is None:
            return {}
        texts = {**self._fields(text.like, (*way, place)), **text.fields} if text.like else text.fields
        return {key: said for key, said in texts.items() if key in properties}


def _split(place: str) -> tuple[str, str]:
    package, _, name = place.rpartition(".")
    return package, name


def _linked(config: Config, links: _Links, definition: str) -> bool:
    return links.covers(location(config, definition)[0])


def _compare(file: str, name: str, text: ClassText | None, node: Object, ours: set[str]) -> Iterator[str]:
    """Yield what `text` lacks of the class, and what it says of fields that are not there."""
    properties = cast("Mapping[str, Object]", node.get("properties", {}))
    required = cast("list[str]", node.get("required", []))
    if text is None:
        yield f"{file}: {name} has no description"
        return
    for field in sorted(text.fields.keys() - properties.keys()):
        yield f"{file}: {name}.{field} is described but there is no such field; remove or rename it"
    for field, child in properties.items():
        field_text = text.fields.get(field)
        where = f"{file}: {name}.{field if field.isprintable() else repr(field)}"
        if field_text is None:
            yield f"{where} has no description"
            continue
        if field_text.default and "default" in child:
            yield f"{where} gives a default, but the pin has one; remove ours"
        if field_text.default and field in required:
            yield f"{where} gives a default, but the field is required; remove it"
        if not field_text.example and not field_text.elsewhere and not _own_class(child, ours):
            yield f"{where} has no example"


def _own_class(node: Object, ours: set[str]) -> bool:
    """Return True when the field has one or several objects of our own classes, whose fields have examples."""
    items = node.get("items")
    return reference(items if isinstance(items, Mapping) else node) in ours


class _Links:
    """`links.yaml`: packages with a pattern of addresses, and classes that are named otherwise there."""

    def __init__(self, table: Object) -> None:
        file = _shown(LINKS)
        _known(table, {"packages", "classes"}, file, ())
        tables = {key: as_object(table.get(key, {}), file, (key,)) for key in ("packages", "classes")}
        self._packages = {key: as_string(url, file, ("packages", key)) for key, url in tables["packages"].items()}
        self._classes = {key: as_string(name, file, ("classes", key)) for key, name in tables["classes"].items()}
        self._used: set[str] = set()
        for package, url in self._packages.items():
            if not url.startswith("https://") or any(not mark.isprintable() or mark in ' "<>\\`' for mark in url):
                raise SchemaError(file, ("packages", package), "expected an https address")

    def covers(self, package: str) -> bool:
        return package in self._packages

    def of(self, package: str, name: str) -> str | None:
        key = f"{package}.{name}"
        self._used |= {package, key}
        pattern = self._packages.get(package)
        return pattern.replace("{name}", self._classes.get(key, name.lower())) if pattern else None

    def unused(self) -> list[str]:
        return sorted((self._packages.keys() | self._classes.keys()) - self._used)


def _class(file: str, name: str, value: Json) -> ClassText:
    file, path = _shown(file), (name,)
    table = as_object(value, file, path)
    _known(table, {"description", "fields", "like"}, file, path)
    fields = as_object(table.get("fields", {}), file, (*path, "fields"))
    return ClassText(
        _prose(table.get("description"), file, (*path, "description")),
        {key: _field(file, (*path, "fields", key), field) for key, field in fields.items()},
        _prose(table["like"], file, (*path, "like")) if "like" in table else None,
    )


def _field(file: str, path: tuple[str, ...], value: Json) -> FieldText:
    table = as_object(value, file, path)
    _known(table, {"text", "unit", "default", "example"}, file, path)
    return FieldText(
        _prose(table.get("text"), file, (*path, "text")),
        _prose(table["unit"], file, (*path, "unit")) if "unit" in table else None,
        Value(table["default"]) if "default" in table else None,
        Value(table["example"]) if "example" in table else None,
    )


def _prose(value: Json, file: str, path: tuple[str, ...]) -> str:
    text = " ".join(as_string(value, file, path).split())
    if not text:
        raise SchemaError(file, path, "expected a text")
    return text


def _known(table: Object, allowed: Iterable[str], file: str, path: tuple[str, ...]) -> None:
    if unknown := sorted(set(table) - set(allowed)):
        raise SchemaError(file, (*path, unknown[0]), f"unknown key; there are: {', '.join(sorted(allowed))}")


def _shown(file: str) -> str:
    return f"schemas/{FOLDER}/{file}"


class _DescriptionLoader(yaml.SafeLoader):
    """YAML as JSON has it: an object never has a key twice, and a time stays the text that it is on the wire."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [cast(object, self.construct_object(key)) for key, _ in node.value]  # pyright: ignore[reportUnknownMemberType]
        for index, key in enumerate(keys):
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is no text", node.start_mark)
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _text(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_DescriptionLoader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def _load(path: Path) -> Object:
    file = _shown(path.name)
    try:
        parsed = cast(Json, yaml.load(path.read_text("utf-8"), _DescriptionLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SchemaError(file, (), f"not YAML: {error}") from error
    if parsed is None:
        return {}
    if not isinstance(parsed, Mapping):
        raise SchemaError(file, (), f"expected an object, found {type_name(parsed)}")
    return parsed
