"""The engine that leaves searches to the control plane of OptimizationJob: it creates, reads and deletes them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import quote

from kubeflow.cluster import wire
from kubeflow.cluster.errors import AlreadyExists, ControlPlaneMissing, Forbidden, NotFound
from kubeflow.cluster.pods.events import read_event
from kubeflow.core.errors import Finding, InvalidInput
from kubeflow.core.resource import Request
from kubeflow.optimizer.engines.optimizationjob.optimizationjob_view import (
    NO_CONTROLLER,
    SILENT,
    is_owned_by,
    optimizationjob_view,
)
from kubeflow.optimizer.errors import EngineRefuses, OptimizationExists, OptimizationNotFound
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.types.optimization_types import EngineName, OptimizationJob
from kubeflow.optimizer.types.trials import Trial
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.constants import constants as trainer_constants
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.trainer.v1alpha1 import OptimizationJob as OptimizationJobModel

    from kubeflow.cluster.wire import Json
    from kubeflow.trainer.backends.kubernetes.connection.connection import Connection

_PLURAL = "optimizationjobs"
_POLL = 5.0  # seconds between two looks at a search that someone waits for
_PAUSE = 1.0
_CLIENT = "Take OptimizerClient(engine='client'), which needs no controller"
_IMMUTABLE = "an OptimizationJob cannot be changed once it is made"


class OptimizationJobEngine:
    """Leaves searches to Kubeflow Trainer, in a minor that has OptimizationJobs. `Engine` documents what it does.

    Args:
        backend: The cluster, and the namespace of searches. One that is offline renders, and does nothing else.
    """

    def __init__(self, backend: KubernetesBackend) -> None:
        self._backend = backend

    def __repr__(self) -> str:
        return f"OptimizationJobEngine({self._backend!r})"

    @property
    def name(self) -> EngineName:
        """`"optimizationjob"`."""
        return "optimizationjob"

    # -- new searches -----------------------------------------------------------------------------------------------

    def findings(self, spec: OptimizationSpec) -> Sequence[Finding]:
        """Return what an OptimizationJob cannot say of a search, or that the cluster lacks the kind: one request."""
        from kubeflow.optimizer.engines.optimizationjob.optimizationjob_rendering import search_findings

        if not self._backend.config.offline and not _is_served(self._connection("checking a search")):
            return [_missing()]
        return search_findings(spec)

    def render(self, spec: OptimizationSpec) -> OptimizationJobModel:
        """Return the OptimizationJob of a search."""
        from kubeflow.optimizer.engines.optimizationjob.optimizationjob_rendering import rendered_job

        return rendered_job(spec, namespace=self._backend.namespace)

    def optimize(self, spec: OptimizationSpec, *, resume: bool = False) -> None:
        """Create the OptimizationJob of a search: two requests."""
        connection = self._connection(f"starting search {spec.name!r}")
        if not _is_served(connection):
            raise EngineRefuses(self.name, spec.name, [_missing()])
        job = self.render(spec)
        try:
            self._create(connection, job)
        except OptimizationExists:
            if not resume:
                raise
            item, _ = self._look(spec.name)
            asked = wire.mapping(job.to_dict(), "spec")
            for field in ("objectives", "searchAlgorithm", "parameters", "numTrials", "parallelTrials"):
                if wire.at(item, "spec", field) != asked.get(field):
                    raise InvalidInput(
                        f"Search {spec.name!r} exists with another {field}, and {_IMMUTABLE}: give it as it was, or "
                        "another name=."
                    ) from None

    def create_job(self, document: str | OptimizationJobModel) -> str:
        """Create an OptimizationJob that is given as such or as YAML, and return its name.

        Raises:
            InvalidInput: It is none, or a rule of the kind does not hold.
        """
        from kubeflow_api.k8s.meta.v1 import ObjectMeta
        from kubeflow_api.trainer.v1alpha1 import OptimizationJob as Model

        connection = self._connection("creating an OptimizationJob")
        given = Model.from_yaml(document) if isinstance(document, str) else document
        metadata = given.metadata or ObjectMeta()
        if not metadata.name:
            raise InvalidInput("An OptimizationJob needs metadata.name.")
        if metadata.namespace not in (None, connection.namespace):
            raise InvalidInput(
                f"The OptimizationJob is of namespace {metadata.namespace!r}, and this client works in "
                f"{connection.namespace!r}: use KubernetesBackendConfig(namespace={metadata.namespace!r})."
            )
        own = ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            labels=metadata.labels,
            annotations=metadata.annotations,
        )
        self._create(connection, given.model_copy(update={"metadata": own, "status": None}))
        return metadata.name

    # -- looking at searches ----------------------------------------------------------------------------------------

    def list_jobs(self) -> list[OptimizationJob]:
        """Return the OptimizationJobs of the namespace, oldest first: two requests, and more for pages."""
        connection = self._connection("listing searches")
        try:
            items = list(wire.listed(connection.transport, _path(connection.namespace)))
        except NotFound as error:
            raise ControlPlaneMissing(f"This cluster does not have OptimizationJobs. {_CLIENT}.") from error
        jobs = _trainjobs(connection) if items else []
        views = [optimizationjob_view(item, _of(item, jobs)) for item in items]
        return sorted(views, key=lambda view: (view.creation_timestamp, view.name))

    def get_job(self, name: str) -> OptimizationJob:
        """Return one search: two requests. Its trials are the TrainJobs that it owns."""
        return self._look(name)[1]

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: OptimizationJob, timeout: float) -> OptimizationJob:
        """Return the search once it differs from `seen`: two requests every five seconds."""
        deadline = time.monotonic() + timeout
        while True:
            job = self.get_job(name)
            left = deadline - time.monotonic()
            if job != seen or left <= 0:
                return job
            time.sleep(min(_POLL, left))

    def get_job_logs(self, name: str, trial_name: str | None = None, follow: bool = False) -> LogLines:
        """Yield the lines of a trial."""
        trial = self._trial(name, trial_name)
        if trial is not None:
            return self._backend.get_job_logs(trial.name, LogSelection(FirstNode.STEP), follow)
        if not follow:
            raise InvalidInput(f"Search {name!r} has no trials yet: call explain({name!r}).")
        return LogLines(self._followed(name), lambda: "")

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the search, and to the jobs of its trials: two requests, and three for each trial."""
        connection = self._connection(f"reading the events of search {name!r}")
        item, view = self._look(name)
        uid = wire.text(item, "metadata", "uid")
        events = map(read_event, wire.listed(connection.transport, wire.core_path(connection.namespace, "events")))
        from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event

        names = {trial.name for trial in view.trials}
        prefixes = tuple(f"{trial}-" for trial in names)
        chosen = [
            event
            for event in events
            if (event.kind == "OptimizationJob" and event.uid in ("", uid) and event.name == name)
            or event.name in names
            or event.name.startswith(prefixes)
        ]
        return [user_event(event) for event in sorted(chosen, key=lambda event: (event.first, event.last))]

    def explain(self, name: str) -> Explanation:
        """Return why the search is where it is."""
        view = self.get_job(name)
        shown = view.creation_timestamp.astimezone().isoformat(sep=" ", timespec="seconds")
        lines = [f"Search {name!r} is {view.status}{f': {view.reason}' if view.reason else ''}."]
        lines.append(
            f"  engine optimizationjob, {len(view.trials)} of {view.trial_config.num_trials} trials, made {shown}"
        )
        if view.reason == NO_CONTROLLER:
            lines += [
                "Findings:",
                f"  it has no status and no trials after {SILENT:.0f} s",
                "What to try:",
                "  Ask who runs the cluster whether its Kubeflow Trainer has a controller for OptimizationJobs.",
                f"  {_CLIENT}.",
            ]
            return Explanation("\n".join(lines))
        failed = [trial for trial in view.trials if trial.status == "Failed"]
        if failed:
            lines += ["Trials that failed:", *(f"  {trial.name}: {trial.reason}" for trial in failed[:5])]
        trial = next(iter(failed), None) or next((t for t in view.trials if t.status in ("Created", "Running")), None)
        if trial is not None:
            lines += [
                f"Trial {trial.name}:",
                *(f"  {line}" for line in str(self._backend.diagnose(trial.name)).splitlines()),
            ]
        if view.notes:
            lines += ["Notes:", *(f"  {note}" for note in view.notes)]
        return Explanation("\n".join(lines))

    # -- changing searches ------------------------------------------------------------------------------------------

    def suspend_job(self, name: str) -> None:
        """Refuse: an OptimizationJob cannot be suspended."""
        raise self._unsupported(name, "suspended")

    def resume_job(self, name: str) -> None:
        """Do nothing: no OptimizationJob is suspended."""
        self._look(name)

    def stop_job(self, name: str) -> None:
        """Refuse: an OptimizationJob cannot be stopped and kept. One that has ended is left as it is."""
        if self.get_job(name).status not in ("Complete", "Failed"):
            raise self._unsupported(name, "stopped")

    def extend(self, name: str, num_trials: int) -> None:
        """Refuse: an OptimizationJob cannot be changed."""
        raise self._unsupported(name, "extended")

    def delete_job(self, name: str) -> None:
        """Delete the OptimizationJob; the jobs of its trials go after it."""
        connection = self._connection(f"deleting search {name!r}")
        from kubeflow_api.trainer.v1alpha1 import OptimizationJobs

        try:
            OptimizationJobs(connection.transport, connection.namespace).delete(name)
        except NotFound:
            raise self._not_found(connection, name) from None

    # ---------------------------------------------------------------------------------------------------------------

    def _connection(self, doing: str) -> Connection:
        return self._backend.online(doing)

    def _create(self, connection: Connection, job: OptimizationJobModel) -> None:
        from kubeflow_api.trainer.v1alpha1 import OptimizationJobs

        name = str(job.metadata.name) if job.metadata is not None else ""
        try:
            OptimizationJobs(connection.transport, connection.namespace).create(job)
        except AlreadyExists:
            raise OptimizationExists(name) from None
        except NotFound as error:
            raise ControlPlaneMissing(f"This cluster does not have OptimizationJobs. {_CLIENT}.") from error

    def _look(self, name: str) -> tuple[Json, OptimizationJob]:
        connection = self._connection(f"reading search {name!r}")
        try:
            item = connection.transport.send(Request("GET", _path(connection.namespace, name)))
        except NotFound:
            raise self._not_found(connection, name) from None
        return item, optimizationjob_view(item, _of(item, _trainjobs(connection)))

    def _not_found(self, connection: Connection, name: str) -> OptimizationNotFound:
        names: list[str] = []
        with contextlib.suppress(Forbidden, NotFound):
            listed = wire.listed(connection.transport, _path(connection.namespace))
            names = [wire.text(item, "metadata", "name") for item in listed]
        return OptimizationNotFound(name, names, where=f"in namespace {connection.namespace!r}")

    def _trial(self, name: str, trial_name: str | None) -> Trial | None:
        view = self.get_job(name)
        if trial_name is None:
            return view.best_trial or next(iter(view.trials), None)
        found = next((trial for trial in view.trials if trial.name == trial_name), None)
        if found is None:
            names = ", ".join(trial.name for trial in view.trials[-5:]) or "none"
            raise InvalidInput(f"Search {name!r} has no trial {trial_name!r}. Newest trials: {names}.")
        return found

    def _followed(self, name: str) -> Iterator[str]:
        while (trial := self._trial(name, None)) is None:
            time.sleep(_PAUSE)
        yield from self._backend.get_job_logs(trial.name, LogSelection(FirstNode.STEP), True)

    def _unsupported(self, name: str, changed: str) -> Unsupported:
        return Unsupported(
            f"Search {name!r} cannot be {changed}: {_IMMUTABLE}. delete_job({name!r}) ends it with its trials. "
            "Searches of OptimizerClient(engine='client') can be suspended, stopped and extended."
        )


