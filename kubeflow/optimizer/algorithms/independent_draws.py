"""Algorithms that look at no earlier trial: random draws, the grid, and the Sobol sequence."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from kubeflow.optimizer.algorithms.history import SKIPPED, PastTrial, Proposal
from kubeflow.optimizer.algorithms.quantiles import value_at
from kubeflow.optimizer.algorithms.seeds import derived_seed
from kubeflow.optimizer.errors import MissingExtra
from kubeflow.optimizer.types.search_spaces import Space

if TYPE_CHECKING:
    from types import ModuleType

_SOBOL_MOST = 21_201
"""Dimensions that the direction numbers of SciPy's Sobol sequence are known for."""


class RandomDraws:
    """Draws each trial by itself, from a seed that follows from its number."""

    def __init__(self, space: Mapping[str, Space], seed: int) -> None:
        self._space = space
        self._seed = seed

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None:
        """Return the parameters of trial `number`; each attempt gives others."""
        return Proposal(
            {name: value_at(space, self._quantile(number, attempt, name)) for name, space in self._space.items()}
        )

    def _quantile(self, number: int, attempt: int, name: str) -> float:
        return random.Random(derived_seed(self._seed, number, attempt, name)).random()


class GridPoints:
    """Takes the points of a grid in order, or shuffled by a seed. The last parameter changes fastest."""

    def __init__(self, space: Mapping[str, Space], seed: int | None, first: int = 0) -> None:
        """Lay the grid out; trial `first` has its first point."""
        self._first = first
        self._space = dict(space)
        self._count = math.prod(each.size or 0 for each in space.values())
        self._seed = seed

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None:
        """Return point `number`, and `None` after the last. `attempt` skips points.

        A trial before the first one has parameters of its user's, and what these leave out of the first point.
        """
        if number < self._first:
            return Proposal(self.point(0))
        taken = number - self._first + attempt + sum(int(cast("int", trial.notes.get(SKIPPED, 0))) for trial in history)
        if not 0 <= taken < self._count:
            return None
        return Proposal(self.point(taken if self._seed is None else self._shuffled(taken)))

    def point(self, index: int) -> dict[str, object]:
        """Return a point by its index in the grid's order."""
        point: dict[str, object] = {}
        for name, space in reversed(self._space.items()):
            index, place = divmod(index, space.size or 1)
            point[name] = space.at(place)
        return {name: point[name] for name in self._space}

    def _shuffled(self, index: int) -> int:
        """Return the image of an index under a permutation that needs no list of all points: a Feistel network."""
        half = max(1, (max(self._count - 1, 1).bit_length() + 1) // 2)
        mask = (1 << half) - 1
        while True:
            left, right = index >> half, index & mask
            for turn in range(4):
                left, right = right, left ^ (derived_seed(self._seed or 0, "grid", turn, right) & mask)
            index = left << half | right
            if index < self._count:  # else it is of the square around the grid: go on from there
                return index


class SobolPoints:
    """Takes the points of a Sobol sequence, which a seed scrambles."""

    def __init__(self, space: Mapping[str, Space], seed: int) -> None:
        """Make ready to draw.

        Raises:
            MissingExtra: SciPy is not installed.
        """
        self._space = space
        self._seed = seed
        self._again = RandomDraws(space, seed)
        if find_spec("scipy") is None:
            raise MissingExtra("Sobol", "scipy>=1.11", "optimizer")

    @cached_property
    def _qmc(self) -> ModuleType:
        return import_module("scipy.stats.qmc")

    def draw(self, history: Sequence[PastTrial], number: int, attempt: int) -> Proposal | None:
        """Return point `number`; further attempts are random draws."""
        if attempt:
            return self._again.draw(history, number, attempt)
        engine = self._qmc.Sobol(len(self._space), scramble=True, rng=derived_seed(self._seed, "sobol"))
        point: Sequence[float] = engine.fast_forward(number).random(1)[0] if number else engine.random(1)[0]
        values = zip(self._space.items(), point, strict=True)
        return Proposal({name: value_at(space, float(quantile)) for (name, space), quantile in values})
