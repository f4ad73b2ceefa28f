"""Lays the pages out for mkdocs: copies of this repository's with links that fit the site, and generated ones."""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
from pathlib import Path

from docs.site.api_pages import api_pages
from docs.site.field_pages import field_pages
from docs.site.flowcharts import draw, flowchart
from docs.site.navigation import (
    CONFIGURATION,
    ROOT,
    Nav,
    SiteError,
    entries,
    expanded,
    lost_pages,
    markdown_of,
    navigation,
    site_path,
)

ASSETS = ("site.css", "iframe-worker.js")
PICTURES = ("docs/images/*.png", "docs/images/*.svg")
SOURCE = {".py": "python", ".toml": "toml"}
_FLOWCHART = re.compile(r"^```mermaid\n(flowchart .*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)|(\]\()([^)\s#]*)(#[^)\s]*)?(\))", re.DOTALL)


def stage(folder: Path, out: Path) -> Path:
    """Write all pages and the configuration of mkdocs.

    Args:
        folder: Where to; what is there goes.
        out: Where the site is to go.

    Returns:
        The configuration.

    Raises:
        SiteError: A page is in no navigation, or a link leads nowhere.
    """
    made, nav = generated()
    listed = list(entries(nav))
    files = [path for path in listed if path not in made]
    if problems := lost_pages(files):
        raise SiteError("\n".join(problems))
    if folder.exists():
        shutil.rmtree(folder)
    pages = folder / "pages"
    pictures = [file.relative_to(ROOT).as_posix() for pattern in PICTURES for file in ROOT.glob(pattern)]
    known = {path: site_path(path) for path in [*files, *pictures]}
    for path in files:
        _write(pages / site_path(path), page_text(path, known))
    for path in pictures:
        _copy(ROOT / path, pages / site_path(path))
    for path, text in made.items():
        _write(pages / path, text)
    for asset in ASSETS:
        _copy(CONFIGURATION.with_name(asset), pages / asset)
    return _configuration(folder, out, nav, made)


def generated() -> tuple[dict[str, str], Nav]:
    """Return the generated pages by their path in the site, and the whole navigation."""
    api, api_nav = api_pages()
    fields, fields_nav = field_pages()
    return api | fields, expanded(navigation(), {"api/": api_nav, "fields/": fields_nav})


def page_text(path: str, known: dict[str, str]) -> str:
    """Return a file of this repository as a page of the site."""
    text = markdown_of(ROOT / path)
    suffix = Path(path).suffix
    if suffix not in {".md", ".ipynb"}:
        return f"# {Path(path).name}\n\n`{path}`\n\n````{SOURCE.get(suffix, 'text')}\n{text.rstrip()}\n````\n"
    return with_drawings(with_site_links(text, path, known), path)


def with_drawings(text: str, path: str) -> str:
    """Return a page with its flowcharts drawn.

    Raises:
        SiteError: A flowchart is not understood.
    """

    def drawn(match: re.Match[str]) -> str:
        try:
            return f"<div>{draw(flowchart(match[1]))}</div>"
        except ValueError as error:
            raise SiteError(f"{path}: {error}; docs/site/flowcharts.py says what is known") from error

    return _FLOWCHART.sub(drawn, text)


def with_site_links(text: str, path: str, known: dict[str, str]) -> str:
    """Return the text of a page with links that hold in the site.

    Args:
        text: Markdown.
        path: Of the page in this repository.
        known: Files of this repository that the site has, with their places there.

    Raises:
        SiteError: A link leads to a file that the site does not have.
    """

    def replaced(match: re.Match[str]) -> str:
        _, opening, target, heading, closing = match.groups()
        if opening is None or not target or re.match(r"[a-z]+:", target):
            return match[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if (ROOT / place).is_dir():
            place = f"{place}/README.md"
        if place not in known:
            raise SiteError(f"{path}: the site has no page for {target}: add {place} to `nav` in docs/site/mkdocs.yml")
        relative = os.path.relpath(known[place], posixpath.dirname(site_path(path)) or ".")
        return f"{opening}{relative}{heading or ''}{closing}"

    return _LINK.sub(replaced, text)


def _configuration(folder: Path, out: Path, nav: Nav, made: dict[str, str]) -> Path:
    """Write mkdocs' configuration: that of this folder, with the places of things and the whole navigation."""
    handler = {
        "paths": [str(ROOT), str(ROOT / "generated")],
        "options": {"extensions": [str(CONFIGURATION.with_name("example_sections.py"))]},
    }
    configuration = {
        "INHERIT": os.path.relpath(CONFIGURATION, folder),
        "docs_dir": str(folder / "pages"),
        "site_dir": str(out),
        "nav": _in_site(nav, made),
        "plugins": {"mkdocstrings": {"handlers": {"python": handler}}},
    }
    file = folder / "mkdocs.yml"
    # JSON is YAML, and quotes what YAML would take for something else.
    file.write_text(json.dumps(configuration, indent=1), "utf-8")
    return file


def _in_site(nav: Nav, made: dict[str, str]) -> Nav:
    result: Nav = []
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                result.append({title: target if target in made else site_path(target)})
            else:
                result.append({title: _in_site(target, made)})
    return result


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
