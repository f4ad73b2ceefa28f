"""How jobs fail, and what is said of it."""

from __future__ import annotations

import re

import pytest

from kubeflow.trainer import JobFailed, Runtime, TrainerClient
from kubeflow.trainer.options import ActiveDeadlineSeconds
from tests.trainer.conformance.functions import exit_with_three, fail_on_rank_one, sleep_on
from tests.trainer.conformance.rows import WAIT, Shared, row
from tests.trainer.conformance.shared_client import SharedClient


@row("a failing node ends the others, and its exception and last lines are told at once")
def test_a_failing_rank_fails_the_job_and_is_named(
    client: TrainerClient, plain: Runtime, shared: Shared, on_machine: bool
) -> None:
    given = {"folder": str(shared.path)}
    name = client.train(plain, train_func=fail_on_rank_one, func_args=given, num_nodes=2, options=shared.options)

    with pytest.raises(JobFailed, match=r"rank 1 \(node-1\) raised ValueError: rank one") as failure:
        client.wait_for_job_status(name, timeout=WAIT, polling_interval=2 * WAIT)  # at once, not at the next look

    error = failure.value
    assert (error.name, error.rank, error.node) == (name, 1, 1)
    assert error.exception == "ValueError: rank one\nhas had enough"
    assert error.log[0] == "about to fail"
    assert "has had enough" in error.log[-1]
    assert str(error.log[-1]) in str(error)
    if on_machine:  # a cluster has deleted the pod that was told to end, and its log with it
        assert list(client.get_job_logs(name)) == ["about to fail"]
    job = client.wait_for_job_status(name, {"Complete", "Failed"})
    assert (job.status, job.steps[1].status) == ("Failed", "Failed")
    with pytest.raises(JobFailed, match="rank one"):
        client.get_job_result(name)


@row("`ActiveDeadlineSeconds` ends a job, and `explain` says why")
def test_a_job_that_takes_too_long_is_ended_and_explained(jobs: SharedClient) -> None:
    name = jobs.start(sleep_on, options=[ActiveDeadlineSeconds(3)])

    with pytest.raises(JobFailed, match=r"(?i)deadline|active for longer than 3 s"):
        jobs.wait(name)

    explained = jobs.client.explain(name)
    assert f"{jobs.kind} {name!r} is Failed" in explained
    assert re.search("(?i)active_?deadline_?seconds", explained)


@row("exit codes are told, with the last lines")
def test_an_exit_code_is_told(jobs: SharedClient) -> None:
    name = jobs.start(exit_with_three)

    with pytest.raises(JobFailed, match="code 3") as failure:
        jobs.wait(name)

    assert "leaving" in failure.value.log
    assert "code 3" in jobs.client.explain(name)
