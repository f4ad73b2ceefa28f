"""Pages of public names: for each package one that lists them, and pages with what mkdocstrings makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from docs.site.navigation import Nav
from docs.site.public_names import PATHS_OF_PUBLISHED, PublicName, names_of, public_packages

NOT_OURS = "kubeflow_api."
"""Generated packages: their models have pages of fields, and here only a list."""


def api_pages() -> tuple[dict[str, str], Nav]:
    """Return the pages of hand-written packages by their path in the site, and their navigation."""
    packages = [package for package in public_packages() if not package.startswith(NOT_OURS)]
    pages: dict[str, str] = {}
    nav: Nav = [{"All packages": "api/index.md"}, {"Older import paths": "api/older-paths.md"}]
    pages["api/index.md"] = _overview(packages)
    pages["api/older-paths.md"] = _older_paths()
    for package in packages:
        below: Nav = [{package: f"api/{package}/index.md"}]
        pages[f"api/{package}/index.md"] = _list_of_names(package)
        for group, names in _groups(package):
            path = f"api/{package}/{group}.md"
            pages[path] = _descriptions(names)
            below.append({_title(names): path})
        nav.append({package: below})
    return pages, nav


def page_of(name: PublicName) -> str:
    """Return the page that describes a name, with its anchor, as a path in the site; empty for other libraries'."""
    first = described_as(name)
    if first is None:
        return ""
    if first.what == "module":
        return f"api/{first.home}/index.md" if first.home in public_packages() else ""
    return f"api/{first.package}/{_group(first)}.md#{first.package}.{first.name}"


def described_as(name: PublicName) -> PublicName | None:
    """Return the name under which a thing is described: several packages may export it."""
    if name.what == "module":
        return name
    return _described().get((name.home, name.origin)) if name.home else None


def _described() -> dict[tuple[str, str], PublicName]:
    first: dict[tuple[str, str], PublicName] = {}
    packages = [package for package in public_packages() if not package.startswith(NOT_OURS)]
    for package in sorted(packages, key=lambda package: (package.count("."), package != "kubeflow.trainer", package)):
        for name in names_of(package):
            if name.home and name.what != "module":
                first.setdefault((name.home, name.origin), name)
    return first


def _groups(package: str) -> Iterator[tuple[str, list[PublicName]]]:
    """Yield what a package describes itself, by the module that defines it."""
    described = _described()
    own = [name for name in names_of(package) if described.get((name.home, name.origin)) == name]
    for group, names in groupby(sorted(own, key=_group), _group):
        yield group, list(names)


def _group(name: PublicName) -> str:
    return name.home.rpartition(".")[2].strip("_")


def _title(names: list[PublicName]) -> str:
    if len(names) <= 2:
        return ", ".join(name.name for name in names)
    return _group(names[0]).replace("_", " ").capitalize()


def _overview(packages: list[str]) -> str:
    rows = "".join(f"| [`{package}`]({package}/index.md) | {len(names_of(package))} |\n" for package in packages)
    return (
        "# Public names\n\nWhat users import, by package. Names that are not here may change at any time. "
        f"Models of API objects have [their own pages](../fields/index.md).\n\n| package | names |\n|---|---|\n{rows}"
    )


def _older_paths() -> str:
    text = "# Older import paths\n\nThese modules are those of the published kubeflow 0.5.0, and stay.\n"
    for module in PATHS_OF_PUBLISHED:
        rows = "".join(f"| {_link(name, '..')} | {cell(name.summary)} |\n" for name in names_of(module))
        text += f"\n## {module}\n\n| name | what it is |\n|---|---|\n{rows}"
    return text


def _list_of_names(package: str) -> str:
    rows = "".join(f"| {_link(name)} | {name.what} | {cell(name.summary)} |\n" for name in names_of(package))
    return f"# {package}\n\n| name | | |\n|---|---|---|\n{rows}"


def _link(name: PublicName, root: str = "../..") -> str:
    page = page_of(name)
    if page:
        return f"[`{name.name}`]({root}/{page})"
    return f"`{name.name}`" if name.home else f"`{name.name}` of another library"


def _descriptions(names: list[PublicName]) -> str:
    return f"# {_title(names)}\n\n" + "\n".join(f"::: {name.package}.{name.name}\n" for name in names)


def cell(text: str) -> str:
    """Return text that stays in one cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
