"""Which part of a job failed first, and how, by what its pods say, and what their logs add. Asks nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.cluster.pods.exits import describe_code, how_it_ended, signal_of
from kubeflow.cluster.pods.pod import Container, Exit
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod
from kubeflow.trainer.diagnosis.torchrun_output import RankExit, first_exit, without_torchrun

if TYPE_CHECKING:
    from kubeflow.packaging import RankError, RankOutcome

_TERM = 128 + signal.SIGTERM
_NOTICED = 2.0  # seconds within which the peers of a killed rank may raise before its end is recorded
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
        previous: Whether its present life is a later one.
        outcome: What the failing rank itself left; `None` when it left no word.
        rank_exit: How the failing rank ended by torchrun's word, which counts where it left none itself.
        said: Its last lines, without what torchrun adds; the end of its traceback where there are none.
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
        """Where its log is in `Logs`."""
        return self.pod.uid, self.container.name

    @property
    def error(self) -> RankError | None:
        """The exception of the rank."""
        return self.outcome.error if self.outcome is not None else None

    @property
    def rank(self) -> int | None:
        """The global rank, if it can be told: who leaves no word on a node of several ranks may not be known."""
        if self.outcome is not None:
            return self.outcome.rank
        if self.rank_exit is not None:
            return self.rank_exit.rank
        return self.pod.node_index if self.pod.num_proc_per_node == "1" else None

    @property
    def who(self) -> str:
        """Where it happened, in words."""
        if self.container.init:
            return f"init container {self.container.name} of {self.pod.step}"
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
        """Whether the kernel ended it for its use of memory."""
        return self.exit.reason == "OOMKilled"

    @property
    def by_signal(self) -> signal.Signals | None:
        """The signal that ended the rank, or else the container; `None` if none did."""
        return signal_of(self.rank_exit.exit_code if self.rank_exit is not None else self.exit.exit_code)

    @property
    def killed(self) -> bool:
        """Whether it did not end by itself, and not because another was ended either."""
        return self.error is None and (self.out_of_memory or self.by_signal not in (None, signal.SIGTERM))

    @property
    def told_to_end(self) -> bool:
        """Whether it was ended in an orderly way: because of another's failure, mostly."""
        return self.error is None and self.exit.exit_code == _TERM


def first_failure(pods: Iterable[JobPod], logs: Logs = _UNREAD) -> Failure | None:
    """Return what failed first in the newest attempt in which anything did.

    Launchers and controllers end the others when one has failed, so what was told to end comes last. The peers of a
    rank that was killed raise when their connection to it breaks, and may be recorded before it.

    Args:
        pods: The pods of the job.
        logs: What is known of their logs, as much of it as `suspects` asks for.
    """
    failures = _of_newest_attempt(pods, logs)
    if not failures:
        return None
    killed = [failure for failure in failures if failure.killed and _at_once(failure, failures[0])]
    return killed[0] if killed else failures[0]


def suspects(pods: Iterable[JobPod]) -> list[Failure]:
    """Return the failures that may be the first one, most likely first: their logs say what their pods do not.

    A rank that was killed within a container leaves no word, and its container ends like any other that failed.
    """
    first = first_failure(pods)
    if first is None or first.killed:
        return [first] if first is not None else []
    peers = [
        failure
        for failure in _of_newest_attempt(pods, _UNREAD)
        if failure.error is None and failure.pod.is_node and failure.by_signal is None and _at_once(failure, first)
    ]
    return [first, *(peer for peer in peers if peer.key != first.key)][:_SUSPECTS]


def all_failures(pods: Iterable[JobPod], logs: Logs = _UNREAD) -> list[Failure]:
    """Return how each container failed last, first failure first."""
    found = [failure for pod in pods for failure in _failures(pod, logs)]
    return sorted(found, key=lambda failure: (failure.told_to_end, _time(failure), failure.pod.step))


def outcome_of_rank_zero(pods: Sequence[JobPod]) -> RankOutcome | None:
    """Return how rank 0 says it ended; `None` when it left no word."""
    from kubeflow.packaging import parse_outcome

    for pod in pods:
        for end in reversed(pod.container.exits):
            outcome = parse_outcome(end.message)
            if outcome is not None and outcome.rank == 0:
                return outcome
    return None


def _of_newest_attempt(pods: Iterable[JobPod], logs: Logs) -> list[Failure]:
    failures = all_failures(pods, logs)
    newest = max((failure.pod.attempt for failure in failures), default=0)
    return [failure for failure in failures if failure.pod.attempt == newest]


def _failures(pod: JobPod, logs: Logs) -> Iterable[Failure]:
    from kubeflow.packaging import parse_outcome

    for container in pod.containers:
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
    beginnings = tuple(f"{name}: {message[0]}" for name in (error.type, error.type.rpartition(".")[2]))
    for index, line in enumerate(lines):
        if line.startswith(beginnings):
            return lines[: index + len(message)]
    return lines


def _at_once(failure: Failure, first: Failure) -> bool:
    return _time(failure) <= _time(first) + _NOTICED


def _time(failure: Failure) -> float:
    return failure.exit.finished.timestamp() if failure.exit.finished is not None else float("inf")
