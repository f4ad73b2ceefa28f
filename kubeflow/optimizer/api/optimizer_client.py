"""`OptimizerClient`: searches for the best hyperparameters and looks after the searches, the same with every engine."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, overload

from kubeflow.cluster.errors import ControlPlaneMissing
from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin
from kubeflow.optimizer.api.engine_choice import ChosenEngine, Engines, EngineWish
from kubeflow.optimizer.api.search_waiting import wait_for_search
from kubeflow.optimizer.engines.engine import Engine
from kubeflow.optimizer.errors import OptimizationExists, OptimizationNotFound
from kubeflow.optimizer.given_trials import WarmStart
from kubeflow.optimizer.optimization_spec import NAME_MOST, OptimizationSpec, optimization_spec
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm
from kubeflow.optimizer.types.early_stopping import EarlyStopping
from kubeflow.optimizer.types.optimization_types import (
    Objective,
    OptimizationJob,
    OptimizationStatus,
    OptimizerConfig,
    Result,
    SearchList,
    TrialConfig,
)
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.registry import BackendConfig, backend, default_config
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.fresh_names import TRIES, fresh_name, stem
from kubeflow.trainer.jobs.jobspec import AnyTrainer, Option
from kubeflow.trainer.types.checks import check_instance, wrong_type
from kubeflow.trainer.types.initializers import initializer_of
from kubeflow.trainer.types.jobs import Event, EventList, TrainJobTemplate
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.runtimes import Runtime
from kubeflow.trainer.types.torchtune import TorchTuneConfig
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from kubeflow_api.katib.v1beta1 import Experiment
    from kubeflow_api.trainer.v1alpha1 import OptimizationJob as OptimizationJobModel

    from kubeflow.optimizer.engines.engine import Rendered
    from kubeflow.optimizer.results.pictures import Figure, PlotKind

logger = logging.getLogger(__name__)

SearchReference: TypeAlias = str | OptimizationJob
"""What methods take for an existing search: its name, or the `OptimizationJob` that `get_job` returned."""

_KIND = re.compile(r"""\bkind["']?\s*:\s*["']?(Experiment|OptimizationJob)\b""")
_COMPLETE: frozenset[OptimizationStatus] = frozenset({"Complete"})


@thin
class OptimizerClient:
    """Searches for the best hyperparameters: each trial is a training job, on this machine or on a cluster.

    Args:
        backend_config: Where trials run, as for `TrainerClient`. Default: what the environment variable
            `KUBEFLOW_BACKEND` names (`kubernetes`, `localprocess` or `container`), else `kubernetes`.
        engine: What runs searches. `"client"`: a process of this machine, which outlives this one, asks the algorithm
            and makes the trials' jobs; it can do everything. `"katib"` and `"optimizationjob"`: control planes of a
            cluster. `"auto"`: Katib where it is installed and can do all of a search, else the client; a logged line
            says which one and why.

    Raises:
        InvalidInput: When `backend_config` is none of the configurations, or `engine` does not go with it.
        Unsupported: When this version does not have the backend, or not on this operating system.

    Example:
        >>> client = OptimizerClient(LocalProcessBackendConfig())
        >>> name = client.optimize(CustomTrainer.call(fit, lr=Search.loguniform(1e-4, 1e-1)))
        >>> client.wait_for_job_status(name).best_trial.parameters
        {'lr': 0.0123}
    """

    def __init__(self, backend_config: BackendConfig | None = None, engine: EngineWish = "auto") -> None:
        config = default_config() if backend_config is None else backend_config
        self.backend: Backend = backend(config)
        self._engines = Engines(engine, self.backend, config)
        self._homes: dict[str, Engine] = {}

    def __repr__(self) -> str:
        return f"OptimizerClient({self.backend!r})"

    @overload
    def optimize(
        self,
        trial_template: TrainJobTemplate | AnyTrainer | None = None,
        *,
        trial_config: TrialConfig | None = None,
        search_space: Mapping[str, object] | None = None,
        objectives: Sequence[Objective] | None = None,
        algorithm: BaseAlgorithm | None = None,
        early_stopping: EarlyStopping | None = None,
        name: str | None = None,
        options: Sequence[Option] | None = None,
        enqueue: Sequence[Mapping[str, object]] | None = None,
        warm_start: Sequence[WarmStart] | None = None,
        resume: bool = False,
        dry_run: Literal[False] = False,
        runtime: str | Runtime | None = None,
        runtime_ref: str | None = None,
        fine_tuning_config: TorchTuneConfig | None = None,
        optimizer_config: OptimizerConfig | None = None,
    ) -> str: ...

    @overload
    def optimize(
        self,
        trial_template: TrainJobTemplate | AnyTrainer | None = None,
        *,
        trial_config: TrialConfig | None = None,
        search_space: Mapping[str, object] | None = None,
        objectives: Sequence[Objective] | None = None,
        algorithm: BaseAlgorithm | None = None,
        early_stopping: EarlyStopping | None = None,
        name: str | None = None,
        options: Sequence[Option] | None = None,
        enqueue: Sequence[Mapping[str, object]] | None = None,
        warm_start: Sequence[WarmStart] | None = None,
        resume: bool = False,
        dry_run: Literal[True],
        runtime: str | Runtime | None = None,
        runtime_ref: str | None = None,
        fine_tuning_config: TorchTuneConfig | None = None,
        optimizer_config: OptimizerConfig | None = None,
    ) -> Rendered: ...

    def optimize(
        self,
        trial_template: TrainJobTemplate | AnyTrainer | None = None,
        *,
        trial_config: TrialConfig | None = None,
        search_space: Mapping[str, object] | None = None,
        objectives: Sequence[Objective] | None = None,
        algorithm: BaseAlgorithm | None = None,
        early_stopping: EarlyStopping | None = None,
        name: str | None = None,
        options: Sequence[Option] | None = None,
        enqueue: Sequence[Mapping[str, object]] | None = None,
        warm_start: Sequence[WarmStart] | None = None,
        resume: bool = False,
        dry_run: bool = False,
        runtime: str | Runtime | None = None,
        runtime_ref: str | None = None,
        fine_tuning_config: TorchTuneConfig | None = None,
        optimizer_config: OptimizerConfig | None = None,
    ) -> str | Rendered:
        """Search for the parameters with which a training job does best, and return the name of the search at once.

        Search spaces stand in the trainer in place of values, or beside it in `search_space`:

            client.optimize(CustomTrainer.call(fit, lr=Search.loguniform(1e-4, 1e-1), epochs=3))
            client.optimize(TrainJobTemplate(trainer=CustomTrainer(fit)), search_space={"lr": Search.uniform(0, 1)})

        Args:
            trial_template: What each trial runs: a template, or a trainer alone.
            trial_config: How many trials, and when the search ends. Default: ten, one at a time.
            search_space: Search spaces by the name of the argument or setting.
            objectives: Metrics to make small or large. Default: a small `loss`.
            algorithm: How parameters are proposed. Default: `RandomSearch()`.
            early_stopping: When a running trial is ended because others do better. Default: never.
            name: Name of the search, an RFC 1035 label of at most 56 characters. Default: what a trial runs and four
                hexadecimal digits. Trials are called `<name>-<number>`.
            options: Changes to the job of each trial beyond its trainer, applied in order.
            enqueue: Parameters of the first trials, some or all of them.
            warm_start: Earlier searches, or pairs of parameters and metrics, to learn from.
            resume: Go on with the search of this `name` where there is one: what has run is not run again. Space,
                objectives, algorithm and early stopping must be as they were. A search that rests or has ended goes on
                with the code, options and limits that are given now; `num_trials` may grow.
            dry_run: Start nothing and return what stands for the search on a cluster: an Experiment, an
                OptimizationJob, or the TrainJobs of the first trials.
            runtime: The runtime of a trainer that is given alone, by name or as an object.
            runtime_ref: The same as `runtime`.
            fine_tuning_config: Short for `trial_template=BuiltinTrainer(config=...)`, with search spaces in it.
            optimizer_config: Short for `objectives` and `trial_config`.

        Returns:
            The name of the search; with `dry_run` the typed object or objects.

        Raises:
            InvalidInput: When the search cannot work, before anything is started: cause and remedy in words.
                `PackagingError`, `OptimizationExists` and `EngineRefuses` are kinds of it.
            Unsupported: When no engine of this client can do it in this version.
        """
        template = _template(trial_template, fine_tuning_config, runtime, runtime_ref)
        if optimizer_config is not None:
            check_instance("optimizer_config", optimizer_config, (OptimizerConfig,))
            if objectives is not None or trial_config is not None:
                raise InvalidInput(
                    "optimizer_config= is short for objectives= and trial_config=: give it, or these two."
                )
            objectives, trial_config = [optimizer_config.to_objective()], optimizer_config.to_trial_config()
        if resume and name is None:
            raise InvalidInput("resume=True goes on with a search: say which one with name=.")
        resolved = self._runtime(template.runtime)
        called = stem(template.trainer, resolved.name)[:NAME_MOST]
        if template.options and options:
            raise InvalidInput("The template has options, and options= gives others: give them in one place.")

        initializer = None if template.initializer is None else initializer_of(template.initializer)

        def spec_named(chosen: str) -> OptimizationSpec:
            return optimization_spec(
                name=chosen,
                runtime=resolved,
                trainer=template.trainer,
                search_space=search_space,
                initializer=initializer,
                options=template.options if options is None else options,
                objectives=objectives,
                algorithm=algorithm,
                trial_config=trial_config,
                early_stopping=early_stopping,
                enqueue=enqueue,
                warm_start=warm_start,
                same_python=self.backend.same_python,
            )

        spec = spec_named(fresh_name(called) if name is None else name)
        chosen = self._choose(spec)
        if dry_run:
            return chosen.engine.render(spec)
        for _ in range(TRIES if name is None else 0):
            with contextlib.suppress(OptimizationExists):  # by a rare chance; another name is as good
                chosen.engine.optimize(spec)
                return self._begun(spec, chosen)
            spec = spec_named(fresh_name(called))
        chosen.engine.optimize(spec, resume=resume)
        return self._begun(spec, chosen)

    def create_job(self, job: str | Experiment | OptimizationJobModel) -> str:
        """Start a search that is given as an object of a cluster's kind, as `optimize(..., dry_run=True)` returns it.

        Args:
            job: The Experiment or OptimizationJob, or its YAML.

        Returns:
            The name of the search.

        Raises:
            InvalidInput: It is no such object, or one that cannot work.
            Unsupported: The searches of this client are not objects of a cluster.
        """
        given: object = job
        if not isinstance(given, str) and not hasattr(given, "to_yaml"):
            raise wrong_type("job", given, (str,), remedy="Give the YAML of an Experiment or an OptimizationJob.")
        text = job if isinstance(job, str) else job.to_yaml()
        kind, names = _KIND.search(text), self._engines.names
        engine = {"Experiment": "katib", "OptimizationJob": "optimizationjob"}.get(kind[1] if kind else "")
        return self._engines.get(engine if engine in names else names[min(1, len(names) - 1)]).create_job(text)

    def list_jobs(self) -> list[OptimizationJob]:
        """Return the searches, oldest first: those of every engine that this client can use."""
        found: list[OptimizationJob] = []
        failures: list[KubeflowError] = []
        for name in self._engines.names:
            try:
                found += self._engines.get(name).list_jobs()
            except KubeflowError as error:
                failures.append(error)
        if failures and not found and len(failures) == len(self._engines.names):
            raise failures[0]
        for failure in failures:
            logger.info("some searches are not listed: %s", failure)
        return SearchList(sorted(found, key=lambda job: job.creation_timestamp))

    def get_job(self, name: SearchReference) -> OptimizationJob:
        """Return one search with its trials, as it is now.

        Args:
            name: The search: its name, or an `OptimizationJob` of it. So do all methods that take a `name`.

        Raises:
            OptimizationNotFound: With names like it.
        """
        known = _name(name)
        missing: list[Exception] = []
        for engine in (self._engines.get(each) for each in self._places(name)):
            try:
                job = engine.get_job(known)
            except (OptimizationNotFound, Unsupported, ControlPlaneMissing) as error:  # not there, or no such engine
                missing.append(error)
            else:
                self._homes[known] = engine
                return job
        raise missing[0]

    def get_job_logs(self, name: SearchReference, trial_name: str | None = None, follow: bool = False) -> LogLines:
        """Return an iterator over the log lines of a trial's first node.

        Args:
            name: The search.
            trial_name: The trial. Default: the best one, and the first one while there is none.
            follow: Yield each line as soon as it is whole, until the trial ends.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: The search has no such trial.
        """
        return self._home(name).get_job_logs(_name(name), trial_name, follow)

    def get_best_results(self, name: SearchReference) -> Result | None:
        """Return the parameters and metrics of the best trial; `None` while no trial is complete.

        Raises:
            OptimizationNotFound: With names like it.
        """
        best = self.get_job(name).best_trial
        return None if best is None else Result(best.parameters, best.metrics, best.name)

    def to_dataframe(self, name: SearchReference) -> pd.DataFrame:
        """Return the trials of a search as a data frame of pandas: a row each, with parameters and metrics as columns.

        Raises:
            OptimizationNotFound: With names like it.
            MissingExtra: pandas is not installed.
        """
        from kubeflow.optimizer.results.trial_table import to_dataframe

        return to_dataframe(self._job(name))

    def plot(
        self,
        name: SearchReference,
        kind: PlotKind = "history",
        *,
        objective: str | None = None,
        parameters: Sequence[str] | None = None,
        library: Literal["plotly", "matplotlib"] = "plotly",
    ) -> Figure:
        """Return a picture of a search: `history`, `importances`, `parallel`, `contour`, `slice` or `pareto`.

        Args:
            name: The search.
            kind: What is drawn.
            objective: The metric, where there are several objectives. Default: the first one.
            parameters: The parameters that are drawn. Default: all.
            library: `"plotly"` is interactive, `"matplotlib"` is for files and papers.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: There are too few complete trials, or no such objective or parameter.
            MissingExtra: A library is not installed.
        """
        from kubeflow.optimizer.results.pictures import plot

        return plot(self._job(name), kind, objective=objective, parameters=parameters, library=library)

    def export(self, name: SearchReference, path: str | os.PathLike[str]) -> Path:
        """Write a search to a file, and return its path.

        Args:
            name: The search.
            path: `.csv` is a table, `.json` has the search with its trials, and `.log` is a journal that
                `optuna-dashboard` opens. A file that is there is replaced.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: The file has another ending.
            MissingExtra: For `.log`, when Optuna is not installed.
        """
        from kubeflow.optimizer.results.exports import export

        return export(self._job(name), path)

    def report(
        self, name: SearchReference, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
    ) -> Path:
        """Write all that is known of a search as one page of HTML, to be read, kept or mailed, and return its path.

        The page has the best trial, the objective by trial, each parameter against it, all trials, the failed ones with
        their causes, the search space, the algorithm, what `explain` says, and events. It loads nothing, runs no
        script, and takes 2 MB at most: it says what it leaves out. Secrets are hidden where they look like such.

        Args:
            name: The search.
            path: The file, whose name ends in `.html`, or a folder. A report that is there is replaced. Default:
                `<search>-report.html` in the working directory.
            overwrite: Replace the file also when it is no report.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: The folder does not exist, or the file is none that may be written.
        """
        from kubeflow.optimizer.results.study_report import written_study
        from kubeflow.reporting.report_file import report_place, write_report

        job = self.get_job(name)
        file = report_place(path, job.name, overwrite=overwrite)
        gaps: dict[str, str] = {}
        explained, events = "", list[Event]()
        try:
            explained = self._home(name).explain(job.name)
        except KubeflowError as error:  # deleted meanwhile, or not permitted: the page says so
            gaps["explained"] = f"Not known: {error}"
        try:
            events = self._home(name).get_job_events(job.name)
        except KubeflowError as error:
            gaps["events"] = f"Not known: {error}"
        return write_report(file, written_study(job, explained, events, gaps))

    def wait_for_job_status(
        self,
        name: SearchReference,
        status: OptimizationStatus | Collection[OptimizationStatus] = _COMPLETE,
        timeout: float = 3600,
        polling_interval: float = 2,
        callbacks: Sequence[Callable[[OptimizationJob], None]] | None = None,
        *,
        progress: bool | None = None,
    ) -> OptimizationJob:
        """Wait until a search has reached one of some statuses.

        Args:
            name: The search.
            status: One of `Created`, `Running`, `Suspended`, `Complete`, `Failed`, `Stopped`, or several.
            timeout: Seconds to wait at most, by the clock.
            polling_interval: Seconds between two calls of the callbacks.
            callbacks: Called with the search at each interval and when it has got there.
            progress: Show how far it is: one block that is drawn anew in a terminal and in a notebook, a line for each
                trial that ends elsewhere. True shows it anywhere, False nowhere. Default: in notebooks and terminals,
                as `KUBEFLOW_PROGRESS` says.

        Returns:
            The search.

        Raises:
            OptimizationFailed: As soon as the search fails or is stopped, unless that is awaited.
            OptimizationWaitTimeout: When the time is up, a `TimeoutError`; the search goes on.
            KeyboardInterrupt: As ever; the search goes on, and a logged line says how to come back.
            OptimizationNotFound: With names like it.
            InvalidInput: For a status that does not exist, or times that are not greater than 0.
        """
        from kubeflow.core.live import live_display
        from kubeflow.optimizer.api.progress_text import SearchText

        with live_display(progress, SearchText) as live:
            return wait_for_search(
                self._home(name),
                _name(name),
                status,
                timeout=timeout,
                polling_interval=polling_interval,
                callbacks=callbacks or (),
                live=live,
            )

    def get_job_events(self, name: SearchReference) -> list[Event]:
        """Return what happened to a search and its trials, oldest first.

        Raises:
            OptimizationNotFound: With names like it.
        """
        return EventList(self._home(name).get_job_events(_name(name)))

    def explain(self, name: SearchReference) -> str:
        """Return, as one text, where a search is and why: trials that failed or do not start, and what to try.

        Raises:
            OptimizationNotFound: With names like it.
        """
        return self._home(name).explain(_name(name))

    def suspend_job(self, name: SearchReference) -> None:
        """Start no further trial and end those that run; `resume_job` runs them anew.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: When it has ended.
            Unsupported: The engine cannot.
        """
        self._home(name).suspend_job(_name(name))

    def resume_job(self, name: SearchReference) -> None:
        """Let a suspended search go on. Does nothing for one that is not suspended.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: When it has ended.
            Unsupported: The engine cannot.
        """
        self._home(name).resume_job(_name(name))

    def stop_job(self, name: SearchReference) -> None:
        """End a search for good, and keep it with its trials, results and logs.

        Raises:
            OptimizationNotFound: With names like it.
            Unsupported: The engine cannot.
        """
        self._home(name).stop_job(_name(name))

    def extend(self, name: SearchReference, num_trials: int) -> None:
        """Give a search another number of trials in all; one that is complete goes on.

        Raises:
            OptimizationNotFound: With names like it.
            InvalidInput: It has as many already, or a grid has fewer points.
            Unsupported: The engine cannot.
        """
        self._home(name).extend(_name(name), num_trials)

    def delete_job(self, name: SearchReference) -> None:
        """End a search if it runs, and forget it with its trials and their logs.

        Raises:
            OptimizationNotFound: With names like it.
        """
        self._home(name).delete_job(_name(name))
        self._homes.pop(_name(name), None)

    def _choose(self, spec: OptimizationSpec) -> ChosenEngine:
        chosen = self._engines.choose(spec)
        logger.info("search %s runs with engine %r: %s", spec.name, chosen.engine.name, chosen.reason)
        return chosen

    def _begun(self, spec: OptimizationSpec, chosen: ChosenEngine) -> str:
        self._homes[spec.name] = chosen.engine
        return spec.name

    def _home(self, search: SearchReference) -> Engine:
        """Return the engine that has a search."""
        places = self._places(search)
        if len(places) > 1:
            self.get_job(search)
        return self._engines.get(self._places(search)[0])

    def _places(self, search: SearchReference) -> list[str]:
        """Return the engines that may have a search, likely ones first."""
        name = _name(search)
        if isinstance(search, OptimizationJob) and search.engine in self._engines.names:
            return [search.engine]
        return [self._homes[name].name] if name in self._homes else self._engines.names

    def _job(self, search: SearchReference) -> OptimizationJob:
        return search if isinstance(search, OptimizationJob) else self.get_job(search)

    def _runtime(self, runtime: str | Runtime | None) -> Runtime:
        if isinstance(runtime, Runtime):
            return runtime
        if runtime is not None:
            check_instance("runtime", runtime, (str, Runtime))
        return self.backend.resolve_runtime(constants.DEFAULT_TRAINING_RUNTIME if runtime is None else runtime)


def _name(search: object) -> str:
    if isinstance(search, OptimizationJob):
        return search.name
    if not isinstance(search, str):
        raise wrong_type("name", search, (str, OptimizationJob), remedy="Give the name that optimize() returned.")
    return search


def _template(
    given: TrainJobTemplate | AnyTrainer | None,
    fine_tuning_config: TorchTuneConfig | None,
    runtime: str | Runtime | None,
    runtime_ref: str | None,
) -> TrainJobTemplate:
    """Return the template that the arguments of `optimize` mean."""
    if runtime is not None and runtime_ref is not None:
        raise InvalidInput("runtime= and runtime_ref= both name the runtime: give one of them.")
    where = runtime_ref if runtime is None else runtime
    if fine_tuning_config is not None:
        if given is not None:
            raise InvalidInput("fine_tuning_config= goes into BuiltinTrainer(config=...) where a trainer is given.")
        check_instance("fine_tuning_config", fine_tuning_config, (TorchTuneConfig,))
        given = BuiltinTrainer(config=fine_tuning_config)
    if isinstance(given, TrainJobTemplate):
        if where is not None and given.runtime is not None:
            raise InvalidInput("The template names a runtime, and runtime= another one: give it in one place.")
        return given if where is None else TrainJobTemplate(given.trainer, where, given.initializer, given.options)
    check_instance(
        "trial_template",
        given,
        (TrainJobTemplate, CustomTrainer, CustomTrainerContainer, BuiltinTrainer),
        remedy="Give TrainJobTemplate(trainer=CustomTrainer(func=...)), or the trainer alone.",
    )
    assert given is not None
    return TrainJobTemplate(given, where)
