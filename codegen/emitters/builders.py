"""The builders of all kinds: names of their methods, paths that a method writes to, types of its keywords.

Everything is derived from the schema. An object field becomes a method that sets its fields and one that enters it, a
list keyed by a field a method that enters the item with that key, another list one that appends, a map one that adds
entries. Levels that only wrap one other (`template` and `spec` on the way to a pod) are passed over by shortcuts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from codegen.config import Config
from codegen.schema.definitions import Definitions, reference, references
from codegen.schema.jsontypes import Object
from codegen.schema.kinds import Kind
from codegen.schema.naming import attribute, location, singular, words

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
# How hand-written types are accepted from a user; the rest is accepted as it stands.
ACCEPTED = {"JsonObject": "Mapping[str, object]", "Time": "datetime"}
# Names that a builder has for itself.
RESERVED = {"build", "metadata", "set"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a keyed list: the attribute, its type, and the server's default if it may be left out."""

    name: str
    hint: str
    default: object


@dataclass(frozen=True, slots=True)
class BuilderMethod:
    """One method, as both templates need it.

    Attributes:
        does: As `kubeflow.core.builder.Method.does`.
        path: Attributes to the place.
        fields: Name of the TypedDict of its keywords; empty when it takes none.
        returns: Name of the builder class; empty when it returns the builder it is called on.
        builder: Where that class stands, for the run time.
        values: Type of the values, for `entries`.
        docstring: Of the field that it sets, as Python source; empty when nothing is said of it.
    """

    name: str
    does: str
    path: tuple[str, ...]
    fields: str = ""
    returns: str = ""
    builder: str = ""
    keys: tuple[Key, ...] = ()
    values: str = ""
    docstring: str = ""

    @property
    def key_names(self) -> tuple[str, ...]:
        """Attributes that identify an item."""
        return tuple(key.name for key in self.keys)

    @property
    def defaults(self) -> dict[str, object]:
        """Keys that may be left out, with what they are then."""
        return {key.name: key.default for key in self.keys if key.default is not None}


@dataclass(frozen=True, slots=True)
class FieldType:
    """One entry of a TypedDict."""

    name: str
    hint: str
    required: bool


@dataclass(frozen=True, slots=True)
class FieldTypes:
    """One TypedDict: `base` is another one of the same class, or empty."""

    name: str
    base: str
    fields: tuple[FieldType, ...]


@dataclass(frozen=True, slots=True)
class DictNames:
    """The TypedDicts of a class, by what they are for; often one and the same.

    Attributes:
        whole: A value of the class: what is required is required.
        some: Any of its fields, none required: what may be set now and completed later.
    """

    whole: str
    some: str


@dataclass(frozen=True, slots=True)
class BuilderClass:
    """One class: its TypedDicts and its methods."""

    name: str
    set: str
    dicts: tuple[FieldTypes, ...]
    methods: tuple[BuilderMethod, ...]


@dataclass(slots=True)
class Module:
    """The builders of one package: plain classes, those of kinds, and what the stub imports."""

    classes: list[BuilderClass] = field(default_factory=list[BuilderClass])
    kinds: list[tuple[Kind, BuilderClass]] = field(default_factory=list[tuple[Kind, BuilderClass]])
    imports: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


def builders(
    config: Config, definitions: Definitions, kinds: Iterable[Kind], summaries: Mapping[str, Mapping[str, str]]
) -> dict[str, Module]:
    """Return the builders of every package, by package.

    Args:
        definitions: Of all pins, fixed up.
        kinds: Those that get a builder.
        summaries: Docstrings of each definition's fields, as Python source (see `codegen.descriptions.docstrings`).
    """
    return _Graph(config, definitions, summaries).modules(kinds)


def _keys(node: Object) -> tuple[str, ...]:
    return tuple(attribute(key) for key in cast("list[str]", node["x-kubernetes-list-map-keys"]))


