"""From the arguments of `process_data` to a job: what is taken, and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import PackagingError
from kubeflow.spark import Driver, Executor, options
from kubeflow.spark.jobs.spark_arguments import SparkArguments, spark_spec
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.spark.types.node_sizes import NodeSize, node_size


def clean(spark: Any, source: str, target: str = "out") -> int:
    return int(spark.read.parquet(source).count())


def spec(func: Callable[..., object] | None = clean, **given: Any) -> SparkSpec:
    given.setdefault("args", {"source": "in"} if func is clean else None)
    return spark_spec("clean", SparkArguments(func=func, **given), same_python=True)


def test_a_parameter_named_spark_is_filled_in_where_the_job_runs() -> None:
    bundle = spec().program.bundle
    assert bundle is not None
    assert b'"session":"spark"' in bundle.files()[".kubeflow/entry.json"]
    assert b"getOrCreate" in bundle.files()[".kubeflow/_kubeflow_remote.py"]


def test_a_function_without_that_parameter_brings_no_code_for_it() -> None:
    def count(path: str) -> int:
        return len(path)

    bundle = spec(count, args={"path": "x"}).program.bundle
    assert bundle is not None
    assert b"getOrCreate" not in bundle.files()[".kubeflow/_kubeflow_remote.py"]


def test_the_other_arguments_are_held_against_the_signature() -> None:
    with pytest.raises(PackagingError, match="source"):
        spec(args={})
    with pytest.raises(PackagingError, match="sorce"):
        spec(args={"sorce": "in"})


def test_resources_are_what_spark_has_for_them() -> None:
    made = spec(
        num_executors=4,
        resources_per_executor={"cpu": "1500m", "memory": "8Gi", "gpu": 1},
        driver=Driver(resources={"memory": "2g"}, java_options="-XX:+UseG1GC", service_account="spark"),
    )
    assert made.executor == NodeSize(cores=2, cpu="1500m", memory=8 * 2**30, gpus=1, gpu_name="nvidia.com/gpu")
    assert made.driver == NodeSize(memory=2 * 2**30)
    assert (made.num_executors, made.driver_java_options, made.service_account) == (4, "-XX:+UseG1GC", "spark")


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"cpus": 8}, "Did you mean 'cpu'"),
        ({"memry": "64Gi"}, "Did you mean 'memory'"),
        ({"memory": "8Gi", "Memory": "8Gi"}, "twice"),
        ({"storage": "100Gi"}, "ScratchVolume"),
        ({"rdma/ib": 1}, "no place"),
        ({"gpu": 1, "amd.com/gpu": 1}, "one kind of device"),
        ({"gpu": 0.5}, "whole number"),
        ({"cpu": 0}, "greater than 0"),
        ({"cpu": "two"}, "no amount"),
        ({"memory": "512"}, "'512Mi'"),
        ("2 CPUs", "must map"),
    ],
)
def test_resources_that_spark_has_no_place_for_are_refused(resources: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        node_size(resources, "resources_per_executor")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_executors": 0}, "num_executors must be a whole number of at least 1"),
        ({"num_executors": 2, "executor": Executor(num_instances=2)}, "say the same"),
        ({"driver": {"memory": "2g"}}, "driver takes Driver"),
        ({"spark_conf": {"sql.shuffle.partitions": "4"}}, "'spark.sql.shuffle.partitions'"),
        ({"spark_conf": {"spark.x": None}}, "must be text"),
        ({"spark_conf": {"spark.x": "a\nb"}}, "line break"),
        ({"spark_conf": "spark.x=1"}, "must map settings"),
        ({"packages_to_install": "numpy"}, "list of strings"),
        ({"env": {"A": 1}}, "must be a string"),
        ({"image": ""}, "image"),
        ({"options": [42]}, "kubeflow.spark.options"),
        ({"options": options.Toleration("gpu")}, r"options=\[Toleration"),
        ({"options": [options.Name("a"), options.Name("b")]}, "Two options name the job"),
        ({"options": [options.Toleration("gpu", job="node-0")]}, "job='driver'"),
        ({"num_executors": 2, "options": [options.DynamicAllocation(max_executors=4)]}, "leave num_executors= out"),
        ({"file": "a.py"}, "each say what to run"),
        ({"main_class": "Main"}, "give jar= as well"),
        ({"args": ["in"]}, "by name"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        spec(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Nothing says what to run"),
        ({"file": "etl.R"}, "no Python script"),
        ({"jar": "missing.jar"}, "There is no jar"),
        ({"file": "s3a://bucket/etl.py", "packages_to_install": ["numpy"]}, "runs as it is"),
        ({"file": 3}, "a path or an address"),
        ({"jar": "local:///a.jar", "args": {"-x": 1}}, "leave the dashes out"),
    ],
)
def test_programs_that_cannot_run_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        spec(None, **given)


def test_files_are_packaged_and_addresses_are_left_where_they_are(tmp_path: Path) -> None:
    script = tmp_path / "etl.py"
    script.write_text("import sys\nprint(sys.argv)\n", "utf-8")
    packaged = spec(None, file=script, args={"day": "2026-11-30", "fast": True}).program
    assert packaged.bundle is not None
    assert b"--day=2026-11-30" in packaged.bundle.files()[".kubeflow/entry.json"]

    jar = spec(None, jar="local:///opt/spark/examples.jar", main_class="org.example.Main", args=[10]).program
    assert (jar.bundle, jar.is_jar, jar.main_class, jar.arguments) == (None, True, "org.example.Main", ("10",))


def test_settings_are_text_as_spark_reads_it() -> None:
    conf = {"spark.sql.shuffle.partitions": 64, "spark.speculation": True, "spark.x": "a b; $(touch /tmp/p)"}
    assert spec(spark_conf=conf).spark_conf == {
        "spark.sql.shuffle.partitions": "64",
        "spark.speculation": "true",
        "spark.x": "a b; $(touch /tmp/p)",
    }


def test_options_of_the_trainer_apply_to_driver_and_executors_or_to_one_of_them() -> None:
    made = spec(
        options=[
            options.Toleration("gpu"),
            options.NodeSelector(selectors={"pool": "spark"}, job="executor"),
            options.SecretEnv("s3", ["AWS_SECRET_ACCESS_KEY"]),
            options.Queue("team-a"),
            options.Labels({"team": "vision"}),
            options.ActiveDeadlineSeconds(60),
        ]
    )
    assert [(role, list(pod)) for role, pod in made.pods] == [
        ("driver", ["tolerations"]),
        ("executor", ["tolerations"]),
        ("executor", ["nodeSelector"]),
    ]
    assert [variable["name"] for variable in made.variables] == ["AWS_SECRET_ACCESS_KEY"]
    assert made.labels == {"kueue.x-k8s.io/queue-name": "team-a", "team": "vision"}
    assert (made.suspend, made.deadline) == (True, 60)
    assert made.cluster_options == ("Toleration", "SparkNodeSelector", "SecretEnv", "Queue")


def test_an_option_that_only_a_trainjob_has_a_place_for_is_refused() -> None:
    from kubeflow.trainer import options as of_trainer

    for option in (of_trainer.MaxRestarts(3), of_trainer.VolcanoQueue("q"), of_trainer.TrainerArgs(["a"])):
        with pytest.raises(InvalidInput, match=f"{type(option).__name__} changes what only a TrainJob has"):
            spec(options=[option])


def test_options_of_spark_add_up() -> None:
    made = spec(
        options=[
            options.MavenPackages("org.apache.hadoop:hadoop-aws:3.4.1"),
            options.MavenPackages("a:b:1", repositories=("https://maven.example.com",)),
            options.Retries(on_failure=2, interval=30),
            options.DynamicAllocation(1, 8),
        ]
    )
    assert made.maven.packages == ("org.apache.hadoop:hadoop-aws:3.4.1", "a:b:1")
    assert made.maven.repositories == ("https://maven.example.com",)
    assert (made.attempts.policy, made.attempts.failures, made.attempts.interval) == ("OnFailure", 2, 30)
    assert made.allocation is not None
    assert (made.allocation.least, made.allocation.most, made.allocation.first) == (1, 8, None)


@pytest.mark.parametrize(
    "option",
    [
        lambda: options.MavenPackages("hadoop-aws"),
        options.MavenPackages,
        lambda: options.DynamicAllocation(4, 2),
        lambda: options.Schedule("every day"),
        lambda: options.PodTemplateOverride("node", {}),  # type: ignore[arg-type]
        lambda: options.PodTemplateOverride("driver", {"containers": []}),
        options.NodeSelector,
        lambda: options.Monitoring("/a.jar", port=80),
        lambda: options.Retries(on_failure=-1),
    ],
)
def test_an_option_that_cannot_be_right_is_refused_when_it_is_made(option: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput):
        option()
