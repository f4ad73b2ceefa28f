"""Search spaces in a trainer: taken out of it, and put beside it by name with the type that each place has."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from kubeflow.core.display import short
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.search_space import SearchSpace, search_spaces, search_spaces_of_function
from kubeflow.core.stdlib import re
from kubeflow.optimizer.types.search_spaces import (
    BoundedSearchSpace,
    CategoricalSearchSpace,
    ContinuousSearchSpace,
    IntegerSearchSpace,
    Space,
)
from kubeflow.packaging.capture.hyperparameters import Hyperparameter
from kubeflow.trainer.jobs.jobspec import AnyTrainer, JobSpec
from kubeflow.trainer.types.torchtune import LoraConfig, TorchTuneConfig
from kubeflow.trainer.types.trainers import BuiltinTrainer, CustomTrainer

PLACEHOLDER = re.compile(r"\$\{trialParameters\.([A-Za-z0-9_.-]+)\}")
"""Where a value goes in command, arguments and environment of an image: Katib's notation, for all engines."""

_INTS = ("batch_size", "epochs", "lora_rank", "lora_alpha")
_FLOATS = ("lr", "lora_dropout")
_NO_SETTING = ("num_nodes", "resources_per_node", "peft_config", "dataset_preprocess_config")


@dataclass(frozen=True)
class Separated:
    """A trainer without search spaces, and the spaces.

    Attributes:
        trainer: The trainer; settings of a builtin trainer hold some value of their space.
        space: The spaces, by name.
        hyperparameters: How code reads each value; empty where there is no code.
    """

    trainer: AnyTrainer | None
    space: Mapping[str, Space]
    hyperparameters: Mapping[str, Hyperparameter]


def separated(trainer: AnyTrainer | None, given: Mapping[str, SearchSpace]) -> Separated:
    """Return a trainer and the spaces that are in it, together with those that are given beside it.

    Raises:
        InvalidInput: A space is where no value is drawn for, or given twice; or its type does not follow.
    """
    if isinstance(trainer, CustomTrainer):
        return _of_code(cast("CustomTrainer[Any]", trainer), given)
    if isinstance(trainer, BuiltinTrainer):
        return _of_settings(trainer, given)
    return Separated(trainer, {name: _resolved(name, space, None) for name, space in given.items()}, {})


def _of_code(trainer: CustomTrainer[Any], given: Mapping[str, SearchSpace]) -> Separated:
    is_function = callable(trainer.func)
    named = {*given, *(trainer.func_args or {})} if is_function else given
    for place, what in search_spaces_of_function(trainer.func, named):
        raise InvalidInput(
            f"{place} is a search space, and {what}, which is not drawn: give it by name, as in "
            "CustomTrainer(func, func_args={'lr': Search.uniform(...)})."
        )
    arguments = trainer.func_args if is_function else trainer.args
    if arguments is not None and not isinstance(arguments, Mapping):
        spaces = [place for place, _ in search_spaces(list(arguments))]
        if spaces:
            raise InvalidInput(
                "A search space needs a name, and args is a list: write args={'lr': Search.uniform(...)}, which is "
                "--lr=... on the command line."
            )
        inside, others = {}, None
    else:
        inside = {name: value for name, value in (arguments or {}).items() if isinstance(value, SearchSpace)}
        others = {name: value for name, value in (arguments or {}).items() if name not in inside and name not in given}
    _refuse_nested(others)
    _refuse_twice(inside, given)
    kinds = _annotated(cast("Callable[..., object]", trainer.func)) if is_function else {}
    space = {name: _resolved(name, value, kinds.get(name)) for name, value in {**inside, **given}.items()}
    bare = trainer
    if others is not None and arguments is not None:
        bare = replace(trainer, func_args=others) if is_function else replace(trainer, args=others)
    return Separated(bare, space, {name: _hyperparameter(value, is_function) for name, value in space.items()})


def _hyperparameter(space: Space, is_function: bool) -> Hyperparameter:
    if isinstance(space, IntegerSearchSpace):
        return Hyperparameter("int")
    if isinstance(space, ContinuousSearchSpace):
        return Hyperparameter("float")
    return Hyperparameter("choice", space.choices, () if is_function else [space.word(c) for c in space.choices])


def _of_settings(trainer: BuiltinTrainer, given: Mapping[str, SearchSpace]) -> Separated:
    known = settings(trainer.config)
    inside: dict[str, SearchSpace] = {}
    for path, found in search_spaces(trainer.config):
        name = path.rpartition(".")[2]
        if name not in known or known[name] != path:
            raise InvalidInput(f"{path} is no hyperparameter, and cannot be searched. Known: {', '.join(known)}.")
        inside[name] = found
    _refuse_twice(inside, given)
    space: dict[str, Space] = {}
    for name, value in {**inside, **given}.items():
        if name not in known:
            lora = name in {field.name for field in fields(LoraConfig)}
            hint = (
                " Give the configuration peft_config=LoraConfig(), which has it." if lora else did_you_mean(name, known)
            )
            raise InvalidInput(
                f"{name!r} is no setting of {type(trainer.config).__name__}.{hint} Known: {', '.join(known)}."
            )
        kind = int if name in _INTS else float if name in _FLOATS else None
        space[name] = _resolved(name, value, kind, annotated=False)
    some = {name: _ends(values)[0] for name, values in space.items()}
    for name, values in space.items():
        for end in _ends(values):  # so that no trial is refused that could have been refused before
            with_settings(trainer, {**some, name: end})
    return Separated(with_settings(trainer, some), space, {})


