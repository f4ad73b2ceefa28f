"""From the description of a search to the algorithm at work on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from kubeflow.core.errors import Finding
from kubeflow.optimizer.algorithms.history import SKIPPED, PastTrial, Proposal, Searcher
from kubeflow.optimizer.algorithms.independent_draws import GridPoints, RandomDraws, SobolPoints
from kubeflow.optimizer.algorithms.model_based_draws import ModelBasedDraws, check_libraries
from kubeflow.optimizer.algorithms.population import PopulationDraws
from kubeflow.optimizer.algorithms.stopping_rules import rule_of
from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.types.algorithm_types import CMAES, PBT, GridSearch, Hyperband, RandomSearch, Sobol
from kubeflow.optimizer.types.search_spaces import Space

_ATTEMPTS = 100
"""How often an algorithm is asked for parameters that are not there yet."""
_POINTS = 100_000
"""Up to so many points of a space are looked through for one that is left."""


class _Draws(Protocol):
    """Draws parameters of a trial; each attempt gives others, as far as there are any."""

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None: ...


def searcher(spec: OptimizationSpec) -> Searcher:
    """Return the algorithm of a search at work, for engines that ask for each trial.

    Raises:
        MissingExtra: A library that the algorithm needs is not installed, or too old.
    """
    return _Search(spec)


def searcher_findings(spec: OptimizationSpec) -> list[Finding]:
    """Return what stands in the way of `searcher(spec)`."""
    findings: list[Finding] = []
    algorithm = spec.algorithm
    if isinstance(algorithm, CMAES) and algorithm.restart_strategy is not None:
        findings.append(
            Finding(
                f"restart_strategy={algorithm.restart_strategy!r}",
                "Optuna has no restarts of CMA-ES since 4.4",
                "Leave it out, or take OptimizerClient(engine='katib')",
            )
        )
    try:
        if isinstance(algorithm, Sobol):
            SobolPoints(spec.space, spec.seed)
        elif not isinstance(algorithm, RandomSearch | GridSearch | PBT):
            check_libraries(algorithm)
    except MissingExtra as missing:
        reason, _, remedy = str(missing).partition(": ")
        findings.append(Finding(type(algorithm).__name__, reason, remedy.rstrip(".").capitalize()))
    return findings


class _Search:
    """An algorithm with what is the same for all: first trials, no repetition, and what is fixed."""

    def __init__(self, spec: OptimizationSpec) -> None:
        algorithm = spec.algorithm
        self._spec = spec
        # Hyperband trains each trial as long as it is let, and does not draw how long.
        self._fixed: dict[str, object] = {}
        if isinstance(algorithm, Hyperband) and algorithm.resource in spec.space:
            self._fixed = {str(algorithm.resource): algorithm.max_resource}
        self._space: Mapping[str, Space] = {
            name: space for name, space in spec.space.items() if name not in self._fixed
        }
        self._draws = _draws(spec, self._space)
        rule = algorithm if isinstance(algorithm, Hyperband) else spec.early_stopping
        self._judge = rule_of(rule, maximizes=spec.objectives[0].maximizes, seed=spec.seed)

    @property
    def batch(self) -> int:
        """See `Searcher`."""
        if isinstance(self._spec.algorithm, PBT):
            return self._spec.algorithm.population
        if getattr(self._spec.algorithm, "synchronous", False):
            return self._spec.config.parallel_trials
        return 1

    def ask(self, history: Sequence[PastTrial], number: int) -> Proposal | None:
        """See `Searcher`."""
        given = self._spec.enqueue[number] if number < len(self._spec.enqueue) else dict[str, object]()
        if all(name in given for name in self._space):
            return Proposal({**given, **self._fixed})
        seen = self._seen(history, number)
        taken = _taken(self._space, history) if self._spec.config.unique and not given else set[tuple[str, ...]]()
        for attempt in range(_ATTEMPTS):
            proposal = self._draws.draw(seen, number, attempt)
            if proposal is None:
                return None
            if given:
                # What the algorithm noted is about the parameters that it drew itself.
                return Proposal({**proposal.parameters, **given, **self._fixed})
            if not taken or _key(self._space, proposal.parameters) not in taken:
                notes = {**proposal.notes, **({SKIPPED: attempt} if attempt else {})}
                return replace(proposal, parameters={**proposal.parameters, **self._fixed}, notes=notes)
        left = self._point_left(taken)
        return None if left is None else Proposal({**left, **self._fixed}, {SKIPPED: _ATTEMPTS})

    def _seen(self, history: Sequence[PastTrial], number: int) -> list[PastTrial]:
        """Return the history as the algorithm sees it.

        A trial of the same batch counts as running, whenever it ended: the next one is then the same after a crash.
        """
        if not self._fixed and self.batch == 1:
            return list(history)
        first = number // self.batch * self.batch
        return [
            PastTrial(trial.number, self._own(trial), notes=trial.notes)
            if trial.number >= first and self.batch > 1
            else replace(trial, parameters=self._own(trial))
            for trial in history
        ]

    def _own(self, trial: PastTrial) -> dict[str, object]:
        return {name: trial.parameters[name] for name in self._space}

    def _point_left(self, taken: set[tuple[str, ...]]) -> dict[str, object] | None:
        """Return a point of a finite space that no trial has; `None` where all have one, or the space is too large."""
        sizes = [space.size for space in self._space.values()]
        count = math.prod(size for size in sizes if size is not None)
        if None in sizes or count > _POINTS:
            return None
        points = GridPoints(self._space, None)
        every = (points.point(index) for index in range(count))
        return next((point for point in every if _key(self._space, point) not in taken), None)

    def judge(self, history: Sequence[PastTrial], number: int) -> str | None:
        """See `Searcher`."""
        trial = next((each for each in history if each.number == number), None)
        return None if trial is None else self._judge(history, trial)


def _draws(spec: OptimizationSpec, space: Mapping[str, Space]) -> _Draws:
    algorithm = spec.algorithm
    if isinstance(algorithm, RandomSearch):
        return RandomDraws(space, spec.seed)
    if isinstance(algorithm, GridSearch):
        return GridPoints(space, algorithm.random_state, first=len(spec.enqueue))
    if isinstance(algorithm, Sobol):
        return SobolPoints(space, spec.seed)
    if isinstance(algorithm, PBT):
        return PopulationDraws(algorithm, space, spec.seed, maximizes=spec.objectives[0].maximizes)
    return ModelBasedDraws(algorithm, space, spec.objectives, spec.warm_start, spec.seed)


def _key(space: Mapping[str, Space], parameters: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(each.encode(parameters[name]) for name, each in space.items())


def _taken(space: Mapping[str, Space], history: Sequence[PastTrial]) -> set[tuple[str, ...]]:
    return {_key(space, trial.parameters) for trial in history if trial.state != "failed"}
