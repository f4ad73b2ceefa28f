"""Whether a search that is there can go on as its user asks for now: with `resume=True`, or with more trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.optimizer.engines.client.study_document import ChoiceOfUser, plain_space
from kubeflow.optimizer.engines.client.study_store import TrialRow
from kubeflow.optimizer.optimization_spec import OptimizationSpec, replaced_config
from kubeflow.optimizer.types.categorical_space import CategoricalSearchSpace
from kubeflow.optimizer.types.search_spaces import Space

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def check_goes_on(before: OptimizationSpec, now: OptimizationSpec) -> None:
    """Refuse to go on with a search whose trials would have nothing to do with those that it has.

    Args:
        before: The search as it is.
        now: As its user asks for it.

    Raises:
        InvalidInput: Naming what is not as it was.
    """
    differ = [
        ("search spaces", dict(before.space), dict(now.space), _same_spaces(before.space, now.space)),
        ("objectives", [*before.objectives], [*now.objectives], [*before.objectives] == [*now.objectives]),
        ("settings of its algorithm", before.algorithm, now.algorithm, before.algorithm == now.algorithm),
        ("early stopping", before.early_stopping, now.early_stopping, before.early_stopping == now.early_stopping),
    ]
    for what, was, given, same in differ:
        if not same:
            raise InvalidInput(
                f"Search {now.name!r} exists with other {what}: it has {was!r}, and {given!r} is given. resume=True "
                "goes on with the search as it is: give it as it was, or another name=."
            )


def check_extension(spec: OptimizationSpec, trials: Sequence[TrialRow], num_trials: int) -> None:
    """Refuse more trials for a search that would not run them.

    Raises:
        InvalidInput: A grid has fewer points, or a trial has reached a goal.
    """
    replaced_config(spec, num_trials)
    for trial in trials:
        for aim, value in zip(spec.objectives, trial.objectives or (), strict=False):
            if aim.reached(value):
                raise InvalidInput(
                    f"Trial {trial.number} of search {spec.name!r} has reached the goal: {aim.metric} is {value:g}. "
                    "That ends the search: start another one with warm_start=[job], without goal= or with a better one."
                )


def _same_spaces(one: Mapping[str, Space], other: Mapping[str, Space]) -> bool:
    return list(one) == list(other) and all(_is_same(plain_space(one[name]), plain_space(other[name])) for name in one)


def _is_same(one: Space, other: Space) -> bool:
    if not (isinstance(one, CategoricalSearchSpace) and isinstance(other, CategoricalSearchSpace)):
        return one == other
    return [_key(choice) for choice in one.choices] == [_key(choice) for choice in other.choices]


def _key(choice: object) -> tuple[type, str]:
    # Where an object is in memory is another place in each process.
    return type(choice), _ADDRESS.sub("", choice.text if isinstance(choice, ChoiceOfUser) else repr(choice))
