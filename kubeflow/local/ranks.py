"""How ranks ended, by the exit codes that they leave as `rank-<n>.exit` in their node's directory."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path

from kubeflow.local.records import RankRecord

_EXIT = re.compile(r"rank-(\d+)\.exit")


def read_ranks(directory: Path, *, until: float = math.inf) -> list[RankRecord]:
    """Return how the ranks of the node in `directory` ended, those that have.

    Args:
        directory: The node's directory; its name is the step's.
        until: What ended later than this, in seconds since the epoch, was ended because the job was over.
    """
    if not directory.is_dir():
        return []
    ranks: list[RankRecord] = []
    for path in directory.iterdir():
        if match := _EXIT.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError, ValueError):  # being written, or its rank starts again
                code, ended = int(path.read_text(encoding="ascii")), path.stat().st_mtime
                ranks.append(RankRecord(int(match[1]), directory.name, code, ended, ended > until))
    return ranks


def forget_ranks(directory: Path) -> None:
    """Remove what ranks of an earlier start left."""
    for path in directory.glob("rank-*.exit"):
        path.unlink(missing_ok=True)
