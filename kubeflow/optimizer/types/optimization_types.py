"""A search as its user sees it: what it looks for, how many trials it has, and what came of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Literal, cast, get_args

from kubeflow.core.display import repr_of_fields, shown_values, values_line
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.shown_list import ShownList, objects_table
from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.algorithm_types import BaseAlgorithm
from kubeflow.optimizer.types.finite_numbers import is_number, take_builtin_numbers
from kubeflow.optimizer.types.search_spaces import Space
from kubeflow.optimizer.types.trials import Metric, Trial, TrialList, Trials, metrics_table, trial_row
from kubeflow.trainer.types.checks import check_count, check_flag, check_text

if TYPE_CHECKING:
    from kubeflow.core.html import Cell

OptimizationStatus = Literal["Created", "Running", "Suspended", "Complete", "Failed", "Stopped", "Unknown"]
"""The statuses of a search. It ends as `Complete`, `Failed`, or `Stopped` by its user."""

OPTIMIZATION_STATUSES: tuple[OptimizationStatus, ...] = get_args(OptimizationStatus)
ENDED: frozenset[str] = frozenset({"Complete", "Failed", "Stopped"})
"""The statuses in which a search or a trial stays."""

Strategy = Literal["best", "last", "min", "max"]
EngineName = Literal["client", "katib", "optimizationjob"]
"""What runs a search: an engine of this package beside the jobs, Katib, or the control plane of OptimizationJob."""


class Direction(Enum):
    """Whether a metric is better when it is smaller or when it is larger."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True)
class Objective:
    """A metric that the search makes as small or as large as it can.

    Attributes:
        metric: Its name, as the train function reports, returns or prints it.
        direction: `Direction.MINIMIZE` or `Direction.MAXIMIZE`, or its text.
        goal: The search ends when a trial reaches it; `None` is no goal.
        strategy: Which of a trial's values counts: `"best"` by the direction, `"last"`, `"min"` or `"max"`.

    Raises:
        InvalidInput: When a field cannot be right.
    """

    metric: str = "loss"
    direction: Direction | Literal["minimize", "maximize"] = Direction.MINIMIZE
    goal: float | None = None
    strategy: Strategy = "best"

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __post_init__(self) -> None:
        take_builtin_numbers(self)
        check_text("metric", self.metric)
        given: object = self.direction
        if not isinstance(given, Direction):
            words = {"min": "minimize", "max": "maximize", "minimise": "minimize", "maximise": "maximize"}
            word = given.lower() if isinstance(given, str) else ""
            names = [member.value for member in Direction]
            if words.get(word, word) not in names:
                raise InvalidInput(f"direction is 'minimize' or 'maximize', not {given!r}.")
            object.__setattr__(self, "direction", Direction(words.get(word, word)))
        goal: object = self.goal
        if goal is not None and not (is_number(goal) and math.isfinite(goal)):
            raise InvalidInput(f"goal must be a finite number, not {goal!r}.")
        if self.strategy not in get_args(Strategy):
            raise InvalidInput(
                f"strategy is one of {', '.join(get_args(Strategy))}, not {self.strategy!r}."
                f"{did_you_mean(str(self.strategy), get_args(Strategy))}"
            )

    @property
    def maximizes(self) -> bool:
        """True when larger is better."""
        return self.direction is Direction.MAXIMIZE

    def value(self, metrics: Sequence[Metric]) -> float | None:
        """Return the value that counts of a trial's metrics; `None` when it has none that is finite."""
        for metric in metrics:
            if metric.name == self.metric:
                best = metric.max if self.maximizes else metric.min
                found = {"best": best, "last": metric.latest, "min": metric.min, "max": metric.max}[self.strategy]
                return found if found is not None and math.isfinite(found) else None
        return None

    def reached(self, value: float | None) -> bool:
        """Return True when a value is as good as the goal, or better."""
        if self.goal is None or value is None:
            return False
        return value >= self.goal if self.maximizes else value <= self.goal


