"""`SessionSpec`: one plain description of a session that every backend can realise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeflow.core.display import repr_of_fields
from kubeflow.spark.jobs.spark_spec import Allocation, MavenDependencies, Role, Wire
from kubeflow.spark.types.node_sizes import NodeSize


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """A session: a server of Spark Connect. The fields are those of `SparkSpec`.

    Attributes:
        name: RFC 1035 label.
        num_executors: `None` when not given.
        driver: What the server gets.
        executor: What each executor gets.
        driver_java_options: Options of the server's JVM.
        executor_java_options: Options of the executors' JVMs.
        service_account: Whom the server acts as; `None` lets the backend find one.
        image: Image of server and executors; `None` is the backend's default.
        spark_conf: Settings of Spark, by their full names.
        labels: Labels of the session.
        annotations: Annotations of the session.
        maven: What Spark fetches first.
        allocation: Executors that come and go; `None` for a fixed number.
        pods: Changes to the specs of pods, as in `SparkSpec`.
        templates: Pod templates that are merged over all else, as in `SparkSpec`.
        variables: Environment variables with values from the cluster, as in `SparkSpec`.
        cluster_options: Options that only a cluster can realise, by name, in order.
    """

    name: str
    num_executors: int | None = None
    driver: NodeSize = field(default_factory=NodeSize)
    executor: NodeSize = field(default_factory=NodeSize)
    driver_java_options: str | None = None
    executor_java_options: str | None = None
    service_account: str | None = None
    image: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    maven: MavenDependencies = field(default_factory=MavenDependencies)
    allocation: Allocation | None = None
    pods: tuple[tuple[Role, Wire], ...] = ()
    templates: tuple[tuple[Role, Wire], ...] = ()
    variables: tuple[Wire, ...] = ()
    cluster_options: tuple[str, ...] = ()

    __repr__ = repr_of_fields
