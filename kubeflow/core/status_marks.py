"""What a status says in a sign and a tone, which holds for jobs, steps, pods, trials, services and versions alike."""

from __future__ import annotations

from collections.abc import Mapping

_TONES: Mapping[str, str] = {
    **dict.fromkeys(("complete", "completed", "succeeded", "ready", "live", "true", "yes"), "good"),
    **dict.fromkeys(("running", "updating", "provisioning", "creating", "starting", "submitted"), "busy"),
    **dict.fromkeys(("failed", "error", "lost", "false"), "bad"),
    **dict.fromkeys(("degraded", "warning", "notready", "not ready", "pendingrerun", "retrying"), "warn"),
}
_MARKS: Mapping[str, str] = {"good": "✓", "busy": "▶", "bad": "✕", "warn": "!", "idle": "○"}


def tone(status: str) -> str:
    """Return which of `good`, `busy`, `warn`, `bad` and `idle` a status is; `idle` for those that are not known."""
    return _TONES.get(status.strip().lower(), "idle")


def mark(status: str) -> str:
    """Return the sign of a status, like `✓`: tones differ by more than their colour."""
    return _MARKS[tone(status)]
