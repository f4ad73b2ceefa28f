"""Several nodes of several processes under torchrun, which takes seconds to start: each case looks at all it can show."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kubeflow.trainer import BackendConfig, CustomTrainer, JobFailed, TrainerClient, TrainJob
from kubeflow.trainer.options import MaxRestarts
from tests.trainer.conformance.functions import all_reduce, die_of_a_signal, fail_at_first
from tests.trainer.conformance.rows import WAIT, Shared, row, said


@row("nodes and their processes train together (gloo all-reduce)")
def test_two_nodes_of_two_processes_train_together(
    client: TrainerClient, config: BackendConfig, on_machine: bool
) -> None:
    directory, environment = Path.cwd(), dict(os.environ)
    trainer = CustomTrainer(
        func=all_reduce, func_args={"scale": 10}, num_nodes=2, num_proc_per_node=2, env={"COLOUR": "blue"}
    )

    name = client.train("torch-distributed", trainer=trainer)
    seen: list[TrainJob] = []
    job = client.wait_for_job_status(name, timeout=WAIT, callbacks=[seen.append])

    assert (job.status, job.num_nodes, job.runtime.name) == ("Complete", 2, "torch-distributed")
    assert [(step.name, step.status) for step in job.steps] == [
        ("node-0", "Succeeded"),
        ("node-1", "Succeeded"),
    ]
    assert seen[-1] == job
    ranks_apart = on_machine
    in_order: Callable[[Iterable[str]], list[str]] = list if ranks_apart else sorted  # a container has one log
    assert in_order(said(client.get_job_logs(name))) == in_order(
        [
            "rank 0 of 4 sums 100",
            "node 0 local rank 0 has blue",
            "rank 1 of 4 sums 100",
            "node 0 local rank 1 has blue",
        ]
    )
    followed = [line for line in client.get_job_logs(name, step="node-1", follow=True) if "sums" in line]
    assert in_order(followed) == ["rank 2 of 4 sums 100", "rank 3 of 4 sums 100"]
    everything = said(client.get_job_logs(name, step=None))
    assert len(everything) == 8
    last = "[node-1:rank3]" if ranks_apart else "[node-1]"
    assert in_order(everything)[-1 if ranks_apart else 5] == f"{last} node 1 local rank 1 has blue"
    assert client.wait_for_job_status(name, {"Running"}).status == "Complete"  # it has been Running
    assert client.get_job(name) == job
    assert [other.name for other in TrainerClient(config).list_jobs(job.runtime)] == [name]
    assert TrainerClient(config).list_jobs("another-runtime") == []
    assert "Created" in [event.reason for event in client.get_job_events(name)]
    assert (Path.cwd(), dict(os.environ)) == (directory, environment)


@row("the rank that failed first is named, also one killed by a signal whose peers raise")
def test_a_rank_killed_by_a_signal_is_named_though_its_peers_raise(client: TrainerClient) -> None:
    trainer = CustomTrainer(die_of_a_signal, num_nodes=2, num_proc_per_node=2)
    name = client.train("torch-distributed", trainer=trainer)

    with pytest.raises(JobFailed, match=r"rank 3 \(node-1\) was killed by SIGKILL\.") as failure:
        client.wait_for_job_status(name, timeout=WAIT)

    error = failure.value
    assert (error.rank, error.node, error.exception) == (3, 1, None)
    assert "rank 3 is about to die" in error.log
    explained = client.explain(name)
    assert f"is Failed: {error.reason}" in explained
    assert "SIGKILL that nobody sent on purpose is mostly the kernel's, when memory runs out" in explained


@row("`MaxRestarts`: torchrun starts the ranks anew")
def test_ranks_are_started_anew(client: TrainerClient, shared: Shared) -> None:
    given = [MaxRestarts(1), *shared.options]
    name = client.train(train_func=fail_at_first, func_args={"folder": str(shared.path)}, options=given)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == "1"
    assert sorted(path.name for path in shared.path.iterdir()) == ["attempt-0", "attempt-1"]
