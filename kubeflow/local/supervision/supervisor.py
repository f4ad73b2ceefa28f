"""The supervisor: the process that runs one job, and outlives the process that submitted the job.

`python -m kubeflow.local.supervision.supervisor DIRECTORY`. It starts in milliseconds: nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.local.executors.executor import NodeExecutor
from kubeflow.local.executors.limits import usable_cpus, usable_memory
from kubeflow.local.executors.processes import MARK, SUPERVISES
from kubeflow.local.executors.registry import executor
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.job.process_identity import this_process
from kubeflow.local.job.records import STOPPED, RankRecord, Verdict
from kubeflow.local.job.status_file import StatusFile
from kubeflow.local.logs.log_sizes import INTERVAL, LogSizes
from kubeflow.local.logs.ranks import forget_ranks
from kubeflow.local.store.journal import Journal
from kubeflow.local.store.last_words import write_last_words
from kubeflow.local.store.leases import Share, Wait, lease
from kubeflow.local.store.retention import prune
from kubeflow.local.store.slots import Capacity, SlotRequest, claim
from kubeflow.local.store.store import Store
from kubeflow.local.supervision.recovery import forget_nodes, recover_all
from kubeflow.local.supervision.stage import RunningStage

_POLL = 0.02  # seconds between two looks at the processes, the store and the status file
_SLOW_POLL = 0.05  # the same for a job that has run for a while: many of them must not cost a CPU
_SLOWEST_POLL = 0.5  # the same for a job before which many others wait
_WHILE = 10.0  # seconds after which the slow poll begins
_MOMENT = 0.01  # seconds to wait for an executor that has nothing to make ready
_HEARTBEAT = 10.0  # seconds between two heartbeats
_QUEUE_CHECK = 1.0  # seconds between two looks for jobs whose supervisor was killed while they held GPUs
_PATIENCE = 10.0  # seconds to go on trying to record the end of the job


_End = Verdict | Literal["suspend", "delete"] | None


class _Over(Exception):
    """The job ends now: with a verdict, by its user's wish, or because another process has taken the job (None)."""

    def __init__(self, end: _End) -> None:
        self.end: _End = end
        super().__init__(str(end))


