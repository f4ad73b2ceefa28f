"""The names and signatures of the published package 0.5.0 stay valid."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from kubeflow import spark

NAMES = (
    *("SparkClient", "Driver", "Executor", "FileJob", "FuncJob", "SparkConnectInfo", "SparkConnectState", "SparkJob"),
    *("SparkJobStatus", "Annotations", "Labels", "Name", "NodeSelector", "PodTemplateOverride", "Toleration"),
    "KubernetesBackendConfig",
)
# Parameters in their order, with their defaults where they matter.
SIGNATURES: dict[str, tuple[str, ...]] = {
    "connect": (
        *("base_url", "token", "num_executors", "resources_per_executor", "spark_conf", "driver", "executor"),
        *("options", "timeout", "connect_timeout"),
    ),
    "list_sessions": (),
    "get_session": ("name",),
    "delete_session": ("name",),
    "get_session_logs": ("name", "follow"),
    "submit_job": ("job", "num_executors", "resources_per_executor", "spark_conf", "options"),
    "get_job": ("name",),
    "list_jobs": ("status",),
    "delete_job": ("name",),
    "wait_for_job_status": ("name", "status", "timeout", "polling_interval"),
    "get_job_logs": ("name", "follow"),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_published_name_is_there(name: str) -> None:
    assert hasattr(spark, name)


@pytest.mark.parametrize(("method", "parameters"), SIGNATURES.items())
def test_calls_that_were_written_for_it_bind(method: str, parameters: tuple[str, ...]) -> None:
    found = inspect.signature(getattr(spark.SparkClient, method))
    positional = [
        name
        for name, parameter in found.parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and name != "self"
    ]
    assert tuple(positional[: len(parameters)]) == parameters
    found.bind(None, **dict.fromkeys(parameters))


def test_defaults_are_those_of_before() -> None:
    waiting = inspect.signature(spark.SparkClient.wait_for_job_status).parameters
    assert waiting["status"].default == {spark.SparkJobStatus.COMPLETED}
    assert (waiting["timeout"].default, waiting["polling_interval"].default) == (600, 2)
    connecting = inspect.signature(spark.SparkClient.connect).parameters
    assert (connecting["timeout"].default, connecting["connect_timeout"].default) == (300, 120)


def test_values_of_before_are_made_as_before() -> None:
    made: tuple[Any, ...] = (
        spark.Driver(image="a", resources={"cpu": "1"}, java_options="-X", service_account="b"),
        spark.Executor(num_instances=1, resources_per_executor={"cpu": "1"}, java_options="-X"),
        spark.FileJob(file_source="local:///a.py", args=["1"]),
        spark.FuncJob(func=len, func_args=None),
        spark.Toleration("gpu", "Equal", "true", "NoSchedule"),
        spark.NodeSelector(selectors={"a": "b"}),
        spark.PodTemplateOverride(role="executor", template={"spec": {}}),
    )
    assert all(repr(value) for value in made)
    assert [status.value for status in list(spark.SparkJobStatus)[:2]] == ["Created", "Running"]
    assert spark.SparkJobStatus("Completed") is spark.SparkJobStatus.COMPLETED
    assert spark.SparkConnectState("Ready") is spark.SparkConnectState.READY
    job = spark.SparkJob(name="a", namespace="b", status=spark.SparkJobStatus.FAILED, num_executors=2)
    assert (job.driver_pod_name, job.creation_timestamp) == (None, None)
