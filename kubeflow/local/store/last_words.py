"""How a job ended, where its supervisor could not tell the store: on a full disk, say.

The file is filled before the job starts, so that overwriting it needs no space.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from kubeflow.core.stdlib import json
from kubeflow.local.job.records import FINAL, Verdict

_SIZE = 4096  # bytes: a block of most file systems


def make_room(path: Path) -> None:
    """Make the file, blank.

    Raises:
        OSError: When it cannot be written.
    """
    with path.open("wb") as file:
        file.write(b" " * _SIZE)
        file.flush()
        os.fsync(file.fileno())


def write_last_words(path: Path, verdict: Verdict) -> None:
    """Overwrite the file.

    Raises:
        OSError: When it cannot be written.
    """
    text = json.dumps({**asdict(verdict), "reason": verdict.reason[: _SIZE // 16]})
    with path.open("r+b", buffering=0) as file:
        file.write(text.encode("ascii").ljust(_SIZE))


def read_last_words(path: Path) -> Verdict | None:
    """Return the verdict, `None` when there is none."""
    try:
        data = cast("dict[str, Any]", json.loads(path.read_text(encoding="ascii")))
        return Verdict(**data) if data["phase"] in FINAL else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
