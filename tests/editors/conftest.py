"""What jedi parses is kept apart for each process of tests."""

from __future__ import annotations

from collections.abc import Iterator

import jedi  # type: ignore[import-untyped]  # ships neither stubs nor py.typed
import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache_of_jedi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Its files are written in place, so a process that reads while another one writes fails."""
    before = jedi.settings.cache_directory
    jedi.settings.cache_directory = str(tmp_path_factory.mktemp("jedi"))
    yield
    jedi.settings.cache_directory = before
