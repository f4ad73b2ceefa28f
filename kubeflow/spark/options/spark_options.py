"""Options that only Spark has. Those for pods, storage and placement are the trainer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, cast, get_args

from kubeflow.core.display import call, repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin_all
from kubeflow.spark.jobs.spark_spec import (
    Allocation,
    Attempts,
    MavenDependencies,
    Role,
    SparkEdit,
    SparkOption,
    SparkSpec,
    Timetable,
    Wire,
)
from kubeflow.trainer.options import NodeSelector
from kubeflow.trainer.types.checks import check_count, check_strings, check_text

_COORDINATES = re.compile(r"[^\s:,]+:[^\s:,]+:[^\s:,]+")
_WITHOUT_VERSION = re.compile(r"[^\s:,]+:[^\s:,]+")
# Five fields, or a word with @: https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format
_CRON = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \S+|\S+( \S+){4}")


class MavenPackages(SparkOption):
    """Libraries for the JVM, which Spark fetches from a Maven repository before the job starts. Needs a network there.

    Several options add up.

    Args:
        packages: Coordinates, like `"org.apache.hadoop:hadoop-aws:3.4.1"`.
        exclude: Dependencies of these to leave out, like `"com.google.guava:guava"`.
        repositories: Addresses of further repositories. Default: Maven Central alone.

    Raises:
        InvalidInput: For what are no coordinates.
    """

    cluster_only: ClassVar[bool] = False

    __slots__ = ("_dependencies",)

    def __init__(self, *packages: str, exclude: tuple[str, ...] = (), repositories: tuple[str, ...] = ()) -> None:
        if not packages:
            raise InvalidInput(
                "MavenPackages names what to fetch: MavenPackages('org.apache.hadoop:hadoop-aws:3.4.1')."
            )
        for package in packages:
            if not isinstance(package, str) or not _COORDINATES.fullmatch(package):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidInput(
                    f"MavenPackages: {package!r} are no coordinates: write 'group:artifact:version', as in "
                    "'org.apache.hadoop:hadoop-aws:3.4.1'."
                )
        check_strings("MavenPackages exclude", exclude)
        check_strings("MavenPackages repositories", repositories)
        for dependency in exclude:
            if not _WITHOUT_VERSION.fullmatch(dependency):
                raise InvalidInput(
                    f"MavenPackages: exclude has {dependency!r}; write 'group:artifact', without a version."
                )
        self._dependencies = MavenDependencies(tuple(packages), tuple(exclude), tuple(repositories))

    def __repr__(self) -> str:
        given = self._dependencies
        return call(
            "MavenPackages",
            *given.packages,
            exclude=given.excluded or None,
            repositories=given.repositories or None,
        )

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with these libraries."""
        before, more = spec.maven, self._dependencies
        together = MavenDependencies(
            tuple(dict.fromkeys((*before.packages, *more.packages))),
            tuple(dict.fromkeys((*before.excluded, *more.excluded))),
            tuple(dict.fromkeys((*before.repositories, *more.repositories))),
        )
        return replace(spec, maven=together)


@dataclass(frozen=True)
class DynamicAllocation(SparkOption):
    """Executors that come and go with the work, in place of a fixed number.

    Attributes:
        min_executors: Executors that stay. Default: none.
        max_executors: Executors at most. Default: as many as the work takes.
        initial_executors: Executors at the start. Default: `min_executors`.

    Raises:
        InvalidInput: When the three contradict one another.
    """

    cluster_only: ClassVar[bool] = True

    min_executors: int | None = None
    max_executors: int | None = None
    initial_executors: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        for field, value, least in (
            ("min_executors", self.min_executors, 0),
            ("max_executors", self.max_executors, 1),
            ("initial_executors", self.initial_executors, 0),
        ):
            if value is not None:
                check_count(f"DynamicAllocation {field}", value, least=least)
        least_, first, most = self.min_executors or 0, self.initial_executors, self.max_executors
        if (most is not None and max(least_, first or 0) > most) or (first is not None and first < least_):
            raise InvalidInput(f"{self!r}: min_executors is at most initial_executors, and that at most max_executors.")

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with such executors."""
        if spec.num_executors is not None:
            raise InvalidInput(
                f"num_executors={spec.num_executors} is a fixed number of executors, and DynamicAllocation lets it "
                "vary: leave num_executors= out, and write DynamicAllocation(initial_executors=...)."
            )
        allocation = Allocation(self.min_executors, self.max_executors, self.initial_executors)
        return replace(spec, allocation=allocation).for_clusters("DynamicAllocation")


@dataclass(frozen=True)
class Retries(SparkOption):
    """Further attempts after one that failed. Default: none.

    Attributes:
        on_failure: Further attempts after one that failed.
        on_submission_failure: Further attempts where the driver could not be submitted.
        interval: Seconds before the next attempt; it grows with the attempts so far.
        always: True to run again after success as well, without an end; then the numbers have no meaning.
    """

    cluster_only: ClassVar[bool] = True

    on_failure: int = 0
    on_submission_failure: int = 0
    interval: int = 5
    always: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_count("Retries on_failure", self.on_failure, least=0)
        check_count("Retries on_submission_failure", self.on_submission_failure, least=0)
        check_count("Retries interval", self.interval)

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with these attempts."""
        attempts = Attempts(
            "Always" if self.always else "OnFailure", self.on_failure, self.on_submission_failure, self.interval
        )
        return replace(spec, attempts=attempts).for_clusters("Retries")


