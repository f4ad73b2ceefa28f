"""The kinds of a pin: group, version, plural, scope and subresources, and the package that their classes go to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from codegen.config import Config
from codegen.schema.jsontypes import Object
from codegen.schema.naming import location


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as the generated code needs it: where it lives in the API, and in the package."""

    definition: str
    package: str
    name: str
    list_name: str
    group: str
    version: str
    plural: str
    namespaced: bool
    status: bool

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}"


def kinds_of(config: Config, definitions: str, facts: Iterable[Object]) -> list[Kind]:
    """Return the kinds of a pin, in the pin's order."""
    result: list[Kind] = []
    for fact in cast("Iterable[Mapping[str, str]]", facts):
        package, name = location(config, f"{definitions}.{fact['kind']}")
        _, list_name = location(config, f"{definitions}.{fact['listKind']}")
        result.append(
            Kind(
                definition=f"{definitions}.{name}",
                package=package,
                name=name,
                list_name=list_name,
                group=fact["group"],
                version=fact["version"],
                plural=fact["plural"],
                namespaced=fact["scope"] == "Namespaced",
                status="status" in fact["subresources"],
            )
        )
    return result
