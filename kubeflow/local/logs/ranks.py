"""How ranks ended, by the word that each leaves as `rank-<n>.exit` in its node's directory: its exit code."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from kubeflow.core.stdlib import re
from kubeflow.local.job.records import RankRecord

_EXIT = re.compile(r"rank-(\d+)\.exit")
_TOLD = "told"
# $0 is the node's directory. The trap keeps this shell alive on TERM until the rank has ended by it. Whatever code that
# gives, a rank that was told to end has not ended by itself. The shell's own remarks on signals go nowhere.
_WATCH = (
    f"told=; trap 'told=\" {_TOLD}\"' INT TERM; "
    '"$@" 2>/dev/null; code=$?; echo "$code$told" >"$0/rank-{rank}.exit"; exit "$code"'
)


def watched(directory: str, rank: str) -> tuple[str, ...]:
    """Return what a rank's command line is appended to, so that it leaves word of its end; its errors go nowhere.

    Args:
        directory: Of the node.
        rank: The rank's number, or the variable that holds it when it starts, like `"$RANK"`.
    """
    return ("/bin/sh", "-c", _WATCH.replace("{rank}", rank), directory)


def read_ranks(directory: Path, *, until: float = math.inf) -> list[RankRecord]:
    """Return how the ranks of the node in `directory` ended, those that have.

    Args:
        directory: The node's directory; its name is the step's.
        until: What ended later than this, in seconds since the epoch, was ended because the job was over.
    """
    return [RankRecord(rank, directory.name, code, at, at > until) for rank, code, at, _ in _ends(directory)]


def read_orphaned_ranks(directory: Path) -> list[RankRecord]:
    """Return the same when nobody knows when the job was over: what was told to end, and not by the job, is late."""
    return [RankRecord(rank, directory.name, code, at, told) for rank, code, at, told in _ends(directory)]


def forget_ranks(directory: Path) -> None:
    """Remove what the ranks left."""
    for path in directory.glob("rank-*.exit"):
        path.unlink(missing_ok=True)


def _ends(directory: Path) -> Iterator[tuple[int, int, float, bool]]:
    """Yield rank, exit code, time, and whether it had been told to end."""
    try:
        paths = list(directory.iterdir())
    except FileNotFoundError:  # the job was deleted
        return
    for path in paths:
        if match := _EXIT.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError, ValueError):  # being written, or its rank starts again
                code, *told = path.read_text(encoding="ascii").split() or [""]
                yield int(match[1]), int(code), path.stat().st_mtime, told == [_TOLD]
