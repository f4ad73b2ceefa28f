"""The file in which a job reports its progress, as its supervisor looks at it again and again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kubeflow.local.job.status_file import StatusFile


def report(file: Path, percent: int, at: int | None = None) -> str:
    """Write a report, as it lies on a file system whose clock stands still; return its text."""
    text = json.dumps({"progressPercentage": percent})
    file.write_text(text)
    if at is not None:
        os.utime(file, ns=(at, at))
    return text


def test_a_report_is_seen_that_has_all_but_its_content_in_common_with_the_one_before(tmp_path: Path) -> None:
    """The same inode, size and time: of a file that replaces one that has replaced one, within a tick of the clock."""
    file = tmp_path / "status.json"
    first = report(file, 10)
    at = file.stat().st_mtime_ns
    seen = StatusFile(file)
    assert (seen.changed(), seen.changed()) == (first, None)

    second = report(file, 20, at)

    assert (seen.changed(), seen.changed()) == (second, None)


def test_what_is_no_report_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text("[1]")
    seen = StatusFile(file)

    with pytest.raises(ValueError, match="it is no JSON object"):
        seen.changed()
    assert seen.changed() is None
    text = report(file, 10)
    assert (seen.changed(), seen.changed()) == (text, None)