@dataclass(frozen=True)
class TrialConfig:
    """How many trials a search has, and when it ends.

    Attributes:
        num_trials: Trials in all, at least 1.
        parallel_trials: Trials that run at once, at most `num_trials`.
        max_failed_trials: The search fails when more trials than this have failed. Default: no limit.
        timeout: Seconds after which the search starts no further trial, and stops those that run. Default: no limit.
        trial_timeout: Seconds after which a trial fails. Default: no limit.
        retain: Keep the jobs of trials that have ended, with their logs.
        unique: Never run a trial with the parameters of one that is complete.

    Raises:
        InvalidInput: When a field cannot be right.
    """

    num_trials: int = 10
    parallel_trials: int = 1
    max_failed_trials: int | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    retain: bool = True
    unique: bool = False

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __post_init__(self) -> None:
        take_builtin_numbers(self)
        check_count("num_trials", self.num_trials)
        check_count("parallel_trials", self.parallel_trials)
        if self.parallel_trials > self.num_trials:
            raise InvalidInput(
                f"parallel_trials={self.parallel_trials} is above num_trials={self.num_trials}: there are not as many "
                "trials to run at once. Lower it, or raise num_trials."
            )
        if self.max_failed_trials is not None:
            check_count("max_failed_trials", self.max_failed_trials, least=0)
        for name, seconds in (("timeout", self.timeout), ("trial_timeout", self.trial_timeout)):
            if seconds is not None and not (is_number(seconds) and 0 < seconds < math.inf):
                raise InvalidInput(f"{name} must be a number of seconds above 0, not {seconds!r}.")
        check_flag("retain", self.retain)
        check_flag("unique", self.unique)


@dataclass(frozen=True)
class OptimizerConfig:
    """Objective and number of trials in one, as the SDK's proposal has it; `optimize(optimizer_config=...)` takes it.

    Attributes:
        objective: The metric.
        mode: `"min"` or `"max"`.
        num_trials: Trials in all.
        parallel_trials: Trials that run at once.
    """

    objective: str = "loss"
    mode: Literal["min", "max"] = "min"
    num_trials: int = 10
    parallel_trials: int = 1

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise InvalidInput(f"mode is 'min' or 'max', not {self.mode!r}.")
        self.to_objective()
        self.to_trial_config()

    def to_objective(self) -> Objective:
        """Return it as an objective."""
        return Objective(self.objective, Direction.MINIMIZE if self.mode == "min" else Direction.MAXIMIZE)

    def to_trial_config(self) -> TrialConfig:
        """Return it as a trial configuration."""
        return TrialConfig(self.num_trials, self.parallel_trials)


@dataclass(frozen=True)
class Result:
    """The best parameters, and what came of them.

    Attributes:
        parameters: Values by name, of the types of the search space.
        metrics: The metrics of the trial.
        trial: The name of the trial.
    """

    parameters: Mapping[str, object]
    metrics: Sequence[Metric]
    trial: str = ""

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def _repr_html_(self) -> str:
        """Return the result as notebooks show it: parameters and metrics by name."""
        from kubeflow.core import html

        return html.view(
            html.heading(f"Best result, trial {self.trial}" if self.trial else "Best result"),
            html.section("Parameters", html.facts(shown_values(self.parameters))),
            html.section("Metrics", metrics_table(self.metrics) if self.metrics else None),
        )