class _Graph:
    def __init__(self, config: Config, definitions: Definitions, summaries: Mapping[str, Mapping[str, str]]) -> None:
        self.config = config
        self.definitions = definitions
        self.summaries = summaries
        # A type may stand in lists that are keyed differently: a mount by its name in one, by its path in another.
        self.keyed: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for definition in definitions:
            for node in self._properties(definition).values():
                if target := self._keyed(node):
                    self.keyed[target].add(_keys(node))

    def modules(self, kinds: Iterable[Kind]) -> dict[str, Module]:
        result: dict[str, Module] = {}
        waiting: list[str] = []
        seen: set[str] = set()
        for kind in kinds:
            spec = self._target(self._properties(kind.definition).get("spec", {}))
            if spec is None:
                continue  # nothing to build: all fields stand in the kind itself, or the spec is any object
            module = result.setdefault(kind.package, Module())
            module.kinds.append((kind, self._class(spec, kind.package, module, f"{kind.name}Builder")))
            meta = reference(self._properties(kind.definition)["metadata"])
            assert meta is not None
            self._import(meta, "Dict", kind.package, module)
            self._import(kind.definition, "", kind.package, module)
            waiting += [spec, *self._targets(kind.definition)]
        while waiting:
            definition = waiting.pop()
            if definition in seen:
                continue
            seen.add(definition)
            package, _ = location(self.config, definition)
            module = result.setdefault(package, Module())
            module.classes.append(self._class(definition, package, module))
            waiting += self._targets(definition)
        for module in result.values():
            module.classes.sort(key=lambda each: each.name)
        return result

    def _class(self, definition: str, package: str, module: Module, name: str | None = None) -> BuilderClass:
        _, class_name = location(self.config, definition)
        required = cast("list[str]", self.definitions[definition].get("required", []))
        fields = [
            FieldType(attribute(key), self._hint(node, package, module), key in required)
            for key, node in self._properties(definition).items()
        ]
        methods = {method.name: method for method in self._methods(definition, package, module)}
        for method in self._shortcuts(definition, package, module):
            if method.name not in methods and method.name not in RESERVED:
                methods[method.name] = method
        return BuilderClass(
            name or f"{class_name}Builder",
            self._names(definition).some,
            self._dicts(definition, fields),
            tuple(methods[key] for key in sorted(methods)),
        )

    def _names(self, definition: str) -> DictNames:
        _, name = location(self.config, definition)
        plain = not self.definitions[definition].get("required") and not self.keyed[definition]
        return DictNames(whole=f"{name}Dict", some=f"{name}Dict" if plain else f"{name}Some")

    def _item_name(self, definition: str, keys: tuple[str, ...]) -> str:
        """Return the TypedDict of the keywords beside `keys`."""
        _, name = location(self.config, definition)
        if len(self.keyed[definition]) == 1:
            return f"{name}Item"
        return f"{name}By{''.join(key.title().replace('_', '') for key in keys)}"

    def _dicts(self, definition: str, fields: list[FieldType]) -> tuple[FieldTypes, ...]:
        """Return the TypedDicts of a class. One cannot loosen another's fields, so all grow from what is optional."""
        names, keyed = self._names(definition), sorted(self.keyed[definition])
        any_key = {key for keys in keyed for key in keys}
        common = tuple(each for each in fields if not each.required and each.name not in any_key)
        rest = tuple(each for each in fields if each not in common)
        if not rest:
            return (FieldTypes(names.whole, "", common),)
        base = names.whole.removesuffix("Dict") + "Fields"
        loose = tuple(replace(each, required=False) for each in rest)
        items = tuple(
            FieldTypes(self._item_name(definition, keys), base, tuple(each for each in loose if each.name not in keys))
            for keys in keyed
        )
        return (
            FieldTypes(base, "", common),
            *items,
            FieldTypes(names.some, base, loose),
            FieldTypes(names.whole, base, rest),
        )

    def _properties(self, definition: str) -> Mapping[str, Object]:
        return cast("Mapping[str, Object]", self.definitions[definition].get("properties", {}))

    def _target(self, node: Object) -> str | None:
        """Return the definition of an object that `node` holds."""
        target = reference(node)
        return None if target in self.config.types else target

    def _item(self, node: Object) -> str | None:
        """Return the definition of the objects in the list that `node` is."""
        items = node.get("items")
        return self._target(items) if isinstance(items, Mapping) else None

    def _keyed(self, node: Object) -> str | None:
        return self._item(node) if node.get("x-kubernetes-list-type") == "map" else None

    def _targets(self, definition: str) -> list[str]:
        return sorted(references(self.definitions[definition]) - self.config.types.keys())

    def _methods(
        self, definition: str, package: str, module: Module, path: tuple[str, ...] = ()
    ) -> Iterator[BuilderMethod]:
        """Yield the methods for the fields of a class, as they are called on the builder that `path` leads from."""
        names = {attribute(key) for key in self._properties(definition)}
        for key, node in self._properties(definition).items():
            name = attribute(key)
            place = (*path, name)
            docstring = self.summaries[definition].get(name, "")
            if target := self._target(node):
                class_name = self._import(target, "Dict", package, module)
                builder = self._import(target, "Builder", package, module)
                if name not in RESERVED or path:
                    yield BuilderMethod(name, "merge", place, fields=class_name, docstring=docstring)
                edit = BuilderMethod(f"edit_{name}", "enter", place, returns=builder, builder=self._place(target))
                yield replace(edit, docstring=docstring)
            elif target := self._item(node):
                one = singular(name)
                one = name if one != name and one in names else one
                yield replace(self._list_method(one, place, node, target, package, module), docstring=docstring)
            elif isinstance(values := node.get("additionalProperties"), Mapping):
                yield BuilderMethod(
                    name, "entries", place, values=self._hint(values, package, module), docstring=docstring
                )

    def _list_method(
        self, name: str, place: tuple[str, ...], node: Object, target: str, package: str, module: Module
    ) -> BuilderMethod:
        if not self._keyed(node):
            return BuilderMethod(name, "append", place, fields=self._import(target, "Dict", package, module))
        properties = self._properties(target)
        wire = cast("list[str]", node["x-kubernetes-list-map-keys"])
        keys = tuple(
            Key(attribute(key), self._hint(properties[key], package, module), properties[key].get("default"))
            for key in wire
        )
        return BuilderMethod(
            name,
            "item",
            place,
            fields=self._import(target, self._item_name(target, _keys(node)), package, module),
            returns=self._import(target, "Builder", package, module),
            builder=self._place(target),
            keys=keys,
        )

    def _shortcuts(
        self, definition: str, package: str, module: Module, path: tuple[str, ...] = ()
    ) -> Iterator[BuilderMethod]:
        """Yield methods that pass over levels which only wrap one other, and over nothing that holds a choice."""
        for key, node in self._properties(definition).items():
            target = self._target(node)
            if target is None or (only := self._only_child(target)) is None:
                continue
            place = (*path, attribute(key))
            child, below = only
            if self._target(self._properties(target).get("metadata", {})):
                yield self._metadata(target, place, package, module)
            if (end := self._target(below)) is not None and self._only_child(end) is None:
                builder = self._import(end, "Builder", package, module)
                name = words(re.sub("Patch$", "", builder.removesuffix("Builder")))
                yield BuilderMethod(name, "enter", (*place, child), returns=builder, builder=self._place(end))
            elif end is None:
                yield from self._methods(target, package, module, place)
            yield from self._shortcuts(target, package, module, place)

    def _metadata(self, target: str, place: tuple[str, ...], package: str, module: Module) -> BuilderMethod:
        _, owner = location(self.config, target)
        what = words(re.sub("(Template)?(Spec|Patch)$", "", owner))
        meta = reference(self._properties(target)["metadata"])
        assert meta is not None
        fields = self._import(meta, "Dict", package, module)
        return BuilderMethod(f"{what}_metadata", "merge", (*place, "metadata"), fields=fields)

    def _only_child(self, definition: str) -> tuple[str, Object] | None:
        """Return the one field of a class besides its metadata; None when there are several, or none."""
        rest = {key: node for key, node in self._properties(definition).items() if key != "metadata"}
        if len(rest) != 1:
            return None
        ((key, node),) = rest.items()
        return (attribute(key), node) if self._target(node) or self._item(node) else None

    def _hint(self, node: Object, package: str, module: Module) -> str:
        target = reference(node)
        if target in self.config.types:
            home, _, name = self.config.types[cast(str, target)].rpartition(".")
            if name in ACCEPTED:
                return ACCEPTED[name]
            module.imports.setdefault(home, set()).add(name)
            return name
        if target:
            return f"{self._import(target, '', package, module)} | {self._import(target, 'Dict', package, module)}"
        if "enum" in node:
            return f"Literal[{', '.join(repr(value) for value in cast('list[str]', node['enum']))}]"
        if isinstance(items := node.get("items"), Mapping):
            return f"Sequence[{self._hint(items, package, module)}]"
        if isinstance(values := node.get("additionalProperties"), Mapping):
            return f"Mapping[str, {self._hint(values, package, module)}]"
        return SCALARS[cast(str, node["type"])]

    def _import(self, definition: str, suffix: str, package: str, module: Module) -> str:
        """Return the name of a class with `suffix`, or the whole name given as such, imported where it is elsewhere."""
        home, name = location(self.config, definition)
        full = suffix if suffix.startswith(name) else name + suffix
        if not suffix:
            module.imports.setdefault(f"{home}.models", set()).add(name)
        elif home != package:
            module.imports.setdefault(f"{home}.builders", set()).add(full)
        return full

    def _place(self, definition: str) -> str:
        package, name = location(self.config, definition)
        return f"{self.config.package}.{package}.builders:{name}Builder"
