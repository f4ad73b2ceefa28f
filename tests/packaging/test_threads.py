"""Functions are packaged in several threads at once: a notebook that submits a sweep does that."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubeflow.packaging.source.parser import parse

SOURCE = Path(__file__).parent / "cases" / "plain.py"


@pytest.fixture
def finalizers() -> Iterator[None]:
    """Let the collector run Python code, as finalizers do, and often: in the middle of the parser's work."""

    def give_way(phase: str, info: dict[str, int]) -> None:
        time.sleep(0.0001)

    before = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(give_way)


@pytest.mark.usefixtures("finalizers")
def test_source_is_parsed_in_many_threads_though_the_interpreter_counts_its_depth_once() -> None:
    text = SOURCE.read_text("utf-8") * 5
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse, [text] * 40))
    assert len({len(tree.body) for tree in trees}) == 1
