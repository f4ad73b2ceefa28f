"""The mark of a search space, so that parts which know nothing of searches can tell one from a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

    They are looked for in mappings, lists, tuples, what a partial binds, and fields of this SDK's dataclasses.

    Args:
        value: Arguments by name, or the settings of a trainer.
        path: Where `value` is.
    """
    if isinstance(value, SearchSpace):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            yield from search_spaces(part, f"{path}[{key!r}]" if path else str(key))
    elif isinstance(value, partial):
        bound = cast("partial[object]", value)
        yield from search_spaces(dict(enumerate(bound.args)), path)
        yield from search_spaces(bound.keywords, path)
    elif type(value) in (list, tuple):
        for number, part in enumerate(cast("list[object]", value)):
            yield from search_spaces(part, f"{path}[{number}]")
    elif is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith("kubeflow."):
        for field in fields(value):
            yield from search_spaces(getattr(value, field.name, None), f"{path}.{field.name}" if path else field.name)
