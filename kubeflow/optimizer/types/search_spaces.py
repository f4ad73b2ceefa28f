"""The sets of values that a search draws from, and how a value of them is written as text and read again.

Text is how every engine hands a value to a trial: an environment variable, or a placeholder that Katib replaces. A
number is written as Python writes it, and a choice as its place in the list: `1`, `True` and `"1"` stay apart, and
objects of any class are choices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from statistics import NormalDist
from typing import TypeAlias

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.search_space import SearchSpace
from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.finite_numbers import builtin_number, number, whole
from kubeflow.trainer.types.checks import check_flag

__all__ = [
    "BoundedSearchSpace",
    "CategoricalSearchSpace",
    "ContinuousSearchSpace",
    "Distribution",
    "IntegerSearchSpace",
    "Space",
    "distribution_named",
]

_GRID_MOST = 1_000_000
_LEAST_PART = 1e-6
"""Of a normal distribution that is cut at its bounds: below, floats cannot tell its quantiles apart."""
# Katib's hyperopt service reads bounds of a normal distribution as three standard deviations on both sides.
_DEVIATIONS = 6


class Distribution(Enum):
    """How probable the values of a continuous space are, by Katib's names."""

    UNIFORM = "uniform"
    LOG_UNIFORM = "logUniform"
    NORMAL = "normal"
    LOG_NORMAL = "logNormal"


def distribution_named(name: object) -> Distribution:
    """Return the distribution of this name; case, `-` and `_` do not count.

    Raises:
        InvalidInput: There is no such distribution.
    """
    if isinstance(name, Distribution):
        return name
    bare = name.replace("-", "").replace("_", "").lower() if isinstance(name, str) else ""
    for member in Distribution:
        if member.value.lower() == bare:
            return member
    names = [member.value for member in Distribution]
    raise InvalidInput(f"distribution={name!r} is none of {', '.join(names)}.{did_you_mean(str(name), names)}")


