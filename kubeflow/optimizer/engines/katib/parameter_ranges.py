"""A search space as a parameter of an Experiment: exactly what was asked for, or a finding that says why not.

Each of Katib's services draws in its own way. Where a range cannot be drawn as it is, its values are listed; where they
cannot be listed either, the space is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubeflow_api.katib.v1beta1 import FeasibleSpace, ParameterSpec

from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import Finding, InvalidInput
from kubeflow.optimizer.engines.katib.suggestion_services import SERVICES, KatibAlgorithm, SuggestionService
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.search_spaces import (
    ContinuousSearchSpace,
    Distribution,
    IntegerSearchSpace,
    Space,
)

LISTED = 1000
"""So many values of a range are listed at most: they stand in the Experiment, and in each request to a service."""
_EVEN = 100  # whole numbers that `random` draws evenly, from a list; from a range it draws the ends half as often
_DECADE = 10.0
_CLIENT = "OptimizerClient(engine='client')"


@dataclass(frozen=True)
class Rendered:
    """A search space as Katib has it.

    Attributes:
        parameter: The parameter; `None` when Katib cannot have it.
        finding: Why not; `None` when it can.
    """

    parameter: ParameterSpec | None = None
    finding: Finding | None = None

    __repr__ = repr_of_fields


def parameters(
    space: Mapping[str, Space], algorithm: KatibAlgorithm, *, words: bool, in_lists: bool = False
) -> tuple[list[ParameterSpec], list[Finding]]:
    """Return the parameters of a search and what is in the way.

    Args:
        space: The search space.
        algorithm: Katib's algorithm.
        words: True where choices are written as words, for an image; else by their places.
        in_lists: True to list the values of whole numbers, too.
    """
    service = SERVICES[algorithm.service]
    rendered = [_rendered(name, values, service, algorithm, words, in_lists) for name, values in space.items()]
    found = [each.finding for each in rendered if each.finding is not None]
    made = [each.parameter for each in rendered if each.parameter is not None]
    numbers = [each for each in made if each.parameter_type in ("int", "double")]
    if not found and len(numbers) < algorithm.least_numbers:
        found.append(
            Finding(
                "search_space",
                f"Katib's service takes at least {algorithm.least_numbers} ranges of numbers, without steps of floats",
                f"Search more numbers, take RandomSearch() or TPE(), or {_CLIENT}",
            )
        )
    return made, found


def _rendered(
    name: str, space: Space, service: SuggestionService, algorithm: KatibAlgorithm, words: bool, in_lists: bool
) -> Rendered:
    if isinstance(space, CategoricalSearchSpace):
        return _choices(name, space, words)
    if isinstance(space, IntegerSearchSpace):
        return _ints(name, space, service, algorithm, in_lists)
    return _floats(name, space, service, algorithm)


def _choices(name: str, space: CategoricalSearchSpace, words: bool) -> Rendered:
    if not words:
        return _list(name, [str(place) for place in range(len(space.choices))])
    try:
        texts = [space.word(choice) for choice in space.choices]
    except InvalidInput as error:
        return _refused(name, str(error).rstrip("."), f"Give texts or numbers, or take {_CLIENT}")
    for text in texts:
        if any(char in "\"'\\`$" or not char.isprintable() for char in text) or not text:
            return _refused(
                name,
                f"Katib puts {short(text)} into the text of an object and of a command, where it would mean something "
                "else",
                f"Choose texts without quotes, backslashes, `, $ and line ends, or take {_CLIENT}",
            )
    return _list(name, texts)


def _ints(
    name: str, space: IntegerSearchSpace, service: SuggestionService, algorithm: KatibAlgorithm, in_lists: bool
) -> Rendered:
    asked = Distribution.LOG_UNIFORM if space.log else Distribution.UNIFORM
    if asked not in service.ints:
        return _refused(
            name,
            f"Katib's {algorithm.service} service draws whole numbers evenly, and log=True is ignored",
            f"List values with Search.choice, take RandomSearch() or TPE(), or {_CLIENT}",
        )
    count = (space.max - space.min) // space.step + 1
    even = service.steps == "from 0" and not algorithm.repeats_in_parallel and not space.log and count <= _EVEN
    stepped = space.step > 1 and service.steps != "from min"
    if stepped or even or in_lists or service.texts_of_ints or space.min == space.max:
        if count <= LISTED:
            return _list(name, [str(value) for value in range(space.min, space.max + 1, space.step)])
        if stepped or service.texts_of_ints:
            return _refused(
                name,
                f"Katib's {algorithm.service} service does not count the step of {short(space)} from min, and "
                f"{count:,} values are too many for a list",
                f"Give a larger step, or take {_CLIENT}",
            )
    feasible = FeasibleSpace(min=str(space.min), max=str(space.last), distribution=asked.value)
    if space.step > 1:
        feasible.step = str(space.step)
    elif algorithm.single_grid:
        feasible.step = "1"
    return Rendered(ParameterSpec(name=name, parameter_type="int", feasible_space=feasible))


def _floats(name: str, space: ContinuousSearchSpace, service: SuggestionService, algorithm: KatibAlgorithm) -> Rendered:
    points = space.grid() if space.step is not None or space.min == space.max else None
    if points is not None:
        if len(points) > LISTED:
            return _refused(
                name,
                f"it has {len(points):,} values, too many for a list, and Katib's services do not count steps "
                "of floats exactly",
                f"Give a larger step, or take {_CLIENT}",
            )
        return _list(name, [space.encode(point) for point in points])
    if service.doubles_need_steps or algorithm.single_grid:
        return _refused(
            name,
            f"Katib's {algorithm.service} service takes floats with a step only",
            "Give a step, as in Search.uniform(0.1, 0.9, step=0.1), or values with Search.choice",
        )
    asked = space.distribution
    if asked in (Distribution.NORMAL, Distribution.LOG_NORMAL):
        return _normal(name, space, service, algorithm)
    low, high = space.bounds
    if low is None or high is None:
        return _refused(name, "it has no bounds", "Give min and max")
    if asked not in service.doubles:
        logarithmic = service.doubles == frozenset({Distribution.LOG_UNIFORM})
        if logarithmic and low > 0 and high <= _DECADE * low:
            asked = Distribution.LOG_UNIFORM  # within a decade it hardly differs
        else:
            scale = "on a log scale, which has no 0" if logarithmic else "evenly"
            remedy = "Search.loguniform with a min above 0" if logarithmic else "Search.uniform"
            return _refused(
                name,
                f"Katib's {algorithm.service} service draws all floats {scale}, and {asked.value} is asked for",
                f"Write {remedy}, take RandomSearch() or TPE(), or {_CLIENT}",
            )
    feasible = FeasibleSpace(min=repr(low), max=repr(high), distribution=asked.value)
    return Rendered(ParameterSpec(name=name, parameter_type="double", feasible_space=feasible))


def _normal(name: str, space: ContinuousSearchSpace, service: SuggestionService, algorithm: KatibAlgorithm) -> Rendered:
    if space.distribution not in service.doubles:
        return _refused(
            name,
            f"Katib's {algorithm.service} service has no {space.distribution.value} distribution",
            f"Take RandomSearch() or TPE(multivariate=False), or {_CLIENT}",
        )
    if space.min is not None or space.max is not None:
        return _refused(
            name,
            "Katib reads bounds of a normal distribution as three standard deviations, and draws beyond them",
            f"Give mean and std without bounds, or take {_CLIENT}",
        )
    from math import exp

    mean, deviation = space.normal_parameters
    ends: Sequence[float] = (mean - 3 * deviation, mean + 3 * deviation)
    if space.distribution is Distribution.LOG_NORMAL:
        try:
            ends = [exp(end) for end in ends]
        except OverflowError:
            ends = (0.0, 0.0)
        if not 0 < ends[0] < ends[1] < float("inf"):
            return _refused(name, "three standard deviations are beyond what a float can be", "Give a smaller std")
    feasible = FeasibleSpace(min=repr(ends[0]), max=repr(ends[1]), distribution=space.distribution.value)
    return Rendered(ParameterSpec(name=name, parameter_type="double", feasible_space=feasible))


def _list(name: str, texts: Sequence[str]) -> Rendered:
    if len(texts) > LISTED:
        return _refused(name, f"it has {len(texts):,} choices, and {LISTED:,} are listed at most", "Give fewer")
    return Rendered(
        ParameterSpec(name=name, parameter_type="categorical", feasible_space=FeasibleSpace(list_=[*texts]))
    )


def _refused(name: str, why: str, remedy: str) -> Rendered:
    return Rendered(finding=Finding(f"parameter {name}", why, remedy))


def described(space: Space) -> str | None:
    """Return what a list of places means, for those who read the Experiment; `None` for ranges of numbers."""
    if not isinstance(space, CategoricalSearchSpace):
        return None
    shown = ", ".join(f"{place} is {short(choice)}" for place, choice in enumerate(space.choices))
    return shown if len(shown) <= _DESCRIPTION else f"{shown[: _DESCRIPTION - 3]}..."


_DESCRIPTION = 500
