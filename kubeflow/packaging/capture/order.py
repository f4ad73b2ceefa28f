"""An order in which steps can be carried out: each after what it reads, and after what code that it runs may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar


class Dependent(Protocol):
    """A step that depends on others by number: see `module_steps.StepNode`."""

    @property
    def hard(self) -> Mapping[int, None]:
        """What the step reads."""
        ...

    @property
    def soft(self) -> Mapping[int, None]:
        """What code of the step uses when it is called."""
        ...

    @property
    def after(self) -> Mapping[int, None]:
        """What comes before the step wherever that is possible."""
        ...

    @property
    def runs_code(self) -> bool:
        """True when the step calls code."""
        ...


N = TypeVar("N", bound=Dependent)


def in_order(nodes: Sequence[N], roots: Iterable[int]) -> tuple[list[int], list[N]]:
    """Order nodes by need.

    A node comes after its `hard` dependencies, always. When a node runs code, code of what it reads may run too:
    what that code uses (the `soft` dependencies of what is read) comes first wherever that is possible. So does what it
    comes `after`.

    Returns:
        The order, and the nodes that depend on themselves, which no order can serve.
    """
    order: list[int] = []
    done: set[int] = set()
    open_: dict[int, None] = {}
    waiting: set[int] = set()
    circles: list[N] = []

    def hard_closure(number: int) -> set[int]:
        found, pending = {number}, [number]
        while pending:
            new = [n for n in nodes[pending.pop()].hard if n not in found and n not in done]
            found |= set(new)
            pending += new
        return found

    def emit(number: int) -> None:
        if number in done:
            return
        if number in open_:
            circles.append(nodes[number])
            return
        waiting.add(number)
        for earlier in nodes[number].after:
            if earlier not in done and not hard_closure(earlier) & {*waiting, *open_}:
                emit(earlier)
        waiting.discard(number)
        if number in done:
            return
        open_[number] = None
        for needed in nodes[number].hard:
            emit(needed)
        usable = list(nodes[number].hard) if nodes[number].runs_code else []
        seen = set(usable)
        while usable:
            for used in [*nodes[usable[0]].soft, *nodes[usable[0]].hard]:
                if used not in seen:
                    seen.add(used)
                    usable.append(used)
                    if used not in done and not hard_closure(used) & open_.keys():
                        emit(used)
            del usable[0]
        del open_[number]
        done.add(number)
        order.append(number)

    for root in roots:
        emit(root)
    return order, circles
