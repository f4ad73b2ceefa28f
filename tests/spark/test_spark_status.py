"""The statuses of Spark jobs, and what to try after one failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.spark import SparkClient, SparkJob, SparkJobStatus, Unsupported
from kubeflow.spark.api.spark_waiting import spark_job_text
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


def test_a_line_says_what_a_person_who_waits_wants_to_know() -> None:
    text = spark_job_text()
    made = datetime.now(UTC) - timedelta(seconds=42)
    running = SparkJob("clean-3f2a", "ml", SparkJobStatus.RUNNING, made, 4, executors={"a": "RUNNING", "b": "PENDING"})
    assert text.block(running, 80) == ["▶ clean-3f2a Running · 1/4 executors · 42 s so far"]
    again = replace(running, status=SparkJobStatus.RETRYING, executors=None, attempts=2, message="the driver failed")
    assert text.block(again, 80) == ["! clean-3f2a Retrying · attempt 2 · the driver failed · 42 s so far"]
    assert text.block(again, 40) == ["! clean-3f2a Retrying · attempt 2"]
    done = replace(running, status=SparkJobStatus.COMPLETED)
    assert text.block(done, 80) == ["✓ clean-3f2a Completed"]
    assert [len(text.news(each)) for each in (running, running, again, done, done)] == [1, 0, 1, 1, 0]


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
