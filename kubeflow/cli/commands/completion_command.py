"""`kubeflow completion`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from kubeflow.cli.shell_scripts import SCRIPTS


class ShellName(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[ShellName, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print a script that completes commands, options, jobs, runtimes and contexts in a shell.

    $ source <(kubeflow completion bash)        # in ~/.bashrc
    $ source <(kubeflow completion zsh)         # in ~/.zshrc, after compinit
    $ kubeflow completion fish | source         # in ~/.config/fish/config.fish
    """
    sys.stdout.write(SCRIPTS[shell.value])
