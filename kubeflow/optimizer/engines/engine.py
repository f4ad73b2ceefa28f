"""What an engine does: it runs a search and tells the truth about the searches it has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from kubeflow.core.errors import Finding
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.types.optimization_types import EngineName, OptimizationJob
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.katib.v1beta1 import Experiment
    from kubeflow_api.trainer.v1alpha1 import OptimizationJob as OptimizationJobModel
    from kubeflow_api.trainer.v1alpha1 import TrainJob as TrainJobModel

    Rendered = Experiment | OptimizationJobModel | list[TrainJobModel]


class Engine(Protocol):
    """Where searches run. `OptimizerClient` owns what is the same everywhere: checks, packaging, waiting, pictures.

    Methods that take the name of a search raise `OptimizationNotFound`, with names like it, when there is none.
    """

    @property
    def name(self) -> EngineName:
        """Its name, as `OptimizerClient(engine=...)` takes it."""
        ...

    def findings(self, spec: OptimizationSpec) -> Sequence[Finding]:
        """Return everything of a search that this engine cannot do, each with the nearest that it can."""
        ...

    def render(self, spec: OptimizationSpec) -> Rendered:
        """Return what stands for the search on a cluster: for engines that make trials themselves, those that they
        can tell before any has ended. Nothing is sent.

        Raises:
            Unsupported: When this engine cannot express `spec`.
        """
        ...

    def optimize(self, spec: OptimizationSpec, *, resume: bool = False) -> None:
        """Start the search; when this returns, `get_job(spec.name)` knows it.

        Args:
            spec: The search.
            resume: Go on with the search of this name where there is one.

        Raises:
            InvalidInput: When it cannot run here, before anything is started.
            OptimizationExists: When the name is taken.
        """
        ...

    def create_job(self, document: str) -> str:
        """Start a search that is given as YAML of the engine's own kind, and return its name.

        Raises:
            InvalidInput: It is no such object.
            Unsupported: The engine has no kind of its own.
        """
        ...

    def list_jobs(self) -> list[OptimizationJob]:
        """Return the searches, oldest first; those that others made as far as they can be read."""
        ...

    def get_job(self, name: str) -> OptimizationJob:
        """Return one search with its trials."""
        ...

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep what `next_change` opens to be told of changes of a search, until the context ends. Asks nothing."""
        ...

    def next_change(self, name: str, seen: OptimizationJob, timeout: float) -> OptimizationJob:
        """Return the search as soon as it differs from `seen`, or after `timeout` seconds as it is then."""
        ...

    def get_job_logs(self, name: str, trial_name: str | None = None, follow: bool = False) -> LogLines:
        """Yield the lines of a trial: by default of the best one, and of the first one while there is none.

        Raises:
            InvalidInput: The search has no such trial.
        """
        ...

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the search and its trials, oldest first."""
        ...

    def explain(self, name: str) -> Explanation:
        """Return why the search is where it is, and what to do about it."""
        ...

    def suspend_job(self, name: str) -> None:
        """Start no further trial and end those that run, so that `resume_job` runs them anew. Idempotent.

        Raises:
            Unsupported: The engine cannot.
        """
        ...

    def resume_job(self, name: str) -> None:
        """Let a suspended search go on. Does nothing for one that is not suspended.

        Raises:
            Unsupported: The engine cannot.
        """
        ...

    def stop_job(self, name: str) -> None:
        """End the search for good, and keep it with its trials and their logs. Idempotent.

        Raises:
            Unsupported: The engine cannot.
        """
        ...

    def extend(self, name: str, num_trials: int) -> None:
        """Give a search another number of trials in all; one that is complete goes on.

        Raises:
            InvalidInput: It has as many already.
            Unsupported: The engine cannot.
        """
        ...

    def delete_job(self, name: str) -> None:
        """End the search if it runs, and forget it and its trials."""
        ...
