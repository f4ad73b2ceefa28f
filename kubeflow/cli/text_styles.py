"""Colours, where a person looks at a terminal that has some."""

from __future__ import annotations

import os
from typing import TextIO

from kubeflow.core.status_marks import tone
from kubeflow.core.terminal_text import is_terminal

RED, GREEN, YELLOW, CYAN, BOLD, FAINT = "31", "32", "33", "36", "1", "2"
"""Parameters of ANSI's SGR sequences."""

_TONES = {"good": GREEN, "busy": CYAN, "warn": YELLOW, "bad": RED, "idle": YELLOW}


def has_colours(stream: TextIO) -> bool:
    """Return whether text for a stream may have colours.

    `NO_COLOR` (https://no-color.org) switches them off and `FORCE_COLOR` on; otherwise a terminal has them, but for
    `TERM=dumb`.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, stream: TextIO) -> str:
    """Return a text in a style, where the stream has styles."""
    return f"\x1b[{style}m{text}\x1b[0m" if text and style and has_colours(stream) else text


def status_style(status: str) -> str:
    """Return the style that a status is shown in."""
    return _TONES[tone(status)]
