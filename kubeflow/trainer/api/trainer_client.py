"""`TrainerClient`: makes jobs and looks after them, the same way on every backend."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar, Unpack, cast, overload

from kubeflow.core.artifact import Artifact, ArtifactKind, SupportsArtifact
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.registry import BackendConfig, backend, default_config
from kubeflow.trainer.constants import constants
from kubeflow.trainer.diagnosis.diagnosis import Explanation
from kubeflow.trainer.errors import JobExists
from kubeflow.trainer.jobs.fresh_names import TRIES, fresh_name, stem
from kubeflow.trainer.jobs.jobspec import AnyTrainer, JobSpec, Option, job_spec
from kubeflow.trainer.jobs.log_selection import log_selection
from kubeflow.trainer.jobs.misplaced_arguments import check_place
from kubeflow.trainer.jobs.outputs import as_output
from kubeflow.trainer.jobs.results import job_output, job_result
from kubeflow.trainer.jobs.steps import FirstNode
from kubeflow.trainer.jobs.waiting import followed_lines, wait_for_status
from kubeflow.trainer.types.checks import check_count, check_instance
from kubeflow.trainer.types.code import Serializer
from kubeflow.trainer.types.initializers import Initializer
from kubeflow.trainer.types.job_name import JobName
from kubeflow.trainer.types.jobs import (
    STATUSES,
    AwaitableStatus,
    Event,
    EventList,
    JobList,
    JobReference,
    JobStatus,
    TrainJob,
    check_statuses,
    name_of,
)
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.resources import Resources
from kubeflow.trainer.types.runtimes import PHASES, Phase, Runtime, RuntimeList
from kubeflow.trainer.types.torchtune import TorchTuneConfig
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer, CustomTrainerContainer

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.trainer.jobs.metric_history import MetricHistory
    from kubeflow.trainer.jobs.metric_pictures import MetricFigure

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    # What the function of a job returns; `object` for a job without one.
    R = DefaultTypeVar("R", default=object)


class TrainSettings(TypedDict, total=False):
    """The arguments of `TrainerClient.train` that do not change what it returns; its docstring says what they are."""

    name: str | None
    func_args: Mapping[str, object] | None
    num_nodes: int | None
    num_proc_per_node: int | None
    resources_per_node: Resources | None
    packages_to_install: Sequence[str] | None
    pip_index_urls: Sequence[str] | None
    image: str | None
    env: Mapping[str, str] | None
    runtime_ref: str | None
    output: str | os.PathLike[str] | Artifact | None
    fine_tuning_config: TorchTuneConfig | None
    module: str | None
    args: Mapping[str, object] | Sequence[str | float | os.PathLike[str]] | None
    code_dir: str | os.PathLike[str] | None
    serializer: Serializer


# The fields as they come: which go together is for the class to say, in words.
_custom_trainer = cast("Callable[..., CustomTrainer]", CustomTrainer)
_COMPLETE: frozenset[AwaitableStatus] = frozenset({constants.TRAINJOB_COMPLETE})


@thin
class TrainerClient:
    """Trains: on this machine, or on a cluster.

    Args:
        backend_config: Where jobs run. `LocalProcessBackendConfig()` is this machine. Default: what the environment
            variable `KUBEFLOW_BACKEND` names (`kubernetes`, `localprocess` or `container`), else `kubernetes`.

    Raises:
        InvalidInput: When `backend_config` is none of the configurations.
        Unsupported: When this version does not have the backend, or not on this operating system.

    Example:
        >>> client = TrainerClient(LocalProcessBackendConfig())
        >>> name = client.train(trainer=CustomTrainer(func=train, num_nodes=2))
        >>> client.wait_for_job_status(name).status
        'Complete'
    """

    def __init__(self, backend_config: BackendConfig | None = None) -> None:
        self.backend: Backend = backend(default_config() if backend_config is None else backend_config)

    def __repr__(self) -> str:
        return f"TrainerClient({self.backend!r})"

    @overload
    def train(
        self,
        runtime: str | Runtime | None = None,
        initializer: Initializer | Artifact | SupportsArtifact | None = None,
        trainer: CustomTrainer[R] | CustomTrainerContainer | BuiltinTrainer | None = None,
        options: Sequence[Option] | None = None,
        *,
        train_func: Callable[..., R] | str | os.PathLike[str] | None = None,
        dry_run: Literal[False] = False,
        server_dry_run: Literal[False] = False,
        **settings: Unpack[TrainSettings],
    ) -> JobName[R]: ...

    @overload
    def train(
        self,
        runtime: str | Runtime | None = None,
        initializer: Initializer | Artifact | SupportsArtifact | None = None,
        trainer: AnyTrainer | None = None,
        options: Sequence[Option] | None = None,
        *,
        train_func: Callable[..., object] | str | os.PathLike[str] | None = None,
        dry_run: Literal[True],
        server_dry_run: bool = False,
        **settings: Unpack[TrainSettings],
    ) -> v1alpha1.TrainJob: ...

    @overload
    def train(
        self,
        runtime: str | Runtime | None = None,
        initializer: Initializer | Artifact | SupportsArtifact | None = None,
        trainer: AnyTrainer | None = None,
        options: Sequence[Option] | None = None,
        *,
        train_func: Callable[..., object] | str | os.PathLike[str] | None = None,
        dry_run: bool = False,
        server_dry_run: Literal[True],
        **settings: Unpack[TrainSettings],
    ) -> v1alpha1.TrainJob: ...

    def train(
        self,
        runtime: str | Runtime | None = None,
        initializer: Initializer | Artifact | SupportsArtifact | None = None,
        trainer: AnyTrainer | None = None,
        options: Sequence[Option] | None = None,
        *,
        name: str | None = None,
        train_func: Callable[..., object] | str | os.PathLike[str] | None = None,
        func_args: Mapping[str, object] | None = None,
        num_nodes: int | None = None,
        num_proc_per_node: int | None = None,
        resources_per_node: Resources | None = None,
        packages_to_install: Sequence[str] | None = None,
        pip_index_urls: Sequence[str] | None = None,
        image: str | None = None,
        env: Mapping[str, str] | None = None,
        runtime_ref: str | None = None,
        output: str | os.PathLike[str] | Artifact | None = None,
        fine_tuning_config: TorchTuneConfig | None = None,
        module: str | None = None,
        args: Mapping[str, object] | Sequence[str | float | os.PathLike[str]] | None = None,
        code_dir: str | os.PathLike[str] | None = None,
        serializer: Serializer = "source",
        dry_run: bool = False,
        server_dry_run: bool = False,
    ) -> JobName | v1alpha1.TrainJob:
        """Make a job and start it, or only show it.

        A function or a script is given either as `trainer=CustomTrainer(func=...)`, or in short as `train_func=` with
        the fields of `CustomTrainer` beside it; both make the same job. So is a module, as `module=`. In the same way
        `fine_tuning_config=` is short for `trainer=BuiltinTrainer(config=...)`.

        Args:
            runtime: The runtime, by name or as an object. Default: `torch-distributed`.
            initializer: What is fetched before training. An `Artifact`, or a version of a registered
                model, stands for an `Initializer` of it alone.
            trainer: What the job runs: your code, an image, or the runtime's own trainer. Default: what the
                runtime brings.
            options: Changes to the job beyond its trainer, applied in order.
            name: Name of the job, an RFC 1035 label of at most 63 characters. Default: what runs (the code, the
                image, the runtime's trainer) and four hexadecimal digits, like `train-digits-3f2a`.
            train_func: Short for `trainer=CustomTrainer(func=train_func, ...)`.
            func_args: With `train_func`: see `CustomTrainer`.
            num_nodes: With `train_func`: see `CustomTrainer`.
            num_proc_per_node: With `train_func`: see `CustomTrainer`.
            resources_per_node: With `train_func`: see `CustomTrainer`.
            packages_to_install: With `train_func`: see `CustomTrainer`.
            pip_index_urls: With `train_func`: see `CustomTrainer`.
            image: With `train_func`: see `CustomTrainer`.
            env: With `train_func`: see `CustomTrainer`.
            runtime_ref: The same as `runtime`, under the name that the resource has for it.
            output: Where the job leaves what it makes; `get_job_output` returns it, and the function sees it in the
                environment variable `KUBEFLOW_OUTPUT`. A path is a folder of this machine, made if it is not there. A
                `pvc://<claim>/<folder>` is mounted on a cluster. To any other URI, like `s3://models/iris`, the
                function writes itself: nothing is uploaded for it. An `Artifact` says a kind and a format besides.
                Default: on this machine a folder of the job's own, which stays until the job is deleted; on a cluster
                none.
            fine_tuning_config: Short for `trainer=BuiltinTrainer(config=fine_tuning_config)`.
            module: Short for `trainer=CustomTrainer(module=module, ...)`, instead of `train_func`.
            args: With a script in `train_func`, or with `module`: see `CustomTrainer`.
            code_dir: With `train_func` or `module`: see `CustomTrainer`.
            serializer: With `train_func`: see `CustomTrainer`.
            dry_run: Start nothing and return the TrainJob that stands for this job on a cluster; its
                `to_yaml()` can be kept and applied. The same on every backend.
            server_dry_run: Have the control plane check the job, store nothing, and return the TrainJob as it would
                be stored, with its defaults.

        Returns:
            The job's name, a `str` that is typed by what the function returns; with `dry_run` or `server_dry_run` the
            typed TrainJob.

        Raises:
            InvalidInput: When the job cannot work, before anything is started: cause and remedy in words.
                `PackagingError`, `RuntimeNotFound` and `JobExists` are kinds of it.
            Unsupported: When this backend cannot do it in this version.
        """
        for argument, value in (
            ("runtime", runtime),
            ("initializer", initializer),
            ("trainer", trainer),
            ("options", options),
        ):
            check_place(argument, value)
        short = {
            "func_args": func_args,
            "num_nodes": num_nodes,
            "num_proc_per_node": num_proc_per_node,
            "resources_per_node": resources_per_node,
            "packages_to_install": packages_to_install,
            "pip_index_urls": pip_index_urls,
            "image": image,
            "env": env,
            "args": args,
            "code_dir": code_dir,
            "serializer": None if serializer == "source" else serializer,
        }
        if train_func is not None or module is not None:
            given = {"train_func": train_func, "module": module, "trainer": trainer}
            named = [f"{argument}=" for argument, value in given.items() if value is not None]
            if len(named) > 1:
                raise InvalidInput(f"{' and '.join(named)} both say what to run: give one of them.")
            trainer = _custom_trainer(
                func=train_func,
                func_args=func_args,
                image=image,
                packages_to_install=packages_to_install,
                pip_index_urls=constants.DEFAULT_PIP_INDEX_URLS if pip_index_urls is None else pip_index_urls,
                num_nodes=num_nodes,
                resources_per_node=resources_per_node,
                env=env,
                num_proc_per_node=num_proc_per_node,
                module=module,
                args=args,
                code_dir=code_dir,
                serializer=serializer,
            )
        else:
            _check_trainer(trainer, [argument for argument, value in short.items() if value is not None])
        if fine_tuning_config is not None:
            if trainer is not None:
                raise InvalidInput("fine_tuning_config= goes into BuiltinTrainer(config=...) where trainer= is given.")
            check_instance("fine_tuning_config", fine_tuning_config, (TorchTuneConfig,))
            trainer = BuiltinTrainer(config=fine_tuning_config)
        if runtime_ref is not None:
            if runtime is not None:
                raise InvalidInput("runtime= and runtime_ref= both name the runtime: give one of them.")
            runtime = runtime_ref
        resolved = self._runtime(runtime)
        called = stem(trainer, resolved.name)
        chosen = fresh_name(called) if name is None else name
        spec = job_spec(
            name=chosen,
            runtime=resolved,
            trainer=trainer,
            initializer=initializer,
            output=as_output(output),
            options=options,
            same_python=self.backend.same_python,
        )
        if name is not None and spec.name != name:
            raise InvalidInput(f"name={name!r} and an option, {spec.name!r}, both name the job: leave one of them out.")
        if server_dry_run:
            return self.backend.render_on_server(spec)
        if dry_run:
            return self.backend.render(spec)
        return self._start(spec, called if name is None and spec.name == chosen else None)

    def create_job(self, job: v1alpha1.TrainJob | str) -> JobName:
        """Start a job that is given as a TrainJob, as `train(..., dry_run=True)` returns it or as its YAML.

        Args:
            job: The typed TrainJob, or YAML text of one.

        Returns:
            The job's name.

        Raises:
            InvalidInput: When it is no TrainJob, or one that cannot work.
            JobExists: When the name is taken.
            Unsupported: When this backend takes no TrainJobs.
        """
        from kubeflow.trainer.rendering.older_minors import from_yaml

        return JobName(self.backend.create_job(from_yaml(job) if isinstance(job, str) else job))

    def list_runtimes(self, phase: Phase | None = None) -> list[Runtime]:
        """Return the runtimes that jobs can name on this backend.

        Args:
            phase: Only those for this phase of a model's life: `"post-training"` are those that bring a trainer of
                their own (TorchTune), `"pre-training"` those that run your code.

        Raises:
            InvalidInput: For another phase.
            Unsupported: When this backend cannot do it in this version.
        """
        if phase is not None and phase not in PHASES:
            raise InvalidInput(f"phase is {' or '.join(map(repr, PHASES))}, not {phase!r}.")
        return RuntimeList(runtime for runtime in self.backend.list_runtimes() if phase in (None, runtime.phase))

    def get_runtime(self, name: str) -> Runtime:
        """Return one runtime by name.

        Raises:
            RuntimeNotFound: With the names that exist.
            Unsupported: When this backend cannot do it in this version.
        """
        return self.backend.get_runtime(name)

    def get_runtime_packages(self, runtime: str | Runtime) -> str:
        """Print and return Python, its packages and the devices of a node of `runtime`.

        Raises:
            RuntimeNotFound: With the names that exist.
            Unsupported: When this backend cannot do it in this version.
        """
        if isinstance(runtime, str):
            runtime = self.backend.get_runtime(runtime)
        check_instance("runtime", runtime, (Runtime,))
        packages = self.backend.get_runtime_packages(runtime)
        print(packages)
        return packages

    def list_jobs(
        self,
        runtime: str | Runtime | None = None,
        *,
        label_selector: str | None = None,
        status: JobStatus | Collection[JobStatus] | None = None,
    ) -> list[TrainJob]:
        """Return the jobs, oldest first.

        Args:
            runtime: Only the jobs of this runtime, by name or as an object.
            label_selector: Only the jobs whose labels match, like `"team=vision,tier!=test"`.
            status: Only the jobs that are in this status, or in one of these.

        Raises:
            InvalidInput: For a status that does not exist, or a selector that is none.
            Unsupported: When this backend cannot do it in this version.
        """
        for argument, value, kinds in (
            ("runtime", runtime, (str, Runtime)),
            ("label_selector", label_selector, (str,)),
        ):
            if value is not None:
                check_instance(argument, value, kinds)
        wanted = runtime.name if isinstance(runtime, Runtime) else runtime
        statuses = check_statuses(() if status is None else status, STATUSES)
        return JobList(
            job
            for job in self.backend.list_jobs(label_selector)
            if wanted in (None, job.runtime.name) and (not statuses or job.status in statuses)
        )

    def get_job(self, name: JobReference) -> TrainJob:
        """Return one job as it is now.

        Args:
            name: The job: its name, or a `TrainJob` of it. So do all methods that take a `name`.

        Raises:
            JobNotFound: With names like it.
            Unsupported: When this backend cannot do it in this version.
        """
        return self.backend.get_job(self._name(name))

    def get_job_logs(
        self,
        name: JobReference,
        step: str | None = FirstNode.STEP,
        follow: bool | None = False,
        *,
        after: str | None = None,
        container: str | None = None,
        tail_lines: int | None = None,
        since: datetime | timedelta | None = None,
        progress: bool | None = None,
    ) -> LogLines:
        """Return an iterator over the log lines of a job; the arguments are checked at once.

        Args:
            name: The job.
            step: One step, like `"node-0"`: its lines as they are. `None`: the lines of all steps as they come,
                each with its origin in front, like `[node-1:rank0] `, where rank counts over all nodes. Default: the
                first training node, which is `"node-0"` unless the jobs of a cluster's runtime have other names.
            follow: Yield each line as soon as it is whole, until the job ends. Otherwise what is there now.
            after: The `position` of what this returned earlier, here or in another process: begin with the line that
                followed, so that none is lost and none comes twice. Steps that it knows nothing of are read from
                their beginning. What a cluster has thrown away since, as the logs of deleted pods, is not there.
            container: On a cluster, the container whose log is read: an init container or a sidecar. Default: the main
                container, in which the step's command runs.
            tail_lines: Begin with the last lines, so many at most: of each step on a cluster, of each rank on this
                machine. Lines of pods that were replaced, and of earlier starts of a container, are left out.
            since: Begin with the lines since a time, which names its offset from UTC, or since so long ago:
                `timedelta(minutes=5)`. On this machine, lines of the second before may come too.
            progress: With `follow`, show how far the job is below the lines, while the next one is waited for. True
                shows it anywhere but where only lines can be, False nowhere. Default: in notebooks and terminals, as
                `KUBEFLOW_PROGRESS` says.

        Returns:
            An iterator of lines without line ends. Bytes that are no UTF-8 become replacement characters. Its
            `position` is the place after the line that it yielded last; `close()` ends it early. Ctrl-C ends reading
            and not the job: a logged line says how to come back.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: When the job has no such step or container, listing those that there are; when `after` is no
                position in its logs, or is given with `tail_lines` or `since`.
            Unsupported: When this backend cannot do it in this version; a `container` where there are none; a job that
                MultiKueue runs on another cluster, where its logs are.
            ClusterError: While iterating: a log cannot be read. Without `follow`, half a minute after it began to fail.
        """
        job = self._name(name)
        selection = log_selection(step, container=container, after=after, tail_lines=tail_lines, since=since)
        lines = self.backend.get_job_logs(job, selection, bool(follow))
        return followed_lines(self.backend, job, lines, progress) if follow else lines

    @overload
    def get_job_result(self, name: JobName[Awaitable[T]]) -> T: ...

    @overload
    def get_job_result(self, name: JobName[T]) -> T: ...

    @overload
    def get_job_result(self, name: JobReference) -> object: ...

    def get_job_result(self, name: JobReference) -> object:
        """Return what the function of a job returned on rank 0: `None` when it returned nothing.

        Its type is that of the function where `name` is what `train` returned (a `JobName`); for a plain `str` it is
        `object`.

        Data comes back as it was (see `kubeflow.packaging`), objects of your classes too where those are loaded.

        Raises:
            JobNotFinished: When the job is not over yet.
            JobFailed: When the job failed: with rank, exception and last lines.
            NoJobResult: When the value is no data, or of a class that is not loaded here.
            JobNotFound: With names like it.
            Unsupported: When this backend cannot do it in this version.
        """
        return job_result(self.backend, self._name(name))

    def get_job_output(
        self,
        name: JobReference,
        *,
        kind: ArtifactKind | None = None,
        format: str | None = None,  # noqa: A002 - the name of the attribute
    ) -> Artifact:
        """Return what a job left as its output, for the next step: a registry, a server, an `Initializer`.

        Its metadata names the job: `{"job": name, "job_uid": uid}`.

        Args:
            name: The job.
            kind: `"model"` or `"dataset"`. Default: what `train(output=Artifact(...))` said, else a model.
            format: What its files are, like `"sklearn"`. Default: what `train(output=Artifact(...))` said.

        Raises:
            JobNotFinished: When the job is not over yet.
            JobFailed: When the job failed: with rank, exception and last lines.
            NoJobOutput: When it has written nothing on this machine, or names no output on a cluster. What is behind
                other URIs nobody looks at.
            InvalidInput: For another kind, or another format than the job said.
            JobNotFound: With names like it.
            Unsupported: When this backend cannot do it in this version.
        """
        return job_output(self.backend, self._name(name), kind, format)

    def get_job_metrics(self, name: JobReference) -> MetricHistory:
        """Return the metrics of a job, every value that it gave: while it runs, and after its end.

        Of each metric the first of these sources counts: what the function called `kubeflow.optimizer.report` with;
        the newest status (`update_trainjob_status`); lines on the first node's log like `loss=0.3` or `loss: 0.3`.
        Numbers that the function returned (one, or several by name) come last. The history has those of every rank,
        becomes a table by `to_dataframe()` and a picture by `plot()`, and names the event files of TensorBoard that the
        job left on this machine.

        Raises:
            JobNotFound: With names like it.
            ClusterError: A log cannot be read.
        """
        from kubeflow.trainer.jobs.metric_history import metric_history

        job = self.backend.get_job(self._name(name))
        return replace(metric_history(self.backend, job), event_files=tuple(self.backend.event_files(job.name)))

    def plot_metrics(
        self,
        name: JobReference,
        metrics: Collection[str] | None = None,
        *,
        library: Literal["plotly", "matplotlib"] = "plotly",
    ) -> MetricFigure:
        """Return a picture of the metrics of a job, by step, a line for each rank; see `MetricHistory.plot`.

        Args:
            name: The job.
            metrics: The metrics. Default: the first twelve of all.
            library: `"plotly"` is interactive, `"matplotlib"` is for files and papers.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: The job has no such metric, or none at all.
            MissingExtra: The library is not installed.
            ClusterError: A log cannot be read.
        """
        return self.get_job_metrics(name).plot(metrics, library=library)

    def get_job_events(self, name: JobReference) -> list[Event]:
        """Return what happened to a job, oldest first.

        Raises:
            JobNotFound: With names like it.
            Unsupported: When this backend cannot do it in this version.
        """
        return EventList(self.backend.get_job_events(self._name(name)))

    def wait_for_job_status(
        self,
        name: JobReference,
        status: AwaitableStatus | Collection[AwaitableStatus] = _COMPLETE,
        timeout: float = 600,
        polling_interval: float = 2,
        callbacks: Sequence[Callable[[TrainJob], None]] | None = None,
        *,
        progress: bool | None = None,
    ) -> TrainJob:
        """Wait until a job has reached one of some statuses.

        A job that is `Complete` has been `Created` and `Running`, and will not be `Suspended`, so waiting for those
        ends then too.

        Args:
            name: The job.
            status: One of `Created`, `Running`, `Suspended`, `Complete`, `Failed`, `Stopped`, or several.
            timeout: Seconds to wait at most, by the clock.
            polling_interval: Seconds between two calls of the callbacks, and between two looks at the job where
                the backend cannot be told of changes.
            callbacks: Called with the job at each interval and when it has got there.
            progress: Show how far it is, in one line: status, percent, time left, nodes, metrics. True shows it
                anywhere, False nowhere. Default: in notebooks and terminals, as `KUBEFLOW_PROGRESS` says.

        Returns:
            The job.

        Raises:
            JobFailed: As soon as the job fails, unless `Failed` is awaited: with rank, exception and last lines. In the
                same way when it is `Stopped`.
            JobWaitTimeout: When the time is up, a `TimeoutError` that explains where the job is; the job goes on.
            KeyboardInterrupt: As ever; the job goes on, and a logged line says how to come back.
            JobNotFound: With names like it; also when the job is deleted meanwhile.
            InvalidInput: For a status that does not exist, or times that are not greater than 0.
            Unsupported: When this backend cannot do it in this version.
        """
        return wait_for_status(
            self.backend,
            self._name(name),
            status,
            timeout=timeout,
            polling_interval=polling_interval,
            callbacks=callbacks or (),
            progress=progress,
        )

    def explain(self, name: JobReference) -> str:
        """Return, as one text, where a job is and why: status, steps, timeline, exit codes, last words, what to try.

        Raises:
            JobNotFound: With names like it.
            Unsupported: When this backend cannot do it in this version.
        """
        return Explanation(self.backend.diagnose(self._name(name)))

    def report(
        self,
        name: JobReference,
        path: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        log_lines: int = 200,
    ) -> Path:
        """Write all that is known of a job as one page of HTML, to be read, kept or mailed, and return its path.

        The page has status and times, what came of the job and why, a timeline of its steps, curves of its metrics, the
        ends of its logs, events, the environment and the TrainJob, or what ran in place of one. It loads nothing, runs
        no script, and takes 2 MB at most: it says what it leaves out. Secrets are hidden where they look like such.
        What cannot be found out any more, as the logs of deleted pods, is said where it would be.

        Args:
            name: The job.
            path: The file, whose name ends in `.html`, or a folder. A report that is there is replaced. Default:
                `<job>-report.html` in the working directory.
            overwrite: Replace the file also when it is no report.
            log_lines: Last lines of the log of each step; 0 leaves logs out.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: The folder does not exist, the file is none that may be written, or `log_lines` is below 0.
        """
        from kubeflow.reporting.report_file import report_place, write_report
        from kubeflow.trainer.jobs.job_report import written_report

        check_count("log_lines", log_lines, least=0)
        job = self._name(name)
        file = report_place(path, job, overwrite=overwrite)
        return write_report(file, written_report(self.backend, job, log_lines))

    def suspend_job(self, name: JobReference) -> None:
        """End the processes of a job and keep the job; `resume_job` starts it anew.

        Whether its processes end is looked at: a job is `Suspended` once they have ended.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: When it has ended.
            RuntimeGone: When its runtime does not exist any more, without which a cluster takes no change of a job.
            Unsupported: When this backend cannot do it in this version; when the control plane cannot pass it on to
                the pods. The job then goes on as before.
        """
        self.backend.suspend_job(self._name(name))

    def resume_job(self, name: JobReference) -> None:
        """Start a suspended job anew. Does nothing for a job that is not suspended.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: When it has ended.
            RuntimeGone: When its runtime does not exist any more, without which a cluster takes no change of a job.
            Unsupported: When this backend cannot do it in this version; when the control plane cannot pass it on. The
                job then stays suspended.
        """
        self.backend.resume_job(self._name(name))

    def stop_job(self, name: JobReference) -> None:
        """End a job for good, and keep its logs and what it has reported; nothing happens to one that has ended.

        On this machine the job is `Stopped` when this returns, and cannot be resumed. A cluster knows no such end: the
        job is suspended, and its quota and its machines are free; the logs are those that the cluster keeps.

        Raises:
            JobNotFound: With names like it.
            RuntimeGone: When its runtime does not exist any more, without which a cluster takes no change of a job.
            Unsupported: When this backend cannot do it in this version; when the control plane cannot pass it on to
                the pods. The job then goes on as before.
        """
        self.backend.stop_job(self._name(name))

    def scale_job(self, name: JobReference, num_nodes: int) -> None:
        """Change the number of training nodes of a job, where the control plane allows it.

        Args:
            name: The job.
            num_nodes: Its training nodes from now on, at least 1.

        Raises:
            JobNotFound: With names like it.
            InvalidInput: For a number below 1.
            Unsupported: Where the number of nodes cannot change, with the way round.
        """
        check_count("num_nodes", num_nodes)
        self.backend.scale_job(self._name(name), num_nodes)

    def delete_job(self, name: JobReference, *, wait: bool = False, timeout: float = 600) -> None:
        """End a job if it runs, and forget it with its logs.

        Args:
            name: The job.
            wait: Return only when nothing of it is left anywhere; a job on this machine is always waited for.
            timeout: Seconds to wait at most.

        Raises:
            JobNotFound: With names like it.
            JobWaitTimeout: When something of it is still there after `timeout` seconds.
            Unsupported: When this backend cannot do it in this version.
        """
        self.backend.delete_job(self._name(name), timeout if wait else None)

    def _name(self, job: JobReference) -> str:
        return name_of(job, self.backend.namespace)

    def _runtime(self, runtime: str | Runtime | None) -> Runtime:
        if isinstance(runtime, Runtime):
            return runtime
        if runtime is not None:
            check_instance("runtime", runtime, (str, Runtime))
        return self.backend.resolve_runtime(constants.DEFAULT_TRAINING_RUNTIME if runtime is None else runtime)

    def _start(self, spec: JobSpec, called: str | None) -> JobName:
        if called is not None:
            for _ in range(TRIES):
                with contextlib.suppress(JobExists):  # by a rare chance; another name is as good
                    self.backend.train(spec)
                    return JobName(spec.name)
                spec = replace(spec, name=fresh_name(called))
        self.backend.train(spec)
        return JobName(spec.name)


def _check_trainer(trainer: AnyTrainer | None, short: Sequence[str]) -> None:
    if trainer is not None:
        check_instance(
            "trainer",
            trainer,
            (CustomTrainer, CustomTrainerContainer, BuiltinTrainer),
            remedy="A function or a script goes into CustomTrainer(func=...), or is given as train_func=.",
        )
    if short:
        where = "goes into the trainer" if trainer is not None else "needs train_func= or module="
        raise InvalidInput(f"{', '.join(f'{argument}=' for argument in short)} {where}.")
