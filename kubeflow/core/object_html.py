"""An API object as notebooks show it: its YAML, with secrets hidden and long texts cut."""

from __future__ import annotations

from typing import cast

from kubeflow.core import html, yaml_text
from kubeflow.core.plain import plain

_LONGEST = 400  # characters of a text, such as a bundle, that is shown whole
_LINES = 400  # lines of YAML
_UNFOLDED = 60


def object_html(kind: str, name: str | None, values: object) -> str:
    """Return a view of an object.

    Args:
        kind: Its kind.
        name: Its name; `None` where it has none.
        values: Its fields, in wire names.
    """
    lines = yaml_text.write(_shortened(plain(values))).splitlines()
    more = [f"… {len(lines) - _LINES:,} more lines"] if len(lines) > _LINES else []
    shown = html.preformatted([*lines[:_LINES], *more])
    count = f"YAML, {len(lines):,} lines; secrets are hidden, long texts are cut: to_yaml() has all"
    return html.view(
        html.heading(f"{kind} {name}" if name else kind), html.details(count, shown, opened=len(lines) <= _UNFOLDED)
    )


def _shortened(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_shortened(item) for item in cast("list[object]", value)]
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[: _LONGEST // 2]}… ({len(value):,} characters)"
    return value
