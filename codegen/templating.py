"""The Jinja environment of all templates but the class template, which datamodel-code-generator renders itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment(root: Path) -> Environment:
    """Return the environment for `templates/` of the checkout at `root`.

    An undefined name is an error. Nothing is escaped: what is rendered is Python and Markdown, into which names come
    checked and values through `repr`.
    """
    return Environment(
        loader=FileSystemLoader(root / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
