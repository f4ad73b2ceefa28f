"""What a Spark job becomes on a cluster, without one: fields, templates, code; and what is refused before anything is sent."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubeflow_api.spark.v1beta2 import ScheduledSparkApplication, SparkApplication

from kubeflow.core.errors import InvalidInput
from kubeflow.core.model import Model
from kubeflow.spark import Driver, Executor, KubernetesBackendConfig, SparkClient, options
from kubeflow.spark.backends.kubernetes.application_rendering import render_application
from kubeflow.spark.backends.kubernetes.operator_settings import OperatorSettings
from kubeflow.spark.backends.kubernetes.session_rendering import render_connect
from kubeflow.spark.backends.kubernetes.spark_images import check_client_version, version_of_image
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.jobs.spark_arguments import SparkArguments, spark_spec
from kubeflow.spark.jobs.spark_spec import Allocation, MavenDependencies
from kubeflow.trainer.options import ActiveDeadlineSeconds, MachineWith, SecretEnv, Toleration, VolumeClaim
from tests.spark.kubernetes.cleaning import sleep_quietly

CLIENT = SparkClient(KubernetesBackendConfig(offline=True))
FILE = "local:///opt/etl.py"


def rendered(**given: Any) -> dict[str, Any]:
    given.setdefault("file", FILE)
    return CLIENT.process_data(dry_run=True, **given).to_dict()


def wire(model: Model) -> dict[str, Any]:
    return model.to_dict()


def container(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = part["template"]["spec"]["containers"][0]
    return found


def test_what_is_shown_keeps_its_code_wherever_it_goes() -> None:
    schedule = options.Schedule("0 3 * * *")
    shown = CLIENT.process_data(sleep_quietly, args={"seconds": 0.0}, name="kept", options=[schedule], dry_run=True)
    for kept in (shown, copy.copy(shown), copy.deepcopy(shown), shown.model_copy(deep=True)):
        kept.metadata.namespace = "etl"
        (code,) = kept.companions
        assert code["metadata"] == {"name": "kept-code", "namespace": "etl"}
        assert kept.to_yaml().count("kind: ConfigMap\n") == 1
        assert isinstance(kept, ScheduledSparkApplication)
    plain = CLIENT.process_data(file=FILE, name="plain", dry_run=True)
    assert plain.companions == []
    assert SparkApplication.from_yaml(plain.to_yaml()).to_dict() == plain.to_dict()


def test_resources_have_the_fields_that_spark_has_for_them() -> None:
    spec = rendered(
        num_executors=4,
        resources_per_executor={"cpu": "1500m", "memory": "8Gi", "gpu": 1},
        driver=Driver(resources={"cpu": 2, "memory": "4g"}, java_options="-XX:+UseG1GC", service_account="etl"),
        executor=Executor(java_options="-Xss4m"),
        image="registry.example.com/team/spark:4.1.2-python3",
    )["spec"]
    executor, driver = spec["executor"], spec["driver"]
    assert (executor["cores"], executor["coreRequest"], executor["memory"]) == (2, "1500m", "8192m")
    assert executor["gpu"] == {"name": "nvidia.com/gpu", "quantity": 1}
    assert container(executor)["resources"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert container(executor)["name"] == "spark-kubernetes-executor"
    assert (executor["instances"], executor["javaOptions"]) == (4, "-Xss4m")
    assert (driver["cores"], driver["memory"], driver["javaOptions"]) == (2, "4096m", "-XX:+UseG1GC")
    assert driver["serviceAccount"] == "etl"
    assert (spec["image"].endswith("4.1.2-python3"), spec["sparkVersion"]) == (True, "4.1.2")
    assert (spec["mode"], spec["restartPolicy"]) == ("cluster", {"type": "Never"})


def test_options_of_the_trainer_stand_in_the_templates() -> None:
    spec = rendered(
        env={"STAGE": "prod"},
        options=[
            Toleration("spark", value="yes"),
            SecretEnv("s3", ["AWS_SECRET_ACCESS_KEY"]),
            VolumeClaim("scratch", "/scratch", job="executor"),
            MachineWith("disk", ["ssd"], job="driver"),
            ActiveDeadlineSeconds(600),
        ],
    )["spec"]
    driver, executor = (spec[part]["template"]["spec"] for part in ("driver", "executor"))
    for pod in (driver, executor):
        assert pod["tolerations"] == [{"key": "spark", "operator": "Equal", "value": "yes"}]
        names = [variable["name"] for variable in pod["containers"][0]["env"]]
        assert names == ["STAGE", "AWS_SECRET_ACCESS_KEY"]
    assert driver["activeDeadlineSeconds"] == 600
    assert "activeDeadlineSeconds" not in executor
    assert "affinity" in driver and "affinity" not in executor
    assert executor["volumes"][0]["persistentVolumeClaim"]["claimName"] == "scratch"
    assert executor["containers"][0]["volumeMounts"][0]["mountPath"] == "/scratch"
    assert "volumes" not in driver


def test_options_of_spark_have_their_fields() -> None:
    spec = rendered(
        options=[
            options.MavenPackages("org.apache.hadoop:hadoop-aws:3.4.1", exclude=("com.google:guava",)),
            options.DynamicAllocation(min_executors=1, max_executors=8),
            options.Retries(on_failure=2, on_submission_failure=1, interval=7),
            options.Monitoring("/prometheus/agent.jar"),
            options.PodTemplateOverride("driver", {"spec": {"securityContext": {"runAsUser": 1000}}}),
        ]
    )["spec"]
    assert spec["deps"] == {"packages": ["org.apache.hadoop:hadoop-aws:3.4.1"], "excludePackages": ["com.google:guava"]}
    allocation = {"enabled": True, "shuffleTrackingEnabled": True, "minExecutors": 1, "maxExecutors": 8}
    assert spec["dynamicAllocation"] == allocation
    assert "instances" not in spec["executor"]
    assert spec["restartPolicy"] == {
        "type": "OnFailure",
        "onFailureRetries": 2,
        "onSubmissionFailureRetries": 1,
        "onFailureRetryInterval": 7,
        "onSubmissionFailureRetryInterval": 7,
    }
    assert spec["monitoring"]["prometheus"]["jmxExporterJar"] == "/prometheus/agent.jar"
    template = spec["driver"]["template"]["spec"]
    assert template["securityContext"] == {"runAsUser": 1000}
    assert template["containers"] == [{"name": "spark-kubernetes-driver"}]


def test_a_schedule_is_a_kind_of_its_own() -> None:
    made = rendered(options=[options.Schedule("@every 2h", concurrency="Forbid", keep_failed=3)])
    assert made["kind"] == "ScheduledSparkApplication"
    assert (made["spec"]["schedule"], made["spec"]["concurrencyPolicy"]) == ("@every 2h", "Forbid")
    assert made["spec"]["failedRunHistoryLimit"] == 3
    assert made["spec"]["template"]["mainApplicationFile"] == FILE


def test_the_code_of_a_function_is_a_program_that_runs_it(tmp_path: Path) -> None:
    given = SparkArguments(func=sleep_quietly, args={"seconds": 0})
    made = render_application(spark_spec("etl", given, same_python=False), namespace="data", account="spark")
    assert made.code_name == "etl-code"
    program = tmp_path / "main.py"
    program.write_text(made.code["main.py"], "utf-8")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    driver = wire(made.application)["spec"]["driver"]
    assert driver["template"]["spec"]["volumes"] == [{"name": "kubeflow-code", "configMap": {"name": "etl-code"}}]
    assert container(driver)["volumeMounts"][0]["mountPath"] == "/opt/kubeflow/job"
    assert "sdk.kubeflow.org/bundle-digest" in wire(made.application)["metadata"]["annotations"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "a" * 64}, "63"),
    ({"name": "a" * 44, "options": [options.Schedule("@daily")]}, "at most 43 .* followed by 20 characters"),
    ({"spark_conf": {"spark.master": "local"}}, "not taken from users .* KubernetesBackendConfig"),
    ({"spark_conf": {"spark.kubernetes.container.image": "x"}}, "say it with image="),
    (
        {"spark_conf": {"spark.kubernetes.authenticate.driver.serviceAccountName": "x"}},
        r"driver=Driver\(service_account=\.\.\.\)",
    ),
    ({"spark_conf": {"spark.kubernetes.authenticate.submission.oauthToken": "x"}}, "not taken from users"),
    ({"file": "file:///home/me/etl.py"}, "local:///"),
    ({"env": {"A": "1"}, "options": [SecretEnv("s", ["A"])]}, "'A' is set twice"),
    (
        {
            "pip_index_urls": ["file:///srv/index"],
            "packages_to_install": ["polars"],
            "func": sleep_quietly,
            "file": None,
            "args": {"seconds": 1},
        },
        "on this machine",
    ),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_what_a_cluster_cannot_do_is_refused_before_anything_is_sent(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rendered(**given)


def test_a_jar_of_this_machine_is_refused_with_the_ways_round(tmp_path: Path) -> None:
    jar = tmp_path / "etl.jar"
    jar.write_bytes(b"PK")
    with pytest.raises(InvalidInput, match="the driver of a cluster does not see it"):
        rendered(file=None, jar=str(jar))
    spec = rendered(file=None, jar="local:///opt/etl.jar", main_class="a.B", args=["--fast"])["spec"]
    assert (spec["type"], spec["mainClass"], spec["arguments"]) == ("Java", "a.B", ["--fast"])


# -- sessions ------------------------------------------------------------------------------------------------------


def test_a_session_has_its_account_its_sizes_and_its_settings() -> None:
    spec = SessionSpec(
        "work",
        num_executors=2,
        executor_java_options="-Xss4m",
        maven=MavenDependencies(("a:b:1",)),
        spark_conf={"spark.sql.shuffle.partitions": "8"},
    )
    made = wire(render_connect(spec, namespace="data", account="spark", version="4.2.0"))["spec"]
    assert made["server"]["template"]["spec"]["serviceAccountName"] == "spark"
    assert made["executor"] == {"instances": 2}
    assert (made["image"], made["sparkVersion"]) == ("apache/spark:4.2.0", "4.2.0")
    assert made["sparkConf"] == {
        "spark.sql.shuffle.partitions": "8",
        "spark.executor.extraJavaOptions": "-Xss4m",
        "spark.jars.packages": "a:b:1",
    }


def test_a_session_may_begin_without_executors() -> None:
    made = wire(render_connect(SessionSpec("work", allocation=Allocation(0, 4))))["spec"]
    assert "instances" not in made["executor"]
    assert made["dynamicAllocation"]["maxExecutors"] == 4


@pytest.mark.parametrize(
    "value", ["a b", "x;touch /tmp/p", "$(id)", "`id`", "'q'", '"q"', "a&b", "a|b", "a>b", "~", "{a,b}"]
)
def test_values_that_a_shell_would_split_or_run_are_refused_up_to_2_5_2(value: str) -> None:
    spec = SessionSpec("work", spark_conf={"spark.x": value})
    for settings in (OperatorSettings(), OperatorSettings((2, 4, 0)), OperatorSettings((2, 5, 2))):
        with pytest.raises(InvalidInput, match=r"spark_conf\['spark.x'\] has .* unquoted into the shell"):
            render_connect(spec, settings=settings)
    newer = wire(render_connect(spec, settings=OperatorSettings((2, 6, 0))))
    assert newer["spec"]["sparkConf"] == {"spark.x": value}


def test_a_name_too_long_for_its_service_is_refused() -> None:
    render_connect(SessionSpec("a" * 56))
    with pytest.raises(InvalidInput, match="at most 56 .* followed by '-server' in the name of its service"):
        render_connect(SessionSpec("a" * 57))


def test_client_and_server_have_the_same_minor() -> None:
    check_client_version("4.0.1", "4.0.4")
    with pytest.raises(InvalidInput, match=r"pyspark-client==4.0.\*.*apache/spark:4.2.0"):
        check_client_version("4.2.0", "4.0.4")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("apache/spark:4.0.1", "4.0.1"),
        ("localhost:5000/spark:v3.5.3-scala2.12@sha256:00", "3.5.3"),
        ("localhost:5000/spark", None),
        ("spark:latest", None),
    ],
)
def test_the_version_of_an_image_is_in_its_tag(image: str, version: str | None) -> None:
    assert version_of_image(image) == version
