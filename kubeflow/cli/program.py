"""`main`: from the words of a command line to a command, and to an exit code. It loads what the words name, no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from kubeflow.cli.command_table import COMMANDS, CommandEntry, command_named
from kubeflow.core.errors import MissingExtra

PROGRAM = "kubeflow"
DEBUG_VARIABLE = "KUBEFLOW_DEBUG"
"""Environment variable that does what `--debug` does, where it is set to anything but `0`."""

_HELP = ("--help", "-h")
# Options that every command has which reaches a backend; they may stand before the command too. True: a value follows.
_BEFORE_COMMAND = {
    "--backend": True,
    "--namespace": True,
    "-n": True,
    "--context": True,
    "--kubeconfig": True,
    "--output": True,
    "-o": True,
    "--debug": False,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line, and return its exit code (docs/cli.md has the list).

    A user's error is one message on stderr. `--debug`, or `KUBEFLOW_DEBUG=1` in the environment, adds the traceback.

    Args:
        argv: The words after the name of the program. Default: those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    given = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in given or os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a log line must not end the command where the terminal lacks a character
            reconfigure(errors="backslashreplace")
    try:
        code = _run(words, debug=debug)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (each becomes an exit code and words for people)
        from kubeflow.cli.failures import told

        return told(error, debug=debug)
    return code


def _run(words: list[str], *, debug: bool) -> int:
    before: list[str] = []
    while words and words[0].startswith("-") and words[0] not in _HELP:
        option, has_value = words[0].partition("=")[0], "=" not in words[0]
        if option in ("--version", "-V"):
            return _version()
        if option not in _BEFORE_COMMAND:
            raise _unknown("option", option, [*_BEFORE_COMMAND, "--help", "--version"])
        count = 2 if _BEFORE_COMMAND[option] and has_value else 1
        before, words = [*before, *words[:count]], words[count:]
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name == "__complete":
        from kubeflow.cli.candidates import print_candidates

        return print_candidates(rest)
    if name == "help" and rest:
        name, rest = rest[0], ["--help"]
    if name in (*_HELP, "help"):
        from kubeflow.cli.overview import overview

        sys.stdout.write(overview())
        return 0
    entry, rest = _command(name, rest)
    return _call(entry, [*before, *rest], debug=debug)


def _command(name: str, rest: list[str]) -> tuple[CommandEntry, list[str]]:
    """Return the command that words name, and the words after it.

    `services get` is a command of two words. `services` alone lists, and so does `services list`.
    """
    second = rest[0] if rest else ""
    if (entry := command_named(f"{name} {second}")) is not None:
        return entry, rest[1:]
    entry = command_named(name)
    if entry is None:
        raise _unknown("command", name, [known.name for known in COMMANDS])
    below = [known.name for known in COMMANDS if known.name.startswith(f"{name} ")]
    if below and second == "list":
        return entry, rest[1:]
    if below and second and not second.startswith("-"):
        raise _unknown("command", f"{name} {second}", [*below, f"{name} list"])
    return entry, rest


def _call(entry: CommandEntry, words: Sequence[str], *, debug: bool) -> int:
    if find_spec("typer") is None:
        raise MissingExtra(f"{PROGRAM} {entry.name}", "typer", "cli")
    from kubeflow.cli.log_messages import log_messages_shown
    from kubeflow.cli.typer_commands import typer_command

    command = typer_command(entry)
    with log_messages_shown(debug=debug), command.make_context(f"{PROGRAM} {entry.name}", list(words)) as context:
        code: object = command.invoke(context)
    return code if isinstance(code, int) else 0


def _version() -> int:
    from kubeflow import __version__

    sys.stdout.write(f"{PROGRAM} {__version__}\n")
    return 0


def _unknown(what: str, name: str, known: Sequence[str]) -> Exception:
    from kubeflow.core.errors import InvalidInput, did_you_mean

    return InvalidInput(f"There is no {what} {name!r}.{did_you_mean(name, known)} `{PROGRAM} --help` lists all.")
