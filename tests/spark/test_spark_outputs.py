"""Where a Spark job leaves what it makes, as the pods of a cluster see it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.spark import KubernetesBackendConfig, SparkClient


def clean(spark: Any) -> None:
    spark.range(1).write.parquet("x")


def rendered(output: str | Artifact | None) -> dict[str, Any]:
    client = SparkClient(KubernetesBackendConfig(offline=True))
    return client.process_data(clean, name="clean", output=output, dry_run=True).to_dict()


def variables(role: dict[str, Any]) -> dict[str, str]:
    containers = role.get("template", {}).get("spec", {}).get("containers", [{}])
    return {entry["name"]: entry["value"] for entry in containers[0].get("env", ())}


def test_an_address_goes_to_driver_and_executors_as_spark_reads_it() -> None:
    made = rendered("s3://clean/wines")
    for role in ("driver", "executor"):
        assert variables(made["spec"][role])["KUBEFLOW_OUTPUT"] == "s3a://clean/wines"
    named = json.loads(made["metadata"]["annotations"]["sdk.kubeflow.org/output"])
    assert named == {"kind": "dataset", "uri": "s3://clean/wines"}


def test_a_claim_is_mounted_in_driver_and_executors() -> None:
    made = rendered(Artifact("pvc://data/wines", "dataset", "parquet"))
    for role in ("driver", "executor"):
        pod = made["spec"][role]["template"]["spec"]
        mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/mnt/kubeflow-output")
        assert mount["subPath"] == "wines"
        claims = {v["name"]: v.get("persistentVolumeClaim") for v in pod["volumes"]}
        assert claims[mount["name"]] == {"claimName": "data"}
        assert variables(made["spec"][role])["KUBEFLOW_OUTPUT"] == "/mnt/kubeflow-output"


def test_a_job_without_an_output_says_none() -> None:
    made = rendered(None)
    assert "KUBEFLOW_OUTPUT" not in variables(made["spec"]["driver"])
    assert "sdk.kubeflow.org/output" not in made["metadata"]["annotations"]


@pytest.mark.parametrize("output", ["clean", "file:///srv/clean"])
def test_a_folder_of_this_machine_is_refused_for_pods(output: str) -> None:
    with pytest.raises(InvalidInput, match=r"pvc://claim/folder"):
        rendered(output)


def test_the_variable_is_not_set_by_hand() -> None:
    client = SparkClient(KubernetesBackendConfig(offline=True))
    with pytest.raises(InvalidInput, match="give output="):
        client.process_data(clean, env={"KUBEFLOW_OUTPUT": "/x"}, dry_run=True)
