"""What holds for a job on every backend. Functions run for real, in as many processes as they are given.

Starting torch takes seconds, so a case looks at everything that its job can show.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubeflow.trainer import (
    BackendConfig,
    CustomTrainer,
    InvalidInput,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    JobWaitTimeout,
    LocalProcessBackendConfig,
    NoJobResult,
    TrainerClient,
    TrainJob,
    TrainJobTemplate,
)

WAIT = 180  # seconds; a job takes about four on a quiet machine


def said(lines: Iterable[str]) -> list[str]:
    """The lines of the train functions here, which all name their rank or node.

    The log of a container has what torchrun says, too, as when the store of another node has gone before its own end.
    """
    return [line for line in lines if re.match(r"(\[node-\d\S*\] )?(rank|node) \d ", line)]


@dataclass
class Report:
    rank: int
    losses: dict[str, float]
    where: Path


def report(lr: float) -> Report:
    import os
    from pathlib import Path

    return Report(int(os.environ["RANK"]), {"first": lr, "last": lr / 4}, Path("/model"))


def return_nothing() -> None:
    print("nothing to return")


def return_no_data() -> object:
    import threading

    return {"lock": threading.Lock()}


def leave_without_a_word() -> None:
    import os

    os._exit(0)


def test_what_the_function_returned_on_rank_zero_comes_back(client: TrainerClient) -> None:
    trainers: list[CustomTrainer] = [CustomTrainer.call(report, lr=0.5).replace(num_nodes=2)]
    trainers += [CustomTrainer(func) for func in (return_nothing, return_no_data, leave_without_a_word)]
    value, nothing, no_data, wordless = [client.train(trainer=trainer) for trainer in trainers]
    for name in (value, nothing, no_data, wordless):
        client.wait_for_job_status(name, timeout=WAIT)

    assert client.get_job_result(value) == Report(0, {"first": 0.5, "last": 0.125}, Path("/model"))
    assert client.get_job_result(nothing) is None
    with pytest.raises(NoJobResult, match=r"\['lock'\] cannot be sent: .*cannot pickle") as refused:
        client.get_job_result(no_data)
    assert refused.value.name == no_data
    with pytest.raises(NoJobResult, match="rank 0 ended without a word"):
        client.get_job_result(wordless)


def all_reduce(scale: int) -> None:
    import os

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    total = torch.tensor([float(scale * (dist.get_rank() + 1))])
    dist.all_reduce(total)
    # Each line in one write: the ranks of a pod share its log.
    print(f"rank {dist.get_rank()} of {dist.get_world_size()} sums {total.item():g}\n", end="")
    print(f"node {os.environ['GROUP_RANK']} local rank {os.environ['LOCAL_RANK']} has {os.environ['COLOUR']}\n", end="")
    dist.destroy_process_group()


def test_two_nodes_of_two_processes_train_together(client: TrainerClient, config: BackendConfig) -> None:
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
    ranks_apart = isinstance(config, LocalProcessBackendConfig)
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


DOLLARS = {
    "FIRST": "one",
    "TWO": "$$",
    "REFERENCE": "$(FIRST)",
    "UNKNOWN": "$(NOBODY) $(",
    "MANY": "$$$(FIRST)$$$$ $$(FIRST) $HOME ${FIRST} 5$",
    "LAST": "$",
}


def variables(names: list[str]) -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in names}


def test_variables_have_the_values_that_were_given_whatever_kubernetes_makes_of_dollars(client: TrainerClient) -> None:
    trainer = CustomTrainer(func=variables, func_args={"names": list(DOLLARS)}, env=DOLLARS)

    name = client.train("torch-distributed", trainer=trainer)

    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    assert client.get_job_result(name) == DOLLARS


def fail_on_rank_one() -> None:
    import os
    import time

    print("about to fail")
    if os.environ["RANK"] == "1":
        raise ValueError("rank one\nhas had enough")
    time.sleep(60)


def test_a_failing_rank_fails_the_job_and_is_named(client: TrainerClient, config: BackendConfig) -> None:
    name = client.train(train_func=fail_on_rank_one, num_nodes=2)

    started = time.monotonic()
    with pytest.raises(JobFailed, match=r"rank 1 \(node-1\) raised ValueError: rank one") as failure:
        client.wait_for_job_status(name, timeout=WAIT, polling_interval=30)

    assert time.monotonic() - started < 30  # at once, not at the next look
    error = failure.value
    assert (error.name, error.rank, error.node) == (name, 1, 1)
    assert error.exception == "ValueError: rank one\nhas had enough"
    assert error.log[0] == "about to fail"
    assert "has had enough" in error.log[-1]
    assert str(error.log[-1]) in str(error)
    lines = list(client.get_job_logs(name))
    assert lines[0] == "about to fail"
    if isinstance(config, LocalProcessBackendConfig):  # a container's log has what torchrun says of it, too
        assert len(lines) == 1
    job = client.wait_for_job_status(name, {"Complete", "Failed"})
    assert (job.status, job.steps[1].status) == ("Failed", "Failed")
    with pytest.raises(JobFailed, match="rank one"):
        client.get_job_result(name)


def die_of_a_signal() -> None:
    import os
    import signal
    import time

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    if dist.get_rank() == 3:
        print("rank 3 is about to die", flush=True)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        dist.all_reduce(torch.ones(1))  # raises on the other ranks, whose peer is gone
    finally:
        time.sleep(1 if dist.get_rank() < 2 else 0)  # as between machines, where that takes a while to be noticed


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


def talk(go: str) -> None:
    import time
    from pathlib import Path

    print("first")
    while not Path(go).exists():
        time.sleep(0.02)
    print("second")


def test_following_yields_a_line_while_the_job_runs_and_waiting_has_a_deadline(
    client: TrainerClient, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    name = client.train(train_func=talk, func_args={"go": str(go)}, name="talker")
    assert name == "talker"

    lines: Iterator[str] = client.get_job_logs(name, follow=True)
    assert next(lines) == "first"
    assert client.get_job(name).status == "Running"
    with pytest.raises(JobNotFinished, match="talker.*is Running.*wait_for_job_status"):
        client.get_job_result(name)
    assert list(client.get_job_logs(name)) == ["first"]
    started = time.monotonic()
    with pytest.raises(JobWaitTimeout, match=r"talker.*is Running after 0\.3 s") as late:
        client.wait_for_job_status(name, timeout=0.3, polling_interval=WAIT)
    assert 0.3 <= time.monotonic() - started < WAIT / 2  # at its deadline, not at the next look
    assert isinstance(late.value, TimeoutError)
    go.touch()
    assert list(lines) == ["second"]
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"


def say_and_wait(go: str) -> None:
    import os
    import time
    from pathlib import Path

    rank = os.environ["RANK"]
    for number in range(20):
        print(f"rank {rank} line {number}\n", end="")  # in one write: the ranks of a pod share its log
    while not Path(go).exists():
        time.sleep(0.02)
    for number in range(20, 40):
        print(f"rank {rank} line {number}\n", end="")  # in one write: the ranks of a pod share its log


def test_reading_logs_goes_on_where_it_was_left_with_any_client(
    client: TrainerClient, config: BackendConfig, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    name = client.train(train_func=say_and_wait, func_args={"go": str(go)}, num_nodes=2)
    read: list[str] = []
    position: str | None = None
    while len(said(read)) < 40:  # while the job runs, a few lines at a time, each time as if in another process
        lines = TrainerClient(config).get_job_logs(name, step=None, follow=True, after=position)
        read += [next(lines) for _ in range(min(7, 40 - len(said(read))))]
        position = lines.position
        lines.close()
    now = client.get_job_logs(name, step=None, after=position)
    assert said(now) == []
    go.touch()
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    for follow in (False, True, False):
        lines = client.get_job_logs(name, step=None, follow=follow, after=now.position)
        read += [next(lines) for _ in range(13)]
        now = lines
    lines = client.get_job_logs(name, "node-1", after=now.position)
    read += [f"[node-1] {line}" for line in lines]
    lines = client.get_job_logs(name, step=None, follow=True, after=lines.position)
    read += lines

    for rank in "01":
        own = [line.partition("] ")[2] for line in said(read) if line.startswith(f"[node-{rank}")]
        assert own == [f"rank {rank} line {number}" for number in range(40)]
    assert list(client.get_job_logs(name, step=None, follow=True, after=lines.position)) == []
    other = client.train(train_func=return_nothing)
    for wrong in (client.get_job_logs(other).position, "yesterday"):
        with pytest.raises(InvalidInput, match=r"is no place in the log of TrainJob.*\.position"):
            client.get_job_logs(name, after=wrong)


def draw_a_bar() -> None:
    import time

    for percent in range(0, 101, 5):
        print(f"\r{percent:3}% of node 0 ", end="", flush=True)
        time.sleep(0.15)
    print()
    print("node 0 is done")


def test_a_progress_bar_is_seen_while_it_grows_and_its_end_once(client: TrainerClient) -> None:
    name = client.train(trainer=CustomTrainer(draw_a_bar, num_nodes=1))

    lines = [line for line in client.get_job_logs(name, follow=True) if "node 0" in line]

    *bars, last = lines
    percents = [int(re.match(r" *(\d+)%", bar)[1]) for bar in bars]  # type: ignore[index]  # all of them are bars
    assert last == "node 0 is done"
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
    assert 4 <= len(percents) <= 12
    assert [line for line in client.get_job_logs(name) if "node 0" in line] == ["100% of node 0 ", last]


def test_the_last_lines_and_the_lines_since_a_time_can_be_read_of_any_job(
    client: TrainerClient, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    name = client.train(train_func=say_and_wait, func_args={"go": str(go)}, num_nodes=1)
    lines = client.get_job_logs(name, follow=True)
    while next(lines) != "rank 0 line 19":
        pass
    assert list(client.get_job_logs(name, tail_lines=3)) == [f"rank 0 line {number}" for number in (17, 18, 19)]
    following = client.get_job_logs(name, follow=True, tail_lines=1)
    assert next(following) == "rank 0 line 19"
    time.sleep(2.5)
    since = datetime.now(UTC) - timedelta(seconds=1)
    go.touch()
    assert client.wait_for_job_status(name, timeout=WAIT).status == "Complete"
    late = [f"rank 0 line {number}" for number in range(20, 40)]
    assert said(following) == late
    assert said(client.get_job_logs(name, since=since)) == late
    assert said(client.get_job_logs(name, step=None, since=timedelta(days=1)))[0].endswith("] rank 0 line 0")
    with pytest.raises(InvalidInput, match="both say where to begin"):
        client.get_job_logs(name, after=lines.position, tail_lines=1)


def sleep_for_ever() -> None:
    import time

    print("sleeping")
    time.sleep(3600)


def test_a_deleted_job_ends_is_forgotten_and_lets_its_followers_go(client: TrainerClient) -> None:
    name = client.train(train_func=sleep_for_ever, num_nodes=2)
    lines = client.get_job_logs(name, step=None, follow=True)
    assert next(lines).endswith("sleeping")

    with ThreadPoolExecutor() as pool:
        waiter = pool.submit(client.wait_for_job_status, name)
        time.sleep(0.1)
        client.delete_job(name)
        with pytest.raises(JobNotFound, match=name):
            waiter.result(timeout=WAIT)

    assert all(line.startswith("[node-") for line in lines)
    with pytest.raises(JobNotFound, match=name):
        client.get_job(name)
    assert client.list_jobs() == []


def report_and_sleep() -> None:
    import time

    from kubeflow.packaging.remote.reports import report

    report(step=1, loss=0.5)
    print("loss so far=0.5", flush=True)
    time.sleep(3600)


def test_a_stopped_job_ends_for_good_and_keeps_what_it_said(client: TrainerClient, config: BackendConfig) -> None:
    name = client.train(train_func=report_and_sleep)
    lines = client.get_job_logs(name, follow=True)
    assert next(line for line in lines if "so far" in line) == "loss so far=0.5"

    client.stop_job(name)

    if isinstance(config, LocalProcessBackendConfig):
        assert client.get_job(name).status == "Stopped"
        assert list(lines) == []
        assert "loss so far=0.5" in list(client.get_job_logs(name))
        assert client.get_job_metrics(name).latest("loss") == 0.5
        with pytest.raises(JobFailed, match="its user stopped it"):
            client.wait_for_job_status(name, timeout=WAIT)
        assert client.wait_for_job_status(name, "Stopped").name == name
        with pytest.raises(InvalidInput, match="is Stopped, and a job that has ended cannot be resumed"):
            client.resume_job(name)
        assert "is Stopped: stop_job() ended it" in client.explain(name)
    else:
        assert client.wait_for_job_status(name, {"Suspended"}, timeout=WAIT).status == "Suspended"
    client.stop_job(name)  # once is enough
    ended = client.train(train_func=return_nothing)
    client.wait_for_job_status(ended, timeout=WAIT)
    client.stop_job(ended)
    assert client.get_job(ended).status == "Complete"
    with pytest.raises(JobNotFound, match="no-such-job"):
        client.stop_job("no-such-job")


def hello(who: str) -> None:
    print(f"hello {who}")


def order(listed: list[TrainJob], name: str, made: Sequence[str]) -> tuple[datetime, int | str]:
    """When a job was made; what was made in the same whole second counts as told apart by nothing but its name."""
    created = next(job.creation_timestamp for job in listed if job.name == name)
    return created, made.index(name) if created.microsecond else name


def test_jobs_run_at_the_same_time_without_meeting(client: TrainerClient) -> None:
    template = TrainJobTemplate(trainer=CustomTrainer(hello, {"who": "template"}, num_nodes=2))
    called: list[TrainJob] = []

    names = [client.train(train_func=hello, func_args={"who": who}) for who in "ab"]
    names.append(client.train(**template))
    jobs = [client.wait_for_job_status(name, timeout=WAIT, callbacks=[called.append]) for name in names]

    assert [job.status for job in jobs] == ["Complete"] * 3
    logs = [[line for line in client.get_job_logs(name) if line.startswith("hello")] for name in names]
    assert logs == [["hello a"], ["hello b"], ["hello template"]]
    listed = client.list_jobs()  # oldest first, as far as the backend can tell: a cluster knows the second
    assert [job.name for job in listed] == sorted(names, key=lambda name: order(listed, name, names))
    assert {job.name for job in called} == set(names)
