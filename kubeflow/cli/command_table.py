"""The commands by name. A new one gets a line here, and a function in a module below `kubeflow.cli.commands`.

The module is imported when its command is called, and not for the list of commands.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple, cast

TRAINING, LOOKING, CHANGING, OBJECTS, ABOUT = "Train", "Look at jobs", "Change jobs", "Objects", "This command"
"""The sections of `kubeflow --help`, in their order."""


class CommandEntry(NamedTuple):
    """One command.

    Attributes:
        name: What follows `kubeflow` on a command line.
        section: Under which heading `kubeflow --help` lists it.
        place: Module below `kubeflow.cli.commands` and function in it, like `"train_command:train"`.
        summary: What it does, in at most 60 characters without a full stop.
    """

    name: str
    section: str
    place: str
    summary: str

    def load(self) -> Callable[..., object]:
        """Import the module of the command, and return its function."""
        module, _, function = self.place.partition(":")
        loaded = import_module(f"kubeflow.cli.commands.{module}")
        return cast("Callable[..., object]", getattr(loaded, function))


COMMANDS = (
    CommandEntry("jobs", LOOKING, "job_lists:jobs", "List jobs"),
    CommandEntry("get", LOOKING, "job_lists:get", "Show one job, or several"),
    CommandEntry("logs", LOOKING, "log_command:logs", "Print the log of a job, and follow it"),
    CommandEntry("doctor", ABOUT, "doctor_command:doctor", "Show what works here, what is missing, and why"),
)


def command_named(name: str) -> CommandEntry | None:
    """Return the command of this name; `None` when there is none."""
    return next((entry for entry in COMMANDS if entry.name == name), None)
