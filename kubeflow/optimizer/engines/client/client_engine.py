"""The engine that needs nothing but a backend of the trainer: searches are driven by a process of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kubeflow.core.errors import Finding, InvalidInput, KubeflowError
from kubeflow.local.state import state_dir
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.engines.client import study_process
from kubeflow.optimizer.engines.client.study_document import (
    StudyDocument,
    UnreadableSearch,
    read_document,
    read_spaces,
    write_document,
    write_spaces,
)
from kubeflow.optimizer.engines.client.study_explanation import explanation
from kubeflow.optimizer.engines.client.study_history import past_trials
from kubeflow.optimizer.engines.client.study_logs import trial_logs_of_study
from kubeflow.optimizer.engines.client.study_places import place_of, shown_place
from kubeflow.optimizer.engines.client.study_resumption import check_extension, check_goes_on
from kubeflow.optimizer.engines.client.study_store import StudyRow, StudyStore, StudyWish, TrialRow
from kubeflow.optimizer.engines.client.study_view import StudyView, unreadable_view, user_event
from kubeflow.optimizer.engines.client.trial_jobs_of_study import TrialJobs, forget_trials
from kubeflow.optimizer.errors import EngineRefuses, OptimizationExists, OptimizationNotFound
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import encoded, trial_name
from kubeflow.optimizer.types.optimization_types import EngineName, OptimizationJob
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.machine.backend import MachineBackend
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.errors import JobNotFound, Unsupported
from kubeflow.trainer.types.checks import check_count
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.trainer.v1alpha1 import TrainJob as TrainJobModel

_POLL = 0.02  # seconds between two looks at whether the store has changed
_CHECK = 1.0  # seconds between two looks at whether the driving process lives
_PATIENCE = 60.0  # seconds that the driving process may take to do what it is told


class ClientEngine:
    """Searches driven by processes of this machine; their trials are ordinary jobs of a backend.

    Args:
        backend: Where trials run.
        config: The configuration that the backend was made of: the driving process makes it again.
    """

    name: EngineName = "client"

    def __init__(self, backend: Backend, config: object) -> None:
        self._backend = backend
        self._config = config
        self._store = StudyStore(state_dir(getattr(config, "state_dir", None)))
        self._place = place_of(backend, config)
        self._views: dict[int, StudyView] = {}

    def __repr__(self) -> str:
        return f"ClientEngine({self._backend!r}, searches in {str(self._store.state)!r})"

    def findings(self, spec: OptimizationSpec) -> Sequence[Finding]:
        """Return what this engine cannot do of a search."""
        from kubeflow.optimizer.engines.client.study_findings import study_findings

        return study_findings(spec, self._backend, self._config)

    def render(self, spec: OptimizationSpec) -> list[TrainJobModel]:
        """Return the TrainJobs of the first trials, which would be made at once."""
        from kubeflow.optimizer.algorithms.searchers import searcher

        asked = searcher(spec)
        first = min(spec.config.parallel_trials, spec.config.num_trials)
        trials: list[TrialRow] = []
        for number in range(first):
            proposal = asked.ask(past_trials(spec.space, trials), number)
            if proposal is None:
                break
            trials.append(TrialRow(number, "Created", encoded(spec.space, proposal.parameters), proposal.notes))
        jobs = TrialJobs(self._backend, spec, self._store.state / "searches" / "checkpoints" / spec.name)
        return [self._backend.render(jobs.job(trial)) for trial in trials]

    def optimize(self, spec: OptimizationSpec, *, resume: bool = False) -> None:
        """Record the search, and start the process that drives it."""
        known = self._store.find(spec.name)
        if known is not None and known.wanted == "delete":
            self._delete(known)
            known = None
        if known is not None:
            if not resume:
                raise OptimizationExists(spec.name)
            self._go_on(known, spec)
            return
        found = self.findings(spec)
        if found:
            raise EngineRefuses(self.name, spec.name, found)
        if isinstance(self._backend, MachineBackend):
            self._backend.check(spec.trial)
        self._check_no_trial_runs(spec.name)
        document = write_document(spec, self._config)
        study = self._store.add(
            spec.name, self._place, spec.config.num_trials, document, write_spaces(dict(spec.space))
        )
        try:
            study_process.start(self._store.state, spec.name, os.getcwd(), os.environ)  # noqa: PTH109
        except KubeflowError:
            self._store.forget(study)
            raise
        self._keep_view(study, spec)

    def _go_on(self, known: StudyRow, spec: OptimizationSpec) -> None:
        """Go on with a search: as it is while it runs, and else with code, options and limits as they are given now."""
        if known.backend != self._place:
            raise OptimizationExists(spec.name)
        before = self._view(known).spec
        check_goes_on(before, spec)
        more = max(spec.config.num_trials, known.num_trials)
        if more > known.num_trials:
            check_extension(before, self._store.trials(known.id), more)
        elif known.phase == "Complete":
            return
        if not known.finished and known.phase != "Suspended":
            if more > known.num_trials:
                self._store.resize(known.id, more)
            self._drive(known)
            return
        found = self.findings(spec)
        if found:
            raise EngineRefuses(self.name, spec.name, found)
        if isinstance(self._backend, MachineBackend):
            self._backend.check(spec.trial)
        given = replace(spec, seed=before.seed, config=replace(spec.config, num_trials=more))
        document = write_document(given, self._config)
        self._start_again(known, more, document)
        self._keep_view(known.id, given)

    def _check_no_trial_runs(self, name: str) -> None:
        """Refuse a name whose trials would take over jobs that others have made."""
        try:
            self._backend.get_job(trial_name(name, 0))
        except JobNotFound:
            return
        raise InvalidInput(
            f"There is a job {trial_name(name, 0)!r}, which is how the first trial of a search {name!r} is called: "
            "delete the job, or give another name=."
        )

    def create_job(self, document: str) -> str:
        """This engine has no kind of its own."""
        raise Unsupported(
            "create_job() takes YAML of a cluster's kind, an Experiment or an OptimizationJob, and this client drives "
            "its searches itself: use OptimizerClient(KubernetesBackendConfig(), engine='katib'), or optimize()."
        )

    def list_jobs(self) -> list[OptimizationJob]:
        """Return the searches of this place, oldest first."""
        shown: list[OptimizationJob] = []
        for study in self._store.all():
            if self._is_here(study):
                with contextlib.suppress(OptimizationNotFound):  # somebody deletes it just now
                    shown.append(self._show(study))
        return shown

    def get_job(self, name: str) -> OptimizationJob:
        """Return one search as it is now."""
        return self._show(self._find(name))

    def watching(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Nothing is to be kept: the store tells of changes."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: OptimizationJob, timeout: float) -> OptimizationJob:
        """Return the search once it differs from `seen`."""
        deadline = time.monotonic() + timeout
        changed = self._store.change_token()
        check = 0.0
        while True:
            if time.monotonic() >= check:
                check = time.monotonic() + _CHECK
                study = self._find(name)
            else:
                study = self._row(name)
            job = self._show(study)
            if replace_jobs(job) != replace_jobs(seen) or time.monotonic() >= deadline:
                return job
            while not changed() and (now := time.monotonic()) < min(deadline, check):
                time.sleep(min(_POLL, max(0.0, deadline - now)))

    def get_job_logs(self, name: str, trial_name: str | None = None, follow: bool = False) -> LogLines:
        """Yield the lines of a trial."""
        return trial_logs_of_study(self._backend, lambda: self.get_job(name), trial_name, follow)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the search and its trials."""
        study = self._find(name)
        return [user_event(study.name, event) for event in self._store.events(study.id)]

    def explain(self, name: str) -> Explanation:
        """Return why the search is where it is."""
        study = self._find(name)
        return explanation(
            self._show(study),
            self.get_job_events(name),
            study_process.last_words(self._store.state, name),
            self._backend,
        )

    def suspend_job(self, name: str) -> None:
        """End the trials that run, and let none begin; when this returns, the search rests."""
        study = self._find(name)
        if study.phase == "Suspended":
            return
        self._refuse_ended(study, "suspended")
        self._tell(study, "suspend")

    def resume_job(self, name: str) -> None:
        """Let a suspended search go on."""
        study = self._find(name)
        self._refuse_ended(study, "resumed")
        if study.wanted == "suspend" and study.phase != "Suspended":  # another client suspends it just now
            self._tell(study, "suspend")
            study = self._row(name)
        if study.phase == "Suspended":
            self._start_again(study)

    def stop_job(self, name: str) -> None:
        """End the search for good."""
        study = self._find(name)
        while not study.finished:
            if study.phase == "Suspended":  # so it is also when another client suspends it meanwhile
                self._start_again(study, wanted="stop")
            self._tell(study, "stop")
            study = self._row(name)

    def extend(self, name: str, num_trials: int) -> None:
        """Give the search another number of trials in all."""
        study = self._find(name)
        check_count("num_trials", num_trials)
        made = len(self._store.trials(study.id))
        if num_trials <= made or num_trials == study.num_trials:
            raise InvalidInput(
                f"Search {name!r} has {made} trial(s) of {study.num_trials}: extend it to more than it has."
            )
        check_extension(self._view(study).spec, self._store.trials(study.id), num_trials)
        if study.finished:
            self._start_again(study, num_trials)
            return
        self._store.resize(study.id, num_trials)
        if study.phase != "Suspended":
            self._drive(study)

    def _start_again(
        self,
        study: StudyRow,
        num_trials: int | None = None,
        document: bytes | None = None,
        *,
        wanted: StudyWish = "run",
    ) -> None:
        """Have a search that rests or has ended go on; does nothing where another client was quicker."""
        study_process.wait_for_end(self._store.state, study.name)
        if self._store.restart(study.id, num_trials, wanted, document):
            self._drive(study)

    def delete_job(self, name: str) -> None:
        """End the search, and forget it with its trials and their jobs."""
        self._delete(self._find(name))

    def _delete(self, study: StudyRow) -> None:
        self._store.want(study.id, "delete")
        self._views.pop(study.id, None)
        with study_process.deleting(self._store.state, study.name) as turn:
            now = self._store.find(study.name)
            if now is None or now.id != study.id:  # another client was quicker, and the name may be taken again
                return
            study_process.end(self._store.state, study.name)
            forget_trials(self._backend, study.name)
            shutil.rmtree(self._store.state / "searches" / "checkpoints" / study.name, ignore_errors=True)
            (self._store.state / "searches" / f"{study.name}.lock").unlink(missing_ok=True)
            self._store.forget(study.id)
            turn.unlink(missing_ok=True)

    def _tell(self, study: StudyRow, wanted: StudyWish) -> None:
        """Have the driving process do something, and wait until it is done."""
        self._store.want(study.id, wanted)
        changed = self._store.change_token()
        deadline = time.monotonic() + _PATIENCE
        check = 0.0
        while (now := self._row(study.name)).phase not in ("Suspended", "Complete", "Failed", "Stopped"):
            if time.monotonic() > deadline:
                raise KubeflowError(
                    f"The process that drives search {study.name!r} does not answer: look at "
                    f"explain({study.name!r}), or end it with delete_job({study.name!r})."
                )
            if time.monotonic() >= check:
                check = time.monotonic() + _CHECK
                self._drive(now)
            pause = time.monotonic() + _CHECK
            while not changed() and time.monotonic() < pause:
                time.sleep(_POLL)

    def _drive(self, study: StudyRow) -> None:
        try:
            directory = self._view(study).directory
        except UnreadableSearch:  # which the process says that drives it
            directory = os.getcwd()  # noqa: PTH109
        broken = study_process.keep_going(self._store.state, study.name, directory)
        if broken is not None:
            study_process.end(self._store.state, study.name)  # the next attempt begins anew
            self._store.move(study.id, "Failed", f"the process that drives it cannot run: {broken}")

    def _find(self, name: str) -> StudyRow:
        """Return a search by name, and see to it that it is driven if it should be."""
        study = self._row(name)
        if not study.finished and study.phase != "Suspended":
            self._drive(study)
            study = self._row(name)
        return study

    def _row(self, name: str) -> StudyRow:
        study = self._store.find(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
        if study is not None and study.wanted == "delete":
            with contextlib.suppress(KubeflowError):  # who deletes it is at it, or was killed
                self._delete(study)
            study = None
        if study is None or not self._is_here(study):
            elsewhere = (
                ""
                if study is None
                else f"here: it runs on {shown_place(study.backend)}, and this client is of {shown_place(self._place)}"
            )
            raise OptimizationNotFound(str(name), self._names(), where=elsewhere)
        return study

    def _names(self) -> list[str]:
        return [study.name for study in self._store.all() if self._is_here(study)]

    def _is_here(self, study: StudyRow) -> bool:
        return study.backend == self._place and study.wanted != "delete"

    def _view(self, study: StudyRow) -> StudyView:
        view = self._views.get(study.id)
        if view is None:
            blobs = self._store.blobs(study.id)
            if blobs is None:
                raise OptimizationNotFound(study.name, self._names())
            document = read_document(blobs[0])
            space = read_spaces(blobs[1], dict(document.spec.space))
            view = self._views[study.id] = StudyView(document, space)
        return view

    def _keep_view(self, study: int, spec: OptimizationSpec) -> None:
        """Show the very objects of this process as choices, also those of classes that no other can import."""
        self._views[study] = StudyView(StudyDocument(spec, self._config, os.getcwd()), spec.space)  # noqa: PTH109

    def _show(self, study: StudyRow) -> OptimizationJob:
        trials = self._store.trials(study.id)
        try:
            view = self._view(study)
        except UnreadableSearch as error:
            return unreadable_view(study, trials, str(error))
        jobs: dict[str, TrainJob] = {}
        if trials:
            selector = f"{constants.OPTIMIZATION_LABEL}={study.name}"
            jobs = {job.name: job for job in self._backend.list_jobs(selector)}
        return view.show(study, trials, jobs)

    @staticmethod
    def _refuse_ended(study: StudyRow, verb: str) -> None:
        if study.finished:
            raise InvalidInput(
                f"Search {study.name!r} is {study.phase}, and one that has ended cannot be {verb}: give it more trials "
                f"with extend({study.name!r}, ...), or start another."
            )


def replace_jobs(job: OptimizationJob) -> OptimizationJob:
    """Return a search without the jobs of its trials, which change all the time."""
    return replace(job, trials=tuple(replace(trial, trainjob=None) for trial in job.trials))