@dataclass(frozen=True)
class ContinuousSearchSpace(SearchSpace):
    """Floats between two bounds, both included.

    Attributes:
        min: The smallest value. `None` is no bound, for normal distributions only.
        max: The largest value. `None` is no bound, for normal distributions only.
        distribution: How probable the values are.
        step: Values are `min`, `min + step`, ... up to `max`; `None` is any value. For uniform distributions only.
        mean: Of a normal distribution; of the logarithm for `LOG_NORMAL`. Default: the middle of the bounds.
        std: Standard deviation, as `mean`. Default: a sixth of the distance of the bounds, as Katib has it.

    Raises:
        InvalidInput: The bounds hold no value, or do not fit the distribution.
    """

    min: float | None
    max: float | None
    distribution: Distribution = Distribution.UNIFORM
    step: float | None = None
    mean: float | None = None
    std: float | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        object.__setattr__(self, "distribution", distribution_named(self.distribution))
        name = self.distribution.value
        for field in ("min", "max", "step", "mean", "std"):
            given = getattr(self, field)
            object.__setattr__(self, field, None if given is None else float(number(field, given)))
        low, high = self.min, self.max
        normal = self.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL)
        if not normal and (low is None or high is None):
            raise InvalidInput(f"A {name} search space needs min and max: {self!r}.")
        if low is not None and high is not None and low > high:
            raise InvalidInput(f"min {low!r} is above max {high!r}: swap them.")
        if low is not None and high is not None and math.isinf(high - low):
            raise InvalidInput(f"min {low!r} and max {high!r} are so far apart that floats overflow: move them.")
        if low is not None and low <= 0 and self.distribution in (Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL):
            raise InvalidInput(
                f"min {low!r} has no logarithm, which a {name} search space needs: give min a small number above 0, "
                "such as 1e-6, or take Search.uniform."
            )
        self._check_normal(normal, name)
        if self.step is not None:
            self._check_step(name)

    def _check_normal(self, normal: bool, name: str) -> None:
        if not normal:
            if self.mean is not None or self.std is not None:
                raise InvalidInput(f"mean and std are of normal distributions, and this one is {name}.")
            return
        if (self.mean is None or self.std is None) and (self.min is None or self.max is None):
            raise InvalidInput(f"A {name} search space needs mean and std, or min and max.")
        if self.std is not None and self.std <= 0:
            raise InvalidInput(f"std must be above 0, not {self.std!r}.")
        self._check_tail(name)

    def _check_tail(self, name: str) -> None:
        mean, std = self.normal_parameters
        if std <= 0:
            return  # one value only: `min` is `max`
        within = [self._scaled(bound) for bound in self.bounds]
        parts = [None if bound is None else NormalDist(mean, std).cdf(bound) for bound in within]
        low, high = (0.0 if parts[0] is None else parts[0]), (1.0 if parts[1] is None else parts[1])
        if self.min != self.max and high - low < _LEAST_PART:
            raise InvalidInput(
                f"Hardly any value of this {name} distribution is between min={self.min!r} and max={self.max!r}: move "
                "mean or the bounds, or take Search.uniform."
            )

    def _scaled(self, bound: float | None) -> float | None:
        return math.log(bound) if bound is not None and self.distribution is Distribution.LOG_NORMAL else bound

    def _check_step(self, name: str) -> None:
        if self.distribution is not Distribution.UNIFORM:
            raise InvalidInput(f"step= is for uniform search spaces, and this one is {name}.")
        if self.step is not None and self.step <= 0:
            raise InvalidInput(f"step must be above 0, not {self.step!r}.")
        if self.min is not None and self.max is not None and self.step is not None:
            _steps(self.min, self.max, self.step)

    @property
    def normal_parameters(self) -> tuple[float, float]:
        """Mean and standard deviation of a normal distribution, of the logarithm for `LOG_NORMAL`, as they count."""
        low, high = (self._scaled(bound) for bound in self.bounds)
        middle = (low + high) / 2 if low is not None and high is not None else 0.0
        width = (high - low) / _DEVIATIONS if low is not None and high is not None else 1.0
        return self.mean if self.mean is not None else middle, self.std if self.std is not None else width

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """`min` and `max`."""
        return self.min, self.max

    @property
    def size(self) -> int | None:
        """How many values there are, with steps or where there is only one; `None` where they are endless."""
        if self.min is None or self.max is None:
            return None
        if self.min == self.max:
            return 1
        return None if self.step is None else _steps(self.min, self.max, self.step) + 1

    def at(self, place: int) -> float:
        """Return the value at a place of a space with a `size`, from 0; decimal steps are exact."""
        first, step = Decimal(repr(self.min)), Decimal(repr(self.step or 0.0))
        return float(first + place * step)

    def place(self, value: float) -> int:
        """Return the place of the value of a space with a `size` that is nearest to a float."""
        steps = 0.0 if self.step is None or self.min is None else (value - self.min) / self.step
        return min(max(round(steps), 0), (self.size or 1) - 1)

    def grid(self) -> list[float] | None:
        """Return all values of a space with a `size`, smallest first; `None` where they are endless."""
        return None if self.size is None else [self.at(place) for place in range(self.size)]

    def contains(self, value: object) -> bool:
        """Return True when `value` is a float of this space."""
        if type(value) is not float or not math.isfinite(value):
            return False
        if (self.min is not None and value < self.min) or (self.max is not None and value > self.max):
            return False
        return self.step is None or value == self.at(self.place(value))

    def encode(self, value: object) -> str:
        """Return the text of a value, which `decode` reads: what `repr` gives for the float.

        Raises:
            InvalidInput: It is no finite number.
        """
        return repr(float(number("value", value)))

    def decode(self, text: str) -> float:
        """Return the float that `text` stands for. Bounds are not checked: it is what a trial ran with.

        Raises:
            InvalidInput: It is no finite number.
        """
        return float(number("value", text))


