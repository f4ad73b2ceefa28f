"""From the arguments of `SparkClient.connect` to a `SessionSpec`. What is wrong everywhere is refused here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.jobs.option_order import with_options
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.jobs.spark_arguments import checked_conf, executor_settings
from kubeflow.spark.jobs.spark_spec import Program, SparkOption, SparkSpec
from kubeflow.spark.types.node_sizes import node_size
from kubeflow.spark.types.spark_nodes import Driver, Executor
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.jobspec import Option
from kubeflow.trainer.types.checks import check_annotations, check_instance, check_labels
from kubeflow.trainer.types.resources import Resources

# What an option may set of a job that a session has no place for, with what it is called.
_OF_JOBS = {
    "suspend": "Suspend or Queue",
    "deadline": "ActiveDeadlineSeconds",
    "timetable": "Schedule",
    "edits": "an option that changes a SparkApplication, such as Monitoring",
}


def session_spec(
    name: str,
    *,
    num_executors: int | None = None,
    resources_per_executor: Resources | None = None,
    spark_conf: Mapping[str, str] | None = None,
    driver: Driver | None = None,
    executor: Executor | None = None,
    options: Sequence[SparkOption | Option] | None = None,
) -> SessionSpec:
    """Describe the session that the arguments mean; see `SparkClient.connect`.

    Raises:
        InvalidInput: When the session cannot work on any backend, naming cause and remedy.
    """
    names.check(name)
    size, executors, java_options = executor_settings(executor, num_executors, resources_per_executor)
    driver = driver if driver is not None else Driver()
    check_instance("driver", driver, (Driver,), remedy="Write driver=Driver(resources={'memory': '4Gi'}).")
    # Options change a job: those parts of it that a session has too are taken over.
    job = with_options(SparkSpec(name=name, program=Program(), num_executors=executors), options)
    for field, called in _OF_JOBS.items():
        if getattr(job, field):
            raise InvalidInput(f"A session has no place for {called}: leave that out, or make a job: process_data().")
    if job.attempts.policy != "Never":
        raise InvalidInput("A session is not tried again: leave Retries out, or make a job: process_data().")
    check_labels("labels", job.labels)
    check_annotations("annotations", job.annotations)
    return SessionSpec(
        name=names.check(job.name),
        num_executors=executors,
        driver=node_size(driver.resources, "Driver resources"),
        executor=size,
        driver_java_options=driver.java_options,
        executor_java_options=java_options,
        service_account=driver.service_account,
        image=driver.image,
        spark_conf=checked_conf(spark_conf),
        labels=job.labels,
        annotations=job.annotations,
        maven=job.maven,
        allocation=job.allocation,
        pods=job.pods,
        templates=job.templates,
        variables=job.variables,
        cluster_options=job.cluster_options,
    )
