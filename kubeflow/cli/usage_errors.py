"""What typer says of a command line that it cannot read, with the option that was probably meant."""

from __future__ import annotations

from typing import Any

from kubeflow.core.errors import did_you_mean


def usage_message(error: Any) -> str:
    """Return the lines for stderr: what is wrong, and where to read on.

    Args:
        error: An error of click or of typer, which have the same attributes and no class in common.
    """
    context: Any = getattr(error, "ctx", None)
    text = str(error.format_message()).replace("Value error, ", "")  # pydantic's, of which newer typers make use
    option: str | None = getattr(error, "option_name", None)
    if option is not None and type(error).__name__ == "NoSuchOption":
        known = _options(context.command) if context is not None else []
        text = f"There is no option {option!r}.{did_you_mean(option, known)}"
    elif "'--output'" in text and context is not None and "--job-output" in _options(context.command):
        text += " Where the job leaves what it makes is --job-output."
    where = f"\n`{context.command_path} --help` shows how it is called." if context is not None else ""
    return f"error: {text[:1].upper()}{text[1:].strip()}{where}\n"


def _options(command: Any) -> list[str]:
    return [name for param in command.params for name in param.opts]
