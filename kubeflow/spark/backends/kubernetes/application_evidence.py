"""What is known of an application: its object, its pods, its events, the word that its driver left, its last lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.cluster.pods.log_requests import last_lines
from kubeflow.cluster.pods.pod import Exit
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, Reading, in_words, reading
from kubeflow.cluster.wire import Json
from kubeflow.core.resource import Transport
from kubeflow.spark.backends.kubernetes.application_lookup import created, driver_pod
from kubeflow.spark.backends.kubernetes.application_pods import DRIVER, EXECUTOR, followed_application, newest_pods
from kubeflow.spark.backends.kubernetes.application_states import ApplicationMoment, application_moment
from kubeflow.spark.jobs.logged_exceptions import LOGGED_LINES, LoggedException, logged_exception
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome

_SHOWN = 20
_LAST_OWN = 128  # exit codes beyond are those of signals
_STACK = 40  # lines of an exception
_UNREAD: Reading[list[Happening]] = Found([])


@dataclass(frozen=True)
class ApplicationEvidence:
    """What is known of an application at one moment.

    Attributes:
        application: As the server sent it.
        read_pods: Its pods, or why they are not known. Those of earlier attempts are among them while they exist.
        read_events: The events about it and its pods, oldest first, or why they are not known.
        log: The last lines of the driver.
    """

    application: Json
    read_pods: Reading[list[JobPod]]
    read_events: Reading[list[Happening]] = field(default_factory=lambda: _UNREAD)
    log: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name of the application."""
        return wire.text(self.application, "metadata", "name")

    @property
    def moment(self) -> ApplicationMoment:
        """Where the application is, as its object says."""
        return application_moment(self.application)

    @property
    def pods(self) -> list[JobPod]:
        """Its pods, the newest of each step, the driver first; none where they may not be seen."""
        if not isinstance(self.read_pods, Found):
            return []
        made = created(self.application)
        return newest_pods(pod for pod in self.read_pods.value if pod.created is None or pod.created >= made)

    @property
    def driver(self) -> JobPod | None:
        """The newest driver; `None` where there is none, or none may be seen."""
        return next((pod for pod in self.pods if pod.step == DRIVER), None)

    @property
    def executors(self) -> list[JobPod]:
        """The executors that there are, by number."""
        return [pod for pod in self.pods if pod.replicated_job == EXECUTOR]

    @property
    def driver_exit(self) -> Exit | None:
        """How the driver ended; `None` where it has not, or nobody knows."""
        ends = self.driver.container.exits if self.driver is not None else []
        return ends[-1] if ends else None

    @property
    def outcome(self) -> RankOutcome | None:
        """How the driver says it ended; `None` when it left no word."""
        from kubeflow.packaging import parse_outcome

        return None if self.driver_exit is None else parse_outcome(self.driver_exit.message)

    @property
    def overdue(self) -> int | None:
        """The deadline in seconds, where the kubelet has ended the driver for it; `None` where it has not."""
        if self.driver is None or self.driver.reason != "DeadlineExceeded":
            return None
        return wire.integer(self.application, "spec", "driver", "template", "spec", "activeDeadlineSeconds")

    @property
    def logged(self) -> LoggedException | None:
        """The exception that its log has, of a driver that ended itself and left no word."""
        end = self.driver_exit
        killed = end is None or end.reason == "OOMKilled" or self.overdue is not None
        code = 0 if end is None or killed else end.exit_code or 0
        has_word = self.outcome is not None and self.outcome.error is not None
        return None if has_word or not 0 < code <= _LAST_OWN else logged_exception(self.log)

    @property
    def exception(self) -> str | None:
        """Type and message of what the driver raised; `None` where nobody knows."""
        error = self.outcome.error if self.outcome is not None else None
        return error.summary if error is not None else self.logged.exception if self.logged is not None else None

    @property
    def events(self) -> list[Happening]:
        """Its events, oldest first; none where they may not be seen."""
        return self.read_events.value if isinstance(self.read_events, Found) else []

    @property
    def gaps(self) -> list[str]:
        """What cannot be seen, in words."""
        found: list[str] = []
        for read, what in ((self.read_pods, "its pods"), (self.read_events, "its events")):
            match read:
                case NotPermitted() | NotServed() | ReadFailed():
                    found.append(in_words(read, what))
                case Found() | Absent():
                    pass
        return found

    @property
    def said(self) -> list[str]:
        """What the driver said last: up to its exception, if it raised one."""
        error = self.outcome.error if self.outcome is not None else None
        if self.logged is not None:
            return list(self.logged.lines[:_STACK])
        lines = [line for line in self.log if line.strip()]
        if lines:
            return lines[-_SHOWN:]
        return error.traceback.splitlines()[-_SHOWN:] if error is not None else []


def driver_evidence(
    transport: Transport, namespace: str, application: Json, *, log: bool = False
) -> ApplicationEvidence:
    """Return what is known of the driver: one request, and one more for its last lines. Executors cost nothing."""
    pods = _pods(transport, namespace, application, DRIVER)
    evidence = ApplicationEvidence(application, pods)
    return ApplicationEvidence(application, pods, log=_log(transport, namespace, evidence) if log else ())


def whole_evidence(transport: Transport, namespace: str, application: Json) -> ApplicationEvidence:
    """Return what is known of an application: two listings, and the driver's last lines where it has failed."""
    pods = _pods(transport, namespace, application, None)
    events = reading(lambda: application_happenings(transport, namespace, application))
    evidence = ApplicationEvidence(application, pods, events)
    failed = evidence.driver_exit is not None and evidence.driver_exit.exit_code != 0
    return ApplicationEvidence(application, pods, events, _log(transport, namespace, evidence) if failed else ())


def _pods(transport: Transport, namespace: str, application: Json, role: str | None) -> Reading[list[JobPod]]:
    name = wire.text(application, "metadata", "name")
    return reading(lambda: followed_application(role).list_pods(transport, namespace, name))


def _log(transport: Transport, namespace: str, evidence: ApplicationEvidence) -> Sequence[str]:
    driver = evidence.driver
    if driver is None or not driver.container.has_log:
        return ()
    read = reading(lambda: last_lines(transport, namespace, driver, driver.main, LOGGED_LINES, previous=False))
    return read.value if isinstance(read, Found) else ()


def application_happenings(transport: Transport, namespace: str, application: Json) -> list[Happening]:
    """Return the events about an application, its driver and its executors, oldest first, with one listing.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    name, uid = wire.text(application, "metadata", "name"), wire.text(application, "metadata", "uid")
    driver, made = driver_pod(application), created(application)
    known: Mapping[str, str] = {"SparkApplication": name, "ScheduledSparkApplication": name}

    def concerns(event: Happening) -> bool:
        if event.kind in known:
            return event.name == known[event.kind] and event.uid in ("", uid)
        if event.kind not in ("Pod", "Service", "ConfigMap") or event.last < made:
            return False
        return event.name == driver or (event.name.startswith(f"{name}-") and "-exec-" in event.name[len(name) :])

    events = map(read_event, wire.listed(transport, wire.core_path(namespace, "events")))
    return sorted((event for event in events if concerns(event)), key=lambda event: (event.first, event.last))