@dataclass(frozen=True)
class Schedule(SparkOption):
    """Run the job again and again: the job becomes a ScheduledSparkApplication, which makes one for each run.

    Attributes:
        cron: Minute, hour, day of month, month and day of week, like `"0 3 * * *"`; or `"@daily"`, `"@every 2h"`.
        time_zone: Name of a time zone, like `"Europe/Berlin"`. Default: that of the operator.
        concurrency: When the next run is due and the last one goes on: `"Allow"` both, `"Forbid"` the next, `"Replace"`
            the last.
        keep_successful: Runs that ended well and are kept. Default: 1, the operator's.
        keep_failed: Runs that failed and are kept. Default: 1, the operator's.
    """

    cluster_only: ClassVar[bool] = True

    cron: str
    time_zone: str | None = None
    concurrency: Literal["Allow", "Forbid", "Replace"] = "Allow"
    keep_successful: int | None = None
    keep_failed: int | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("Schedule cron", self.cron)
        if not _CRON.fullmatch(self.cron):
            raise InvalidInput(
                f"Schedule: {self.cron!r} is no time-table: write minute, hour, day of month, month and day of week, "
                "as in '0 3 * * *' (every day at three), or '@every 2h'."
            )
        if self.time_zone is not None:
            check_text("Schedule time_zone", self.time_zone)
        if self.concurrency not in ("Allow", "Forbid", "Replace"):
            raise InvalidInput(f"Schedule: concurrency is 'Allow', 'Forbid' or 'Replace', not {self.concurrency!r}.")
        for field, value in (("keep_successful", self.keep_successful), ("keep_failed", self.keep_failed)):
            if value is not None:
                check_count(f"Schedule {field}", value, least=0)

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` on this time-table."""
        table = Timetable(self.cron, self.time_zone, self.concurrency, self.keep_successful, self.keep_failed)
        return replace(spec, timetable=table).for_clusters("Schedule")


@dataclass(frozen=True)
class Monitoring(SparkOption):
    """Metrics of driver and executors for Prometheus, by an agent in their JVMs that the image brings.

    Attributes:
        jmx_exporter_jar: Where the agent is in the image, like `"/prometheus/jmx_prometheus_javaagent.jar"`.
        port: Port of the metrics, 1024 to 49151.
        driver: Whether the driver has them.
        executors: Whether the executors have them.
    """

    cluster_only: ClassVar[bool] = True

    jmx_exporter_jar: str
    port: int = 8090
    driver: bool = True
    executors: bool = True

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("Monitoring jmx_exporter_jar", self.jmx_exporter_jar)
        check_count("Monitoring port", self.port, least=1024, most=49151)

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with these metrics."""
        from kubeflow_api.spark import v1beta2

        monitoring = v1beta2.MonitoringSpec(
            expose_driver_metrics=self.driver,
            expose_executor_metrics=self.executors,
            prometheus=v1beta2.PrometheusSpec(jmx_exporter_jar=self.jmx_exporter_jar, port=self.port),
        )

        def apply(application: v1beta2.SparkApplication) -> None:
            application.spec.monitoring = monitoring

        return replace(spec, edits=(*spec.edits, SparkEdit("Monitoring", apply))).for_clusters("Monitoring")


@dataclass(frozen=True)
class PodTemplateOverride(SparkOption):
    """A part of the pod template of the driver or of the executors, in full Kubernetes terms.

    It is merged over the rest.

    Attributes:
        role: `"driver"` (of a session: its server) or `"executor"`.
        template: A pod template by its names on the wire, like `{"spec": {"securityContext": {"runAsUser": 1000}}}`.
            Containers are merged by name: the one that does the work is called `spark-kubernetes-driver` or
            `spark-kubernetes-executor`.
    """

    cluster_only: ClassVar[bool] = True

    role: Role
    template: Mapping[str, object]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidInput(f"PodTemplateOverride: role is 'driver' or 'executor', not {self.role!r}.")
        if not isinstance(self.template, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"PodTemplateOverride: template is a mapping, not {self.template!r}.")
        if unknown := [key for key in self.template if key not in ("metadata", "spec")]:
            raise InvalidInput(
                f"PodTemplateOverride: a pod template has 'metadata' and 'spec', not {unknown[0]!r}: write "
                f"template={{'spec': {{{unknown[0]!r}: ...}}}}."
            )

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with this part."""
        template: Wire = dict(self.template)
        return replace(spec, templates=(*spec.templates, (self.role, template))).for_clusters("PodTemplateOverride")


class SparkNodeSelector(NodeSelector):
    """`NodeSelector` of the trainer under the argument that the published package has for it.

    Args:
        selectors: Values by key, like `{"pool": "spark"}`.
        labels: The same.
        job: `"driver"` or `"executor"`. Default: both.
    """

    __slots__ = ()

    def __init__(
        self,
        selectors: Mapping[str, str] | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        job: str | None = None,
    ) -> None:
        if (selectors is None) == (labels is None):
            raise InvalidInput("NodeSelector takes the labels of machines: NodeSelector({'pool': 'spark'}).")
        super().__init__(cast("Mapping[str, str]", selectors if labels is None else labels), job)

    def __repr__(self) -> str:
        return call("NodeSelector", dict(self.labels), job=self.job)


thin_all(globals())
