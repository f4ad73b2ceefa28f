"""Which container of a TrainJob failed first, and how: from the status of its pods, outcomes and logs. No requests."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.cluster.pods.exits import describe_code, how_it_ended, signal_of
from kubeflow.cluster.pods.pod import Container, Exit
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, current
from kubeflow.trainer.diagnosis.first_failure import first_of, in_order
from kubeflow.trainer.diagnosis.torchrun_output import RankExit, first_exit, without_torchrun

if TYPE_CHECKING:
    from kubeflow.packaging import RankError, RankOutcome

_TERM = 128 + signal.SIGTERM
# Seconds within which the peers of a killed rank may raise before its end is recorded. Kubelets write whole seconds.
_NOTICED = 2.0
_SUSPECTS = 3  # whose logs are read
_LAST_LINES = 20

Logs = Mapping[tuple[str, str], Sequence[str]]
"""The last lines of containers, by the uid of the pod and the name of the container."""
_UNREAD: Logs = {}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a part of a job failed.

    Attributes:
        pod: The pod.
        container: The container, which may be an init container.
        exit: How it ended.
        previous: True when the container has been started again since.
        outcome: The outcome that the failing rank left; `None` when it left none.
        rank_exit: How the failing rank ended, as torchrun wrote it; it counts where the rank left no outcome.
        said: The last lines of the container, without those of torchrun; the end of the traceback if there are none.
    """

    pod: JobPod
    container: Container
    exit: Exit
    previous: bool
    outcome: RankOutcome | None = None
    rank_exit: RankExit | None = None
    said: Sequence[str] = ()

    @property
    def key(self) -> tuple[str, str]:
        """The key of the container's log in `Logs`."""
        return self.pod.uid, self.container.name

    @property
    def error(self) -> RankError | None:
        """The exception of the rank."""
        return self.outcome.error if self.outcome is not None else None

    @property
    def rank(self) -> int | None:
        """The global rank; `None` when the node has several ranks and none of them left an outcome."""
        if self.outcome is not None:
            return self.outcome.rank
        if self.rank_exit is not None:
            return self.rank_exit.rank
        return self.pod.node_index if self.pod.num_proc_per_node == "1" else None

    @property
    def who(self) -> str:
        """Where it happened, in words."""
        if self.container.name != self.pod.main:
            kind = "init container" if self.container.init else "container"
            return f"{kind} {self.container.name} of {self.pod.step}"
        if self.pod.is_node and self.rank is not None:
            return f"rank {self.rank} ({self.pod.step})"
        return self.pod.step

    @property
    def how(self) -> str:
        """What happened, in words, to stand after `who`."""
        if self.error is not None:
            return f"raised {self.error}"
        if self.rank_exit is not None and not self.out_of_memory:
            return describe_code(self.rank_exit.exit_code)
        return how_it_ended(self.exit)

    @property
    def out_of_memory(self) -> bool:
        """True when the kernel ended the container for its use of memory."""
        return self.exit.reason == "OOMKilled"

    @property
    def by_signal(self) -> signal.Signals | None:
        """The signal that ended the rank, or else the container; `None` if none did."""
        return signal_of(self.rank_exit.exit_code if self.rank_exit is not None else self.exit.exit_code)

    @property
    def lasts(self) -> bool:
        """True when the container has neither been started again since nor succeeded."""
        state = self.container.state
        return state != "Running" and not (state == "Terminated" and self.container.exit_code == 0)

    @property
    def ended_at(self) -> float:
        """When the container ended, in seconds since the epoch; infinity when the pod does not say."""
        return self.exit.finished.timestamp() if self.exit.finished is not None else float("inf")

    @property
    def killed(self) -> bool:
        """True when a signal other than SIGTERM, or a lack of memory, ended it."""
        return self.error is None and (self.out_of_memory or self.by_signal not in (None, signal.SIGTERM))

    @property
    def told_to_end(self) -> bool:
        """True when SIGTERM ended it, mostly because another part had failed."""
        return self.error is None and self.exit.exit_code == _TERM


def first_failure(pods: Iterable[JobPod], logs: Logs = _UNREAD, *, ended: bool) -> Failure | None:
    """Return what failed first of what is failing now; see `present_failures`.

    Args:
        pods: The pods of the job.
        logs: What is known of their logs, as much of it as `suspects` asks for.
        ended: True when the job is over.
    """
    return first_of(present_failures(pods, logs, ended=ended), _NOTICED)


