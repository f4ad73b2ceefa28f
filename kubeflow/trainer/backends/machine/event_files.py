"""Where the event files of TensorBoard lie that a job of this machine has written. Nobody reads them here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kubeflow.local.job.records import JobRecord
from kubeflow.trainer.backends.machine.details import read_details

_MARK = ".tfevents."  # as in events.out.tfevents.1767322800.host.4711.0
_FOLDERS = 5_000  # a look costs microseconds a folder; a job may leave a million of them
_DEPTH = 8


def event_files(record: JobRecord) -> list[str]:
    """Return the event files in the folder of a job and in that of its output, sorted by path.

    Of very many folders, the first 5,000 are looked at, and none deeper than eight levels.
    """
    output = read_details(record.details).output
    roots = [str(record.directory), *([str(output.path)] if output is not None and output.scheme == "file" else [])]
    found = (str(Path(place, file)) for root in roots for place, file in _files(root) if _MARK in file)
    return sorted(set(found))


def _files(root: str) -> Iterator[tuple[str, str]]:
    base = root.count(os.sep)
    for place, folders, files in islice(os.walk(root), _FOLDERS):
        if place.count(os.sep) - base >= _DEPTH:
            folders.clear()
        for file in files:
            yield place, file
