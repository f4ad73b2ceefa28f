"""Extension of griffe, which reads docstrings for mkdocstrings: it has a section `Examples:`, and we write `Example:`.

Only the environment of the site has griffe.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class ExampleSections(griffe.Extension):  # type: ignore[misc]  # griffe is not in the environment of the checks
    """Reads what stands below `Example:` as a session of Python."""

    def on_object(self, *, obj: Any, **_: object) -> None:
        """Name the section as griffe does. Called for each object that was read."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
