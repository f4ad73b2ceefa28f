"""The statuses of Spark jobs, and what to try after one failed."""

from __future__ import annotations

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark import SparkClient, SparkJob, SparkJobStatus, Unsupported
from kubeflow.spark.jobs.spark_remedies import SPARK_REMEDIES, spark_remedies
from kubeflow.spark.types.spark_jobs import SPARK_ENDED, spark_job_name, spark_statuses

# Every state of the operator's state machine: api/v1beta2/sparkapplication_types.go, Spark Operator 2.4 to 2.5.2.
STATES = {
    "": "Created",
    "SUBMITTED": "Created",
    "RUNNING": "Running",
    "COMPLETED": "Completed",
    "FAILED": "Failed",
    "SUBMISSION_FAILED": "Retrying",
    "PENDING_RERUN": "Retrying",
    "INVALIDATING": "Retrying",
    "SUCCEEDING": "Running",
    "FAILING": "Retrying",
    "SUSPENDING": "Suspended",
    "SUSPENDED": "Suspended",
    "RESUMING": "Created",
    "UNKNOWN": "Unknown",
    "SOMETHING_NEW": "Unknown",
}


@pytest.mark.parametrize(("state", "status"), STATES.items())
def test_every_state_of_the_operator_has_its_status(state: str, status: str) -> None:
    assert SparkJobStatus.from_operator_state(state) is SparkJobStatus(status)


def test_only_two_states_are_ends() -> None:
    ended = {state for state in STATES if SparkJobStatus.from_operator_state(state) in SPARK_ENDED}
    assert ended == {"COMPLETED", "FAILED"}


def test_statuses_are_given_as_members_or_by_value() -> None:
    assert spark_statuses({SparkJobStatus.COMPLETED, "Failed"}) == {SparkJobStatus.COMPLETED, SparkJobStatus.FAILED}
    assert spark_statuses("Running") == {SparkJobStatus.RUNNING}
    with pytest.raises(InvalidInput, match="Did you mean 'Completed'"):
        spark_statuses("Complete")


def test_a_job_is_named_by_its_name_or_itself() -> None:
    assert spark_job_name("a") == spark_job_name(SparkJob("a")) == "a"
    with pytest.raises(InvalidInput, match="namespace 'other'"):
        spark_job_name(SparkJob("a", "other"), "mine")
    with pytest.raises(InvalidInput, match="name takes str or SparkJob"):
        spark_job_name(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("remedy", SPARK_REMEDIES, ids=lambda remedy: remedy.example[:30])
def test_every_remedy_is_found_by_the_words_that_it_is_for(remedy: object) -> None:
    example, text = remedy.example, remedy.text  # type: ignore[attr-defined]
    first = spark_remedies(f"line before\n{example}\nline after", "machine")[0]
    assert first.split("{")[0][:12] == text.split("{0}")[0][:12] or "{0}" in text[:20]
    assert "{0}" not in first


def test_a_configuration_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="LocalProcessBackendConfig"):
        SparkClient(42)  # type: ignore[arg-type]
    monkeypatch.setenv("KUBEFLOW_BACKEND", "container")
    with pytest.raises((InvalidInput, Unsupported), match="KUBEFLOW_BACKEND"):
        SparkClient()