@dataclass(frozen=True)
class OptimizationJob:
    """A search at one moment.

    Attributes:
        name: Its name.
        search_space: What parameters are drawn from, by name.
        objectives: What it looks for; the first one ranks trials where only one can.
        algorithm: How parameters are proposed; `None` when this version does not know it.
        trial_config: How many trials it has.
        trials: The trials that were made, by number.
        creation_timestamp: When it was made, with time zone.
        status: `Created`, `Running`, `Suspended`, `Complete`, `Failed`, `Stopped` or `Unknown`.
        engine: What runs it.
        reason: Why it has this status, in words; mostly empty.
        notes: What of it this version cannot read or show, in words. Mostly empty.
    """

    name: str
    search_space: Mapping[str, Space]
    objectives: Sequence[Objective]
    algorithm: BaseAlgorithm | None
    trial_config: TrialConfig
    trials: Sequence[Trial]
    creation_timestamp: datetime
    status: OptimizationStatus = "Unknown"
    engine: EngineName = "client"
    reason: str = ""
    notes: Sequence[str] = field(default_factory=tuple)

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __post_init__(self) -> None:
        trials = self.trials
        if isinstance(trials, tuple):
            object.__setattr__(self, "trials", Trials(trials))

    def _repr_html_(self) -> str:
        """Return the search as notebooks show it: status, counts, the best trial, all trials."""
        from kubeflow.core import html

        best = self.best_trial
        aims = ", ".join(f"{'greatest' if aim.maximizes else 'least'} {aim.metric}" for aim in self.objectives)
        counts = Counter(trial.status for trial in self.trials)
        of_each = ", ".join(f"{count} {status}" for status, count in counts.items()) or "none made"
        found = {} if best is None else {m.name: m.latest for m in best.metrics if m.latest is not None}
        return html.view(
            html.heading(f"Search {self.name}", self.status),
            html.tag("p", self.reason) if self.reason else None,
            html.facts(
                {
                    "Objective": aims,
                    "Algorithm": None if self.algorithm is None else repr(self.algorithm),
                    "Trials": f"{len(self.trials)} of {self.trial_config.num_trials}: {of_each}",
                    "Best": None if best is None else f"trial {best.number}: {values_line(found)}",
                    "Parameters": None if best is None else values_line(best.parameters),
                    "Engine": self.engine,
                    "Made": self.creation_timestamp,
                }
            ),
            html.bullets(self.notes),
            html.details("Trials", objects_table(self.trials, trial_row, "trials"), opened=len(self.trials) <= _FEW),
        )

    @property
    def best_trial(self) -> Trial | None:
        """The complete trial with the best value of the first objective; `None` while there is none.

        Only finite values count. Of equal ones the earlier trial is the best.
        """
        objective = self.objectives[0] if self.objectives else Objective()
        best: tuple[float, Trial] | None = None
        for trial in self.trials:
            value = objective.value(trial.metrics) if trial.status == "Complete" else None
            if value is None:
                continue
            worth = value if objective.maximizes else -value
            if best is None or worth > best[0]:
                best = worth, trial
        return best[1] if best else None

    @property
    def best(self) -> Trial | None:
        """`best_trial`."""
        return self.best_trial

    @property
    def pareto_front(self) -> list[Trial]:
        """The complete trials that no other one is better than in one objective and as good as in all others."""
        rated: list[tuple[Trial, tuple[float, ...]]] = []
        for trial in self.trials:
            values = [objective.value(trial.metrics) for objective in self.objectives]
            if trial.status == "Complete" and None not in values:
                numbers = cast("list[float]", values)
                pairs = zip(self.objectives, numbers, strict=True)
                rated.append((trial, tuple(value if aim.maximizes else -value for aim, value in pairs)))
        return TrialList(trial for trial, worth in rated if not any(_dominates(other, worth) for _, other in rated))


_FEW = 20  # trials that are shown unfolded


class SearchList(ShownList[OptimizationJob]):
    """Searches, shown with a line for each: what `list_jobs` returns."""

    WHAT = "searches"

    @classmethod
    def row(cls, item: OptimizationJob) -> Mapping[str, Cell]:  # noqa: D102
        from kubeflow.core.html import StatusWord

        best = item.best_trial
        found = {} if best is None else {m.name: m.latest for m in best.metrics if m.latest is not None}
        return {
            "Name": item.name,
            "Status": StatusWord(item.status),
            "Trials": f"{sum(trial.status in ENDED for trial in item.trials)}/{item.trial_config.num_trials}",
            "Best": values_line(found),
            "Engine": item.engine,
            "Age": item.creation_timestamp,
            "Why": item.reason,
        }


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine >= its for mine, its in zip(one, other, strict=True))


thin_all(globals())
