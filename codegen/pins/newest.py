"""The newest pin of every component, with its patches applied: what models, clients and pages are generated from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from codegen.config import Component, Config
from codegen.errors import CodegenError
from codegen.pins import lock, patches
from codegen.schema.definitions import Definitions
from codegen.schema.jsontypes import Object, parse_json
from codegen.schema.kinds import Kind, kinds_of


@dataclass(frozen=True, slots=True)
class NewestPin:
    """The pin of a component's newest release.

    Attributes:
        file: Path below `schemas/`.
        definitions: With the component's patches applied.
        kinds: In the order of pyproject.toml.
    """

    component: Component
    file: str
    definitions: Definitions
    kinds: Sequence[Kind]


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
    file = component.pin_file(release)
    entry = next((pin for pin in lock.read(schemas) if pin.file == file), None)
    remedy = f"run `python -m codegen pin {component.name} {release} --from FOLDER`"
    if entry is None:
        raise CodegenError(f"{component.name} {release} is not pinned: {remedy}")
    content = lock.content(schemas, entry)
    document = cast("dict[str, dict[str, Definitions]]", parse_json(content, file))
    kinds = kinds_of(config, component.definitions, cast("Iterable[Object]", document["x-kinds"]))
    if differing := {kind.name for kind in kinds} ^ set(component.kinds):
        raise CodegenError(f"schemas/{file} and pyproject.toml differ in the kind {min(differing)!r}: {remedy}")
    own = patches.of_component(schemas, component.name)
    return NewestPin(component, file, patches.apply(document["components"]["schemas"], own), kinds)


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
