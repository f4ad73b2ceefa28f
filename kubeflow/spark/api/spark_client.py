"""`SparkClient`: makes Spark jobs and looks after them, the same way on every backend."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar, Unpack, cast, overload

from kubeflow.core.artifact import Artifact, ArtifactKind
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times
from kubeflow.core.tracebacks import thin
from kubeflow.spark.api.connected_session import ConnectedSession, attached, connect_anew, connect_to_address
from kubeflow.spark.api.spark_waiting import (
    followed_spark_lines,
    spark_job_output,
    spark_job_result,
    wait_for_spark_job,
)
from kubeflow.spark.backends.registry import SparkBackendConfig, spark_backend
from kubeflow.spark.backends.session_backend import SessionBackend
from kubeflow.spark.backends.spark_backend import SparkBackend
from kubeflow.spark.errors import SparkJobExists, Unsupported
from kubeflow.spark.jobs.session_arguments import session_spec
from kubeflow.spark.jobs.spark_arguments import ProgramArgs, SparkArguments, spark_spec
from kubeflow.spark.jobs.spark_spec import SparkOption, SparkSpec
from kubeflow.spark.types.spark_jobs import (
    FileJob,
    FuncJob,
    SparkJob,
    SparkJobList,
    SparkJobReference,
    SparkJobStatus,
    spark_job_name,
    spark_statuses,
)
from kubeflow.spark.types.spark_nodes import Driver, Executor
from kubeflow.spark.types.spark_sessions import SessionList, SparkConnectInfo
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.fresh_names import TRIES, fresh_name, stem
from kubeflow.trainer.jobs.jobspec import Option
from kubeflow.trainer.jobs.log_selection import log_selection
from kubeflow.trainer.types.checks import check_instance
from kubeflow.trainer.types.job_name import JobName
from kubeflow.trainer.types.jobs import Event, EventList
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.resources import Resources
from kubeflow.trainer.types.trainers import CustomTrainer

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    from kubeflow.spark.backends.kubernetes.application_with_code import ShownApplication

    # What the function of a job returns; `object` for a job without one.
    R = DefaultTypeVar("R", default=object)

T = TypeVar("T")


class SparkSettings(TypedDict, total=False):
    """The arguments of `SparkClient.process_data` that do not change what it returns; its docstring says what they
    are.
    """

    name: str | None
    main_class: str | None
    args: ProgramArgs | None
    num_executors: int | None
    resources_per_executor: Resources | None
    driver: Driver | None
    executor: Executor | None
    spark_conf: Mapping[str, str | float] | None
    packages_to_install: Sequence[str] | None
    pip_index_urls: Sequence[str] | None
    image: str | None
    env: Mapping[str, str] | None
    output: str | os.PathLike[str] | Artifact | None
    code_dir: str | os.PathLike[str] | None
    options: Sequence[SparkOption | Option] | None


_COMPLETED = frozenset({SparkJobStatus.COMPLETED})


@thin
class SparkClient:
    """Prepares data with Spark: on this machine, or on a cluster with the Spark Operator.

    Args:
        backend_config: Where jobs run. `LocalProcessBackendConfig()` is this machine. Default: what the environment
            variable `KUBEFLOW_BACKEND` names (`kubernetes` or `localprocess`), else `kubernetes`.

    Raises:
        InvalidInput: When `backend_config` is none of the configurations.
        Unsupported: When this version does not have the backend, or not on this operating system.

    Example:
        >>> client = SparkClient(LocalProcessBackendConfig())
        >>> job = client.process_data(clean, args={"source": "raw.parquet"})  # def clean(spark, source): ...
        >>> client.wait_for_job_status(job).status.value
        'Completed'
    """

    def __init__(self, backend_config: SparkBackendConfig | None = None) -> None:
        self.backend: SparkBackend = spark_backend(backend_config)

    def __repr__(self) -> str:
        return f"SparkClient({self.backend!r})"

    @overload
    def process_data(
        self,
        func: Callable[..., R],
        *,
        file: None = None,
        jar: None = None,
        dry_run: Literal[False] = False,
        **settings: Unpack[SparkSettings],
    ) -> JobName[R]: ...

    @overload
    def process_data(
        self,
        func: str | os.PathLike[str] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        jar: str | os.PathLike[str] | None = None,
        dry_run: Literal[False] = False,
        **settings: Unpack[SparkSettings],
    ) -> JobName[None]: ...

    @overload
    def process_data(
        self,
        func: Callable[..., object] | str | os.PathLike[str] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        jar: str | os.PathLike[str] | None = None,
        dry_run: Literal[True],
        **settings: Unpack[SparkSettings],
    ) -> ShownApplication: ...

    def process_data(
        self,
        func: Callable[..., object] | str | os.PathLike[str] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        jar: str | os.PathLike[str] | None = None,
        main_class: str | None = None,
        args: ProgramArgs | None = None,
        name: str | None = None,
        num_executors: int | None = None,
        resources_per_executor: Resources | None = None,
        driver: Driver | None = None,
        executor: Executor | None = None,
        spark_conf: Mapping[str, str | float] | None = None,
        packages_to_install: Sequence[str] | None = None,
        pip_index_urls: Sequence[str] | None = None,
        image: str | None = None,
        env: Mapping[str, str] | None = None,
        output: str | os.PathLike[str] | Artifact | None = None,
        code_dir: str | os.PathLike[str] | None = None,
        options: Sequence[SparkOption | Option] | None = None,
        dry_run: bool = False,
    ) -> JobName | ShownApplication:
        """Make a Spark job and start it, or only show it. One of `func`, `file` and `jar` says what it runs.

        Args:
            func: A function, which is packaged with the code of yours that it uses. A parameter named `spark` is the
                session. The path of a script means the same as `file`.
            file: A Python script: a path of this machine, which is packaged with the modules of yours that it imports,
                or an address that the driver reads, like `"s3a://bucket/etl.py"`.
            jar: A program for the JVM: a path where this machine runs it, or an address, like
                `"local:///opt/spark/examples/jars/spark-examples.jar"`.
            main_class: Of a jar: its main class. Default: what its manifest names.
            args: Of a function: its other arguments, by name; checked against its signature now. Of a file: the words
                of its command line, or a mapping, of which `{"day": "2026-11-30", "fast": True}` is
                `--day=2026-11-30 --fast`.
            name: Name of the job, an RFC 1035 label of at most 63 characters. Default: what runs and four hexadecimal
                digits, like `clean-3f2a`.
            num_executors: Executors, at least 1. Default: 1.
            resources_per_executor: What each gets, like `{"cpu": 2, "memory": "8Gi", "gpu": 1}`. Memory is that of the
                JVM and is taken as Kubernetes writes it (`"8Gi"`) and as Spark does (`"8g"`); Spark adds an overhead to
                what the pod gets. Default: one core and 1 GiB. On this machine executors are threads of the driver: as
                many as all their cores, at most the CPUs that there are.
            driver: Size, image, JVM options and service account of the driver.
            executor: Number, size and JVM options of the executors, as one object.
            spark_conf: Settings of Spark by their full names, like `{"spark.sql.shuffle.partitions": "64"}`.
            packages_to_install: Requirements, installed before the code starts; each entry as on a line of a
                requirements file. A job of this machine installs them for itself, not into your environment.
            pip_index_urls: Package indexes for them, the main one first. Default: pip's own configuration, or the
                environment variable `DEFAULT_PIP_INDEX_URLS` (comma-separated).
            image: Container image of driver and executors. A job of this machine has none.
            env: Environment variables of driver and executors.
            output: Where the job leaves what it makes; `get_job_output` returns it, and the function sees it in the
                environment variable `KUBEFLOW_OUTPUT`. A path is a folder of this machine, made if it is not there. To
                any other URI, like `s3://clean/wines`, the job writes itself; of `s3://` it sees `s3a://`, which Spark
                reads. Default: on this machine a folder of the job's own, which stays until the job is deleted; on a
                cluster none.
            code_dir: A folder that is sent as a whole, less what `.gitignore` and `.kubeflowignore` exclude, and is the
                working directory of the job.
            options: Changes to the job beyond these arguments (`kubeflow.spark.options`), applied in order.
            dry_run: Start nothing and return the SparkApplication that stands for this job on a cluster; its
                `to_yaml()` can be kept and applied: it has the ConfigMap with your code too, as `companions` does.
                The same on every backend.

        Returns:
            The job's name, a `str` that is typed by what the function returns; with `dry_run` the typed
            SparkApplication (a ScheduledSparkApplication with `options.Schedule`).

        Raises:
            InvalidInput: When the job cannot work, before anything is started: cause and remedy in words.
                `PackagingError`, `PySparkMissing`, `JavaMissing`, `JavaTooOld` and `SparkJobExists` are kinds of it.
            Unsupported: When this backend cannot do it in this version.
        """
        given = SparkArguments(
            func=func,
            file=file,
            jar=jar,
            main_class=main_class,
            args=args,
            num_executors=num_executors,
            resources_per_executor=resources_per_executor,
            driver=driver,
            executor=executor,
            spark_conf=spark_conf,
            packages_to_install=packages_to_install,
            pip_index_urls=constants.DEFAULT_PIP_INDEX_URLS if pip_index_urls is None else pip_index_urls,
            image=image,
            env=env,
            output=output,
            code_dir=code_dir,
            options=options,
        )
        return self._made(given, name, dry_run=dry_run)

    def submit_job(
        self,
        job: FileJob | FuncJob[R],
        num_executors: int | None = None,
        resources_per_executor: Resources | None = None,
        spark_conf: Mapping[str, str | float] | None = None,
        options: Sequence[SparkOption | Option] | None = None,
    ) -> JobName[R]:
        """Start a job that is given as an object; `process_data` takes more settings.

        Args:
            job: A function, or a program that exists as a file.
            num_executors: See `process_data`; as are the others.
            resources_per_executor: What each executor gets.
            spark_conf: Settings of Spark.
            options: Changes to the job beyond these arguments.

        Returns:
            The job's name.

        Raises:
            InvalidInput: When the job cannot work, before anything is started.
            Unsupported: When this backend cannot do it in this version.
        """
        check_instance("job", job, (FileJob, FuncJob), remedy="A function is given as FuncJob(func=...).")
        given = SparkArguments(
            num_executors=num_executors,
            resources_per_executor=resources_per_executor,
            spark_conf=spark_conf,
            pip_index_urls=constants.DEFAULT_PIP_INDEX_URLS,
            options=options,
        )
        if isinstance(job, FuncJob):
            if not callable(job.func):
                raise InvalidInput(f"FuncJob takes a function, not {job.func!r}. A script goes into FileJob(...).")
            given = replace(given, func=job.func, args=job.func_args)
        else:
            is_jar = os.fspath(job.file_source).lower().endswith(".jar")
            given = replace(
                given,
                file=None if is_jar else job.file_source,
                jar=job.file_source if is_jar else None,
                main_class=job.main_class,
                args=job.args,
            )
        return JobName(self._submitted(given, None))

    def list_jobs(
        self,
        status: SparkJobStatus | str | Collection[SparkJobStatus | str] | None = None,
        *,
        label_selector: str | None = None,
    ) -> list[SparkJob]:
        """Return the jobs, oldest first.

        Args:
            status: Only the jobs that are in this status, or in one of these.
            label_selector: Only the jobs whose labels match, like `"team=vision,tier!=test"`.

        Raises:
            InvalidInput: For a status that does not exist, or a selector that is none.
        """
        wanted = None if status is None else spark_statuses(status)
        if label_selector is not None:
            check_instance("label_selector", label_selector, (str,))
        return SparkJobList(
            job for job in self.backend.list_jobs(label_selector) if wanted is None or job.status in wanted
        )

    def get_job(self, name: SparkJobReference) -> SparkJob:
        """Return one job as it is now.

        Args:
            name: The job: its name, or a `SparkJob` of it. So do all methods that take a `name`.

        Raises:
            SparkJobNotFound: With names like it.
        """
        return self.backend.get_job(self._name(name))

    def get_job_logs(
        self,
        name: SparkJobReference,
        follow: bool = False,
        *,
        role: str = "driver",
        after: str | None = None,
        tail_lines: int | None = None,
        since: datetime | timedelta | None = None,
        progress: bool | None = None,
    ) -> LogLines:
        """Return an iterator over the log lines of a job; the arguments are checked at once.

        Args:
            name: The job.
            follow: Yield each line as soon as it is whole, until the job ends. Otherwise what is there now. A job whose
                driver does not run yet is waited for.
            role: `"driver"`; `"executor"` for all executors, each line with its origin in front; `"executor-2"` for the
                executor that Spark calls 2. On this machine the driver's log has all lines.
            after: The `position` of what this returned earlier: begin with the line that followed.
            tail_lines: Begin with the last lines, so many at most.
            since: Begin with the lines since a time, which names its offset from UTC, or since so long ago:
                `timedelta(minutes=5)`.
            progress: With `follow`, show how far the job is below the lines, while the next one is waited for. True
                shows it anywhere but where only lines can be, False nowhere. Default: in notebooks and terminals, as
                `KUBEFLOW_PROGRESS` says.

        Returns:
            An iterator of lines without line ends. Bytes that are no UTF-8 become replacement characters. Its
            `position` is the place after the line that it yielded last; `close()` ends it early. Ctrl-C ends reading
            and not the job.

        Raises:
            SparkJobNotFound: With names like it.
            InvalidInput: When the job has no such role, or `after` is no position in its logs, or is given with
                `tail_lines` or `since`.
        """
        job = self._name(name)
        check_instance("role", role, (str,))
        selection = log_selection(None, container=None, after=after, tail_lines=tail_lines, since=since)
        lines = self.backend.get_job_logs(job, role, selection, bool(follow))
        return followed_spark_lines(self.backend, job, lines, progress) if follow else lines

    def get_job_output(
        self,
        name: SparkJobReference,
        *,
        kind: ArtifactKind | None = None,
        format: str | None = None,  # noqa: A002 - the name of the attribute
    ) -> Artifact:
        """Return what a job left as its output, for the next step: an `Initializer`, a train function, a registry.

        Its metadata names the job: `{"job": name, "job_uid": uid}`.

        Args:
            name: The job.
            kind: `"dataset"` or `"model"`. Default: what `output=Artifact(...)` said, else a dataset.
            format: What its files are, like `"parquet"`. Default: what `output=Artifact(...)` said.

        Raises:
            SparkJobNotFinished: When the job is not over yet.
            SparkJobFailed: When the job failed.
            NoJobOutput: When it has written nothing on this machine, or names no output on a cluster. What is behind
                other URIs nobody looks at.
            InvalidInput: For another kind, or another format than the job said.
            SparkJobNotFound: With names like it.
        """
        return spark_job_output(self.backend, self._name(name), kind, format)

    def get_job_events(self, name: SparkJobReference) -> list[Event]:
        """Return what happened to a job, oldest first.

        Raises:
            SparkJobNotFound: With names like it.
        """
        return EventList(self.backend.get_job_events(self._name(name)))

    def wait_for_job_status(
        self,
        name: SparkJobReference,
        status: SparkJobStatus | str | Collection[SparkJobStatus | str] = _COMPLETED,
        timeout: float = 600,
        polling_interval: float = 2,
        callbacks: Sequence[Callable[[SparkJob], None]] | None = None,
        *,
        progress: bool | None = None,
    ) -> SparkJob:
        """Wait until a job has reached one of some statuses.

        A job that is tried again has not failed. One that is `COMPLETED` has been `CREATED` and `RUNNING`, and waiting
        for those ends then too.

        Args:
            name: The job.
            status: A status, or several.
            timeout: Seconds to wait at most, by the clock.
            polling_interval: Seconds between two calls of the callbacks, and between two looks at the job where the
                backend cannot be told of changes.
            callbacks: Called with the job at each interval and when it has got there.
            progress: Show how far it is, in one line: status, executors, attempts, why. True shows it anywhere, False
                nowhere. Default: in notebooks and terminals, as `KUBEFLOW_PROGRESS` says.

        Returns:
            The job.

        Raises:
            SparkJobFailed: As soon as the job has failed for good, unless `FAILED` is awaited: with the cause and the
                last lines of the driver.
            SparkJobWaitTimeout: When the time is up, a `TimeoutError` that explains where the job is; the job goes on.
            SparkJobNotFound: With names like it; also when the job is deleted meanwhile.
            InvalidInput: For a status that does not exist, or times that are not greater than 0.
        """
        return wait_for_spark_job(
            self.backend,
            self._name(name),
            status,
            timeout=timeout,
            polling_interval=polling_interval,
            callbacks=callbacks or (),
            progress=progress,
        )

    @overload
    def get_job_result(self, name: JobName[Awaitable[T]]) -> T: ...

    @overload
    def get_job_result(self, name: JobName[T]) -> T: ...

    @overload
    def get_job_result(self, name: SparkJobReference) -> object: ...

    def get_job_result(self, name: SparkJobReference) -> object:
        """Return what the function of a job returned: `None` when it returned nothing.

        Data comes back as it was (see `kubeflow.packaging`): numbers, text, lists, dicts, dataclasses. Tables belong
        into a file that the function writes.

        Raises:
            SparkJobNotFinished: When the job is not over yet.
            SparkJobFailed: When the job failed: with the exception and the last lines of the driver.
            NoSparkJobResult: When the value is no data, or of a class that is not loaded here.
            SparkJobNotFound: With names like it.
        """
        return spark_job_result(self.backend, self._name(name))

    def explain(self, name: SparkJobReference) -> str:
        """Return, as one text, where a job is and why: status, driver, executors, timeline, last words, what to try.

        Raises:
            SparkJobNotFound: With names like it.
        """
        from kubeflow.trainer.diagnosis.diagnosis import Explanation

        return Explanation(self.backend.explain(self._name(name)))

    def suspend_job(self, name: SparkJobReference) -> None:
        """End the processes of a job and keep the job; `resume_job` starts it anew, from its beginning.

        Raises:
            SparkJobNotFound: With names like it.
            InvalidInput: When it has ended.
        """
        self.backend.suspend_job(self._name(name))

    def resume_job(self, name: SparkJobReference) -> None:
        """Start a suspended job anew. Does nothing for a job that is not suspended.

        Raises:
            SparkJobNotFound: With names like it.
            InvalidInput: When it has ended.
        """
        self.backend.resume_job(self._name(name))

    def delete_job(self, name: SparkJobReference, *, wait: bool = False, timeout: float = 600) -> None:
        """End a job if it runs, and forget it with its logs.

        Args:
            name: The job.
            wait: Return only when nothing of it is left anywhere, of a schedule none of its runs; a job on this machine
                is always waited for.
            timeout: Seconds to wait at most.

        Raises:
            SparkJobNotFound: With names like it.
            SparkJobWaitTimeout: When something of it is still there after `timeout` seconds.
        """
        self.backend.delete_job(self._name(name), timeout if wait else None)

    # -- sessions -----------------------------------------------------------------------------------------------

    def connect(
        self,
        base_url: str | None = None,
        token: str | None = None,
        num_executors: int | None = None,
        resources_per_executor: Resources | None = None,
        spark_conf: Mapping[str, str] | None = None,
        driver: Driver | None = None,
        executor: Executor | None = None,
        options: Sequence[SparkOption | Option] | None = None,
        timeout: float = 300,
        connect_timeout: float = 120,
        *,
        name: str | None = None,
        attach: str | SparkConnectInfo | None = None,
    ) -> ConnectedSession:
        """Make a session for interactive work and connect to it; or only connect to one, with `attach` or `base_url`.

        The server has answered a call when this returns. At the end of a `with` block the session is deleted if this
        call has made it, and stays otherwise. Without a block, `close()` does the same. Nothing else ends a server of
        a cluster: it has no idle time-out. On this machine, a pyspark without the client of Spark Connect gets a
        classic session in this process, which ends with it; a warning in the log says so.

        Args:
            base_url: A server that exists, by its address, like `"sc://spark.example.com:15002"`. Nothing is made.
            token: What that server wants to be shown.
            num_executors: Executors of the new session, at least 1. Default: 1.
            resources_per_executor: What each gets; see `process_data`.
            spark_conf: Settings of Spark by their full names.
            driver: Image, size, JVM options and service account of the server. Default image: that of the Spark
                project in the version of the pyspark that is installed here.
            executor: Number, size and JVM options of the executors, as one object.
            options: Changes beyond these arguments (`kubeflow.spark.options`).
            timeout: Seconds until the server is ready.
            connect_timeout: Seconds until it has answered the first call.
            name: Name of the new session, at most 56 characters. Default: `session-` and four hexadecimal digits.
            attach: A session that exists, by name. Nothing is made.

        Returns:
            The session: `session.spark` is the SparkSession.

        Raises:
            InvalidInput: When it cannot work, before anything is made. `PySparkMissing` is a kind of it.
            SessionLost: The server has failed, or does not answer in time; what was made is deleted.
            SessionNotFound: There is no session of the name `attach`, with names like it.
            Unsupported: This backend has no sessions in this version.

        Example:
            >>> with client.connect(num_executors=2) as session:  # doctest: +SKIP
            ...     session.spark.range(5).count()
        """
        new = {
            "num_executors": num_executors,
            "resources_per_executor": resources_per_executor,
            "spark_conf": spark_conf,
            "driver": driver,
            "executor": executor,
            "options": options,
            "name": name,
        }
        for existing, value in (("base_url", base_url), ("attach", attach)):
            said = [argument for argument, given in new.items() if given is not None] if value is not None else []
            if said:
                raise InvalidInput(
                    f"{existing}= is a server that exists, and {said[0]}= is for a new one: leave one out."
                )
        if base_url is not None and attach is not None:
            raise InvalidInput("base_url= and attach= both say where to connect to: leave one of them out.")
        if token is not None and base_url is None:
            raise InvalidInput("token= is for base_url=: sessions that this client makes need none.")
        check_times(timeout, connect_timeout)
        if base_url is not None:
            return connect_to_address(base_url, token, connect_timeout)
        if attach is not None:
            return attached(self._sessions, _session_name(attach), connect_timeout)
        spec = session_spec(
            fresh_name("session") if name is None else name,
            num_executors=num_executors,
            resources_per_executor=resources_per_executor,
            spark_conf=spark_conf,
            driver=driver,
            executor=executor,
            options=options,
        )
        return connect_anew(self._sessions, spec, timeout, connect_timeout)

    def list_sessions(self) -> list[SparkConnectInfo]:
        """Return the sessions, oldest first. One that cannot be read is `UNKNOWN`, and breaks nothing."""
        return SessionList(self._sessions.list_sessions())

    def get_session(self, name: str | SparkConnectInfo) -> SparkConnectInfo:
        """Return one session as it is now.

        Raises:
            SessionNotFound: With names like it.
        """
        return self._sessions.get_session(_session_name(name))

    def get_session_logs(self, name: str | SparkConnectInfo, follow: bool = False) -> LogLines:
        """Yield the lines of a session's server.

        Args:
            name: The session.
            follow: Go on until the session is deleted.

        Raises:
            SessionNotFound: With names like it.
        """
        selection = log_selection(None, container=None, after=None, tail_lines=None, since=None)
        return self._sessions.get_session_logs(_session_name(name), selection, bool(follow))

    def delete_session(self, name: str | SparkConnectInfo) -> None:
        """End the server of a session, with its executors.

        Raises:
            SessionNotFound: With names like it.
        """
        self._sessions.delete_session(_session_name(name))

    @property
    def _sessions(self) -> SessionBackend:
        backend = self.backend
        if not isinstance(backend, SessionBackend):
            raise Unsupported(
                "Sessions on this machine are not in this version: use a cluster, "
                "SparkClient(KubernetesBackendConfig()), or a server that runs already: connect(base_url='sc://localhost:15002')."
            )
        return backend

    def _name(self, job: SparkJobReference) -> str:
        return spark_job_name(job, self.backend.namespace)

    def _made(self, given: SparkArguments, name: str | None, *, dry_run: bool) -> JobName | ShownApplication:
        if dry_run:
            return self.backend.render(self._spec(given, fresh_name(_called(given)) if name is None else name, name))
        return self._submitted(given, name)

    def _spec(self, given: SparkArguments, chosen: str, name: str | None) -> SparkSpec:
        spec = spark_spec(chosen, given, same_python=self.backend.same_python)
        if name is not None and spec.name != name:
            raise InvalidInput(f"name={name!r} and an option, {spec.name!r}, both name the job: leave one of them out.")
        return spec

    def _submitted(self, given: SparkArguments, name: str | None) -> JobName:
        called = _called(given)
        chosen = fresh_name(called) if name is None else name
        spec = self._spec(given, chosen, name)
        return self._start(spec, called if name is None and spec.name == chosen else None)

    def _start(self, spec: SparkSpec, called: str | None) -> JobName:
        if called is not None:
            for _ in range(TRIES):
                with contextlib.suppress(SparkJobExists):  # by a rare chance; another name is as good
                    self.backend.submit(spec)
                    return JobName(spec.name)
                spec = replace(spec, name=fresh_name(called))
        self.backend.submit(spec)
        return JobName(spec.name)


def _session_name(session: str | SparkConnectInfo) -> str:
    return session.name if isinstance(session, SparkConnectInfo) else session


def _called(given: SparkArguments) -> str:
    """Return what a job is called after: its function, or its file."""
    if callable(given.func):
        return stem(CustomTrainer(func=given.func), "spark")
    runs = given.runs
    place = os.fspath(cast("str | os.PathLike[str]", runs)) if isinstance(runs, (str, os.PathLike)) else ""
    return PurePath(place).stem or "spark"
