"""Jobs in containers of real engines: what they run, what they are allowed, how they end, and that nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container_engines import EngineUnderTest, container_engine
from tests.local.containers import ContainerDesk

__all__ = ["container_engine"]


@pytest.fixture
def desk(tmp_path: Path, container_engine: EngineUnderTest) -> Iterator[ContainerDesk]:
    desk = ContainerDesk(tmp_path / "state", tmp_path, container_engine)
    yield desk
    for record in desk.jobs.all():
        desk.jobs.delete(record)
    assert not [left for left in container_engine.left() if str(tmp_path.name) in left]


def test_a_node_runs_and_what_it_says_is_in_its_log(desk: ContainerDesk) -> None:
    desk.submit("echo $0 $WORD; hostname; id -u", env={"WORD": 'it\'s\n"quoted" $HOME', "odd.name": "x"})

    record = desk.finish()

    assert (record.phase, record.reason) == ("Complete", "")
    assert desk.log() == '/bin/sh it\'s "quoted" $HOME\nnode-0\n0\n'
    assert desk.under_test.left() == []
