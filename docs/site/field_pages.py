"""Pages of generated packages: each public name, what it is, and where its fields are described."""

from __future__ import annotations

import re
from functools import cache

from docs.site.api_pages import NOT_OURS, cell
from docs.site.navigation import ROOT, Nav
from docs.site.public_names import PublicName, names_of, public_packages

REFERENCE = ROOT / "docs" / "reference"


def field_pages() -> tuple[dict[str, str], Nav]:
    """Return the pages of generated packages by their path in the site, and their navigation."""
    packages = [package for package in public_packages() if package.startswith(NOT_OURS)]
    pages = {"fields/index.md": _overview(packages)}
    nav: Nav = [{"All packages": "fields/index.md"}]
    for package in packages:
        path = f"fields/{package.removeprefix(NOT_OURS)}.md"
        pages[path] = _package(package)
        nav.append({package: path})
    return pages, nav


def _overview(packages: list[str]) -> str:
    rows = "".join(
        f"| [`{package}`]({package.removeprefix(NOT_OURS)}.md) | {len(names_of(package))} |\n" for package in packages
    )
    return (
        "# Classes of API objects\n\nGenerated from the schemas of the control planes. How they are used: "
        f"[typed models and builders](../models.md).\n\n| package | names |\n|---|---|\n{rows}"
    )


def _package(package: str) -> str:
    parts: dict[str, list[PublicName]] = {}
    for name in names_of(package):
        parts.setdefault(name.home.rpartition(".")[2], []).append(name)
    text = f"# {package}\n"
    for module, heading in (("client", "Clients"), ("builders", "Builders"), ("", "Models"), ("rest", "")):
        chosen = parts.pop(module, []) if module else parts.pop("models", [])
        text += _table(heading, chosen)
    for module, names in parts.items():
        text += _table(module.capitalize(), names)
    return text


def _table(heading: str, names: list[PublicName]) -> str:
    if not names:
        return ""
    rows = "".join(f'| <a id="{name.name}"></a>{_link(name)} | {cell(name.summary)} |\n' for name in names)
    return f"\n## {heading}\n\n| name | what it is |\n|---|---|\n{rows}"


def _link(name: PublicName) -> str:
    place = _described(name.package).get(name.name)
    return f"[`{name.name}`](../{place})" if place else f"`{name.name}`"


@cache
def _described(package: str) -> dict[str, str]:
    """Return the heading of each class that a page of fields describes; the page of its own kind comes first."""
    folder = REFERENCE / package.removeprefix(NOT_OURS)
    places: dict[str, str] = {}
    for page in sorted(folder.glob("*.md")):
        for level, heading in re.findall(r"^(#+) (\w+)$", page.read_text("utf-8"), re.MULTILINE):
            place = f"{page.relative_to(ROOT / 'docs').as_posix()}#{heading.lower()}"
            if level == "#" or heading not in places:
                places[heading] = place
    return places
