"""The text of `kubeflow --help`, from the table of commands alone."""

from __future__ import annotations

import shutil

from kubeflow.cli.command_table import COMMANDS
from kubeflow.cli.wrapping import entries, paragraph

_WIDEST = 100


def overview() -> str:
    """Return what `kubeflow --help` prints, as wide as the terminal is, but 100 columns at most."""
    width = help_width()
    sections: dict[str, list[tuple[str, str]]] = {}
    for entry in COMMANDS:
        sections.setdefault(entry.section, []).append((entry.name, entry.summary))
    longest = max(len(entry.name) for entry in COMMANDS)
    lines = [
        "Usage: kubeflow COMMAND [OPTIONS]",
        "",
        *paragraph("Train, tune and serve models on this machine, in containers, or on a cluster.", width),
    ]
    for title, rows in sections.items():
        lines += ["", f"{title}:", *entries(rows, width, longest)]
    options = [("--version, -V", "Show the version"), ("--help, -h", "Show this text; COMMAND --help for a command")]
    lines += ["", "Options:", *entries(options, width)]
    where = (
        "Where jobs run: --backend of each command, else KUBEFLOW_BACKEND (kubernetes, localprocess or container), "
        "else the cluster of the kubeconfig."
    )
    return "\n".join([*lines, "", *paragraph(where, width)]) + "\n"


def help_width() -> int:
    """Return the columns that help texts may use: those of the terminal (or `COLUMNS`), 100 at most."""
    return max(20, min(shutil.get_terminal_size((80, 24)).columns, _WIDEST))