def settings(config: TorchTuneConfig) -> dict[str, str]:
    """Return where each setting is that can be searched, by its name: `lora_rank` -> `peft_config.lora_rank`."""
    own = {field.name: field.name for field in fields(config) if field.name not in _NO_SETTING}
    if config.peft_config is None:
        return own
    return {**own, **{field.name: f"peft_config.{field.name}" for field in fields(LoraConfig)}}


def with_settings(trainer: BuiltinTrainer, values: Mapping[str, object]) -> BuiltinTrainer:
    """Return a builtin trainer with these values of settings, by name.

    Raises:
        InvalidInput: A value is none of its setting.
    """
    config = trainer.config
    where = settings(config)
    own: dict[str, Any] = {name: value for name, value in values.items() if where[name] == name}
    lora: dict[str, Any] = {name: value for name, value in values.items() if name not in own}
    if lora and config.peft_config is not None:
        own["peft_config"] = replace(config.peft_config, **lora)
    return replace(trainer, config=replace(config, **own))


def container_spaces(space: Mapping[str, Space], job: JobSpec) -> Mapping[str, Space]:
    """Return the spaces of a job that runs an image, each of which must have a place in its words.

    Raises:
        InvalidInput: A space has no place, or a place no space; or a choice cannot be written as a word.
    """
    used = {match for text in job_words(job) for match in PLACEHOLDER.findall(text)}
    for name in sorted(used - set(space)):
        raise InvalidInput(
            f"${{trialParameters.{name}}} has no search space.{did_you_mean(name, space)} Give it in search_space=."
        )
    for name, values in space.items():
        if name not in used:
            raise InvalidInput(
                f"Nothing takes the values of {name}: write ${{trialParameters.{name}}} where the image reads it, in "
                "TrainerArgs([...]), TrainerCommand([...]) or env={...}."
            )
        if isinstance(values, CategoricalSearchSpace):
            for choice in values.choices:
                values.word(choice)
    return space


def job_words(job: JobSpec) -> list[str]:
    """Return the texts of a job that may hold placeholders."""
    return [*(job.command or ()), *(job.args or ()), *job.env.values()]


def _resolved(name: str, space: SearchSpace, kind: type | None, *, annotated: bool = True) -> Space:
    if isinstance(space, BoundedSearchSpace):
        try:
            return space.resolve(kind)
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error}") from error
    if isinstance(space, ContinuousSearchSpace | IntegerSearchSpace | CategoricalSearchSpace):
        _check_kind(name, space, kind, annotated=annotated)
        return space
    raise InvalidInput(f"{name} is a {type(space).__name__}, which is no search space that Search makes.")


def _check_kind(name: str, space: Space, kind: type | None, *, annotated: bool) -> None:
    """Refuse a space of which a value is not what its place is annotated as; type checkers see that in calls only."""
    if kind is None:
        return
    takes = "annotated as" if annotated else "of the type"
    if isinstance(space, CategoricalSearchSpace):
        taken = numbers.Integral if kind is int else numbers.Real  # those of numpy count
        wrong = next((choice for choice in space.choices if choice is not None and not isinstance(choice, taken)), None)
        if wrong is not None:
            raise InvalidInput(
                f"{name} is {takes} {kind.__name__}, and the choice {short(wrong)} is none: write choices of that type"
                f"{', or annotate it otherwise' if annotated else ''}."
            )
    elif kind is int and isinstance(space, ContinuousSearchSpace):
        raise InvalidInput(
            f"{name} is {takes} int, and its search space draws floats: write Search.int(...)"
            f"{', or annotate it as float' if annotated else ''}."
        )


def _ends(space: Space) -> Sequence[object]:
    """Return values of a space of which one is refused if any is: all choices, or the ends of a range."""
    if isinstance(space, CategoricalSearchSpace):
        return space.choices
    if isinstance(space, IntegerSearchSpace):
        return [space.last, space.min]
    if space.max is None:
        return [space.normal_parameters[0]]
    # A range from 0 is for numbers above 0 as well: exactly 0 is never drawn.
    return [space.max] if space.min in (0, None) and space.step is None else [space.max, space.min]


def _annotated(function: Callable[..., object]) -> dict[str, type]:
    """Return which parameters are annotated as int and which as float."""
    from kubeflow.core.stdlib import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    kinds: dict[object, type] = {int: int, float: float, "int": int, "float": float}
    return {
        p.name: kinds[p.annotation]
        for p in parameters
        if isinstance(p.annotation, type | str) and p.annotation in kinds
    }


def _refuse_nested(arguments: Mapping[str, object] | None) -> None:
    for place, _ in search_spaces(arguments):
        raise InvalidInput(
            f"{place} is a search space inside of an argument, and only whole arguments are drawn: make it an argument "
            "of its own, or give Search.choice of whole values."
        )


def _refuse_twice(inside: Mapping[str, SearchSpace], given: Mapping[str, SearchSpace]) -> None:
    for name in sorted(set(inside) & set(given)):
        raise InvalidInput(f"{name} has a search space in the trainer and one in search_space=: give it once.")
