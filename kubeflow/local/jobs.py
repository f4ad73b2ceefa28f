"""The jobs of a state directory, as those see them who submit, look at and end them. No job depends on this process."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.local.executors import registry
from kubeflow.local.executors.processes import MARK
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, read_plan, write_plan
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.job.records import JobEvent, JobRecord, RankRecord, Verdict
from kubeflow.local.store.job_directories import new_job_dir
from kubeflow.local.store.last_words import make_room
from kubeflow.local.store.store import NameTaken, Store
from kubeflow.local.supervision.fork_server import CAN_FORK, ForkServer
from kubeflow.local.supervision.recovery import recover, recovered, supervised
from kubeflow.local.supervision.spawn import spawn_supervisor

logger = logging.getLogger(__name__)

_POLL = 0.01  # seconds between two looks at whether the store has changed; a look takes microseconds
_CHECK = 0.2  # seconds between two looks at whether the supervisor lives


class Jobs:
    """The jobs of one state directory. Everything is read from the store, so any process sees the same.

    Args:
        state: The state directory; it is made by the first job.
        patience: Seconds beyond two graces of its job that a supervisor may take to do what it is told. One that takes
            longer, such as a stopped one, is killed, and its job fails.
    """

    def __init__(self, state: Path, *, patience: float = 20.0) -> None:
        self._state = state
        self._patience = patience
        self._fork_server: ForkServer | None = None
        self.store = _store(state)

    @contextlib.contextmanager
    def forking(self) -> Generator[None, None, None]:
        """Start the supervisors of jobs that are submitted within the context by forks, where the system can do that.

        For one thread that submits many short jobs: each costs some milliseconds instead of 0.15 s of CPU time. Jobs
        outlive the context and this process as any others do.
        """
        if not CAN_FORK or self._fork_server is not None:
            yield
            return
        with ForkServer(self._state) as server:
            self._fork_server = server
            try:
                yield
            finally:
                self._fork_server = None

    def submit(self, name: str, plan: Callable[[Places], JobPlan]) -> None:
        """Start a job; when this returns, it is in the store and a supervisor of its own has it.

        Args:
            name: Its name.
            plan: Makes its plan, once it is known where its parts are.

        Raises:
            NameTaken: When there is a job of this name.
            KubeflowError: When the state directory cannot be written to, there is no such executor, or it cannot run
                the job.
        """
        self._check_free(name)
        with contextlib.ExitStack() as undo:
            submitter = this_process()
            places = Places(new_job_dir(self._state, name, submitter))
            undo.callback(shutil.rmtree, places.directory, ignore_errors=True)
            made = replace(plan(places), parent=os.environ.get(MARK))
            registry.executor(made.executor).check(made)
            with _writing(places):
                for part in made.nodes:
                    places.node(part.name).mkdir()
                make_room(places.last_words)
                write_plan(made, places.directory)
            job = self.store.add(made, places.directory, submitter)
            undo.callback(self.store.forget, job)
            if not made.suspend:
                self._spawn(job, places.directory)
            undo.pop_all()

    def find(self, name: str) -> JobRecord | None:
        """Return a job by name, `None` when there is none, or it is being deleted."""
        record = self.store.find(name)
        if record is not None and (not record.settled or record.wanted == "delete"):
            record = recovered(self.store, record)
        return None if record is None or record.wanted == "delete" else record

    def all(self) -> list[JobRecord]:
        """Return all jobs, oldest first."""
        records = (
            record if record.settled and record.wanted != "delete" else recovered(self.store, record)
            for record in self.store.all()
        )
        return [record for record in records if record is not None and record.wanted != "delete"]

    def events(self, record: JobRecord) -> list[JobEvent]:
        """Return what happened to a job, oldest first."""
        return self.store.events(record.id)

    def standing(self, record: JobRecord) -> tuple[int, int] | None:
        """Return how many other jobs run, and how many wait before a job; `None` when it does not wait for them."""
        return self.store.standing(record.id)

    def ranks(self, record: JobRecord) -> Sequence[RankRecord]:
        """Return how its ranks ended, those that have."""
        return self.store.ranks(record.id)

    def watch(self, name: str) -> Callable[[float], JobRecord | None]:
        """Return a function that waits until something may have changed, or for so many seconds at most.

        It returns the job as it is then, `None` when it is gone, and costs next to nothing while nothing happens.
        """
        changed = self.store.change_token()

        def wait(timeout: float) -> JobRecord | None:
            deadline = time.monotonic() + timeout
            check = time.monotonic() + _CHECK
            while not changed() and (now := time.monotonic()) < min(deadline, check):
                time.sleep(min(_POLL, max(0.0, deadline - now)))
            return self.find(name)

        return wait

    def finished(self, record: JobRecord) -> Callable[[], bool]:
        """Return a function that says whether a job has ended or is gone; made to be called often."""
        changed = self.store.change_token()
        ended = record.finished
        check = 0.0

        def has_finished() -> bool:
            nonlocal ended, check
            if not ended and (changed() or time.monotonic() >= check):
                check = time.monotonic() + _CHECK
                found = self.find(record.name)
                ended = found is None or found.id != record.id or found.finished
            return ended

        return has_finished

    def suspend(self, record: JobRecord) -> JobRecord | None:
        """End the processes of a job that has not ended; return the job as it is when none is left."""
        while self.store.want(record.id, "suspend"):
            current = self._wait(record.id, lambda now: now.phase == "Suspended" or now.finished)
            if current is None or current.finished or current.phase == "Suspended":
                break
        return self.find(record.name)

    def stop(self, record: JobRecord) -> JobRecord | None:
        """End the processes of a job for good, and keep the job; return it as it is when none is left."""
        self.store.stop(record.id)
        self._wait(record.id, lambda now: now.finished)
        return self.find(record.name)

    def resume(self, record: JobRecord) -> None:
        """Start a suspended job anew; nothing happens to any other."""
        if record.wanted == "suspend" and record.phase != "Suspended":
            self._wait(record.id, lambda now: now.phase == "Suspended" or now.finished)
        with contextlib.suppress(OSError):  # a sign of life, for who looks from another machine before there is another
            Places(record.directory).supervisor_log.touch()
        if self.store.restart(record.id, this_process()):
            self._start_anew(record)

    def revive(self, record: JobRecord, reason: str) -> None:
        """Start a job anew that has ended by itself; nothing happens where another process has done so.

        Args:
            record: The job.
            reason: Why, in words, for its events.
        """
        places = Places(record.directory)
        places.last_words.unlink(missing_ok=True)
        make_room(places.last_words)
        if self.store.revive(record, this_process(), reason):
            self._start_anew(record)

    def _start_anew(self, record: JobRecord) -> None:
        try:
            self._spawn(record.id, record.directory)
        except KubeflowError as error:
            current = self.store.get(record.id)
            if current is not None:
                self.store.give_up(current, Verdict("Failed", str(error)))
                self.store.settle(record.id)
            raise

    def delete(self, record: JobRecord) -> bool:
        """End a job and forget it; when this returns, none of its processes is left. `False`: another does it."""
        if not self.store.want(record.id, "delete"):
            return False
        patience = time.monotonic() + self._limit(record)
        while (current := self.store.get(record.id)) is not None:
            if current.settled or not supervised(current):
                recover(self.store, current)
            else:
                if time.monotonic() > patience:
                    _kill_supervisor(current)
                time.sleep(_POLL)
        if record.supervisor is not None:
            while record.supervisor.alive():  # it has nothing left to do but to end
                time.sleep(_POLL)
        return True

    def _wait(self, job: int, until: Callable[[JobRecord], bool]) -> JobRecord | None:
        changed = self.store.change_token()
        patience: float | None = None
        while (current := self.store.get(job)) is not None and not until(current):
            if not current.settled and not supervised(current):
                recover(self.store, current)
                continue
            patience = patience or time.monotonic() + self._limit(current)
            if time.monotonic() > patience:
                _kill_supervisor(current)
            deadline = time.monotonic() + _CHECK
            while not changed() and time.monotonic() < deadline:
                time.sleep(_POLL)
        return current

    def _limit(self, record: JobRecord) -> float:
        try:
            return self._patience + 2 * read_plan(record.directory).grace
        except InvalidInput:  # somebody is deleting it
            return self._patience

    def _spawn(self, job: int, directory: Path) -> None:
        supervisor = None if self._fork_server is None else self._fork_server.spawn(directory)
        try:
            supervisor = supervisor or spawn_supervisor(directory)
        except OSError as error:
            raise KubeflowError(f"No process can be started for the job: {error}. Look at `ulimit -u`.") from error
        self.store.set_supervisor(job, supervisor, this_process())

    def _check_free(self, name: str) -> None:
        record = self.store.find(name)
        if record is not None and record.wanted == "delete":
            recover(self.store, record)  # who deleted it may have been killed
            record = self.store.find(name)
        if record is not None:
            raise NameTaken(name)


@contextlib.contextmanager
def _writing(places: Places) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput(
            f"The job cannot be written to {str(places.directory)!r}: {error.strerror or error}. Make room there."
        ) from error


def _kill_supervisor(record: JobRecord) -> None:
    """End a supervisor that does not do what it is told, such as a stopped one; its job can be recovered then."""
    import psutil

    supervisor = record.supervisor
    if supervisor is None or not supervisor.local:
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(supervisor.pid)
        if supervisor.alive():
            logger.warning("the supervisor of job %s (process %d) does not answer: killed", record.name, process.pid)
            process.kill()  # psutil compares start times first, so a recycled pid is safe


_stores: dict[Path, Store] = {}
_stores_lock = threading.Lock()


def _store(state: Path) -> Store:
    """Return the store of a state directory, one for all of this process: connections are not free."""
    with _stores_lock:
        return _stores.setdefault(state, Store(state))
