"""`Search`: how the values of a hyperparameter are written, for instance as an argument of the train function."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, Literal, TypeVar, cast

from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.search_spaces import (
    BoundedSearchSpace,
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
)

T = TypeVar("T")
# Inside of the class these names are its methods.
_Int = builtins.int
DistributionName = Literal["uniform", "logUniform", "normal", "logNormal"]

__all__ = [
    "BoundedSearchSpace",
    "CategoricalSearchSpace",
    "ContinuousSearchSpace",
    "Distribution",
    "DistributionName",
    "IntegerSearchSpace",
    "Search",
    "Space",
]


class Search:
    """Makes the search spaces that stand in place of values: as arguments, or in `search_space={...}`.

    Type checkers see the type of the values, so that a space is checked against the argument that it is for. At run
    time it is a frozen object with `encode` and `decode`.

    `Search(min=, max=, distribution=)` draws whole numbers where the argument is an `int`, else floats.

    Example:
        >>> CustomTrainer.call(fit, lr=Search.loguniform(1e-4, 1e-1), batch=Search.choice([32, 64]))
    """

    def __new__(
        cls,
        *,
        min: float | str,  # noqa: A002
        max: float | str,  # noqa: A002
        distribution: DistributionName | Distribution = "uniform",
    ) -> Any:  # the place that it is put into says int or float
        """Return a space of numbers, whole or not as the place asks for that it is given to.

        Args:
            min: The smallest value, as a number or its text.
            max: The largest value.
            distribution: `"uniform"`, `"logUniform"`, `"normal"` or `"logNormal"`.

        Raises:
            InvalidInput: The bounds hold no value, or do not fit the distribution.
        """
        return BoundedSearchSpace(min, max, cast("Distribution", distribution))

    @staticmethod
    def uniform(min: float, max: float, *, step: float | None = None) -> float:  # noqa: A002
        """Return a space of floats that are all as probable.

        Args:
            min: The smallest value.
            max: The largest value.
            step: Only `min`, `min + step`, ... up to `max`.

        Raises:
            InvalidInput: `min` is above `max`, one is not finite, or `step` is not above 0.
        """
        return cast("float", ContinuousSearchSpace(min, max, step=step))

    @staticmethod
    def loguniform(min: float, max: float) -> float:  # noqa: A002
        """Return a space of floats whose logarithms are all as probable.

        Args:
            min: The smallest value, above 0.
            max: The largest value.

        Raises:
            InvalidInput: `min` is not above 0 or above `max`, or one is not finite.
        """
        return cast("float", ContinuousSearchSpace(min, max, Distribution.LOG_UNIFORM))

    @staticmethod
    def normal(
        mean: float | None = None,
        std: float | None = None,
        *,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
    ) -> float:
        """Return a space of normally distributed floats.

        Args:
            mean: The mean. Default: the middle of `min` and `max`.
            std: The standard deviation. Default: a sixth of the distance of `min` and `max`.
            min: No value is below; `None` is no bound.
            max: No value is above; `None` is no bound.

        Raises:
            InvalidInput: Neither both of `mean` and `std` are given, nor both of `min` and `max`.
        """
        return cast("float", ContinuousSearchSpace(min, max, Distribution.NORMAL, mean=mean, std=std))

    @staticmethod
    def lognormal(
        mean: float | None = None,
        std: float | None = None,
        *,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
    ) -> float:
        """Return a space of floats above 0 whose logarithms are normally distributed.

        Args:
            mean: The mean of the logarithms. Default: the middle of those of `min` and `max`.
            std: The standard deviation of the logarithms. Default: a sixth of the distance of those of `min` and `max`.
            min: No value is below; `None` is no bound.
            max: No value is above; `None` is no bound.

        Raises:
            InvalidInput: As for `normal`; or `min` is not above 0.
        """
        return cast("float", ContinuousSearchSpace(min, max, Distribution.LOG_NORMAL, mean=mean, std=std))

    @staticmethod
    def int(low: _Int, high: _Int, *, step: _Int = 1, log: bool = False) -> _Int:
        """Return a space of whole numbers.

        Args:
            low: The smallest value.
            high: The largest value.
            step: Only `low`, `low + step`, ... up to `high`.
            log: Draw evenly by order of magnitude.

        Raises:
            InvalidInput: `low` is above `high`, or `log` does not fit.
        """
        return cast("builtins.int", IntegerSearchSpace(low, high, step, log))

    @staticmethod
    def choice(values: Sequence[T]) -> T:
        """Return a space of values of any types. A trial gets the value as it is here.

        Args:
            values: The choices. Objects other than plain data travel to a trial as arguments of a function do.

        Raises:
            InvalidInput: There is none, or one comes twice.
        """
        return cast("T", CategoricalSearchSpace(values))


thin_all(globals())