class Supervisor:
    """Runs one job, from its plan to its verdict.

    Args:
        directory: The job's directory.
        plan: The plan of the job.
        store: The store that has the job.
        journal: Writes of the job into that store.
        executor: The executor that runs the nodes.
    """

    def __init__(self, directory: Path, plan: JobPlan, store: Store, journal: Journal, executor: NodeExecutor) -> None:
        self._places = Places(directory)
        self._plan = plan
        self._store = store
        self._job = journal.job
        self._journal = journal
        self._executor = executor
        self._changed = store.change_token()
        self._status = StatusFile(self._places.status)
        self._unrecorded: str | None = None
        self._stage: RunningStage | None = None
        self._stages: list[RunningStage] = []
        self._deadline: float | None = None
        self._heartbeat = 0.0
        self._sizes = LogSizes([self._places.node(node.name) for node in plan.nodes])
        self._next_sizes = 0.0
        self._quick_until = time.monotonic() + _WHILE
        self._preparing: threading.Thread | None = None
        self._told_to_end = False
        self._over = False

    def tell_to_end(self, *_: object) -> None:
        """Make the job fail soon: the handler of SIGTERM."""
        self._told_to_end = True

    def run(self) -> None:
        """Run the job. When this returns, no process of the job runs."""
        end: _End
        try:
            end = self._work()
        except _Over as over:
            end = over.end
        except KubeflowError as error:
            end = Verdict("Failed", str(error))
        except Exception as error:  # noqa: BLE001 - after any error, the job must not stay `Running` for ever
            traceback.print_exc()
            end = Verdict("Failed", f"running it failed: {error!r}; see {self._places.supervisor_log}")
        decided = time.time()
        self._over = True
        if isinstance(end, Verdict):
            with contextlib.suppress(KubeflowError):  # `_record` tries again
                self._journal.decide(end, self._ranks(decided))
        try:
            self._end_nodes()
        except KubeflowError as error:  # the job is not settled: who looks at it next ends what is left
            print(f"the nodes may run on: {error}", file=sys.stderr)
            return
        self._record(end, decided)

    def _work(self) -> Verdict:
        for node in self._plan.nodes:
            self._places.node(node.name).mkdir(exist_ok=True)
        for directory in (self._places.temporary, self._places.workspace):
            directory.mkdir(exist_ok=True)
        self._tick(0.0)
        self._lease(())
        if self._plan.deadline is not None:
            self._deadline = time.monotonic() + self._plan.deadline
        self._prepare()
        for nodes in self._plan.stages:
            self._start(nodes)
            while (failed := self._poll_stage()) is None:
                self._tick()
            if failed is not True:
                return failed
        return Verdict("Complete")

    def _forget(self) -> None:
        """Remove what this start of the job said of itself, before the job starts anew. Logs stay."""
        for node in self._plan.nodes:
            forget_ranks(self._places.node(node.name))
        self._places.status.unlink(missing_ok=True)
        self._places.reports.unlink(missing_ok=True)
        shutil.rmtree(self._places.outcomes, ignore_errors=True)

    def _prepare(self) -> None:
        """Have the executor prepare the job in a thread. Meanwhile this thread does what the user wants of the job."""
        events: deque[tuple[str, str]] = deque()
        failures: list[Exception] = []

        def work() -> None:
            try:
                self._executor.prepare(
                    self._plan, self._places, lambda reason, message: events.append((reason, message)), self._is_over
                )
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that runs the job
                failures.append(error)

        self._preparing = threading.Thread(target=work, name="prepare", daemon=True)
        self._preparing.start()
        self._preparing.join(_MOMENT)  # most jobs need no preparation
        while True:
            running = self._preparing.is_alive()
            while events:
                self._journal.event(*events.popleft())
            if not running:
                break
            self._tick()
        self._preparing = None
        for failure in failures:
            raise failure

    def _is_over(self) -> bool:
        return self._over

    def _lease(self, nodes: tuple[NodePlan, ...]) -> Mapping[str, Share]:
        """Wait until the job may run, and return what its nodes get."""
        told = ""
        next_check = 0.0
        while isinstance(
            found := lease(
                self._store.database,
                self._job,
                nodes,
                gpus=self._plan.devices,
                cpus=usable_cpus(),
                request=SlotRequest(
                    claim(self._plan),
                    Capacity(self._plan.max_jobs, len(usable_cpus()), usable_memory()),
                    self._plan.parent,
                ),
            ),
            Wait,
        ):
            # How many others there are changes all the time; writing that down would wake all who wait.
            news = found.reason if found.event == "WaitingForGPUs" else found.event
            if told != news:
                told = news
                self._journal.waiting(found.event, found.reason)
            # Hundreds may wait: those that are not next look less often, at the store and after the others.
            turns = 1 + found.ahead
            while not self._tick(min(_SLOWEST_POLL, turns * _SLOW_POLL) if found.ahead else None):
                if time.monotonic() >= next_check:
                    next_check = time.monotonic() + turns * _QUEUE_CHECK
                    recover_all(self._store)
        if told:
            self._journal.admitted()
        return found

    def _start(self, nodes: tuple[NodePlan, ...]) -> None:
        shares = self._lease(nodes)
        self._stage = RunningStage(self._places, nodes, self._executor)
        self._stages.append(self._stage)
        try:
            self._stage.start(shares, cwd=self._plan.cwd)
        except OSError as error:
            raise _Over(
                Verdict("Failed", f"{self._stage.starting} could not start: {error}", self._stage.starting)
            ) from error
        self._journal.started(self._stage.ids())
        self._executor.running(str(self._places.directory))  # loads what the end of the job needs

    def _poll_stage(self) -> Verdict | Literal[True] | None:
        """Return `True` when all nodes of the stage have succeeded, a verdict when a node has failed, else `None`."""
        stage = self._stage
        assert stage is not None
        with contextlib.suppress(KubeflowError):  # recorded at the next look or at the end: no reason to end the nodes
            self._collect(math.inf)  # nothing is decided yet, so that no rank is late
        stage.poll()
        if stage.failed is not None:
            name, end = stage.failed
            return Verdict("Failed", f"{name} {end}", name)
        if (late := stage.overdue) is not None:
            return Verdict("Failed", f"{late.name} took longer than {late.deadline:g} s", late.name)
        return True if stage.succeeded else None

    def _collect(self, decided: float) -> None:
        for stage in self._stages:
            for name, end in stage.exits():
                self._journal.exited(name, end.code, str(end), stage.ranks(name, decided))

    def _ranks(self, decided: float) -> list[RankRecord]:
        return [rank for stage in self._stages for name in stage.names for rank in stage.ranks(name, decided)]

    def _tick(self, pause: float | None = None) -> bool:
        """Let a moment pass, and do what is due in every phase. True when the store has changed.

        Args:
            pause: Seconds to pass. Default: few while the job is young.

        Raises:
            _Over: When the job is to end.
        """
        if pause is None:
            pause = _POLL if time.monotonic() < self._quick_until else _SLOW_POLL
        if self._stage is None:
            time.sleep(pause)
        else:
            self._stage.wait(pause)
        now = time.monotonic()
        if now >= self._heartbeat:
            self._heartbeat = now + _HEARTBEAT
            with contextlib.suppress(OSError):
                os.utime(self._places.supervisor_log)
        if now >= self._next_sizes:
            self._next_sizes = now + INTERVAL
            with contextlib.suppress(OSError):  # a full disk, for example: `since=` is less exact then
                self._sizes.record(time.time())
        changed = self._changed()
        if changed and (wanted := self._journal.wanted()) != "run":
            raise _Over(STOPPED if wanted == "stop" else wanted)
        with contextlib.suppress(
            KubeflowError
        ):  # a full disk, for example: the job goes on, and the report is kept for the next look
            self._take_status()
        if self._told_to_end:
            raise _Over(Verdict("Failed", "its supervisor was told to end (SIGTERM), as at a shutdown"))
        if self._deadline is not None and now >= self._deadline:
            raise _Over(Verdict("Failed", f"it was active for longer than {self._plan.deadline:g} s"))
        return changed

    def _take_status(self) -> None:
        try:
            status = self._status.changed()
        except ValueError as error:
            self._journal.event("StatusIgnored", f"{self._places.status}: {error}")
            return
        if status is not None:
            self._unrecorded = status
        if self._unrecorded is not None:
            self._journal.report(self._unrecorded)
            self._unrecorded = None

    def _end_nodes(self) -> None:
        mark = str(self._places.directory)
        self._executor.end(mark, self._plan.grace)
        if self._preparing is not None:  # the thread ends soon, since `_is_over` is True
            self._preparing.join(self._plan.grace)
            self._executor.end(mark, self._plan.grace)
        self._executor.clean(mark)
        self._executor.close()

    def _record(self, end: _End, decided: float) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._try_to_record(end, decided)
            except KubeflowError:
                if time.monotonic() < deadline:
                    time.sleep(0.5)
                    continue
                if isinstance(end, Verdict):
                    write_last_words(self._places.last_words, end)
                raise
            return

    def _try_to_record(self, end: _End, decided: float) -> None:
        wanted = self._journal.wanted()
        if wanted is None:  # another process has taken the job, and has recorded its end
            return
        if isinstance(end, Verdict):
            self._collect(decided)
            self._take_status()
            self._journal.finish(end, self._ranks(decided))
        if end == "suspend":
            self._collect(decided)
            self._forget()
            self._journal.suspended()
        if end == "delete" or wanted == "delete":
            forget_nodes(self._places.directory)
            shutil.rmtree(self._places.directory, ignore_errors=True)
            self._store.forget(self._job)
        if isinstance(end, Verdict):
            prune(self._store, keep_days=self._plan.keep_days, keep_jobs=self._plan.keep_jobs, forget=forget_nodes)


def main(directory: Path) -> None:
    """Run the job in `directory`, unless another process runs it."""
    with contextlib.suppress(PermissionError):
        os.setsid()  # already the leader of its session, when started by hand
    places = Places(directory)
    store = Store(places.state)
    record = store.at(directory)
    if record is None:
        return
    journal = Journal(store.database, record.id, this_process())
    if not journal.adopt():
        return
    try:
        plan = read_plan(directory)
        runs_nodes = executor(plan.executor)
    except InvalidInput as error:  # damaged, or of a later version
        journal.finish(Verdict("Failed", str(error)), ())
        return
    supervisor = Supervisor(directory, plan, store, journal, runs_nodes)
    os.environ[MARK] = record.mark  # processes that the executor starts in `prepare` belong to the job
    os.environ.pop(SUPERVISES, None)
    signal.signal(signal.SIGTERM, supervisor.tell_to_end)
    # Not SIG_IGN, which nodes would inherit.
    ignored: Callable[..., None] = lambda *_: None  # noqa: E731
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, ignored)
    supervisor.run()
    store.database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
