"""A job of one process starts Python at once, with what torchrun would have set for it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from kubeflow.local.job.places import Places
from kubeflow.packaging import bundle
from kubeflow.trainer import JobFailed, LocalProcessBackendConfig, TrainerClient
from kubeflow.trainer.backends.machine import launch
from kubeflow.trainer.backends.machine.launch import Layout

WAIT = 180
# What differs: who has the store of the rendezvous and on which port, and where an agent looks for an error.
OF_THE_AGENT = ("TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_ERROR_FILE", "TORCHELASTIC_SIGNALS_TO_HANDLE")
PORTS = ("MASTER_PORT", "PET_MASTER_PORT")


@pytest.fixture
def alone(local_config: LocalProcessBackendConfig) -> TrainerClient:
    return TrainerClient(local_config)


PRINT_ENVIRONMENT = """
import json, os

prefixes = ("RANK", "LOCAL_", "WORLD_", "GROUP_", "ROLE_", "MASTER_", "TORCH", "PET_", "OMP_")
print(json.dumps({name: text for name, text in os.environ.items() if name.startswith(prefixes)}))
"""


def environment(client: TrainerClient, script: Path) -> dict[str, str]:
    name = client.train(train_func=script)
    client.wait_for_job_status(name, timeout=WAIT)
    found: dict[str, str] = json.loads(next(iter(client.get_job_logs(name))))
    return found


def test_the_environment_is_that_of_torchrun(alone: TrainerClient, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PRINT_ENVIRONMENT)
    (tmp_path / "agent.py").write_text(PRINT_ENVIRONMENT + "# TORCHELASTIC_ERROR_FILE is of interest\n")

    direct, under_torchrun = [environment(alone, tmp_path / name) for name in ("plain.py", "agent.py")]

    assert direct["TORCHELASTIC_USE_AGENT_STORE"] == "False"
    assert under_torchrun["TORCHELASTIC_USE_AGENT_STORE"] == "True"
    differing = {*OF_THE_AGENT, *PORTS}
    assert {k: v for k, v in direct.items() if k not in differing} == {
        k: v for k, v in under_torchrun.items() if k not in differing
    }
    assert direct["MASTER_PORT"] == direct["PET_MASTER_PORT"]


def reduce_alone() -> float:
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    total = torch.ones(1)
    dist.all_reduce(total)
    dist.destroy_process_group()
    return float(total)


def raise_an_error() -> None:
    print("about to fail")
    raise ValueError("had enough")


def leave(code: int) -> None:
    os._exit(code)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_it_trains_and_fails_as_before(alone: TrainerClient) -> None:
    reduced = alone.train(train_func=reduce_alone)
    failing = {
        alone.train(train_func=raise_an_error): r"rank 0 \(node-0\) raised ValueError: had enough",
        alone.train(train_func=leave, func_args={"code": 3}): r"rank 0 \(node-0\) exited with code 3",
        alone.train(train_func=die): r"rank 0 \(node-0\) was killed by SIGKILL",
    }

    assert alone.wait_for_job_status(reduced, timeout=WAIT).steps[0].status == "Succeeded"
    assert alone.get_job_result(reduced) == 1.0
    for name, words in failing.items():
        with pytest.raises(JobFailed, match=words) as failed:
            alone.wait_for_job_status(name, timeout=WAIT)
        assert (failed.value.rank, failed.value.node) == (0, 0)
    assert next(iter(alone.get_job_logs(next(iter(failing))))) == "about to fail"


def test_only_one_process_without_restarts_and_agent_starts_without_torchrun(tmp_path: Path) -> None:
    script = tmp_path / "elastic.py"
    script.write_text("from torch.distributed.elastic.multiprocessing.errors import record\nrecord(print)()\n")
    given = {"python": "python", "environ": {}, "env": {}}
    places = Places(Path("/state/jobs/job"))
    plain = tmp_path / "plain.py"
    plain.write_text("print('launched with torchrun or without')\n")

    def torchrun(made: object, layout: Layout, restarts: int = 0) -> bool:
        nodes = launch.torch_nodes(made, layout, places, **given, max_restarts=restarts)  # type: ignore[arg-type]
        return "RANK" not in nodes[0].env

    assert not torchrun(bundle(plain), Layout(1, 1))
    assert torchrun(bundle(plain), Layout(1, 2))
    assert torchrun(bundle(plain), Layout(2, 1))
    assert torchrun(bundle(plain), Layout(1, 1), restarts=1)
    assert torchrun(bundle(script), Layout(1, 1))
    assert torchrun(bundle(module="torch.distributed.run", args=["train.py"]), Layout(1, 1))
