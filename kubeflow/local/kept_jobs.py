"""What the clients of this machine do with jobs that they find by name, whatever a job is to them."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from kubeflow.core.errors import InvalidInput
from kubeflow.core.selector import matcher
from kubeflow.local.job.records import JobRecord
from kubeflow.local.jobs import Jobs

JobT = TypeVar("JobT")


class KeptJobs(ABC, Generic[JobT]):
    """The jobs of one kind in a state directory: a base of backends.

    Attributes:
        KIND: What a job is called, like `"TrainJob"`.
    """

    KIND: str
    _jobs: Jobs

    @abstractmethod
    def _view(self, record: JobRecord) -> JobT:
        """Return a job as users see it."""

    @abstractmethod
    def _missing(self, name: str, available: Sequence[str]) -> Exception:
        """Return the error for a job that does not exist."""

    def _is_kind(self, record: JobRecord) -> bool:
        """Return True for jobs of this kind, where others are kept among them."""
        return True

    @property
    def namespace(self) -> None:
        """This machine has no namespaces."""
        return None

    def list_jobs(self, label_selector: str | None = None) -> list[JobT]:
        """Return the jobs of this state directory, oldest first."""
        matches = matcher(label_selector)
        return [self._view(record) for record in self._all() if matches(record.labels)]

    def get_job(self, name: str) -> JobT:
        """Return one job as it is now."""
        return self._view(self._find(name))

    def watching(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Nothing is to be kept: jobs tell of their changes by themselves."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: JobT, timeout: float) -> JobT:
        """Return the job once it differs from `seen`, within some hundredths of a second."""
        deadline = time.monotonic() + timeout
        wait = self._jobs.watch(name)
        record: JobRecord | None = self._find(name)
        while True:
            if record is None:
                raise self._not_found(name)
            job = self._view(record)
            left = deadline - time.monotonic()
            if job != seen or left <= 0:
                return job
            record = wait(left)

    def suspend_job(self, name: str) -> None:
        """End the processes of a job and keep it; when this returns, none is left."""
        record = self._find(name)
        if not record.finished and record.phase != "Suspended":
            found = self._jobs.suspend(record)
            if found is None:
                raise self._not_found(name)
            record = found
        self._refuse_finished(record, "suspended")

    def resume_job(self, name: str) -> None:
        """Start a suspended job anew."""
        record = self._find(name)
        self._refuse_finished(record, "resumed")
        self._jobs.resume(record)

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """End all processes of a job and delete its logs."""
        if not self._jobs.delete(self._find(name)):
            raise self._not_found(name)

    def _all(self) -> list[JobRecord]:
        return [record for record in self._jobs.all() if self._is_kind(record)]

    def _find(self, name: str) -> JobRecord:
        record = self._jobs.find(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if record is None or not self._is_kind(record):
            raise self._not_found(name)
        return record

    def _not_found(self, name: str) -> Exception:
        return self._missing(str(name), [known.name for known in self._all()])

    def _refuse_finished(self, record: JobRecord, verb: str) -> None:
        if record.finished:
            raise InvalidInput(
                f"{self.KIND} {record.name!r} is {record.phase}, and a job that has ended cannot be {verb}: "
                "make a new one."
            )
