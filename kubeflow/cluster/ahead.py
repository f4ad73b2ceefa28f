"""Items that are read ahead: while one is used, a thread reads the next. It is for pages of collections."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield `items`; each is read in a thread, the first one from now on, and the next while the last is used.

    At most two items are in memory: the one in use, and the next. An error comes in its place among the items. Whoever
    stops early does not wait for the item that is being read.

    Args:
        items: What is read. No other thread may use it.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="kubeflow read ahead")
    return _taken(pool, items, pool.submit(_next, items))


def _taken(pool: ThreadPoolExecutor, items: Iterator[T], coming: Future[list[T]]) -> Generator[T, None, None]:
    try:
        while item := coming.result():
            coming = pool.submit(_next, items)
            yield item.pop()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _next(items: Iterator[T]) -> list[T]:
    """Return a list of the next item; an empty one at the end."""
    return list(islice(items, 1))
