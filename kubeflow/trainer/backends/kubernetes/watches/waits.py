"""Being told of the changes of jobs, as users see them, and not of those that are taken back at once."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager

from kubeflow_api.trainer.v1alpha1 import TrainJob as TrainJobModel

from kubeflow.cluster.errors import ClusterError, Invalid
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import not_found
from kubeflow.trainer.backends.kubernetes.jobs.views import get_job, learn_runtime, shown
from kubeflow.trainer.backends.kubernetes.watches.job_feed import Watches
from kubeflow.trainer.constants import constants
from kubeflow.trainer.types.jobs import TrainJob

logger = logging.getLogger(__name__)

# Seconds after which a failure is looked at again. Controllers since 2.1 clear the condition Failed whenever they look
# at a job, and compute it anew: what fails in one moment may not in the next.
_SETTLED = 0.3


class Waiting:
    """The jobs of a connection that someone waits for.

    Args:
        connection: The cluster.
        pace: How often it is asked.
    """

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connection = connection
        self._watches = Watches(
            connection.transport,
            connection.namespace,
            view=lambda job, pods: shown(connection, TrainJobModel.from_server(job), pods),
            missing=lambda name: not_found(connection, name),
            pace=pace,
        )

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep following a job until the context ends; see `Backend.watching`."""
        return self._watches.held(name)

    def get_job(self, name: str) -> TrainJob:
        """Return one job as it is now. Where one begins to wait for it, following it begins with that.

        Raises:
            JobNotFound: With names like it.
        """
        try:
            job = self._watches.first(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        except Invalid:  # no name that an object can have, which is said below
            job = None
        if job is not None and _behind(job):
            job = None
        model = None if job is None else self.followed(name)
        if job is None or (model is not None and learn_runtime(self._connection, model)):
            return get_job(self._connection, name)
        return job

    def followed(self, name: str) -> TrainJobModel | None:
        """Return the TrainJob as the server told of it last, if it is being followed and nothing is amiss."""
        job = self._watches.followed(name)
        return None if job is None else TrainJobModel.from_server(job)

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job as soon as it differs from `seen`; see `Backend.next_change`.

        A failure is read twice, and so is an end of which the pods do not know yet.
        """
        deadline = time.monotonic() + timeout
        while True:
            job = self._watches.next_change(name, seen, max(0.0, deadline - time.monotonic()))
            if job.status == seen.status or not (job.status == "Failed" or _behind(job)):
                return job
            if job.status == "Failed":
                time.sleep(_SETTLED)
            try:
                again = get_job(self._connection, name)
            except ClusterError as error:
                logger.debug("the end of TrainJob %s cannot be read again: %s", name, error)
                return job
            if again.status == job.status or again != seen or time.monotonic() >= deadline:
                return again


def _behind(job: TrainJob) -> bool:
    """True when a job has ended and a step of it has not: no order holds between a watch of jobs and one of pods."""
    return job.status in constants.TRAINJOB_ENDS and any(step.status in ("Pending", "Running") for step in job.steps)
