"""Which minor of a component has which field: the table of each component that is pinned in several minors."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from codegen.emitters.generated_module import EmitterInput, GeneratedModule
from codegen.minors import field_table
from codegen.schema.naming import location


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the tables of every component that is pinned in several minors, by the package of its kinds."""
    for component in source.config.components.values():
        if len(component.pinned) < 2:
            continue
        found = field_table.load(source.root, component, partial(_generated, source))
        for api_version, prefix in component.api_versions.items():
            if tables := field_table.of_version(found, component, api_version):
                text = source.template(
                    "availability.py.jinja",
                    component=component.title,
                    minors=field_table.minors(component),
                    preview=field_table.preview(component),
                    groups=field_table.grouped(tables),
                )
                yield GeneratedModule(source.config.modules[prefix], "availability.py", text, ["check"])


def _generated(source: EmitterInput, definition: str) -> str | None:
    """Return `package:Class` of the model of a definition; None where none is generated."""
    if definition not in source.definitions or definition in source.config.types:
        return None
    package, name = location(source.config, definition)
    return f"{source.config.package}.{package}:{name}"
