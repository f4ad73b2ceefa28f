"""Choices: a list of values of any types, of which a trial is given the place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import InvalidInput
from kubeflow.core.search_space import SearchSpace, search_spaces
from kubeflow.core.tracebacks import thin_all
from kubeflow.optimizer.types.finite_numbers import whole


@dataclass(frozen=True)
class CategoricalSearchSpace(SearchSpace):
    """One of several values, of any types.

    Attributes:
        choices: The values, in order. A trial is given the place of its value in this order.

    Raises:
        InvalidInput: There is none, or one comes twice.
    """

    choices: Sequence[object]

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        given: object = self.choices
        if isinstance(given, str | bytes) or not isinstance(given, Sequence):
            raise InvalidInput(f"A choice takes a list of values, not {short(given)}: write Search.choice([...]).")
        choices = tuple(self.choices)
        if not choices:
            raise InvalidInput("A choice of nothing leaves no value for a trial: give at least one value.")
        for place, choice in enumerate(choices):
            if any(search_spaces(choice)):
                raise InvalidInput(
                    f"The choice {short(choice)} is or holds a search space itself: give each its own name, and have "
                    "the function leave unread what a choice does not need."
                )
            if any(_is_same(choice, other) for other in choices[:place]):
                raise InvalidInput(f"The choice {short(choice)} comes twice: leave one out.")
        object.__setattr__(self, "choices", choices)

    def __hash__(self) -> int:
        return hash((CategoricalSearchSpace, len(self.choices)))  # choices need not be hashable

    def index(self, value: object) -> int:
        """Return the place of `value` among the choices: of the very object, or of an equal one of its type.

        Raises:
            InvalidInput: It is no choice.
        """
        for place, choice in enumerate(self.choices):
            if choice is value:
                return place
        for place, choice in enumerate(self.choices):
            if _is_same(choice, value):
                return place
        raise InvalidInput(f"{short(value)} is none of the choices {short(list(self.choices))}.")

    @property
    def size(self) -> int:
        """How many choices there are."""
        return len(self.choices)

    def at(self, place: int) -> object:
        """Return the choice at a place, from 0."""
        return self.choices[place]

    def grid(self) -> list[object] | None:
        """Return the choices in their order."""
        return list(self.choices)

    def contains(self, value: object) -> bool:
        """Return True when `value` is a choice."""
        return any(choice is value or _is_same(choice, value) for choice in self.choices)

    def encode(self, value: object) -> str:
        """Return the text of a choice, which `decode` reads: its place, from `0`.

        Raises:
            InvalidInput: It is no choice.
        """
        return str(self.index(value))

    def decode(self, text: str) -> object:
        """Return the choice whose place is `text`.

        Raises:
            InvalidInput: It is no place of a choice.
        """
        place = whole("place of a choice", text)
        if not 0 <= place < len(self.choices):
            raise InvalidInput(f"{text!r} is no place among {len(self.choices)} choices, from 0.")
        return self.choices[place]

    def word(self, value: object) -> str:
        """Return how a choice is written on a command line, for images and scripts that read words.

        Raises:
            InvalidInput: It is neither text, nor a number, a bool or `None`; or another choice is written alike.
        """
        words = [str(choice.value if isinstance(choice, Enum) else choice) for choice in self.choices]
        place = self.index(value)
        choice = self.choices[place]
        if not (choice is None or isinstance(choice, str | int | float | Enum)):
            raise InvalidInput(
                f"The choice {short(choice)} cannot be written on a command line: give text or a number."
            )
        if words.count(words[place]) > 1:
            raise InvalidInput(f"Two choices are written {words[place]!r} on a command line: give them other texts.")
        return words[place]


def _is_same(one: object, other: object) -> bool:
    """Return True for equal values of one type; a class whose `==` gives no bool has no equal values."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    same: object = one == other
    # Scalars of numpy have a bool of their own; arrays say it for each element, and have no equal values.
    of_numpy = type(same).__module__ == "numpy" and type(same).__name__ in ("bool", "bool_")
    return same is True or (of_numpy and bool(same))


thin_all(globals())
