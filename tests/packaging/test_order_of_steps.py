"""Steps come in an order in which they can run, and expressions are only known where nothing had to run."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow.packaging.capture.module_steps import StepNode
from kubeflow.packaging.capture.order import in_order
from kubeflow.packaging.capture.static_values import UNKNOWN, same, static_value


@st.composite
def graphs(draw: st.DrawFn) -> list[StepNode]:
    """Nodes that read only nodes of lower numbers, and whose code uses any."""
    count = draw(st.integers(1, 12))
    nodes: list[StepNode] = []
    for number in range(count):
        hard = draw(st.sets(st.integers(0, number - 1))) if number else set[int]()
        soft = draw(st.sets(st.integers(0, count - 1)))
        after = draw(st.sets(st.integers(0, count - 1), max_size=3))
        runs_code = draw(st.booleans())
        nodes.append(StepNode(None, dict.fromkeys(hard), dict.fromkeys(soft), dict.fromkeys(after), runs_code))
    return nodes


@given(graphs(), st.randoms(use_true_random=False))
def test_each_step_comes_once_and_after_what_it_reads(nodes: list[StepNode], random: object) -> None:
    roots = list(range(len(nodes)))
    getattr(random, "shuffle")(roots)  # noqa: B009  (hypothesis types it as Random)
    order, circles = in_order(nodes, roots)
    assert sorted(order) == list(range(len(nodes)))
    assert not circles
    place = {number: i for i, number in enumerate(order)}
    assert all(place[needed] < place[number] for number, node in enumerate(nodes) for needed in node.hard)


def test_what_came_first_here_comes_first() -> None:
    nodes = [StepNode(), StepNode(after={2: None}), StepNode(hard={0: None}), StepNode(hard={1: None}, after={3: None})]

    assert in_order(nodes, range(4)) == ([0, 2, 1, 3], [])


def test_code_that_runs_finds_what_it_uses() -> None:
    """A class statement (2) reads its base (0), whose `__init_subclass__` uses a registry (1)."""
    nodes = [StepNode(soft={1: None}), StepNode(), StepNode(hard={0: None}, runs_code=True)]
    order, _ = in_order(nodes, [2, 0, 1])
    assert order.index(1) < order.index(2)


def test_what_a_registry_is_filled_with_does_not_hold_up_its_own_definition() -> None:
    """The registry (1) is filled (2) with the class (3) whose definition needs the registry."""
    nodes = [
        StepNode(soft={1: None}),
        StepNode(soft={2: None}),
        StepNode(hard={1: None, 3: None}),
        StepNode(hard={0: None}, runs_code=True),
    ]
    order, circles = in_order(nodes, [2, 3, 0, 1])
    assert not circles
    assert order == [1, 0, 3, 2]


def test_definitions_that_read_one_another_are_told() -> None:
    _, circles = in_order([StepNode(hard={1: None}), StepNode(hard={0: None})], [0, 1])
    assert len(circles) == 1


NAMES: dict[str, object] = {"k": 3, "math": math, "xs": [1]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k * 2 + 1", 7),
        ("-k", -3),
        ("math.pi", math.pi),
        ("[k, 'a']", [3, "a"]),
        ("{'a': k}", {"a": 3}),
        ("(k, (True, None))", (3, (True, None))),
        ("dict()", {}),
        ("'ab' * k", "ababab"),
        ("len(xs)", UNKNOWN),
        ("nope", UNKNOWN),
        ("xs + xs", UNKNOWN),
        ("9 ** 99999999", UNKNOWN),
        ("'a' * 10 ** 9", UNKNOWN),
        ("1 / 0", UNKNOWN),
        ("[f() for f in xs]", UNKNOWN),
    ],
)
def test_only_what_needs_no_running_is_known(text: str, value: object) -> None:
    found = static_value(ast.parse(text, mode="eval").body, NAMES)
    assert found is value if value is UNKNOWN else same(value, found)


class Loud:
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("code of the user's ran")

    __hash__ = None  # type: ignore[assignment]  # (as Python does for a class with `__eq__`)


def test_comparing_runs_no_code_of_the_users() -> None:
    loud = Loud()
    assert same(loud, loud)
    assert not same([loud], [Loud()])
    assert not same(1, True)
    assert not same(0.0, -0.0)
    assert static_value(ast.parse("[x, 1]", mode="eval").body, {"x": loud}) == [loud, 1]
