"""`SparkSpec`: one plain description of a Spark job that every backend can realise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from kubeflow.core.artifact import Artifact
from kubeflow.core.display import repr_of_fields
from kubeflow.spark.types.node_sizes import NodeSize

if TYPE_CHECKING:
    from kubeflow_api.spark import v1beta2

    from kubeflow.packaging import Bundle

Role = Literal["driver", "executor"]
"""What a pod of Spark is for."""

Wire = dict[str, object]
"""A part of a Kubernetes object, by its names on the wire."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a job runs. Either `bundle` or `file` says it.

    Attributes:
        bundle: A packaged function or script, with its arguments and requirements.
        file: A program that is not packaged: a path of this machine, or an address.
        is_jar: True when it is for the JVM; then `main_class` may be needed.
        main_class: Main class of a jar; `None` where its manifest names one.
        arguments: Words of the command line of `file`.
    """

    bundle: Bundle | None = None
    file: str = ""
    is_jar: bool = False
    main_class: str | None = None
    arguments: tuple[str, ...] = ()

    __repr__ = repr_of_fields

    @property
    def is_address(self) -> bool:
        """True when `file` is an address, which is read where the driver runs."""
        return "://" in self.file


@dataclass(frozen=True, slots=True)
class MavenDependencies:
    """What Spark fetches from Maven repositories before the job starts.

    Attributes:
        packages: Coordinates, `group:artifact:version`.
        excluded: Dependencies of these that are left out, `group:artifact`.
        repositories: Addresses of further repositories.
    """

    packages: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Allocation:
    """Executors that come and go with the work. `None` is Spark's own default.

    Attributes:
        least: Executors that stay.
        most: Executors at most.
        first: Executors at the start.
    """

    least: int | None = None
    most: int | None = None
    first: int | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Attempts:
    """When a job is tried again.

    Attributes:
        policy: `"Never"`, `"OnFailure"`, or `"Always"` also after success.
        failures: Further attempts after one that failed.
        submissions: Further attempts after one that could not be submitted.
        interval: Seconds before the next, times the attempts so far.
    """

    policy: Literal["Never", "OnFailure", "Always"] = "Never"
    failures: int = 0
    submissions: int = 0
    interval: int = 5

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a job is run again and again.

    Attributes:
        cron: Like `"0 3 * * *"`, or `"@every 2h"`.
        time_zone: Name of a time zone; `None` is that of the operator.
        overlap: What happens when the next run is due and the last one goes on.
        kept_successes: Runs that ended well and are kept; `None` is the operator's default.
        kept_failures: Runs that failed and are kept.
    """

    cron: str
    time_zone: str | None = None
    overlap: Literal["Allow", "Forbid", "Replace"] = "Allow"
    kept_successes: int | None = None
    kept_failures: int | None = None

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class SparkEdit:
    """A change to the rendered SparkApplication, for what only a cluster knows.

    Attributes:
        description: What it changes, in a few words.
        apply: Changes the SparkApplication in place. Edits are applied in order, after all else.
    """

    description: str
    apply: Callable[[v1beta2.SparkApplication], None]

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class SparkSpec:
    """A job, free of any backend. Made by `spark_spec`, realised by a `SparkBackend`.

    Attributes:
        name: RFC 1035 label, at most 63 characters.
        program: What it runs.
        num_executors: `None` when not given.
        driver: What the driver gets.
        executor: What each executor gets.
        driver_java_options: Options of the driver's JVM.
        executor_java_options: Options of the executors' JVMs.
        service_account: Whom the driver acts as; `None` lets the backend find one.
        image: Image of driver and executors; `None` is the backend's default.
        driver_image: Image of the driver alone.
        spark_conf: Settings of Spark, by their full names.
        env: Environment variables of driver and executors.
        output: Where the job leaves what it makes; `None` is the backend's own place.
        labels: Labels of the job.
        annotations: Annotations of the job.
        suspend: Make the job without starting it.
        deadline: Seconds after which it fails while it is active; `None` is no limit.
        maven: What Spark fetches first.
        allocation: Executors that come and go; `None` for a fixed number.
        attempts: When it is tried again.
        timetable: When it is run again; `None` runs it once, now.
        pods: Changes to the specs of pods in wire names, in order: the role, and the change. The container that does
            the work is called `MAIN_CONTAINER` in them.
        templates: Pod templates in wire names that are merged over all else, in order: the role, and the template.
        variables: Environment variables with values from the cluster, `EnvVar` objects in wire names.
        edits: Changes to the rendered object.
        cluster_options: Options that only a cluster can realise, by name, in order.
    """

    name: str
    program: Program
    num_executors: int | None = None
    driver: NodeSize = field(default_factory=NodeSize)
    executor: NodeSize = field(default_factory=NodeSize)
    driver_java_options: str | None = None
    executor_java_options: str | None = None
    service_account: str | None = None
    image: str | None = None
    driver_image: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict[str, str])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    output: Artifact | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    suspend: bool = False
    deadline: int | None = None
    maven: MavenDependencies = field(default_factory=MavenDependencies)
    allocation: Allocation | None = None
    attempts: Attempts = field(default_factory=Attempts)
    timetable: Timetable | None = None
    pods: tuple[tuple[Role, Wire], ...] = ()
    templates: tuple[tuple[Role, Wire], ...] = ()
    variables: tuple[Wire, ...] = ()
    edits: Sequence[SparkEdit] = ()
    cluster_options: tuple[str, ...] = ()

    __repr__ = repr_of_fields

    def for_clusters(self, option: str) -> SparkSpec:
        """Return this job, which says of an option that only a cluster realises it."""
        return replace(self, cluster_options=tuple(dict.fromkeys((*self.cluster_options, option))))


MAIN_CONTAINER = "node"
"""In `SparkSpec.pods`: the container that does the work, whose name depends on the role."""


@runtime_checkable
class SparkOption(Protocol):
    """A change to a Spark job that goes beyond its arguments; `options=[...]` applies them in order.

    Options of `kubeflow.trainer.options` are taken as well, where Spark has a place for what they change.
    """

    def apply_to_spark(self, spec: SparkSpec) -> SparkSpec:
        """Return `spec` with this option's change; `dataclasses.replace` makes one.

        Raises:
            InvalidInput: When the option contradicts the job.
        """
        ...
