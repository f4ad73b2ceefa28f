"""Items that are read ahead: in their order, one at most, with errors in their place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kubeflow.cluster.ahead import ahead


def test_the_next_item_is_read_while_one_is_used_and_no_more_than_that() -> None:
    read: list[int] = []
    asked = threading.Semaphore(0)

    def numbers() -> Iterator[int]:
        for number in range(4):
            read.append(number)
            asked.release()
            yield number

    taken = ahead(numbers())
    assert asked.acquire(timeout=10)  # the first item is read before anybody takes it
    assert next(taken) == 0
    assert asked.acquire(timeout=10)
    assert not asked.acquire(timeout=0.1)
    assert read == [0, 1]
    assert list(taken) == [1, 2, 3]


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[str]:
        yield "page"
        raise ValueError("gone")

    taken = ahead(broken())
    assert next(taken) == "page"
    with pytest.raises(ValueError, match="gone"):
        next(taken)


def test_whoever_stops_early_does_not_wait_for_the_item_that_is_being_read() -> None:
    hangs = threading.Event()

    def hanging() -> Iterator[str]:
        yield "page"
        hangs.wait(60)
        yield "another"

    taken = ahead(hanging())
    assert next(taken) == "page"
    taken.close()
    assert not hangs.is_set()
    hangs.set()


def test_nothing_is_nothing() -> None:
    assert list(ahead(iter(()))) == []
    assert list(ahead(iter([None, 0, ""]))) == [None, 0, ""]
