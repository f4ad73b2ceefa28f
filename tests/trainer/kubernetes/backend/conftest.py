"""Real API servers with Trainer's CRDs and runtimes, one for each minor; who plays the controllers is up to a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.stage import MINORS, MISSING, REASON
from tests.trainer.kubernetes.backend.home import Home, home

_numbers = itertools.count()


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A cluster with the newest Trainer."""
    yield from _home(tmp_path_factory.mktemp("newest"), MINORS[-1])


@pytest.fixture(scope="session", params=MINORS)
def every(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A cluster of each Trainer minor, one after the other."""
    minor: str = request.param
    yield from _home(tmp_path_factory.mktemp("every"), minor)


@pytest.fixture
def namespace() -> str:
    """A name that no other test has."""
    return f"kube-{next(_numbers)}"


def _home(folder: Path, minor: str) -> Iterator[Home]:
    if MISSING:
        pytest.skip(REASON)
    with home(folder, minor) as made:
        yield made
