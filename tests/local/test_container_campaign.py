"""Whatever is killed, engine and containers included: no job is lost or doubled, nothing is left, every status is true."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import container_engines
from tests.local.container_campaign import APART, CONTAINER_FAULTS, ContainerGround, ContainerRound

ROUNDS = int(os.environ.get("KUBEFLOW_CONTAINER_FAULT_ROUNDS", str(len(CONTAINER_FAULTS) // 2)))
SEED = os.environ.get("KUBEFLOW_FAULT_SEED", "0")
SIDE_BY_SIDE = 4


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(container_engines.PROGRAMS))
def test_whatever_is_killed_no_container_is_lost_or_left_and_every_status_is_true(name: str, tmp_path: Path) -> None:
    under_test = container_engines.engine(name, f"c{os.getpid()}")
    ground = ContainerGround(tmp_path, under_test)
    # Few rounds are other ones on each engine.
    first = sorted(container_engines.PROGRAMS).index(name) * ROUNDS
    rounds = [
        ContainerRound(
            ground,
            f"r{number}",
            CONTAINER_FAULTS[(first + number) % len(CONTAINER_FAULTS)],
            random.Random(f"{SEED}/{name}/{number}"),
        )
        for number in range(ROUNDS)
    ]
    try:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            failures = [*pool.map(_failure, [one for one in rounds if one.fault not in APART])]
        failures += [_failure(one) for one in rounds if one.fault in APART]
        found = [words for words in failures if words]
        assert not found, f"seed {SEED}: {len(found)} of {ROUNDS} rounds failed\n" + "\n\n".join(found)
        ground.close()
    finally:
        container_engines.stop(under_test)


def _failure(one: ContainerRound) -> str:
    try:
        one.run()
    except AssertionError as error:
        return str(error)
    return ""
