"""Which part of a job failed first, and how, by what its pods say. Asks nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.trainer.backends.kubernetes.pods import Container, Exit, Pod

if TYPE_CHECKING:
    from kubeflow.packaging import RankError, RankOutcome

_SIGNAL = 128  # a container that a signal ended has 128 and the number of it
_TERM = _SIGNAL + signal.SIGTERM
_NOTICED = 2.0  # seconds within which the peers of a killed rank may raise before its end is recorded
_ODD = {
    126: "its command cannot be executed (exit code 126)",
    127: "its command was not found (exit code 127)",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a part of a job failed.

    Attributes:
        pod: The pod.
        container: The container, which may be an init container.
        exit: How it ended.
        previous: Whether its present instance is a later one.
        outcome: What the failing rank itself left; `None` when it left no word.
    """

    pod: Pod
    container: Container
    exit: Exit
    previous: bool
    outcome: RankOutcome | None

    @property
    def error(self) -> RankError | None:
        """The exception of the rank."""
        return self.outcome.error if self.outcome is not None else None

    @property
    def rank(self) -> int | None:
        """The global rank, if it can be told: a node of several ranks that leaves no word does not say which."""
        if self.error is not None and self.outcome is not None:
            return self.outcome.rank
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
        return how_it_ended(self.exit)

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel ended it for its use of memory."""
        return self.exit.reason == "OOMKilled"

    @property
    def killed(self) -> bool:
        """Whether it did not end by itself, and not because another was ended either."""
        code = self.exit.exit_code or 0
        return self.error is None and (self.out_of_memory or (code > _SIGNAL and code != _TERM))

    @property
    def told_to_end(self) -> bool:
        """Whether it was ended in an orderly way: because of another's failure, mostly."""
        return self.error is None and self.exit.exit_code == _TERM


def how_it_ended(exit_: Exit) -> str:
    """Return how a container ended, in words: `"exited with code 1"`."""
    code = exit_.exit_code
    if exit_.reason == "OOMKilled":
        return f"ran out of memory (OOMKilled, exit code {code})"
    if exit_.reason in ("StartError", "ContainerCannotRun"):
        return f"could not be started: {exit_.message.strip() or exit_.reason}"
    if code is None or exit_.reason == "ContainerStatusUnknown":
        return "ended, and its machine does not say how"
    if code > _SIGNAL:
        try:
            return f"was killed by {signal.Signals(code - _SIGNAL).name} (exit code {code})"
        except ValueError:
            return f"exited with code {code}"
    if code in _ODD:
        return f"failed: {_ODD[code]}"
    return f"exited with code {code}"


def first_failure(pods: Iterable[Pod]) -> Failure | None:
    """Return what failed first in the newest attempt in which anything did.

    Launchers and controllers end the others when one has failed, so what was told to end comes last. The peers of a
    rank that was killed raise when their connection to it breaks, and may be recorded before it.
    """
    failures = all_failures(pods)
    newest = max((failure.pod.attempt for failure in failures), default=0)
    failures = [failure for failure in failures if failure.pod.attempt == newest]
    if not failures:
        return None
    first = failures[0]
    killed = [failure for failure in failures if failure.killed and _time(failure) <= _time(first) + _NOTICED]
    return killed[0] if killed else first


def all_failures(pods: Iterable[Pod]) -> list[Failure]:
    """Return how each container failed last, first failure first."""
    found = [failure for pod in pods for failure in _failures(pod)]
    return sorted(found, key=lambda failure: (failure.told_to_end, _time(failure), failure.pod.step))


def outcome_of_rank_zero(pods: Sequence[Pod]) -> RankOutcome | None:
    """Return how rank 0 says it ended; `None` when it left no word."""
    from kubeflow.packaging import parse_outcome

    for pod in pods:
        for end in reversed(pod.container.exits):
            outcome = parse_outcome(end.message)
            if outcome is not None and outcome.rank == 0:
                return outcome
    return None


def _failures(pod: Pod) -> Iterable[Failure]:
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
        yield Failure(pod, container, end, previous=not present, outcome=failed)


def _time(failure: Failure) -> float:
    return failure.exit.finished.timestamp() if failure.exit.finished is not None else float("inf")