def _missing() -> Finding:
    return Finding(
        "OptimizationJob", "this cluster does not have the kind, which comes after Kubeflow Trainer 2.3", _CLIENT
    )


def _is_served(connection: Connection) -> bool:
    try:
        found = connection.transport.send(Request("GET", f"/apis/{trainer_constants.API_VERSION}"))
    except (NotFound, ControlPlaneMissing):
        return False
    except Forbidden:
        return True  # nobody knows: asking for them will tell
    return any(wire.text(resource, "name") == _PLURAL for resource in wire.objects(found, "resources"))


def _path(namespace: str, name: str | None = None) -> str:
    path = f"/apis/{trainer_constants.API_VERSION}/namespaces/{quote(namespace, safe='')}/{_PLURAL}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def _trainjobs(connection: Connection) -> list[Json]:
    """Return the TrainJobs of the namespace. Which labels a controller will give to those of trials is not settled."""
    from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path

    return list(wire.listed(connection.transport, jobs_path(connection.namespace)))


def _of(item: Json, jobs: Sequence[Json]) -> list[tuple[Json, TrainJob]]:
    from kubeflow_api.trainer.v1alpha1 import TrainJob as Model

    from kubeflow.trainer.backends.kubernetes.jobs.status import job_view

    uid = wire.text(item, "metadata", "uid")
    return [(job, job_view(Model.from_server(job), None, None)) for job in jobs if is_owned_by(job, uid)]
