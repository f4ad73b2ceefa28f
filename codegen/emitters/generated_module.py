"""What an emitter gets, and what it gives: the pins and texts of a package, and modules of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import Environment

from codegen import templating
from codegen.config import Config
from codegen.descriptions.texts import Descriptions
from codegen.pins.newest import NewestPin
from codegen.schema.definitions import Definitions
from codegen.schema.kinds import Kind


@dataclass(frozen=True)
class EmitterInput:
    """What every emitter gets.

    Attributes:
        root: Of the checkout.
        pins: The newest of each component.
        definitions: Of all pins together, by upstream's names.
    """

    root: Path
    config: Config
    pins: Sequence[NewestPin]
    definitions: Definitions
    descriptions: Descriptions

    @cached_property
    def kinds(self) -> Sequence[Kind]:
        """The kinds of all pins."""
        return [kind for pin in self.pins for kind in pin.kinds]

    def template(self, template_name: str, **values: object) -> str:
        """Return a template of `templates/`, filled in."""
        return self._environment.get_template(template_name).render(**values)

    @cached_property
    def _environment(self) -> Environment:
        environment = templating.environment(self.root)
        environment.filters["literal"] = ascii  # what is text to a schema is text to Python
        return environment


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """One file of the generated package.

    Attributes:
        package: Below the generated one: `trainer.v1alpha1`.
        file: Name of the file: `client.py`.
        text: Not yet formatted.
        exports: Names that the package exports from this module.
    """

    package: str
    file: str
    text: str
    exports: Sequence[str] = ()

    @property
    def path(self) -> str:
        """Path below the generated package."""
        return f"{self.package.replace('.', '/')}/{self.file}"


def by_package(kinds: Iterable[Kind]) -> Mapping[str, Sequence[Kind]]:
    """Return the kinds of each package."""
    result: dict[str, list[Kind]] = defaultdict(list)
    for kind in kinds:
        result[kind.package].append(kind)
    return result
