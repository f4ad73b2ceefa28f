"""`kubeflow doctor`."""

from __future__ import annotations

import re
import shutil
import sys
from typing import Annotated, cast

import typer

from kubeflow.cli.command_times import seconds_of
from kubeflow.cli.failures import ExitCode
from kubeflow.cli.result_output import print_data
from kubeflow.cli.shared_options import ConnectionOptions, OutputFormat, OutputOption
from kubeflow.cli.text_styles import BOLD, GREEN, RED, YELLOW, styled
from kubeflow.cli.wording import in_command_words
from kubeflow.core.terminal_text import is_terminal
from kubeflow.doctor import SECTIONS, examine
from kubeflow.doctor.examination import SectionName

_STYLES = {"ok": GREEN, "missing": YELLOW, "broken": RED}
_MARK = re.compile(r"  (ok|missing|broken)(?=  )")
_ENDLESS = 1_000_000  # columns of a pipe: a finding and its remedy are a line each, for grep


def doctor(
    connection: ConnectionOptions,
    sections: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECTION", help=f"Look at these only: {', '.join(SECTIONS)}."),
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long a check may take, like 30s.", show_default=True)
    ] = "10s",
) -> int:
    """Show what this machine and its cluster can do, what is missing, why, and what helps. It changes nothing.

    "missing" is what nobody has set up; "broken" is what is set up, or was asked for, and does not work. The exit code
    is 1 when something is broken. Sections that are named, and what --backend needs, are asked for.

    $ kubeflow doctor
    $ kubeflow doctor cluster rights --namespace team-a
    $ kubeflow doctor -o json
    """
    examination = examine(
        cast("list[SectionName] | None", sections or None),
        backend=None if connection.backend is None else connection.backend.value,
        config_file=connection.kubeconfig,
        context=connection.context,
        namespace=connection.namespace,
        timeout=seconds_of(timeout, "--timeout"),
    )
    if output is OutputFormat.NAME:  # what a script would look at
        for finding in examination.broken:
            print(finding.name)
    elif output is OutputFormat.TABLE:
        width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else _ENDLESS
        for line in in_command_words(examination.text(width)).splitlines():
            print(_styled(line))
    else:
        print_data(examination.to_dict(), output)
    return ExitCode.BROKEN if examination.broken else ExitCode.DONE


def _styled(line: str) -> str:
    if line and not line.startswith(" ") and not line.endswith("."):
        return styled(line, BOLD, sys.stdout)
    return _MARK.sub(lambda mark: f"  {styled(mark[1], _STYLES[mark[1]], sys.stdout)}", line, count=1)
