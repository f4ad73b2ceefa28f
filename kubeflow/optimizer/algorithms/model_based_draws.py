"""Algorithms that learn from earlier trials: Optuna's samplers, made anew for every trial with a seed of its own.

A sampler keeps its random numbers in memory, and a study that is resumed with the same seed repeats itself. Here the
seed follows from the trial's number, and the study from the rows of earlier trials: a crash changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from kubeflow.optimizer.algorithms.history import PastTrial, Proposal
from kubeflow.optimizer.algorithms.optuna_study import (
    ATTRIBUTES,
    QUANTILES,
    OptunaSpace,
    check_optuna,
    frozen_trial,
    new_study,
    optuna_module,
    quiet,
)
from kubeflow.optimizer.algorithms.seeds import derived_seed
from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.given_trials import KnownTrial
from kubeflow.optimizer.types.algorithm_types import CMAES, NSGAII, TPE, BaseAlgorithm, BayesianOptimization, Hyperband
from kubeflow.optimizer.types.optimization_types import Objective
from kubeflow.optimizer.types.search_spaces import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler


@dataclass
class _Kept:
    """A study in memory, with the rows that it was made of: as long as they are the same, it need not be made anew."""

    study: Study
    rows: list[PastTrial]


class ModelBasedDraws:
    """Draws by one of Optuna's samplers."""

    def __init__(
        self,
        algorithm: BaseAlgorithm,
        space: Mapping[str, Space],
        objectives: Sequence[Objective],
        known: Sequence[KnownTrial],
        seed: int,
    ) -> None:
        """Make ready to draw.

        Raises:
            MissingExtra: A library is not installed, or too old.
        """
        self._algorithm = algorithm
        self._objectives = objectives
        self._known = known
        self._seed = seed
        self._space = OptunaSpace(space)
        check_libraries(algorithm)
        self._optuna = optuna_module(type(algorithm).__name__)
        self._distributions = self._space.distributions()
        self._kept: _Kept | None = None

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None:
        """Return the parameters of trial `number`; each attempt gives others."""
        with quiet(self._optuna):
            study = self._study(history)
            study.sampler = self._sampler(derived_seed(self._seed, number, attempt))
            asked = study.ask(self._distributions)
            frozen = study.get_trials(deepcopy=False)[asked.number]
            values, quantiles = self._space.outward(asked.params)
            attributes = dict(frozen.system_attrs)
            notes = {
                **({ATTRIBUTES: attributes} if attributes else {}),
                **({QUANTILES: quantiles} if quantiles else {}),
            }
            proposal = Proposal(values, notes)
            if isinstance(self._algorithm, NSGAII):
                self._kept = None  # the sampler keeps parents in the study, and takes them in another order from there
            elif self._kept is not None:
                self._kept.rows.append(PastTrial(number, values, notes=notes))
            return proposal

    def _study(self, history: Sequence[PastTrial]) -> Study:
        """Return a study of these rows: the one in memory, brought up to date, or another one."""
        kept = self._kept
        if kept is not None and len(kept.rows) == len(history) and all(map(_goes_on, kept.rows, history)):
            for index, (before, now) in enumerate(zip(kept.rows, history, strict=True)):
                if before != now:
                    self._update(kept.study, len(self._known) + index, before, now)
                    kept.rows[index] = now
            return kept.study
        study = new_study(self._optuna, self._objectives)
        earlier: list[PastTrial | KnownTrial] = [*self._known, *history]
        for trial in earlier:
            study.add_trial(frozen_trial(trial, self._space, self._distributions, self._objectives))
        self._kept = _Kept(study, list(history))
        return study

    def _update(self, study: Study, index: int, before: PastTrial, now: PastTrial) -> None:
        """Bring a running trial of the study up to date."""
        trial = study.get_trials(deepcopy=False)[index]
        asked = self._optuna.trial.Trial(study, trial._trial_id)  # pyright: ignore[reportPrivateUsage]
        frozen = frozen_trial(now, self._space, self._distributions, self._objectives)
        if len(self._objectives) == 1:
            there = {each.step for each in before.reports}
            for step, value in frozen.intermediate_values.items():
                if step not in there:
                    asked.report(value, step)
        if now.state != "running":
            study.sampler = self._optuna.samplers.RandomSampler(0)  # does nothing when a trial has ended
            values = frozen.values if now.is_usable else None
            study.tell(asked, values, state=frozen.state)

    def _sampler(self, seed: int) -> BaseSampler:
        samplers: Any = self._optuna.samplers
        algorithm = self._algorithm
        made: BaseSampler
        if isinstance(algorithm, TPE):
            made = samplers.TPESampler(
                seed=seed,
                n_startup_trials=algorithm.n_startup_trials,
                n_ei_candidates=algorithm.n_candidates,
                multivariate=algorithm.multivariate,
                constant_liar=True,
            )
        elif isinstance(algorithm, Hyperband):
            made = samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        elif isinstance(algorithm, BayesianOptimization):
            made = samplers.GPSampler(
                seed=seed, n_startup_trials=algorithm.n_startup_trials, warn_independent_sampling=False
            )
        elif isinstance(algorithm, CMAES):
            return self._cma(algorithm, seed)
        elif isinstance(algorithm, NSGAII):
            made = samplers.NSGAIISampler(seed=seed, population_size=algorithm.population_size)
        else:
            raise TypeError(f"no sampler for {algorithm!r}")
        return made

    def _cma(self, algorithm: CMAES, seed: int) -> BaseSampler:
        made: BaseSampler = self._optuna.samplers.CmaEsSampler(
            seed=seed,
            n_startup_trials=algorithm.n_startup_trials,
            warn_independent_sampling=False,
            **({} if algorithm.sigma is None else {"sigma0": algorithm.sigma}),
        )
        return made


def check_libraries(algorithm: BaseAlgorithm) -> None:
    """Refuse an algorithm whose libraries are not installed, without importing them.

    Raises:
        MissingExtra: One is not installed, or too old.
    """
    check_optuna(type(algorithm).__name__)
    if isinstance(algorithm, CMAES) and find_spec("cmaes") is None:
        raise MissingExtra("CMAES", "cmaes>=0.11", "optimizer")
    if isinstance(algorithm, BayesianOptimization) and not (find_spec("torch") and find_spec("scipy")):
        raise MissingExtra("BayesianOptimization", "torch and scipy", "optimizer,examples")


def _goes_on(before: PastTrial, now: PastTrial) -> bool:
    """Return True when `now` may be the same trial later: a trial that has ended does not change."""
    same = before.number == now.number and before.parameters == now.parameters and before.notes == now.notes
    return same and (before == now or before.state == "running")
