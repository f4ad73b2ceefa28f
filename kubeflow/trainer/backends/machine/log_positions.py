"""Positions in the logs of a local job: how many bytes of each of its files have been read."""

from __future__ import annotations

from collections.abc import Mapping

from kubeflow.local.job.records import JobRecord
from kubeflow.trainer.jobs.positions import read_position, refused, write_position


def write_offsets(offsets: Mapping[str, int], record: JobRecord) -> str:
    """Return the position that `offsets` are, as `kubeflow.local.logs.lines.read_lines` keeps them."""
    return write_position(_identity(record), offsets)


def read_offsets(position: str, record: JobRecord, kind: str = "TrainJob") -> dict[str, int]:
    """Return the offsets that a position is.

    Args:
        position: What a user passed.
        record: The job.
        kind: What it is called, for messages.

    Raises:
        InvalidInput: It is none of this job.
    """
    offsets: dict[str, int] = {}
    for log, offset in read_position(position, _identity(record), record.name, kind).items():
        if not (isinstance(offset, int) and offset >= 0):
            raise refused(position, record.name, "it is of another kind of job", kind)
        offsets[log] = offset
    return offsets


def _identity(record: JobRecord) -> str:
    return record.directory.name
