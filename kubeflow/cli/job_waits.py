"""Waiting for jobs, with what happens to them told where a person looks, and on stderr elsewhere."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubeflow.trainer import AwaitableStatus, TrainerClient, TrainJob

_PROGRESS_VARIABLE = "KUBEFLOW_PROGRESS"


def wait_for_end(
    client: TrainerClient,
    name: str,
    limit: float | None,
    *,
    status: Collection[AwaitableStatus] | None = None,
    quiet: bool = False,
) -> TrainJob:
    """Wait for a job, and show its progress: a line in a terminal, else a line for each change on stderr.

    Raises as `TrainerClient.wait_for_job_status` does.

    Args:
        client: Who has the job.
        name: The job.
        limit: Seconds to wait at most; `None` for no limit.
        status: What is awaited. Default: `Complete`.
        quiet: Show nothing. Otherwise `KUBEFLOW_PROGRESS` decides, where it is set.
    """
    complete: AwaitableStatus = "Complete"
    awaited = (complete,) if status is None else status
    progress = False if quiet else None if os.environ.get(_PROGRESS_VARIABLE) else True
    return client.wait_for_job_status(name, awaited, math.inf if limit is None else limit, progress=progress)
