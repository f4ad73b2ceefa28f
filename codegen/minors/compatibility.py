"""`docs/compatibility.md`: which SDK goes with which Kubernetes and control planes, and which field needs which minor.

Versions come from pyproject.toml and the lock, fields from the pins. What no schema says (the Kubernetes that a release
was tested with) is kept by hand in `schemas/compatibility.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from codegen.config import Component, Config, minor, numeric
from codegen.errors import CodegenError
from codegen.minors import field_table
from codegen.pins import lock

FACTS = "compatibility.toml"
PAGE = "docs/compatibility.md"


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a component.

    Attributes:
        tested: Oldest and newest Kubernetes minor that its project tests it with; None where that is not known.
        types: Kubernetes minor whose types it was built with; fields newer than a cluster are dropped by it.
        note: What else is worth a word in the table.
    """

    component: str
    version: str
    types: str
    tested: tuple[str, str] | None = None
    note: str = ""

    @property
    def minor(self) -> str:
        """As users write it: `2.3`."""
        return minor(self.version).removeprefix("v")


def facts(root: Path) -> list[Release]:
    """Return the entries of `schemas/compatibility.toml`; none when there is no such file.

    Raises:
        CodegenError: An entry lacks a key, has an unknown one, or names a range in the wrong order.
    """
    path = root / "schemas" / FACTS
    if not path.exists():
        return []
    result: list[Release] = []
    for entry in cast("list[dict[str, object]]", tomllib.loads(path.read_text("utf-8")).get("release", [])):
        try:
            values = cast("dict[str, str]", {key: value for key, value in entry.items() if key != "tested"})
            release = Release(**values, tested=None)
            if "tested" in entry:
                first, last = cast("list[str]", entry["tested"])
                release = replace(release, tested=(first, last))
        except (TypeError, ValueError) as error:
            raise CodegenError(f"schemas/{FACTS}: the entry {entry} is wrong: {error}") from error
        if release.tested and numeric(release.tested[0]) > numeric(release.tested[1]):
            first, last = release.tested
            raise CodegenError(f"schemas/{FACTS}: {release.component} {release.version}: {first} comes after {last}")
        result.append(release)
    return result


def releases(root: Path, component: Component) -> list[str]:
    """Return the releases whose types are pinned, those that are proven identical included, oldest first.

    A preview is no release.
    """
    pins = [pin for pin in lock.read(root / "schemas") if pin.component == component.name]
    pins = [pin for pin in pins if pin.version != component.preview]
    return sorted({version for pin in pins for version in (pin.version, *pin.identical)}, key=numeric)


def missing(root: Path, configuration: Config) -> list[str]:
    """Return what `schemas/compatibility.toml` does not say of the pinned releases, as things to do."""
    if not (root / "schemas" / FACTS).exists():
        return []
    listed = {(release.component, release.minor) for release in facts(root)}
    return [
        f"add the Kubernetes versions of {name} {version} to schemas/{FACTS}, and run `make generate`"
        for name, component in configuration.components.items()
        if not component.rest  # a REST API has no types of Kubernetes
        for version in releases(root, component)
        if (name, minor(version).removeprefix("v")) not in listed
    ]


def write(root: Path, configuration: Config) -> list[str]:
    """Write the page and return its path below the checkout; nothing where no facts are kept."""
    if not (root / "schemas" / FACTS).exists():
        return []
    path = root / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(root, configuration), "utf-8")
    return [PAGE]


def render(root: Path, configuration: Config) -> str:
    """Return the text of the page.

    Raises:
        CodegenError: pyproject.toml names no version of the SDK, or a file of `schemas/` is wrong.
    """
    from codegen import templating  # needs Jinja; what bump asks of this module does not

    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project", {})
    if not isinstance(project.get("version"), str):
        raise CodegenError("pyproject.toml: [project] has no `version`")
    environment = templating.environment(root)
    tables = [
        (
            component.title,
            field_table.minors(component),
            field_table.preview(component),
            field_table.grouped(field_table.load(root, component)),
        )
        for component in configuration.components.values()
        if len(component.pinned) > 1
    ]
    return environment.get_template("compatibility.md.jinja").render(
        sdk=project["version"],
        rows=_rows(root, configuration),
        releases=_known(root, configuration),
        tables=tables,
        table_cell=_cell,
    )


def _known(root: Path, configuration: Config) -> list[Release]:
    by_minor = {(release.component, release.minor): release for release in facts(root)}
    result: list[Release] = []
    for name, component in configuration.components.items():
        for version in releases(root, component):
            if release := by_minor.get((name, minor(version).removeprefix("v"))):
                result.append(release)
    return result


def _rows(root: Path, configuration: Config) -> list[tuple[str, str, str]]:
    """Return Kubernetes, Trainer and Katib of each row: what was tested together in parts."""
    listed = _known(root, configuration)
    optimizers = [release for release in listed if release.component == "katib"]
    rows: list[tuple[str, str, str]] = []
    for trainer in (release for release in listed if release.component == "trainer"):
        if trainer.tested:
            together = [(katib, _common(trainer.tested, katib.tested)) for katib in optimizers if katib.tested]
            texts = [_together(katib, common) for katib, common in together if common]
            rows.append((_range(trainer.tested), trainer.minor, ", ".join(texts) or "none"))
    return rows


def _together(katib: Release, common: tuple[str, str]) -> str:
    words = [f"on {_range(common)}", katib.note]
    return f"{katib.minor} ({'; '.join(filter(None, words))})"


def _common(left: tuple[str, str], right: tuple[str, str]) -> tuple[str, str] | None:
    first, last = max(left[0], right[0], key=numeric), min(left[1], right[1], key=numeric)
    return (first, last) if numeric(first) <= numeric(last) else None


def _range(versions: Sequence[str]) -> str:
    return versions[0] if versions[0] == versions[-1] else f"{versions[0]}..{versions[-1]}"


def _cell(value: object) -> str:
    """Return a value as a table cell: in code style, and nothing in it that ends the cell."""
    return f"`{str(value).replace('`', chr(39)).replace('|', '/')}`" if value is not None else ""
