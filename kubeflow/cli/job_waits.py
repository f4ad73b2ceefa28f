"""Waiting for jobs, with what happens to them told on stderr."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from kubeflow.cli.train_options import announce

if TYPE_CHECKING:
    from kubeflow.trainer import AwaitableStatus, TrainerClient, TrainJob


def wait_for_end(
    client: TrainerClient,
    name: str,
    limit: float | None,
    *,
    status: Collection[AwaitableStatus] | None = None,
    quiet: bool = False,
) -> TrainJob:
    """Wait for a job, and write each change of its status and its progress on stderr.

    Raises as `TrainerClient.wait_for_job_status` does.

    Args:
        client: Who has the job.
        name: The job.
        limit: Seconds to wait at most; `None` for no limit.
        status: What is awaited. Default: `Complete`.
        quiet: Write nothing.
    """
    complete: AwaitableStatus = "Complete"
    awaited = (complete,) if status is None else status
    callbacks = [] if quiet else [_change_writer()]
    return client.wait_for_job_status(name, awaited, math.inf if limit is None else limit, callbacks=callbacks)


def _change_writer() -> Callable[[TrainJob], None]:
    last = ""

    def write(job: TrainJob) -> None:
        nonlocal last
        text = f"{job.name}: {job.status}{'' if job.progress is None else f', {job.progress}%'}"
        if text != last:
            announce(text)
        last = text

    return write
