"""The newest pin of every component, with its patches applied: what models, clients and pages are generated from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from codegen.config import Component, Config, KindName, minor
from codegen.errors import CodegenError
from codegen.pins import lock, patches
from codegen.schema.definitions import Definitions, reachable
from codegen.schema.jsontypes import Object, parse_json
from codegen.schema.kinds import Kind, kinds_of


@dataclass(frozen=True, slots=True)
class NewestPin:
    """The pin of a component's newest release, with the kinds that only its preview has.

    Attributes:
        file: Path below `schemas/`.
        definitions: With the component's patches applied.
        kinds: In the order of pyproject.toml.
        preview_file: Path below `schemas/` of the pin of the preview; None where there is none.
        previewed: The definitions that come from it.
        notes: Where the preview differs from a type that both have: that of the release counts.
        paths: Of a REST API, the operations by path.
    """

    component: Component
    file: str
    definitions: Definitions
    kinds: Sequence[Kind]
    preview_file: str | None = None
    previewed: frozenset[str] = frozenset()
    notes: Sequence[str] = ()
    paths: Mapping[str, Object] = field(default_factory=dict[str, Object])

    @property
    def preview(self) -> str:
        """The preview as people call it: `Trainer 2.4`."""
        release = minor(self.component.preview).removeprefix("v") if self.component.preview else ""
        return f"{self.component.title} {release}"

    def document(self, definition: str) -> str:
        """Return the path in the checkout of the pin that a definition is from."""
        return f"schemas/{self.preview_file if definition in self.previewed else self.file}"


def load(root: Path, config: Config) -> list[NewestPin]:
    """Return the newest pin of every component, in the order of pyproject.toml.

    Raises:
        CodegenError: A pin is missing, differs from the lock, or has other kinds than pyproject.toml names. Or a patch
            is for no component, or changes nothing.
    """
    patches.check_components(root / "schemas", config.components)
    return [_load(root / "schemas", config, component) for component in config.components.values()]


def _load(schemas: Path, config: Config, component: Component) -> NewestPin:
    release = component.versions[-1]
    document = _read(schemas, component, release)
    kinds = kinds_of(config, document.facts)
    pin = NewestPin(component, component.pin_file(release), document.definitions, kinds, paths=document.paths)
    if component.preview:
        pin = _with_preview(pin, config, component.preview, _read(schemas, component, component.preview))
    own = patches.of_component(schemas, component.name)
    return replace(pin, definitions=patches.apply(pin.definitions, own))


@dataclass(frozen=True, slots=True)
class _Document:
    """A parsed pin: its definitions, what it says of its kinds, and its operations."""

    definitions: Definitions
    facts: Sequence[Object]
    paths: Mapping[str, Object]


def _read(schemas: Path, component: Component, release: str) -> _Document:
    file = component.pin_file(release)
    entry = next((pin for pin in lock.read(schemas) if pin.file == file), None)
    remedy = f"run `python -m codegen pin {component.name} {release} --from FOLDER`"
    if entry is None:
        raise CodegenError(f"{component.name} {release} is not pinned: {remedy}")
    document = cast("dict[str, dict[str, Definitions]]", parse_json(lock.content(schemas, entry), file))
    facts = cast("list[Object]", document["x-kinds"])
    pinned = {KindName(str(fact["group"]), str(fact["version"]), str(fact["kind"])) for fact in facts}
    if differing := pinned ^ set(component.kinds_in(release)):
        kind = component.written(min(differing, key=str))
        raise CodegenError(f"schemas/{file} and pyproject.toml differ in the kind {kind!r}: {remedy}")
    return _Document(document["components"]["schemas"], facts, cast("Mapping[str, Object]", document["paths"]))


def _with_preview(pin: NewestPin, config: Config, release: str, document: _Document) -> NewestPin:
    """Return `pin` with the kinds that only the preview has; types that the release has too stay as they are there."""
    has = {kind.definition for kind in pin.kinds}
    kinds = [kind for kind in kinds_of(config, document.facts, release) if kind.definition not in has]
    lists = [f"{kind.definition.rpartition('.')[0]}.{kind.list_kind}" for kind in kinds]
    needed = reachable(document.definitions, [*(kind.definition for kind in kinds), *lists])
    added = {name: node for name, node in needed.items() if name not in pin.definitions}
    file = pin.component.pin_file(release)
    notes = [
        f"schemas/{file}: {name} is not as in {pin.file}, which counts for models"
        for name, node in needed.items()
        if name not in added and node != pin.definitions[name]
    ]
    return replace(
        pin,
        definitions={**pin.definitions, **added},
        kinds=[*pin.kinds, *kinds],
        preview_file=file,
        previewed=frozenset(added),
        notes=notes,
    )


def together(config: Config, pins: Iterable[NewestPin]) -> Definitions:
    """Return the definitions of all pins. Shared ones come from the component that stands first.

    Raises:
        CodegenError: Two components define one name; or a shared definition has fields that the first one lacks, so
            that it cannot stand for both.
    """
    result: dict[str, Object] = {}
    for pin in pins:
        for name, node in pin.definitions.items():
            first = result.setdefault(name, node)
            if first == node:
                continue
            if not name.startswith(config.shared):
                raise CodegenError(f"schemas/{pin.file}: {name} is also defined by another component")
            fields = [cast("Mapping[str, object]", each.get("properties", {})).keys() for each in (first, node)]
            if missing := fields[1] - fields[0]:
                raise CodegenError(
                    f"schemas/{pin.file}: {name} has {min(missing)!r}, which it lacks in the component before it; "
                    "put the component with the newer Kubernetes types first"
                )
    return result
