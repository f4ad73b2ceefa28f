"""Settings of the driver and of the executors."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.tracebacks import thin_all
from kubeflow.spark.types.node_sizes import node_size
from kubeflow.trainer.types.checks import check_count, check_object_name, check_text
from kubeflow.trainer.types.resources import Resources


@dataclass(frozen=True)
class Driver:
    """The driver: the process that runs your code and plans the work of the executors.

    Attributes:
        image: Container image of the driver. Default: that of the job.
        resources: What it gets, like `{"cpu": 2, "memory": "4Gi"}`; memory in the notation of Kubernetes or of Spark.
            Default: one core and 1 GiB.
        java_options: Options of its JVM, like `"-XX:+UseG1GC"`. The size of the heap is `resources["memory"]`.
        service_account: On a cluster, whom it acts as: an account that may make pods, services and config maps.
            Default: one that may, found in the namespace.

    Raises:
        InvalidInput: When a field cannot be right on any backend.
    """

    image: str | None = None
    resources: Resources | None = None
    java_options: str | None = None
    service_account: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.image is not None:
            check_text("Driver image", self.image)
        if self.java_options is not None:
            check_text("Driver java_options", self.java_options)
        if self.service_account is not None:
            check_object_name("Driver service_account", self.service_account)
        node_size(self.resources, "Driver resources")


@dataclass(frozen=True)
class Executor:
    """The executors: the processes that work on the partitions of the data.

    Attributes:
        num_instances: Executors, at least 1; the same as `num_executors=` of a call.
        resources_per_executor: What each gets, like `{"cpu": 4, "memory": "8Gi"}`; the same as
            `resources_per_executor=` of a call.
        java_options: Options of their JVMs.

    Raises:
        InvalidInput: When a field cannot be right on any backend.
    """

    num_instances: int | None = None
    resources_per_executor: Resources | None = None
    java_options: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.num_instances is not None:
            check_count("Executor num_instances", self.num_instances)
        if self.java_options is not None:
            check_text("Executor java_options", self.java_options)
        node_size(self.resources_per_executor, "Executor resources_per_executor")


thin_all(globals())
