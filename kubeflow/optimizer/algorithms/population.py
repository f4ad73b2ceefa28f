"""Population-based training: each generation goes on from checkpoints of the one before, with changed parameters."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from kubeflow.optimizer.algorithms.history import PastTrial, Proposal
from kubeflow.optimizer.algorithms.independent_draws import RandomDraws
from kubeflow.optimizer.algorithms.quantiles import value_at
from kubeflow.optimizer.algorithms.seeds import derived_seed
from kubeflow.optimizer.types.algorithm_types import PBT
from kubeflow.optimizer.types.search_spaces import (
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    IntegerSearchSpace,
    Space,
)

_FACTORS = (0.8, 1.2)
"""What a number is multiplied with, as in the paper and in Katib's service."""


class PopulationDraws:
    """Draws generations. Trial `number` is member `number % population` of generation `number // population`.

    The worst members of the generation before, and those that failed, are replaced by the best ones with changed
    parameters; all others go on as they are. Each goes on from the checkpoints of its parent.
    """

    def __init__(self, algorithm: PBT, space: Mapping[str, Space], seed: int, *, maximizes: bool) -> None:
        self._algorithm = algorithm
        self._space = space
        self._seed = seed
        self._sign = -1.0 if maximizes else 1.0
        self._first = RandomDraws(space, seed)

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None:
        """Return the parameters of trial `number`, and the trial that it goes on from."""
        size = self._algorithm.population
        generation, member = divmod(number, size)
        before = [trial for trial in history if trial.number // size == generation - 1]
        ranked = sorted((trial for trial in before if trial.is_usable), key=self._worth)
        if not ranked:
            return self._first.draw(history, number, attempt)
        replaced = max(1, math.floor(size * self._algorithm.truncation))
        # Those without a value are the worst of all; a single survivor is the parent of itself.
        worst = {trial.number for trial in ranked[max(1, len(ranked) - max(0, replaced - (size - len(ranked)))) :]}
        own = next((trial for trial in ranked if trial.number % size == member), None)
        if own is not None and own.number not in worst and not attempt:
            return Proposal(dict(own.parameters), parent=own.number)
        draws = random.Random(derived_seed(self._seed, number, attempt, "population"))
        parent = ranked[draws.randrange(min(replaced, len(ranked)))]
        changed = {name: self._changed(space, parent.parameters[name], draws) for name, space in self._space.items()}
        return Proposal(changed, parent=parent.number)

    def _worth(self, trial: PastTrial) -> tuple[float, int]:
        return self._sign * (trial.values or (math.inf,))[0], trial.number

    def _changed(self, space: Space, value: object, draws: random.Random) -> object:
        if self._algorithm.resample is not None and draws.random() < self._algorithm.resample:
            return value_at(space, draws.random())
        if isinstance(space, CategoricalSearchSpace):
            beside = space.index(value) + draws.choice((-1, 1))
            return space.choices[min(max(beside, 0), len(space.choices) - 1)]
        factor = draws.choice(_FACTORS)
        if isinstance(space, IntegerSearchSpace) and isinstance(value, int):
            steps = round((value * factor - space.min) / space.step)
            return space.min + space.step * min(max(steps, 0), (space.last - space.min) // space.step)
        if isinstance(space, ContinuousSearchSpace) and isinstance(value, float):
            moved = value * factor
            if space.size is not None:
                return space.at(space.place(moved))
            low = -math.inf if space.min is None else space.min
            high = math.inf if space.max is None else space.max
            return min(max(moved, low), high)
        return value
