"""The builders of all kinds: names of their methods, paths that a method writes to, types of its keywords.

Everything is derived from the schema. An object field becomes a method that sets its fields and one that enters it, a
list keyed by a field a method that enters the item with that key, another list one that appends, a map one that adds
entries. Levels that only wrap one other (`template` and `spec` on the way to a pod) are passed over by shortcuts. What
only a status has gets no builder: nobody writes it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from codegen.config import Config
from codegen.descriptions.docstrings import literal, summaries
from codegen.emitters.builder_classes import (
    BuilderClass,
    BuilderMethod,
    BuilderModule,
    DictNames,
    FieldType,
    FieldTypes,
    Key,
)
from codegen.emitters.conditions import choices_of_text, takes_null
from codegen.emitters.generated_module import EmitterInput, GeneratedModule
from codegen.schema.definitions import Definitions, reference, references
from codegen.schema.jsontypes import Object
from codegen.schema.kinds import Kind
from codegen.schema.naming import attributes, location, singular, words

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
# How hand-written types are accepted from a user; the rest is accepted as it stands. Both are names of the stub.
ACCEPTED = {"JsonObject": "_JsonObject", "JsonValue": "_JsonValue", "Time": "_DateTime"}
# Names that a builder has for itself, and that of a kind besides.
OWN, OWN_OF_KIND = {"set"}, {"set", "build", "metadata"}


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the builders of every package and their stub."""
    texts = {name: summaries(name, source.definitions[name], source.descriptions) for name in source.definitions}
    graph = _Graph(source.config, source.definitions, texts)
    for package, module in graph.modules(source.kinds).items():
        names = {"root": source.config.package, "package": package, "module": module}
        exports = sorted(builder.name for _, builder in module.kinds)
        yield GeneratedModule(package, "builders.py", source.template("builders.py.jinja", **names), exports)
        yield GeneratedModule(package, "builders.pyi", source.template("builders.pyi.jinja", **names))


