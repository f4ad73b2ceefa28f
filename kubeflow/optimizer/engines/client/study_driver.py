"""The process that drives one search: it asks the algorithm, makes the jobs of trials, and records how they end.

Everything that it knows is in the store: it may be killed at any time, and another one goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.optimizer.algorithms.history import Searcher, may_be_asked
from kubeflow.optimizer.algorithms.searchers import searcher
from kubeflow.optimizer.engines.client.study_document import read_document
from kubeflow.optimizer.engines.client.study_history import past_trials
from kubeflow.optimizer.engines.client.study_store import StudyRow, StudyStore, TrialRow
from kubeflow.optimizer.engines.client.trial_jobs_of_study import TrialJobs
from kubeflow.optimizer.engines.client.trial_verdicts import ObjectiveMissing, settled, steps
from kubeflow.optimizer.engines.client.trial_watch import TrialWatch
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import encoded
from kubeflow.optimizer.types.algorithm_types import Hyperband
from kubeflow.optimizer.types.optimization_types import ENDED
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.machine.backend import MachineBackend
from kubeflow.trainer.errors import JobNotFound, Unsupported
from kubeflow.trainer.types.jobs import TrainJob

logger = logging.getLogger(__name__)

_IDLE = 10.0  # seconds without a look at the store; changes of it are noticed at once
_RETRY = 5.0  # seconds before a backend that cannot be reached is asked again


class _SearchOver(Exception):
    """The search ends, or rests. It is recorded already."""


class StudyDriver:
    """Drives one search until it ends or is told to rest.

    Args:
        store: The store.
        study: The search, as its row was read.
        spec: The search.
        backend: Where its trials run.
    """

    def __init__(self, store: StudyStore, study: StudyRow, spec: OptimizationSpec, backend: Backend) -> None:
        self._store = store
        self._study = study
        self._spec = spec
        self._backend = backend
        self._searcher: Searcher = searcher(spec)
        self._watch = TrialWatch(backend, study.name, store.change_token())
        self._trials = {trial.number: trial for trial in store.trials(study.id)}
        # Of these, jobs may be suspended with the search. Any other was suspended by somebody else, such as a queue.
        self._rested = {trial.number for trial in self._running}
        self._jobs = TrialJobs(backend, spec, store.state / "searches" / "checkpoints" / study.name)
        self._judges = spec.early_stopping is not None or isinstance(spec.algorithm, Hyperband)
        self._judged: dict[int, int] = {}
        self._exhausted = False
        self._restarted = store.restarted(study.id)
        self._started = time.time()

    def run(self) -> None:
        """Drive the search. When this returns, its row says that it has ended, rests, or is being deleted."""
        with contextlib.suppress(_SearchOver):
            if self._study.phase == "Running":  # the process before this one was killed, and wrote down no time
                self._study = replace(self._study, active=self._study.active + self._store.driven(self._study.id))
            self._store.move(self._study.id, "Running", active=self._study.active)
            while True:
                try:
                    self._follow_user()
                    self._look()
                    self._follow_limits()
                    self._fill()
                except (InvalidInput, ObjectiveMissing):
                    raise
                except KubeflowError as error:  # a cluster that does not answer, a full disk: the search goes on
                    logger.warning("search %s: %s", self._study.name, error)
                    time.sleep(_RETRY)
                    continue
                self._watch.wait(_IDLE)

    @property
    def _running(self) -> list[TrialRow]:
        return [trial for trial in self._trials.values() if trial.phase not in ENDED]

    def _active(self) -> float:
        return self._study.active + time.time() - self._started

    def _follow_user(self) -> None:
        study = self._store.find(self._study.name)
        if study is None or study.id != self._study.id or study.wanted == "delete":
            raise _SearchOver
        self._study = replace(study, active=self._study.active)
        if study.wanted == "suspend":
            for trial in self._running:
                self._jobs.suspend(trial)
            self._store.move(study.id, "Suspended", active=self._active())
            raise _SearchOver
        if study.wanted == "stop":
            self._end("Stopped", "its user stopped it", "the search was stopped")

    def _follow_limits(self) -> None:
        config, ended = self._spec.config, [trial for trial in self._trials.values() if trial.phase in ENDED]
        for objective, place in zip(self._spec.objectives, range(len(self._spec.objectives)), strict=True):
            for trial in ended:
                if trial.objectives is not None and objective.reached(trial.objectives[place]):
                    reason = f"trial {trial.number} reached the goal: {objective.metric} is {trial.objectives[place]:g}"
                    self._end("Complete", reason, "another trial reached the goal")
        failed = [trial for trial in ended if trial.phase == "Failed" and (trial.ended or 0) >= self._restarted]
        if config.max_failed_trials is not None and len(failed) > config.max_failed_trials:
            reason = f"{len(failed)} trials have failed, and max_failed_trials is {config.max_failed_trials}"
            self._end("Failed", f"{reason}. The last one: {failed[-1].reason}", "too many other trials have failed")
        if config.timeout is not None and self._active() >= config.timeout:
            self._end("Complete", f"its time was up: timeout is {config.timeout:g} s", "the time of the search was up")

    def _end(self, phase: Literal["Complete", "Failed", "Stopped"], reason: str, of_trials: str) -> None:
        """End the search now, with the trials that run."""
        for trial in self._running:
            self._settle(self._jobs.stopped(trial, of_trials))
        self._store.move(self._study.id, phase, reason, active=self._active())
        raise _SearchOver

    def _look(self) -> None:
        """Take note of the trials that have ended, and stop those that are not worth their while."""
        running = [trial for trial in self._running if trial.phase == "Running"]
        jobs = self._watch.look([self._jobs.name(trial.number) for trial in running])
        for trial in running:
            with contextlib.suppress(JobNotFound):  # somebody deletes it just now: the next look says so
                self._look_at(trial, jobs[self._jobs.name(trial.number)])

    def _look_at(self, trial: TrialRow, job: TrainJob | None) -> None:
        if job is None:
            self._settle(replace(trial, phase="Failed", reason="its job is gone", ended=time.time()))
        elif job.status in ENDED:
            self._take_end(trial, job)
        elif job.status == "Suspended" and trial.number in self._rested:
            self._backend.resume_job(job.name)
            self._rested.discard(trial.number)
        elif self._judges and job.status == "Running":
            self._judge(trial, job)

    def _take_end(self, trial: TrialRow, job: TrainJob) -> None:
        try:
            self._settle(settled(self._backend, trial, job, self._spec.objectives))
        except ObjectiveMissing as error:
            self._settle(replace(trial, phase="Failed", reason=str(error), ended=time.time()))
            if not any(each.objectives is not None for each in self._trials.values()):
                reason = f"trial {trial.number} has ended, and {error}"
                self._end("Failed", reason, "no trial gives the objective")

    def _judge(self, trial: TrialRow, job: TrainJob) -> None:
        reported = steps(self._jobs.reports(job), self._spec.objectives[0].metric)
        if len(reported) == self._judged.get(trial.number, 0):
            return
        self._judged[trial.number] = len(reported)
        trial = self._trials[trial.number] = replace(trial, reported=reported)
        reason = self._searcher.judge(past_trials(self._spec.space, self._trials.values()), trial.number)
        if reason is not None:
            self._settle(self._jobs.stopped(trial, reason))

    def _settle(self, trial: TrialRow) -> None:
        self._record(trial)
        if not self._spec.config.retain:
            self._jobs.forget(trial)

    def _record(self, trial: TrialRow) -> None:
        self._store.settle(self._study.id, trial)
        self._trials[trial.number] = trial

    def _fill(self) -> None:
        """Have as many trials run as may; end the search when there is none left."""
        for trial in self._running:
            if trial.phase == "Created":  # asked for, and perhaps not submitted: this process or another was killed
                self._submit(trial)
        config = self._spec.config
        while len(self._trials) < self._study.num_trials and not self._exhausted:
            free = min(config.parallel_trials, self._study.num_trials) - len(self._running)
            number = len(self._trials)
            history = past_trials(self._spec.space, self._trials.values())
            if free <= 0 or not may_be_asked(self._searcher, history, number):
                return
            proposal = self._searcher.ask(history, number)
            if proposal is None:
                self._exhausted = True
                break
            texts = encoded(self._spec.space, proposal.parameters)
            trial = self._store.ask(self._study.id, number, texts, proposal.notes, proposal.parent)
            self._trials[number] = trial
            self._submit(trial)
        if not self._running:
            self._finish()

    def _submit(self, trial: TrialRow) -> None:
        try:
            self._jobs.submit(trial)
        except (InvalidInput, Unsupported) as error:  # it would be refused again
            self._record(replace(trial, phase="Failed", reason=str(error), ended=time.time()))
            if len(self._trials) == 1:
                self._end("Failed", f"the job of the first trial was refused: {error}", "")
            return
        self._store.submitted(self._study.id, trial.number)
        self._trials[trial.number] = replace(trial, phase="Running")

    def _finish(self) -> None:
        ended = sorted(self._trials.values(), key=lambda trial: trial.number)
        failed = [trial for trial in ended if trial.phase == "Failed"]
        if failed and len(failed) == len(ended):
            raised = f"all {len(failed)} trials have failed. The last one: {failed[-1].reason}"
            self._end("Failed", raised, "")
        reason = ""
        if len(ended) < self._study.num_trials:
            reason = f"all {len(ended)} points of the search space were tried"
        self._end("Complete", reason, "")


def main(state: Path, name: str) -> None:
    """Drive search `name` of a state directory, unless another process does."""
    store = StudyStore(state)
    study = store.find(name)
    if study is None or study.finished or study.phase == "Suspended" or study.wanted == "delete":
        return
    with (state / "searches" / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # one that nobody has ended yet; who looks for it starts another
        try:
            _drive(store, study)
        except Exception as error:  # noqa: BLE001 - after any error, the search must not stay Running for ever
            traceback.print_exc()
            words = str(error) if isinstance(error, KubeflowError) else repr(error)
            store.move(study.id, "Failed", f"driving it failed: {words}")
    store.database.close()


def _drive(store: StudyStore, study: StudyRow) -> None:
    from kubeflow.trainer.backends.registry import backend

    blobs = store.blobs(study.id)
    if blobs is None:
        return
    document = read_document(blobs[0])
    made = backend(document.config)
    with made.forking() if isinstance(made, MachineBackend) else contextlib.nullcontext():
        StudyDriver(store, study, document.spec, made).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
