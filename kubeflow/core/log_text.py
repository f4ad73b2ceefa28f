"""The text of log lines, as a terminal would leave it."""

from __future__ import annotations


def standing(line: bytes) -> bytes:
    """Return what follows the last carriage return of a line, those at its end left out.

    Progress bars write themselves again and again after a carriage return: the last one stands.
    """
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def log_text(line: bytes) -> str:
    """Return what stands of a line as text: bytes that are no UTF-8 become replacement characters."""
    return standing(line).decode(errors="replace")
