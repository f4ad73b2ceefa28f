"""Every state that the operator writes: its status, its words, and when the next attempt is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubeflow.spark import SparkConnectState, SparkJobStatus
from kubeflow.spark.backends.kubernetes.application_lookup import spark_job
from kubeflow.spark.backends.kubernetes.application_states import (
    APPLICATION_WORDS,
    application_moment,
    connect_state,
)
from kubeflow.spark.backends.kubernetes.connect_sessions import session_info

S = SparkJobStatus
# From the operator's documentation of its state machine, by hand.
STATES = {
    "": S.CREATED,
    "SUBMITTED": S.CREATED,
    "RUNNING": S.RUNNING,
    "SUCCEEDING": S.RUNNING,
    "COMPLETED": S.COMPLETED,
    "FAILING": S.RETRYING,
    "FAILED": S.FAILED,
    "SUBMISSION_FAILED": S.RETRYING,
    "PENDING_RERUN": S.RETRYING,
    "INVALIDATING": S.RETRYING,
    "SUSPENDING": S.SUSPENDED,
    "SUSPENDED": S.SUSPENDED,
    "RESUMING": S.CREATED,
    "UNKNOWN": S.UNKNOWN,
}


def application(state: str, policy: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "etl", "namespace": "data"},
        "spec": {"restartPolicy": policy or {}, "executor": {"instances": 2}, "suspend": state.startswith("SUSPEND")},
        "status": {"applicationState": {"state": state}, **status},
    }


@pytest.mark.parametrize("state", sorted(STATES))
def test_each_state_has_its_status_and_its_words(state: str) -> None:
    moment = application_moment(application(state))
    assert moment.status is STATES[state]
    assert moment.words == APPLICATION_WORDS[state]
    assert moment.final is (state in ("COMPLETED", "FAILED"))


def test_the_words_are_of_these_states_and_no_others() -> None:
    assert set(APPLICATION_WORDS) == set(STATES)


def test_a_state_that_is_new_is_unknown_and_named() -> None:
    moment = application_moment(application("HIBERNATING"))
    assert (moment.status, moment.final) == (S.UNKNOWN, False)
    assert "HIBERNATING" in moment.words


TRIED = {"lastSubmissionAttemptTime": "2026-11-30T10:00:00Z", "submissionAttempts": 2, "executionAttempts": 2}


@pytest.mark.parametrize(
    ("state", "policy", "due"),
    [
        ("FAILING", {"type": "OnFailure", "onFailureRetries": 2, "onFailureRetryInterval": 30}, 60),
        ("FAILING", {"type": "OnFailure", "onFailureRetries": 1, "onFailureRetryInterval": 30}, None),
        ("FAILING", {"type": "OnFailure"}, None),
        ("FAILING", {"type": "Never", "onFailureRetries": 9}, None),
        ("FAILING", {"type": "Always"}, 10),
        ("SUBMISSION_FAILED", {"type": "OnFailure", "onSubmissionFailureRetries": 5}, 10),
        ("SUBMISSION_FAILED", {"type": "OnFailure", "onFailureRetries": 5}, None),
        ("RUNNING", {"type": "Always"}, None),
    ],
)
def test_when_the_next_attempt_is_due(state: str, policy: dict[str, Any], due: int | None) -> None:
    moment = application_moment(application(state, policy, **TRIED))
    began = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)
    assert (moment.retry_due - began).total_seconds() == due if moment.retry_due is not None else due is None
    assert ("is tried again at 2026-11-30 10:0" in moment.words) is (due is not None)


def test_a_job_that_is_made_suspended_says_so() -> None:
    item = {"metadata": {"name": "etl"}, "spec": {"suspend": True}}
    assert spark_job(item).status is S.SUSPENDED


@pytest.mark.parametrize("state", ["SUSPENDING", "SUSPENDED"])
@pytest.mark.parametrize("spec", [{}, {"suspend": False}])
def test_a_job_that_is_resumed_while_its_pods_end_is_not_suspended(state: str, spec: dict[str, Any]) -> None:
    moment = application_moment({**application(state), "spec": spec})
    assert (moment.status, moment.final) == (S.CREATED, False)
    assert moment.words == "it is resumed, and is submitted anew once its pods have ended"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"status": None},
        {"status": "gone"},
        {"status": {"applicationState": "RUNNING"}},
        {"status": {"applicationState": {"state": 7}}},
        {"status": {"applicationState": {"state": "FAILING"}, "lastSubmissionAttemptTime": "yesterday"}},
        {"spec": {"restartPolicy": "Always"}, "status": {"applicationState": {"state": "FAILING"}}},
        {"spec": {"executor": {"instances": "many"}, "dynamicAllocation": {"minExecutors": 1}}},
        {"status": {"executorState": ["x"], "executionAttempts": "two"}},
        {"metadata": {"name": 5, "creationTimestamp": 7}},
    ],
)
def test_no_odd_object_raises(odd: dict[str, Any]) -> None:
    assert spark_job(odd).status in set(S)
    assert session_info(odd).state in set(SparkConnectState)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("", SparkConnectState.PROVISIONING),
        ("Provisioning", SparkConnectState.PROVISIONING),
        ("Ready", SparkConnectState.READY),
        ("NotReady", SparkConnectState.NOT_READY),
        ("Failed", SparkConnectState.FAILED),
        ("Sleeping", SparkConnectState.UNKNOWN),
    ],
)
def test_each_state_of_a_session_has_its_words(state: str, status: SparkConnectState) -> None:
    found, words = connect_state({"status": {"state": state}})
    assert found is status
    assert words
