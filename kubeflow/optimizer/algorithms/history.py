"""What an algorithm sees of a search: its trials as rows, which a store can keep and give back after a crash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from kubeflow.core.display import repr_of_fields

SKIPPED = "skipped"
"""Note of a trial: how many proposals were not taken before its own, as a trial had their parameters already."""

PastState = Literal["running", "complete", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """What a trial reported at one step.

    Attributes:
        step: How far it was: an epoch, for instance, from 0 or 1.
        value: The value of the search's objective.
    """

    step: int
    value: float

    __repr__ = repr_of_fields


@dataclass(frozen=True, slots=True)
class PastTrial:
    """One trial as an algorithm sees it.

    Attributes:
        number: Its number, from 0. All numbers below the next one must be in a history.
        parameters: Values by name, of the types of the search space.
        state: `"running"` from the moment at which its row is kept until it ends; `"stopped"` by early stopping.
        values: The value of each objective, in their order; `None` when it has none. With a value that is not finite a
            trial counts as failed.
        reports: What it has reported of its first objective, by ascending step.
        notes: `Proposal.notes` of the trial, as they were.
    """

    number: int
    parameters: Mapping[str, object]
    state: PastState = "running"
    values: Sequence[float] | None = None
    reports: Sequence[ReportedValue] = ()
    notes: Mapping[str, object] = field(default_factory=dict[str, object])

    __repr__ = repr_of_fields

    @property
    def is_usable(self) -> bool:
        """True when it is complete with finite values."""
        return self.state == "complete" and bool(self.values) and all(map(math.isfinite, self.values or ()))


@dataclass(frozen=True, slots=True)
class Proposal:
    """Parameters for a trial.

    Attributes:
        parameters: Values by name, of the types of the search space.
        notes: Plain JSON that the algorithm needs again; keep it in the trial's row, and give it back in `PastTrial`.
        parent: The trial whose checkpoints this one goes on from, for population-based training.
    """

    parameters: Mapping[str, object]
    notes: Mapping[str, object] = field(default_factory=dict[str, object])
    parent: int | None = None

    __repr__ = repr_of_fields


class Searcher(Protocol):
    """An algorithm at work on one search. It is made anew from rows at any time: it keeps nothing that they lack."""

    @property
    def batch(self) -> int:
        """How many trials are proposed from one state of knowledge: 1, except where whole generations are compared.

        Of batches, trial `number` may be asked for once all trials below `number // batch * batch` have ended.
        """
        ...

    def ask(self, history: Sequence[PastTrial], number: int) -> Proposal | None:
        """Return the parameters of trial `number`; `None` when there is no further one, as at the end of a grid.

        Args:
            history: All trials with smaller numbers, by number.
            number: The trial's number.
        """
        ...

    def judge(self, history: Sequence[PastTrial], number: int) -> str | None:
        """Return in words why running trial `number` should be stopped now; `None` when it should go on.

        Args:
            history: All trials, by number, with what they have reported.
            number: The trial's number.
        """
        ...


def may_be_asked(searcher: Searcher, history: Sequence[PastTrial], number: int) -> bool:
    """Return True when trial `number` may be asked for now."""
    if searcher.batch == 1:  # each is proposed from what is known then
        return True
    first = number // searcher.batch * searcher.batch
    return all(trial.state != "running" for trial in history if trial.number < first)
