# Must run on Python 3.8.
# ruff: noqa: UP006, UP035
"""What the loader runs before all else where mpirun or its kin starts the ranks. It travels in the header."""

from __future__ import annotations

import binascii
import os
import sys

from . import RUN_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List


def fan_out(
    words: int,
    stage_0: str,
    argv: List[str],
    header: bytes,
    pieces: List[str],
    execute: Callable[[List[str]], None],
) -> None:
    """Let mpirun start the loader once per rank: the ranks are on other nodes, which see none of our files.

    Args:
        words: How many words of the launcher are mpirun and its options.
        stage_0: What precedes the loader.
        argv: Of this process.
        header: Of this process. That of the ranks differs: the pieces are in their arguments, and their loader puts
            into the environment what mpirun does not forward.
        pieces: The payload.
        execute: Replaces this process.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith("KUBEFLOW_")}
    variables.setdefault(RUN_ID, os.urandom(8).hex())  # lets the ranks of one node share one installation
    size, _, _, installs, *launcher = header[32:].decode("utf-8").split("\0")
    fields = [size, "0", "import os;os.environ.update(" + ascii(variables) + ")", installs, *launcher[words:]]
    text = binascii.b2a_base64(header[:32] + "\0".join(fields).encode("utf-8"), newline=False).decode("ascii")
    execute([*launcher[:words], sys.executable, "-c", stage_0, argv[1], text, *pieces])
