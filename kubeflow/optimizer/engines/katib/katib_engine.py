"""The engine that has Katib run searches: an Experiment whose trials are TrainJobs. This module wires; others do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

from kubeflow.cluster.readings import Found
from kubeflow.core.errors import Finding, InvalidInput
from kubeflow.optimizer.errors import EngineRefuses, OptimizationExists, OptimizationNotFound
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.types.optimization_types import EngineName, OptimizationJob
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.katib.v1beta1 import Experiment

    from kubeflow.cluster.wire import Json
    from kubeflow.optimizer.engines.katib.experiment_objects import SearchObjects
    from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings
    from kubeflow.trainer.backends.kubernetes.connection.connection import Connection


class KatibEngine:
    """Runs searches with Katib 0.19 or later. What it does of an `Engine` is documented there.

    Args:
        backend: The cluster, and the namespace of searches. One that is offline renders, and does nothing else.
    """

    def __init__(self, backend: KubernetesBackend) -> None:
        self._backend = backend

    def __repr__(self) -> str:
        return f"KatibEngine({self._backend!r})"

    @property
    def name(self) -> EngineName:
        """`"katib"`."""
        return "katib"

    # -- new searches -----------------------------------------------------------------------------------------------

    def findings(self, spec: OptimizationSpec) -> Sequence[Finding]:
        """Return what Katib cannot do of a search; of a cluster that lacks Katib or its label, that alone.

        At most four requests.
        """
        from kubeflow.optimizer.engines.katib.experiment_objects import cluster_findings
        from kubeflow.optimizer.engines.katib.experiment_rendering import rendered_experiment

        if not self._offline and (found := cluster_findings(self._connection("checking a search"))):
            return found
        try:
            rendered_experiment(spec, self._surroundings(spec))
        except EngineRefuses as error:
            return error.findings
        return []

    def render(self, spec: OptimizationSpec) -> Experiment:
        """Return the Experiment of a search, for the Trainer that is installed or configured."""
        from kubeflow.optimizer.engines.katib.experiment_rendering import rendered_experiment

        return rendered_experiment(spec, self._surroundings(spec))

    def optimize(self, spec: OptimizationSpec, *, resume: bool = False) -> None:
        """Create the Experiment of a search."""
        from kubeflow.optimizer.engines.katib.experiment_objects import cluster_findings, create_experiment

        connection = self._connection(f"starting search {spec.name!r}")
        if found := cluster_findings(connection):
            raise EngineRefuses(self.name, spec.name, found)
        experiment = self.render(spec)
        try:
            create_experiment(connection, experiment)
        except OptimizationExists:
            if not resume:
                raise
            from kubeflow.optimizer.engines.katib import search_changes

            search_changes.take_up(connection, spec.name, experiment)

    def create_job(self, document: str | Experiment) -> str:
        """Create an Experiment that is given as such or as YAML, and return its name.

        Raises:
            InvalidInput: It is none, or Katib cannot run it: with everything that is in the way.
        """
        from kubeflow_api.k8s.meta.v1 import ObjectMeta
        from kubeflow_api.katib.v1beta1 import Experiment

        from kubeflow.core.outgoing import check_outgoing
        from kubeflow.optimizer.engines.katib.experiment_checks import experiment_findings
        from kubeflow.optimizer.engines.katib.experiment_objects import create_experiment

        connection = self._connection("creating an Experiment")
        given = Experiment.from_yaml(document) if isinstance(document, str) else document
        check_outgoing(given)
        metadata = given.metadata or ObjectMeta()
        if not metadata.name:
            raise InvalidInput("An Experiment needs metadata.name, which trials are called after.")
        if metadata.namespace not in (None, connection.namespace):
            raise InvalidInput(
                f"The Experiment is of namespace {metadata.namespace!r}, and this client works in "
                f"{connection.namespace!r}: use KubernetesBackendConfig(namespace={metadata.namespace!r})."
            )
        if found := experiment_findings(given):
            raise EngineRefuses(self.name, metadata.name, found)
        own = ObjectMeta(
            name=metadata.name,
            namespace=metadata.namespace,
            labels=metadata.labels,
            annotations=metadata.annotations,
        )
        create_experiment(connection, given.model_copy(update={"metadata": own, "status": None}))
        return metadata.name

    # -- looking at searches ----------------------------------------------------------------------------------------

    def list_jobs(self) -> list[OptimizationJob]:
        """Return the searches of the namespace, whoever made them, oldest first: two requests, and more for pages.

        Their trials are there without their jobs.
        """
        from kubeflow.cluster import wire
        from kubeflow.optimizer.constants import constants
        from kubeflow.optimizer.engines.katib.experiment_objects import list_experiments, list_trials
        from kubeflow.optimizer.engines.katib.experiment_view import optimization_view

        connection = self._connection("listing searches")
        experiments = list_experiments(connection)
        trials: dict[str, list[Json]] = {}
        for trial in list_trials(connection) if experiments else ():
            owner = wire.strings(trial, "metadata", "labels").get(constants.EXPERIMENT_LABEL, "")
            trials.setdefault(owner, []).append(trial)
        views = [
            optimization_view(item, trials.get(wire.text(item, "metadata", "name"), ()), {}) for item in experiments
        ]
        return sorted(views, key=lambda view: (view.creation_timestamp, view.name))

    def get_job(self, name: str) -> OptimizationJob:
        """Return one search: three requests, and one more where it has failed or has no trials yet."""
        return self._look(name)[1]

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Return a context that does nothing: changes are told of by a watch for each `next_change`."""
        return contextlib.nullcontext()

    def next_change(self, name: str, seen: OptimizationJob, timeout: float) -> OptimizationJob:
        """Return the search once it differs from `seen`: the cluster tells of changes of the Experiment."""
        from kubeflow_api.katib.v1beta1 import Experiments

        deadline = time.monotonic() + timeout
        connection = self._connection(f"watching search {name!r}")
        objects, view = self._look(name)
        if view != seen or timeout <= 0:
            return view
        version = _version(objects.experiment)
        experiments = Experiments(connection.transport, connection.namespace)
        left = max(0.0, deadline - time.monotonic())
        with closing(experiments.watch(field_selector=f"metadata.name={name}", timeout=left)) as events:
            for event in events:
                if event.type != "DELETED" and _version(event.object.to_dict()) == version:
                    continue
                objects, view = self._look(name)
                if view != seen:
                    return view
                version = _version(objects.experiment)
        return self.get_job(name)

    def get_job_logs(self, name: str, trial_name: str | None = None, follow: bool = False) -> LogLines:
        """Yield the lines of a trial, as Katib's collector has them."""
        from kubeflow.optimizer.engines.katib.trial_logs import trial_logs

        def look() -> tuple[Json, OptimizationJob]:
            objects, view = self._look(name)
            return objects.experiment, view

        return trial_logs(self._backend, look, trial_name, follow)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the search, its service and its trials: two requests."""
        from kubeflow.optimizer.engines.katib.experiment_objects import get_experiment
        from kubeflow.optimizer.engines.katib.search_events import search_events

        connection = self._connection(f"reading the events of search {name!r}")
        get_experiment(connection, name)
        return search_events(connection, name)

    def explain(self, name: str) -> Explanation:
        """Return why the search is where it is."""
        from kubeflow.optimizer.engines.katib.search_explanation import explanation

        connection = self._connection(f"explaining search {name!r}")
        objects, view = self._look(name)
        return explanation(self._backend, connection, objects.experiment, view)

    # -- changing searches ------------------------------------------------------------------------------------------

    def suspend_job(self, name: str) -> None:
        """Suspend the jobs of all running trials, which keeps Katib from starting others."""
        from kubeflow.optimizer.engines.katib import search_changes

        search_changes.suspend(self._connection(f"suspending search {name!r}"), name)

    def resume_job(self, name: str) -> None:
        """Resume the jobs of trials."""
        from kubeflow.optimizer.engines.katib import search_changes

        search_changes.resume(self._connection(f"resuming search {name!r}"), name)

    def stop_job(self, name: str) -> None:
        """Suspend the jobs of all running trials for good; the search and its trials stay."""
        from kubeflow.optimizer.engines.katib import search_changes

        search_changes.stop(self._connection(f"stopping search {name!r}"), name)

    def extend(self, name: str, num_trials: int) -> None:
        """Give the Experiment another number of trials."""
        from kubeflow.optimizer.engines.katib import search_changes

        search_changes.extend(self._connection(f"extending search {name!r}"), name, num_trials)

    def delete_job(self, name: str) -> None:
        """Delete the Experiment; what it owns goes after it."""
        from kubeflow_api.katib.v1beta1 import Experiments

        from kubeflow.cluster.errors import NotFound
        from kubeflow.optimizer.engines.katib.experiment_objects import experiment_names

        connection = self._connection(f"deleting search {name!r}")
        try:
            Experiments(connection.transport, connection.namespace).delete(name)
        except NotFound:
            where = f"in namespace {connection.namespace!r}"
            raise OptimizationNotFound(name, experiment_names(connection), where=where) from None

    # ---------------------------------------------------------------------------------------------------------------

    @property
    def _offline(self) -> bool:
        return self._backend.config.offline

    def _connection(self, doing: str) -> Connection:
        return self._backend.online(doing)

    def _surroundings(self, spec: OptimizationSpec) -> Surroundings:
        from kubeflow.optimizer.engines.katib.experiment_rendering import Surroundings
        from kubeflow.trainer.backends.kubernetes.submission.preparation import offline_minor

        if self._offline:
            return Surroundings(self._backend.namespace, offline_minor(self._backend.config))
        connection = self._connection(f"rendering search {spec.name!r}")
        runtime = spec.trial.runtime
        known = connection.runtimes.look(runtime.kind, runtime.name)
        model = known.value.model if isinstance(known, Found) else None
        return Surroundings(connection.namespace, connection.minor, model)

    def _look(self, name: str) -> tuple[SearchObjects, OptimizationJob]:
        """Return a search as the server has it, and as its users see it: three or four requests."""
        from kubeflow.optimizer.engines.katib.experiment_objects import (
            SearchObjects,
            get_experiment,
            get_suggestion,
            list_trainjobs,
            list_trials,
        )
        from kubeflow.optimizer.engines.katib.experiment_view import has_trouble, optimization_view

        connection = self._connection(f"reading search {name!r}")
        experiment = get_experiment(connection, name)
        suggestion = get_suggestion(connection, name) if has_trouble(experiment) else None
        objects = SearchObjects(
            experiment,
            list_trials(connection, name),
            list_trainjobs(connection, experiment),
            suggestion.value if isinstance(suggestion, Found) else None,
        )
        return objects, optimization_view(experiment, objects.trials, objects.jobs, objects.suggestion)


def _version(experiment: Json) -> str:
    from kubeflow.cluster import wire

    return wire.text(experiment, "metadata", "resourceVersion")
