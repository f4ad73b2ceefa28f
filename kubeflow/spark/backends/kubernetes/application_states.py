"""The states of a SparkApplication and of a SparkConnect: what each means to users, and what comes next. Pure.

The operator's state machine (internal/controller/sparkapplication/controller.go of Spark Operator 2.5.2): only
COMPLETED and FAILED are final. SUBMISSION_FAILED and FAILING are decided next, by the restart policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.spark.types.spark_jobs import SPARK_ENDED, SparkJobStatus
from kubeflow.spark.types.spark_sessions import SparkConnectState

# Seconds between two attempts where the restart policy names none (api/v1beta2/defaults.go of 2.5.2).
_INTERVAL = 5

APPLICATION_WORDS: Mapping[str, str] = {
    "": "the operator has not looked at it yet",
    "SUBMITTED": "it was submitted, and its driver starts",
    "RUNNING": "its driver runs",
    "SUCCEEDING": "its driver has succeeded, and the operator records the end",
    "COMPLETED": "its driver has succeeded",
    "FAILING": "its driver has failed, and the operator decides whether it runs again",
    "FAILED": "it has failed, and is not tried again",
    "SUBMISSION_FAILED": "it could not be submitted, and the operator decides whether it is tried again",
    "PENDING_RERUN": "it is about to be submitted again",
    "INVALIDATING": "it was changed, and is about to be submitted again",
    "SUSPENDING": "it is being suspended",
    "SUSPENDED": "it is suspended, and none of its pods is kept",
    "RESUMING": "it is about to be submitted after a suspension",
    "UNKNOWN": "the operator does not know the state of its driver, whose machine may be gone",
}
"""What each state means, by `status.applicationState.state`. Its status is `SparkJobStatus.from_operator_state`."""

CONNECT_WORDS: Mapping[str, str] = {
    "": "the operator has not looked at it yet",
    "Provisioning": "its server is being made",
    "Ready": "its server is ready",
    # A server pod is made once: whether it starts or has died is in the pod, not in this state.
    "NotReady": "its server is not ready",
    "Failed": "its server has failed",
}
"""What each `status.state` of a SparkConnect means. Operators up to 2.5.2 write `Ready` and `NotReady` alone."""


@dataclass(frozen=True, slots=True)
class ApplicationMoment:
    """Where a SparkApplication is at one moment, as its object says.

    Attributes:
        state: The operator's state, as it stands in the object; empty before the operator has looked.
        status: The status that users see.
        words: The state in words. They say when the next attempt is due.
        retry_due: When the next attempt is due; `None` when none is.
        message: Why the last attempt failed, in the operator's words; empty when it does not say.
        attempts: How often the driver was started.
        submissions: How often the application was submitted.
    """

    state: str
    status: SparkJobStatus
    words: str
    retry_due: datetime | None = None
    message: str = ""
    attempts: int = 0
    submissions: int = 0

    @property
    def final(self) -> bool:
        """True when nothing of it will start any more."""
        return self.status in SPARK_ENDED


def application_moment(application: Json) -> ApplicationMoment:
    """Return where an application is. Fields that do not fit the schema count as absent.

    Args:
        application: The SparkApplication as the server sent it.
    """
    status = wire.mapping(application, "status")
    state = wire.text(status, "applicationState", "state")
    reached = SparkJobStatus.from_operator_state(state)
    words = APPLICATION_WORDS.get(state, f"it is in state {state!r}, which this version does not know")
    suspended = wire.at(application, "spec", "suspend") is True
    if not state and suspended:
        reached, words = SparkJobStatus.SUSPENDED, "it is suspended, and was never submitted"
    elif reached is SparkJobStatus.SUSPENDED and not suspended:
        # The operator stays in this state until nothing is left of the run before.
        reached, words = SparkJobStatus.CREATED, "it is resumed, and is submitted anew once its pods have ended"
    due, again = _retry(application, state)
    message = wire.text(status, "applicationState", "errorMessage")
    return ApplicationMoment(
        state,
        reached,
        again or words,
        retry_due=due,
        message=message,
        attempts=wire.integer(status, "executionAttempts") or 0,
        submissions=wire.integer(status, "submissionAttempts") or 0,
    )


def _retry(application: Json, state: str) -> tuple[datetime | None, str | None]:
    """Return when the next attempt is due, and words that say what comes; `None` for what the state says already."""
    policy = wire.mapping(application, "spec", "restartPolicy")
    status = wire.mapping(application, "status")
    kind = wire.text(policy, "type") or "Never"
    if state == "FAILING":
        what, counted, field = "its driver failed", wire.integer(status, "executionAttempts") or 0, "onFailure"
    elif state == "SUBMISSION_FAILED":
        what, counted = "it could not be submitted", wire.integer(status, "submissionAttempts") or 0
        field = "onSubmissionFailure"
    else:
        return None, None
    most = wire.integer(policy, f"{field}Retries")
    if kind != "Always" and not (kind == "OnFailure" and most is not None and counted <= most):
        return None, None
    last = wire.time(status, "lastSubmissionAttemptTime")
    if last is None:
        return None, f"{what}, and it is tried again"
    interval = wire.integer(policy, f"{field}RetryInterval") or _INTERVAL
    # Linear back-off: the operator multiplies the interval by the number of submissions.
    due = last + timedelta(seconds=interval * max(wire.integer(status, "submissionAttempts") or 0, 1))
    of = f" of {most + 1}" if most is not None and kind == "OnFailure" else ""
    return due, f"{what} in attempt {max(counted, 1)}{of}, and it is tried again at {due.isoformat(sep=' ')}"


def connect_state(connect: Json) -> tuple[SparkConnectState, str]:
    """Return where a SparkConnect is as its object says, and that in words.

    Args:
        connect: The SparkConnect as the server sent it.
    """
    state = wire.text(connect, "status", "state")
    words = CONNECT_WORDS.get(state)
    if words is None:
        return SparkConnectState.UNKNOWN, f"it is in state {state!r}, which this version does not know"
    return SparkConnectState(state) if state else SparkConnectState.PROVISIONING, words
