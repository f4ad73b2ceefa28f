"""The log lines of a job of this machine, whichever client it is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubeflow.local.job.places import Places
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.beginnings import beginnings
from kubeflow.local.logs.lines import LogLine, read_lines
from kubeflow.trainer.backends.machine.log_positions import read_offsets, write_offsets
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines


def step_logs(
    jobs: Jobs,
    record: JobRecord,
    steps: Sequence[str],
    selection: LogSelection,
    *,
    follow: bool,
    kind: str = "TrainJob",
    shown: Callable[[LogLine], str] = lambda line: line.text,
) -> LogLines:
    """Return the lines of some steps of a job, as they come.

    Args:
        jobs: Where it is kept.
        record: The job.
        steps: The steps whose logs are read.
        selection: Which lines; its `step` is not used.
        follow: Go on until the job ends.
        kind: What the job is called, for messages.
        shown: Writes a line for users.

    Raises:
        InvalidInput: `after` of the selection is no place in the logs of this job.
    """
    places = Places(record.directory)
    directories = [places.node(step) for step in steps]
    if selection.after is not None:
        offsets = read_offsets(selection.after, record, kind)
    else:
        since = None if selection.since is None else selection.since.timestamp()
        offsets = beginnings(directories, tail_lines=selection.tail_lines, since=since)
    lines = read_lines(directories, finished=jobs.finished(record), follow=follow, offsets=offsets)
    return LogLines(map(shown, lines), lambda: write_offsets(offsets, record))