class _Graph:
    def __init__(self, config: Config, definitions: Definitions, summaries: Mapping[str, Mapping[str, str]]) -> None:
        self.config = config
        self.definitions = definitions
        self.summaries = summaries
        # Names of the models of each package: what is derived for builders must not be called the same.
        self.models: dict[str, set[str]] = defaultdict(set)
        # A type may stand in lists that are keyed differently: a mount by its name in one, by its path in another.
        self.keyed: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for name in definitions:
            if name not in config.types:
                package, class_name = location(config, name)
                self.models[package].add(class_name)
            for node in self._properties(name).values():
                if target := self._keyed(node):
                    self.keyed[target].add(self._keys(node, target))

    def modules(self, kinds: Iterable[Kind]) -> dict[str, BuilderModule]:
        result: dict[str, BuilderModule] = {}
        waiting: list[str] = []
        seen: set[str] = set()
        for kind in kinds:
            spec = self._target(self._properties(kind.definition).get("spec", {}))
            if spec is None:
                continue  # nothing to build: all fields stand in the kind itself, or the spec is any object
            module = result.setdefault(kind.package, BuilderModule())
            name = self._free(kind.package, f"{kind.name}Builder")
            module.kinds.append((kind, self._class(spec, kind.package, module, name, OWN_OF_KIND)))
            meta = reference(self._properties(kind.definition)["metadata"])
            assert meta is not None
            module.metadata = self._dict(meta, kind.package, module)
            self._model(kind.definition, kind.package, module)
            waiting += [spec, meta]
        while waiting:
            definition = waiting.pop()
            if definition in seen:
                continue
            seen.add(definition)
            package, _ = location(self.config, definition)
            module = result.setdefault(package, BuilderModule())
            name = self._derived(definition, "Builder")
            module.classes.append(self._class(definition, package, module, name, OWN))
            waiting += self._targets(definition)
        for module in result.values():
            module.classes.sort(key=lambda each: each.name)
        return result

    def _class(
        self, definition: str, package: str, module: BuilderModule, name: str, own: Iterable[str]
    ) -> BuilderClass:
        required = cast("list[str]", self.definitions[definition].get("required", []))
        called = self._attributes(definition)
        fields = [
            self._field_type(called[key], node, required=key in required, package=package, module=module)
            for key, node in self._properties(definition).items()
        ]
        methods: dict[str, BuilderMethod] = {}
        for method in self._methods(definition, package, module):
            name_of_method = method.name
            while name_of_method in methods or name_of_method in own:
                name_of_method += "_"
            methods[name_of_method] = replace(method, name=name_of_method)
        for method in self._shortcuts(definition, package, module):
            if method.name not in methods and method.name not in own:
                methods[method.name] = method
        return BuilderClass(
            name,
            self._names(definition).some,
            self._dicts(definition, fields),
            tuple(methods[key] for key in sorted(methods)),
        )

    def _field_type(self, name: str, node: Object, *, required: bool, package: str, module: BuilderModule) -> FieldType:
        required = required and "default" not in node
        with_null = required and bool(node.get("nullable"))
        return FieldType(name, (self._hint if with_null else self._plain_hint)(node, package, module), required)

    def _free(self, package: str, name: str) -> str:
        """Return `name`, or a name like it that no model of the package has."""
        while name in self.models[package]:
            name += "_"
        return name

    def _derived(self, definition: str, suffix: str) -> str:
        package, name = location(self.config, definition)
        return self._free(package, name + suffix)

    def _names(self, definition: str) -> DictNames:
        whole = self._derived(definition, "Dict")
        plain = not self.definitions[definition].get("required") and not self.keyed[definition]
        return DictNames(whole=whole, some=whole if plain else self._derived(definition, "Some"))

    def _item_name(self, definition: str, keys: tuple[str, ...]) -> str:
        """Return the TypedDict of the keywords beside `keys`."""
        if len(self.keyed[definition]) == 1:
            return self._derived(definition, "Item")
        return self._derived(definition, f"By{''.join(key.title().replace('_', '') for key in keys)}")

    def _dicts(self, definition: str, fields: list[FieldType]) -> tuple[FieldTypes, ...]:
        """Return the TypedDicts of a class. One cannot loosen another's fields, so all grow from what is optional."""
        names, keyed = self._names(definition), sorted(self.keyed[definition])
        any_key = {key for keys in keyed for key in keys}
        common = tuple(each for each in fields if not each.required and each.name not in any_key)
        rest = tuple(each for each in fields if each not in common)
        if names.some == names.whole:
            return (FieldTypes(names.whole, "", common),)
        base = self._derived(definition, "Fields")
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
        """Return the properties that a user writes: all but the status of an object within another (a volume claim)."""
        properties = cast("Mapping[str, Object]", self.definitions[definition].get("properties", {}))
        if {"metadata", "spec", "status"} <= properties.keys():
            return {key: node for key, node in properties.items() if key != "status"}
        return properties

    def _target(self, node: Object) -> str | None:
        """Return the definition of an object that `node` holds."""
        target = reference(node)
        return None if target in self.config.types else target

    def _item(self, node: Object) -> str | None:
        """Return the definition of the objects in the list that `node` is."""
        items = node.get("items")
        return self._target(items) if isinstance(items, Mapping) else None

    def _attributes(self, definition: str) -> Mapping[str, str]:
        return attributes(self._properties(definition))

    def _keys(self, node: Object, target: str) -> tuple[str, ...]:
        """Return the attributes that identify an item of the keyed list `node`, whose items are of type `target`."""
        called = self._attributes(target)
        return tuple(called[key] for key in cast("list[str]", node["x-kubernetes-list-map-keys"]))

    def _keyed(self, node: Object) -> str | None:
        return self._item(node) if node.get("x-kubernetes-list-type") == "map" else None

    def _targets(self, definition: str) -> list[str]:
        found = set[str]().union(*map(references, self._properties(definition).values()))
        return sorted(found - self.config.types.keys())

    def _methods(
        self, definition: str, package: str, module: BuilderModule, path: tuple[str, ...] = ()
    ) -> Iterator[BuilderMethod]:
        """Yield the methods for the fields of a class, as they are called on the builder that `path` leads from."""
        called = self._attributes(definition)
        for key, node in self._properties(definition).items():
            name = called[key]
            place = (*path, name)
            docstring = self.summaries[definition].get(name, "")
            if target := self._target(node):
                yield BuilderMethod(
                    name, "merge", place, fields=self._dict(target, package, module), docstring=docstring
                )
                yield replace(self._enter(f"edit_{name}", place, target, package, module), docstring=docstring)
            elif target := self._item(node):
                one = singular(name)
                one = name if one != name and one in called.values() else one
                yield replace(self._list_method(one, place, node, target, package, module), docstring=docstring)
            elif isinstance(values := node.get("additionalProperties"), Mapping):
                yield BuilderMethod(
                    name, "entries", place, values=self._hint(values, package, module), docstring=docstring
                )

    def _enter(
        self, name: str, place: tuple[str, ...], target: str, package: str, module: BuilderModule
    ) -> BuilderMethod:
        builder = self._builder(target, package, module)
        return BuilderMethod(name, "enter", place, returns=builder, builder=self._place(target))

    def _list_method(
        self, name: str, place: tuple[str, ...], node: Object, target: str, package: str, module: BuilderModule
    ) -> BuilderMethod:
        if not self._keyed(node):
            return BuilderMethod(name, "append", place, fields=self._dict(target, package, module))
        properties, called = self._properties(target), self._attributes(target)
        wire = cast("list[str]", node["x-kubernetes-list-map-keys"])
        keys = tuple(
            Key(called[key], self._plain_hint(properties[key], package, module), properties[key].get("default"))
            for key in wire
        )
        item = self._item_name(target, self._keys(node, target))
        return replace(
            self._enter(name, place, target, package, module),
            does="item",
            keys=keys,
            fields=self._imported(f"{location(self.config, target)[0]}.builders", item, package, module),
        )

    def _shortcuts(
        self, definition: str, package: str, module: BuilderModule, path: tuple[str, ...] = ()
    ) -> Iterator[BuilderMethod]:
        """Yield methods that pass over levels which only wrap one other, and over nothing that holds a choice."""
        called = self._attributes(definition)
        for key, node in self._properties(definition).items():
            target = self._target(node)
            if target is None or (only := self._only_child(target)) is None:
                continue
            place = (*path, called[key])
            child, below = only
            if self._target(self._properties(target).get("metadata", {})):
                yield self._metadata(target, place, package, module)
            if (end := self._target(below)) is not None and self._only_child(end) is None:
                name = words(re.sub("Patch$", "", location(self.config, end)[1]))
                inner = (*place, child)
                text = f"Go to `{'.'.join(inner)}`, and return its builder."
                yield replace(self._enter(name, inner, end, package, module), docstring=literal([text], depth=2))
            elif end is None:
                yield from self._methods(target, package, module, place)
            yield from self._shortcuts(target, package, module, place)

    def _metadata(self, target: str, place: tuple[str, ...], package: str, module: BuilderModule) -> BuilderMethod:
        _, owner = location(self.config, target)
        what = words(re.sub("(Template)?(Spec|Patch)$", "", owner))
        meta = reference(self._properties(target)["metadata"])
        assert meta is not None
        inner = (*place, "metadata")
        text = literal([f"Set fields of `{'.'.join(inner)}`; what is None is left as it is."], depth=2)
        fields = self._dict(meta, package, module)
        return BuilderMethod(f"{what}_metadata", "merge", inner, fields=fields, docstring=text)

    def _only_child(self, definition: str) -> tuple[str, Object] | None:
        """Return the one field of a class besides its metadata; None when there are several, or none."""
        rest = {key: node for key, node in self._properties(definition).items() if key != "metadata"}
        if len(rest) != 1:
            return None
        ((key, node),) = rest.items()
        named = self._attributes(definition)[key]
        return (named, node) if self._target(node) or self._item(node) else None

    def _hint(self, node: Object, package: str, module: BuilderModule) -> str:
        return self._plain_hint(node, package, module) + (" | None" if takes_null(node) else "")

    def _plain_hint(self, node: Object, package: str, module: BuilderModule) -> str:
        target = reference(node)
        if target in self.config.types:
            home, _, name = self.config.types[cast(str, target)].rpartition(".")
            return ACCEPTED[name] if name in ACCEPTED else self._imported(home, name, package, module)
        if target:
            return f"{self._model(target, package, module)} | {self._dict(target, package, module)}"
        if choices_of_text(node):
            return f"Literal[{', '.join(repr(value) for value in cast('list[str]', node['enum']))}]"
        if isinstance(items := node.get("items"), Mapping):
            return f"Sequence[{self._hint(items, package, module)}]"
        if isinstance(values := node.get("additionalProperties"), Mapping):
            return f"Mapping[str, {self._hint(values, package, module)}]"
        return SCALARS[cast(str, node["type"])]

    # -- names of other modules, as the stub of `package` uses them ---------------------------------------------------

    def _model(self, definition: str, package: str, module: BuilderModule) -> str:
        home, name = location(self.config, definition)
        return self._imported(f"{home}.models", name, package, module)

    def _dict(self, definition: str, package: str, module: BuilderModule) -> str:
        home, _ = location(self.config, definition)
        return self._imported(f"{home}.builders", self._names(definition).whole, package, module)

    def _builder(self, definition: str, package: str, module: BuilderModule) -> str:
        home, _ = location(self.config, definition)
        return self._imported(f"{home}.builders", self._derived(definition, "Builder"), package, module)

    def _imported(self, home: str, name: str, package: str, module: BuilderModule) -> str:
        """Return what `name` of the module `home` is called in the stub, which imports it when it is from elsewhere."""
        if home == f"{package}.builders":
            return name
        own = home == f"{package}.models" or not (home.endswith(".models") or home.endswith(".builders"))
        stem = re.sub("(Dict|Builder|Item|Some|By[A-Z].*)_*$", "", name)
        if own or not {name, stem} & self.models[package]:
            module.imports.setdefault(home, set()).add(name)
            return name
        alias = f"_{home.rpartition('.')[0].replace('.', '_')}_{name}"  # a model of this package is called the same
        module.imports.setdefault(home, set()).add(f"{name} as {alias}")
        return alias

    def _place(self, definition: str) -> str:
        package, _ = location(self.config, definition)
        return f"{self.config.package}.{package}.builders:{self._derived(definition, 'Builder')}"
