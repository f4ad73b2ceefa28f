"""The mark of a search space, so that parts which know nothing of searches can tell one from a value."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import cast


class SearchSpace:
    """Stands where a value would stand, and says which values a search may draw for it.

    `kubeflow.optimizer.Search` makes them. Type checkers see the type of the value instead, so that a search space is
    checked as the value is.
    """

    __slots__ = ()


def is_search_space(value: object) -> bool:
    """Return True for a search space, which checks of values leave alone."""
    return isinstance(value, SearchSpace)


def search_spaces(value: object, path: str = "") -> Iterator[tuple[str, SearchSpace]]:
    """Yield the search spaces in `value`, with where they are.

    They are looked for in mappings, lists, tuples, sets, what a partial binds, and fields of dataclasses.

    Args:
        value: Arguments by name, or the settings of a trainer.
        path: Where `value` is.
    """
    yield from _found(value, path, ())


def _found(value: object, path: str, around: tuple[int, ...]) -> Iterator[tuple[str, SearchSpace]]:
    if isinstance(value, SearchSpace):
        yield path, value
    elif id(value) not in around:  # else it holds itself
        for place, part in _parts(value, path):
            yield from _found(part, place, (*around, id(value)))


def _parts(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield what a value holds, with where it is."""
    if isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            yield f"{path}[{key!r}]" if path else str(key), part
    elif isinstance(value, partial):
        bound = cast("partial[object]", value)
        yield from _parts(dict(enumerate(bound.args)), path)
        yield from _parts(bound.keywords, path)
    elif isinstance(value, list | tuple | set | frozenset):
        for number, part in enumerate(cast("list[object]", value)):
            yield f"{path}[{number}]", part
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield f"{path}.{field.name}" if path else field.name, getattr(value, field.name, None)


def search_spaces_of_function(function: object, given: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield the search spaces that a function holds itself, and would see in place of values: names, and what they are.

    They are looked for in what a partial binds, in defaults of arguments, and in variables that its code names.

    Args:
        function: What a job runs.
        given: Names of arguments that get a value, so that their defaults do not count.
    """
    from kubeflow.core.stdlib import inspect

    for place, _ in search_spaces(function):
        yield place, "an argument that a partial binds"
    while isinstance(function, partial):
        function = cast("partial[object]", function).func
    function = getattr(function, "__func__", function)  # of a method
    if not inspect.isfunction(function):
        return
    for parameter in inspect.signature(function).parameters.values():
        if isinstance(parameter.default, SearchSpace) and parameter.name not in given:
            yield parameter.name, "the default of an argument"
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name in (*cells, *function.__code__.co_names):
        try:
            value: object = cells[name].cell_contents if name in cells else function.__globals__.get(name)
        except ValueError:  # the variable has no value yet
            continue
        if isinstance(value, SearchSpace):
            yield name, "a variable that the function reads"
