"""The end of a container in words: its exit code, its signal, and the reason that the kubelet gives."""

from __future__ import annotations

import signal

from kubeflow.cluster.pods.pod import Exit

_SIGNAL = 128  # the exit code of a container that a signal ended is 128 and the signal's number
_ODD = {
    126: "its command cannot be executed (exit code 126)",
    127: "its command was not found (exit code 127)",
}


def how_it_ended(exit_: Exit) -> str:
    """Return how a container ended, in words: `"exited with code 1"`."""
    code = exit_.exit_code
    if exit_.reason == "OOMKilled":
        return f"ran out of memory (OOMKilled, exit code {code})"
    if exit_.reason in ("StartError", "ContainerCannotRun"):
        return f"could not be started: {exit_.message.strip() or exit_.reason}"
    if code is None or exit_.reason == "ContainerStatusUnknown":
        return "ended, and its machine does not say how"
    return f"{describe_code(code)} (exit code {code})" if signal_of(code) is not None else describe_code(code)


def describe_code(code: int) -> str:
    """Return how a process ended, by its exit code as Python or as a shell has it."""
    if (by := signal_of(code)) is not None:
        return f"was killed by {by.name}"
    return f"failed: {_ODD[code]}" if code in _ODD else f"exited with code {code}"


def signal_of(code: int | None) -> signal.Signals | None:
    """Return the signal that an exit code tells of: negative, as Python has it, or 128 and more, as a shell has it."""
    number = 0 if code is None else -code if code < 0 else code - _SIGNAL
    return signal.Signals(number) if number in set(signal.Signals) else None
