"""The navigation: which pages of this repository the site has, in which order, under which titles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "docs" / "site" / "mkdocs.yml"
PATTERNS = (
    "README.md",
    "docs/*.md",
    "docs/*/*.md",
    "docs/reference/*/*.md",
    "examples/**/*.md",
    "examples/**/*.ipynb",
    "tests/README.md",
    "locks/*.md",
)
"""What is a page: each file that fits has to stand in the navigation."""

Nav = list[dict[str, "str | Nav"]]
"""Titles with a page or with further entries."""


class SiteError(Exception):
    """The site cannot be built as things are. The text says what to change."""


class _Reader(yaml.SafeLoader):
    """Reads the configuration without making the Python objects in it: those are mkdocs'."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag.startswith("tag:yaml.org,2002:python/"):
            return None
        return super().construct_object(node, deep)  # pyright: ignore[reportUnknownMemberType]  (its stubs)


def navigation() -> Nav:
    """Return the navigation as it is written."""
    configuration: dict[str, Any] = yaml.load(CONFIGURATION.read_text("utf-8"), _Reader)
    return configuration["nav"]  # type: ignore[no-any-return]  # YAML


def entries(nav: Nav) -> Iterator[str]:
    """Yield what the navigation leads to, in order."""
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from entries(target)


def expanded(nav: Nav, generated: dict[str, Nav]) -> Nav:
    """Return the navigation with pages only: folders become their pages, words of `generated` what they stand for."""
    result: Nav = []
    for entry in nav:
        for title, target in entry.items():
            if not isinstance(target, str):
                result.append({title: expanded(target, generated)})
            elif target in generated:
                result.append({title: generated[target]})
            elif target.endswith("/"):
                result.append({title: _folder(ROOT / target)})
            else:
                result.append({title: target})
    return result


def _folder(folder: Path) -> Nav:
    """Return the pages of a folder: its README first, then files by their titles, then folders."""
    if not folder.is_dir():
        raise SiteError(f"docs/site/mkdocs.yml: {folder.relative_to(ROOT)}/ is no folder")
    found = [*folder.glob("*.md"), *folder.glob("*.ipynb")]
    files = sorted(found, key=lambda file: (file.name != "README.md", file.name))
    nav: Nav = [{title(markdown_of(file), file.stem): file.relative_to(ROOT).as_posix()} for file in files]
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))):
        nav.append({inner.name: _folder(inner)})
    return nav


def title(text: str, default: str) -> str:
    """Return the first heading of a page."""
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), default)


def markdown_of(file: Path) -> str:
    """Return the text of a page; of a notebook its texts, and its code in fences."""
    text = file.read_text("utf-8")
    if file.suffix != ".ipynb":
        return text
    parts: list[str] = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    return "\n\n".join(parts) + "\n"


def pages() -> list[str]:
    """Return the paths of all pages of this repository."""
    return sorted({file.relative_to(ROOT).as_posix() for pattern in PATTERNS for file in ROOT.glob(pattern)})


def lost_pages(listed: Iterable[str]) -> list[str]:
    """Say which pages stand in no navigation, and which entries have no page, each with what to do."""
    known = set(listed)
    problems = [
        f"{page} is in no navigation: add the line `- {title(markdown_of(ROOT / page), page)}: {page}` "
        f"to `nav` in docs/site/mkdocs.yml, where a reader would look for it"
        for page in pages()
        if page not in known
    ]
    missing = [path for path in sorted(known) if not (ROOT / path).is_file()]
    problems += [f"{path} is in the navigation of docs/site/mkdocs.yml, and is no file" for path in missing]
    return problems


def site_path(path: str) -> str:
    """Return where a file of this repository lies in the site: Markdown and sources become pages."""
    place = PurePosixPath(path)
    parts = place.parts[1:] if place.parts[0] == "docs" else place.parts
    if place.name == "README.md":
        return PurePosixPath(*parts[:-1], "index.md").as_posix()
    if place.suffix in {".png", ".svg"}:
        return PurePosixPath(*parts).as_posix()
    return PurePosixPath(*parts).with_suffix(".md").as_posix()
