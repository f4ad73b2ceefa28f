"""When a running trial is ended because it cannot become the best: by what it reports at each step.

These rules see one objective. A trial says how far it is with `report(step=..., loss=...)`.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.finite_numbers import is_number, take_builtin_numbers
from kubeflow.trainer.types.checks import check_count


class EarlyStopping(abc.ABC):
    """When a running trial is ended. Its logs and what it reported stay."""

    @property
    @abc.abstractmethod
    def rule_name(self) -> str:
        """Its name, as Katib has it where Katib has it."""


@dataclass(frozen=True)
class MedianStop(EarlyStopping):
    """End a trial that is worse than the median of the others at the same step.

    Attributes:
        min_trials: No trial is ended before so many are complete.
        start_step: No trial is ended before its step `start_step`.
    """

    min_trials: int = 3
    start_step: int = 4

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        take_builtin_numbers(self)
        check_count("min_trials", self.min_trials)
        check_count("start_step", self.start_step, least=0)

    @property
    def rule_name(self) -> str:
        """`medianstop`."""
        return "medianstop"


@dataclass(frozen=True)
class PercentileStop(EarlyStopping):
    """End a trial that is not among the best `percentile` percent of the others at the same step.

    Attributes:
        percentile: From above 0 to below 100; 50 is the median.
        min_trials: As in `MedianStop`.
        start_step: As in `MedianStop`.
    """

    percentile: float = 25.0
    min_trials: int = 3
    start_step: int = 4

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        take_builtin_numbers(self)
        if not (is_number(self.percentile) and 0 < self.percentile < 100):
            raise InvalidInput(f"percentile must be a number above 0 and below 100, not {self.percentile!r}.")
        check_count("min_trials", self.min_trials)
        check_count("start_step", self.start_step, least=0)

    @property
    def rule_name(self) -> str:
        """`percentilestop`."""
        return "percentilestop"


@dataclass(frozen=True)
class ASHA(EarlyStopping):
    """Asynchronous successive halving: at steps `min_resource * eta^k`, only the best of `eta` trials goes on.

    Trials are ended, never paused: none waits for a rung to fill.

    Attributes:
        min_resource: The first step at which a trial may be ended.
        eta: One of so many trials goes on at each rung.
        min_early_stopping_rate: So many of the first rungs are left out.
    """

    min_resource: int = 1
    eta: int = 3
    min_early_stopping_rate: int = 0

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        take_builtin_numbers(self)
        check_count("min_resource", self.min_resource)
        check_count("eta", self.eta, least=2)
        check_count("min_early_stopping_rate", self.min_early_stopping_rate, least=0)

    @property
    def rule_name(self) -> str:
        """`asha`."""
        return "asha"


thin_all(globals())