@dataclass(frozen=True)
class IntegerSearchSpace(SearchSpace):
    """Whole numbers between two bounds, both included.

    Attributes:
        min: The smallest value.
        max: The largest value.
        step: Values are `min`, `min + step`, ... up to `max`.
        log: Draw evenly by order of magnitude: as many below 10 as from 10 to 100.

    Raises:
        InvalidInput: The bounds hold no value, or do not fit `log` or `step`.
    """

    min: int
    max: int
    step: int = 1
    log: bool = False

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        for field in ("min", "max", "step"):
            object.__setattr__(self, field, whole(field, getattr(self, field)))
        check_flag("log", self.log)
        if self.min > self.max:
            raise InvalidInput(f"min {self.min} is above max {self.max}: swap them.")
        if self.step < 1:
            raise InvalidInput(f"step must be at least 1, not {self.step}.")
        if self.log and self.min < 1:
            raise InvalidInput(f"min {self.min} has no logarithm: log=True needs a min of at least 1.")
        if self.log and self.step != 1:
            raise InvalidInput(
                "log=True and step= exclude each other: leave one out, or list the values with Search.choice."
            )

    @property
    def last(self) -> int:
        """The largest value that a step reaches; `max` may lie above it."""
        return self.min + (self.max - self.min) // self.step * self.step

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.max - self.min) // self.step + 1

    def at(self, place: int) -> int:
        """Return the value at a place, from 0."""
        return self.min + place * self.step

    def grid(self) -> list[int] | None:
        """Return all values, smallest first.

        Raises:
            InvalidInput: There are more than a million.
        """
        if self.size > _GRID_MOST:
            raise InvalidInput(f"{self!r} has more than {_GRID_MOST:,} values: give it a larger step=.")
        return [self.at(place) for place in range(self.size)]

    def contains(self, value: object) -> bool:
        """Return True when `value` is an int of this space."""
        return type(value) is int and self.min <= value <= self.max and (value - self.min) % self.step == 0

    def encode(self, value: object) -> str:
        """Return the text of a value, which `decode` reads: its decimal digits.

        Raises:
            InvalidInput: It is no whole number.
        """
        return str(whole("value", value))

    def decode(self, text: str) -> int:
        """Return the int that `text` stands for, also where it is written as a float, like `10.0`.

        Raises:
            InvalidInput: It is no whole number.
        """
        return whole("value", text)


@dataclass(frozen=True)
class BoundedSearchSpace(SearchSpace):
    """Numbers between two bounds, whole or not as the place asks for that they are given to: `Search(min=, max=)`.

    `resolve` makes the space of it.

    Attributes:
        min: The smallest value, as a number or its text.
        max: The largest value.
        distribution: How probable the values are.
    """

    min: float | str
    max: float | str
    distribution: Distribution = Distribution.UNIFORM

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        object.__setattr__(self, "distribution", distribution_named(self.distribution))
        self.resolve(float)

    def resolve(self, kind: type | None) -> ContinuousSearchSpace | IntegerSearchSpace:
        """Return the space for a place of this type.

        Args:
            kind: `int` or `float`; `None` where the place does not say, and the bounds must: a point or an exponent in
                one of them is for floats.

        Raises:
            InvalidInput: The place and the bounds leave it open, or the bounds do not fit.
        """
        if kind is None:
            bounds = [builtin_number(bound) for bound in self._bounds]
            if all(isinstance(bound, int) or (isinstance(bound, str) and _is_digits(bound)) for bound in bounds):
                raise InvalidInput(
                    f"Search(min={self.min!r}, max={self.max!r}) may be of ints or of floats: write Search.int or "
                    "Search.uniform, or annotate the argument that it is for."
                )
            kind = float
        if kind is float:
            low, high = (float(number("bound", bound)) for bound in self._bounds)
            return ContinuousSearchSpace(low, high, self.distribution)
        if self.distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
            raise InvalidInput(
                f"Whole numbers have no {self.distribution.value} distribution: take 'uniform' or 'logUniform'."
            )
        first, last = (whole("bound", bound) for bound in self._bounds)
        return IntegerSearchSpace(first, last, log=self.distribution is Distribution.LOG_UNIFORM)

    @property
    def _bounds(self) -> tuple[float | str, float | str]:
        return self.min, self.max


Space: TypeAlias = ContinuousSearchSpace | IntegerSearchSpace | CategoricalSearchSpace
"""What a search can draw from, with `encode` and `decode`."""


def _is_digits(text: str) -> bool:
    return text.strip().lstrip("+-").isdigit()


def _steps(low: float, high: float, step: float) -> int:
    steps = (Decimal(repr(high)) - Decimal(repr(low))) / Decimal(repr(step))
    if steps >= _GRID_MOST:
        raise InvalidInput(f"A step of {step!r} makes more than {_GRID_MOST:,} values: give a larger one.")
    return int(steps)


thin_all(globals())
