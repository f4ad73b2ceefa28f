"""Real training on real data over several processes: the losses are those of plain torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kubeflow.trainer import CustomTrainer, LocalProcessBackendConfig, TrainerClient
from tests.trainer import digits_ddp

WAIT = 180  # seconds

Report = dict[str, Any]


def read(directory: Path) -> list[Report]:
    """Return what the ranks wrote, in their order."""
    return [json.loads(path.read_text()) for path in sorted(directory.iterdir(), key=lambda path: int(path.stem))]


@pytest.fixture(scope="module", params=[2, 4], ids=["world-2", "world-4"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """What torchrun's ranks wrote, without any of us."""
    directory = tmp_path_factory.mktemp("plain")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={request.param}"]
    subprocess.run(
        [*command, digits_ddp.__file__, str(directory)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=WAIT,
    )
    return read(directory)


def test_losses_are_those_of_plain_torchrun(
    plain: list[Report], local_config: LocalProcessBackendConfig, tmp_path: Path
) -> None:
    world_size = len(plain)
    layouts = {2: [(1, 2), (2, 1)], 4: [(2, 2)]}[world_size]
    client = TrainerClient(local_config)
    for nodes, processes in layouts:
        directory = tmp_path / f"{nodes}x{processes}"
        directory.mkdir()

        name = client.train(
            trainer=CustomTrainer(
                func=digits_ddp.train_digits,
                func_args={"directory": str(directory)},
                num_nodes=nodes,
                num_proc_per_node=processes,
            )
        )
        client.wait_for_job_status(name, timeout=WAIT)

        ours = read(directory)
        assert [report["place"] for report in ours] == [
            {"rank": rank, "world_size": world_size, "local_rank": rank % processes} for rank in range(world_size)
        ]
        for mine, theirs in zip(ours, plain, strict=True):
            assert len(mine["losses"]) > 20
            assert mine["losses"] == pytest.approx(theirs["losses"], abs=1e-6)
            assert mine["losses"][-1] < mine["losses"][0] / 2
        client.delete_job(name)
