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
    """A kind as the generated code needs it: where it lives in the API, and in the package.

    Attributes:
        name: Of its class: the kind's, unless generated modules need that name themselves (`ClientObject`).
        list_name: Of the class of its lists.
        kind: As objects carry it.
        list_kind: As lists of objects carry it.
        preview: The pinned preview that the kind came with, such as `v2.4.0`; None for a kind of a release.
    """

    definition: str
    package: str
    name: str
    list_name: str
    kind: str
    list_kind: str
    group: str
    version: str
    plural: str
    namespaced: bool
    status: bool
    preview: str | None = None

    @property
    def api_version(self) -> str:
        """Group and version as objects carry them."""
        return f"{self.group}/{self.version}"


def kinds_of(config: Config, facts: Iterable[Object], preview: str | None = None) -> list[Kind]:
    """Return the kinds of a pin, in the pin's order.

    Args:
        facts: `x-kinds` of the pin.
        preview: Release of the pin, where it is a preview.
    """
    result: list[Kind] = []
    for fact in cast("Iterable[Mapping[str, str]]", facts):
        package, name = location(config, fact["definition"])
        _, list_name = location(config, f"{fact['definition'].rpartition('.')[0]}.{fact['listKind']}")
        result.append(
            Kind(
                definition=fact["definition"],
                package=package,
                name=name,
                list_name=list_name,
                kind=fact["kind"],
                list_kind=fact["listKind"],
                group=fact["group"],
                version=fact["version"],
                plural=fact["plural"],
                namespaced=fact["scope"] == "Namespaced",
                status="status" in fact["subresources"],
                preview=preview,
            )
        )
    return result