def suspects(pods: Iterable[JobPod], *, ended: bool) -> list[Failure]:
    """Return the failures that may be the first one, most likely first: their logs say what their pods do not.

    A rank that was killed within a container leaves no word, and its container ends like any other that failed.
    """
    failures = present_failures(pods, ended=ended)
    first = first_of(failures, _NOTICED)
    if first is None or first.killed:
        return [first] if first is not None else []
    peers = [
        failure
        for failure in failures
        if failure.error is None
        and failure.pod.is_node
        and failure.by_signal is None
        and failure.ended_at <= first.ended_at + _NOTICED
    ]
    return [first, *(peer for peer in peers if peer.key != first.key)][:_SUSPECTS]


def present_failures(pods: Iterable[JobPod], logs: Logs = _UNREAD, *, ended: bool) -> list[Failure]:
    """Return how containers of the newest pods have failed that do not run again, first failure first.

    The failure of a pod that was replaced, and of a container that runs again or has succeeded since, is history. Of a
    job that is over, and whose newest pods say of no failure, it is all that is known: then the failures of the newest
    attempt in which anything failed are returned.

    Args:
        pods: The pods of the job.
        logs: What is known of their logs.
        ended: True when the job is over.
    """
    pods = list(pods)
    failures = [failure for failure in all_failures(current(pods), logs) if failure.lasts]
    if failures or not ended:
        return _of_newest_attempt(failures)
    return _of_newest_attempt(all_failures(pods, logs))


def all_failures(pods: Iterable[JobPod], logs: Logs = _UNREAD) -> list[Failure]:
    """Return how each container failed last, also where that is history, first failure first."""
    failures = [failure for pod in pods for failure in _failures(pod, logs)]
    return in_order(sorted(failures, key=lambda failure: failure.pod.step))


def outcome_of_rank_zero(pods: Sequence[JobPod]) -> RankOutcome | None:
    """Return how rank 0 says it ended; `None` when it left no word."""
    from kubeflow.packaging import parse_outcome

    for pod in pods:
        for end in reversed(pod.container.exits):
            outcome = parse_outcome(end.message)
            if outcome is not None and outcome.rank == 0:
                return outcome
    return None


def _of_newest_attempt(failures: Sequence[Failure]) -> list[Failure]:
    newest = max((failure.pod.attempt for failure in failures), default=0)
    return [failure for failure in failures if failure.pod.attempt == newest]


def _failures(pod: JobPod, logs: Logs) -> Iterable[Failure]:
    from kubeflow.packaging import parse_outcome

    for container in pod.containers:
        if _is_beside_the_point(container, pod):
            continue
        exits = [(end, index) for index, end in enumerate(container.exits) if end.exit_code != 0]
        if not exits:
            continue
        end, index = exits[-1]
        present = container.state == "Terminated" and index == len(container.exits) - 1
        outcome = parse_outcome(end.message)
        # A rank may have left its value before another one of the container failed.
        failed = outcome if outcome is not None and outcome.error is not None else None
        lines = logs.get((pod.uid, container.name), ())
        rank_exit = first_exit(lines)
        if failed is not None and rank_exit is not None:
            # What a rank says of itself is best, unless it only noticed that another one was killed.
            if rank_exit.killed and rank_exit.rank != failed.rank:
                failed = None
            else:
                rank_exit = None
        said = _last_words(lines, failed.error if failed is not None else None)
        yield Failure(pod, container, end, not present, failed, rank_exit, said)


def _is_beside_the_point(container: Container, pod: JobPod) -> bool:
    """True for a sidecar whose exits do not decide how the pod ends.

    The kubelet starts a native sidecar again, and ends it after the main container. Another sidecar makes its pod fail
    only where the main container has succeeded.
    """
    if container.name == pod.main:
        return False
    if container.init:
        return container.restart_policy == "Always" and pod.container.has_log
    return pod.phase != "Failed" or pod.container.exit_code != 0


def _last_words(lines: Sequence[str], error: RankError | None) -> list[str]:
    if not lines:  # they may not be seen, or are gone
        return error.traceback.splitlines()[-_LAST_LINES:] if error is not None else []
    own = without_torchrun(lines)
    if error is not None:
        own = _up_to(own, error)
    return ([line for line in own if line.strip()] or [line for line in lines if line.strip()])[-_LAST_LINES:]


def _up_to(lines: list[str], error: RankError) -> list[str]:
    """Return the lines up to where Python shows the exception; all, when it is not among them."""
    message = error.message.splitlines() or [""]
    first = error.summary.splitlines()[0]
    beginnings = (first, first.removeprefix(error.type.rpartition(".")[0]).removeprefix("."))
    for index, line in enumerate(lines):
        if line.startswith(beginnings):
            return lines[: index + len(message)]
    return lines
