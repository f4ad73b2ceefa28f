"""Log lines of pods: all of them, once each, in order, whatever breaks while they are read."""

from __future__ import annotations

import random
import re
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest

from kubeflow.cluster import Cluster, ClusterError, Forbidden, ServerFault
from kubeflow.cluster.pods.line_position import LogAnswer, Mark
from kubeflow.cluster.pods.log_requests import LogPace, last_lines
from kubeflow.cluster.pods.schedule import Pace
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
from kubeflow.trainer.backends.kubernetes.logs.job_logs import read
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines
from tests.apiserver import Recorded
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.objects import Made, ended, running, terminated, waiting

QUICK = LogPace(
    silence=300, retry=0.01, longest_retry=0.1, grace=0.2, patience=60, feeds=Pace(retry=0.01, longest_retry=0.1)
)
NODES = ("node-0", "node-1")


class Job:
    """A job `a` whose kubelet is `edge`."""

    def __init__(self, made: Made, edge: Edge, cluster: Cluster) -> None:
        self.made, self.edge, self.cluster = made, edge, cluster
        made.trainjob("a")

    def pod(self, index: int = 0, *lines: str | bytes, attempt: int = 0, suffix: str = "abcde") -> str:
        """Make a running pod that has said `lines`."""
        name = self.made.pod("a", index=index, attempt=attempt, suffix=suffix, status=running())
        self.say(name, *lines)
        return name

    def say(self, pod: str, *lines: str | bytes, at: float = 0) -> None:
        self.edge.write(self.made.namespace, pod, *lines, at=at)

    def end_pod(self, pod: str, exit_code: int = 0) -> None:
        self.edge.end(self.made.namespace, pod)
        restarts = self.edge.restarts(self.made.namespace, pod)
        self.made.pod_status(pod, ended(exit_code, restarts=restarts))

    def restart(self, pod: str, *, told: bool = True) -> None:
        """Begin the next life of a container; kubelets do so before they tell the API server."""
        self.edge.restart(self.made.namespace, pod)
        if told:
            self.tell(pod)

    def tell(self, pod: str) -> None:
        """Tell the API server of the life that a container has."""
        restarts = self.edge.restarts(self.made.namespace, pod)
        self.made.pod_status(pod, running(restarts=restarts, last=terminated(1)))

    def end(self, *pods: str) -> None:
        for pod in pods:
            self.end_pod(pod)
        self.made.end("a")

    def read(
        self, step: str | None = "node-0", *, follow: bool = True, pace: LogPace = QUICK, after: str | None = None
    ) -> LogLines:
        return read(self.logged(), LogSelection(step, after=after), follow=follow, pace=pace)

    def logged(self, steps: Sequence[str] = NODES, created: datetime | None = None) -> LoggedJob:
        return LoggedJob(self.cluster, self.made.namespace, "a", steps, created)

    def take(self, count: int, after: str | None = None, step: str | None = "node-0") -> tuple[list[str], str]:
        """Read `count` lines as a process would that ends then; return them and its last position."""
        lines = self.read(step, after=after)
        found = take(lines, count)
        lines.close()
        return found, lines.position


@pytest.fixture
def job(server: Recorded, namespace: str, edge: Edge, cluster: Cluster) -> Job:
    return Job(Made(server, namespace), edge, cluster)


def take(lines: Iterator[str], count: int) -> list[str]:
    return [next(lines) for _ in range(count)]


def eventually_none(prefix: str) -> None:
    deadline = time.monotonic() + 20
    while any(thread.name.startswith(prefix) for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- what is there now --------------------------------------------------------------------------------------------


def test_what_is_there_is_read_once_and_without_its_times(job: Job) -> None:
    job.pod(0, "one", "", "three")
    assert list(job.read(follow=False)) == ["one", "", "three"]


def test_all_steps_are_read_in_their_order_with_their_names(job: Job) -> None:
    job.pod(1, "b")
    job.end_pod(job.pod(0, "a1", "a2"))
    assert list(job.read(None, follow=False)) == ["[node-0] a1", "[node-0] a2", "[node-1] b"]


def test_a_step_that_has_not_started_has_said_nothing(job: Job) -> None:
    assert list(job.read(follow=False)) == []
    job.made.pod("a", status=waiting("ContainerCreating"))
    assert list(job.read(follow=False)) == []


def test_an_unknown_step_is_refused_before_anything_is_read(job: Job) -> None:
    with pytest.raises(InvalidInput, match=r"'nod-1'.*Did you mean 'node-1'.*Steps: node-0, node-1"):
        job.read("nod-1")


def test_a_step_that_only_its_pod_tells_of_can_be_read(job: Job) -> None:
    name = job.made.pod("a", "cache", container="server", status=running("server"))
    job.edge.write(job.made.namespace, name, "warm", container="server")
    assert list(job.read("cache-0", follow=False)) == ["warm"]


def test_a_container_that_was_just_started_again_shows_what_it_said_before(job: Job) -> None:
    pod = job.pod(0, "before")
    job.restart(pod)
    assert list(job.read(follow=False)) == ["before"]
    job.say(pod, "after")
    assert list(job.read(follow=False)) == ["after"]


def test_bytes_that_are_no_utf_8_become_replacement_characters(job: Job) -> None:
    job.pod(0, b"caf\xe9 \xf0\x9f\x98\x80", b"carriage\r")
    assert list(job.read(follow=False)) == ["caf\ufffd \U0001f600", "carriage"]


def test_a_pod_of_an_earlier_job_of_that_name_is_not_read(job: Job) -> None:
    job.pod(0, "old")
    later = datetime(2100, 1, 1, tzinfo=UTC)
    assert list(read(job.logged(created=later), LogSelection())) == []


def test_a_break_in_the_middle_of_what_is_there_shows_in_no_line(job: Job) -> None:
    said = [f"line {index}" for index in range(50)]
    job.pod(0, *said)
    job.edge.faults.append(Fault("/log", cut=20, times=2))
    assert list(job.read(follow=False, pace=QUICK)) == said


def test_a_missing_right_to_read_logs_says_so(job: Job) -> None:
    job.pod(0, "one")
    job.edge.faults.append(Fault("/log", status=403, times=9))
    with pytest.raises(Forbidden):
        list(job.read(follow=False))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/log", status=500),
        Fault("/log", status=503),
        Fault("/log", status=504),
        Fault("/log", status=429),
        Fault("/log", cut=0),
        Fault("previous=true", status=500),
        Fault("/log", hang=True),
    ],
    ids=["500", "503", "504", "429", "cut at once", "500 on the life before", "no answer"],
)
def test_a_kubelet_that_fails_costs_one_call_one_budget_and_is_told_of(
    job: Job, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(3):
        pod = job.pod(index, "before")
        job.restart(pod)
    fault.times = 999
    job.edge.faults.append(fault)
    started = time.monotonic()
    with pytest.raises(ClusterError):
        list(job.read(None, follow=False, pace=replace(QUICK, present=3)))
    took = time.monotonic() - started
    # A pause of this process may take any of it: what one log has left to the next is seen in the requests.
    assert (1.5 if fault.hang else 1) < took < 30
    asked = [len(job.edge.asked(f"a-node-0-{index}-abcde/log")) for index in range(3)]
    assert sum(asked) < 100  # ten times as many as with the pauses of every day
    assert asked[0] >= 2
    assert max(asked[1:]) <= 2, "one try, which may ask for the life before, too"
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    told = re.match(
        r"the log of a-node-0-0-abcde cannot be read for now, and is requested again for up to (\d) s: ", warnings[0]
    )
    assert told is not None
    assert int(told[1]) <= 3
    assert len(warnings) <= 3, "one line for each log, not for each request"


def test_the_lines_of_other_pods_come_before_the_error_of_one_that_cannot_be_read(job: Job) -> None:
    for index in range(3):
        job.pod(index, f"of {index}")
    job.edge.faults.append(Fault("a-node-0-1-abcde/log", status=500, times=999))
    lines = job.read(None, follow=False, pace=replace(QUICK, present=0.5))
    assert take(lines, 2) == ["[node-0] of 0", "[node-2] of 2"]
    with pytest.raises(ServerFault):
        next(lines)
    job.edge.faults.clear()
    assert list(job.read(None, follow=False, after=lines.position)) == ["[node-1] of 1"]


def test_following_outlasts_a_kubelet_that_fails_while_the_job_runs_and_says_so_once(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    pod = job.pod(0, "one")
    job.edge.faults.append(Fault("/log", status=500, times=25))
    assert take(job.read(pace=replace(QUICK, present=0.1, patience=0.1)), 1) == ["one"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert f"the log of {pod} cannot be read for now, and is requested again for as long as its job runs" in warnings[0]


def test_a_connection_that_breaks_before_the_kubelet_fails_hides_nothing(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    pod = job.pod(0, "one")
    job.edge.faults += [Fault("/log", cut=0), Fault("/log", status=500, times=5)]
    assert take(job.read(), 1) == ["one"]
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"the log of {pod} cannot be read for now" in told


@pytest.mark.parametrize("where", ["/log", "previous=true"])
def test_following_gives_up_a_while_after_the_job_has_ended(job: Job, where: str) -> None:
    pod = job.pod(0, "one")
    job.restart(pod)
    job.end(pod)
    job.edge.faults.append(Fault(where, status=500, times=999))
    started = time.monotonic()
    with pytest.raises(ServerFault):
        list(job.read(pace=replace(QUICK, patience=1)))
    assert time.monotonic() - started < 4
    assert len(job.edge.asked("/log")) < 100  # ten times as many as with the pauses of every day


def test_the_last_lines_of_the_instance_before_can_be_had(job: Job) -> None:
    pod = job.pod(0, *(f"line {index}" for index in range(9)))
    job.restart(pod)
    (found,) = list_pods(job.cluster, job.made.namespace, "a")
    lines = last_lines(job.cluster, job.made.namespace, found, "node", 2, previous=True)
    assert lines == ["line 7", "line 8"]


# -- following ----------------------------------------------------------------------------------------------------


def test_following_waits_for_the_pod_and_ends_with_the_job(job: Job) -> None:
    lines = job.read()
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.extend(lines))
    reader.start()
    time.sleep(0.3)
    name = job.made.pod("a", status=waiting("ImagePullBackOff", "no such image"))
    time.sleep(0.3)
    assert reader.is_alive()
    job.say(name, "first")
    job.made.pod_status(name, running())
    time.sleep(0.3)
    job.say(name, "last")
    job.end(name)
    reader.join(30)
    assert found == ["first", "last"]


def test_a_line_comes_as_soon_as_it_is_said(job: Job) -> None:
    pod = job.pod(0, "one")
    lines = job.read()
    assert take(lines, 1) == ["one"]
    job.say(pod, "two")
    assert take(lines, 1) == ["two"]
    job.end(pod)
    assert list(lines) == []


def test_following_a_job_that_has_ended_reads_all_and_ends(job: Job) -> None:
    pod = job.pod(0, "one", "two")
    job.end(pod)
    assert list(job.read()) == ["one", "two"]


def test_following_a_job_that_never_started_ends_with_it(job: Job) -> None:
    job.made.end("a", "Failed", "DeadlineExceeded")
    assert list(job.read()) == []


def test_following_an_initializer_ends_with_it_while_the_job_goes_on(job: Job) -> None:
    container = "dataset-initializer"
    name = job.made.pod("a", container, container=container, status=ended(0, container=container))
    job.edge.write(job.made.namespace, name, "fetched", container=container)
    job.edge.end(job.made.namespace, name, container)
    steps = (container, *NODES)
    assert list(read(job.logged(steps), LogSelection(container), follow=True)) == ["fetched"]


def test_following_a_job_that_is_deleted_ends(job: Job) -> None:
    pod = job.pod(0, "one")
    lines = job.read()
    assert take(lines, 1) == ["one"]
    job.made.delete_job("a")
    job.made.delete_pod(pod)
    job.edge.end(job.made.namespace, pod)
    assert list(lines) == []


def test_all_steps_are_followed_at_once(job: Job) -> None:
    first, second = job.pod(0, "a"), job.pod(1, "b")
    lines = job.read(None)
    assert sorted(take(lines, 2)) == ["[node-0] a", "[node-1] b"]
    job.say(second, "b2")
    assert take(lines, 1) == ["[node-1] b2"]
    job.say(first, "a2")
    assert take(lines, 1) == ["[node-0] a2"]
    extra = job.made.pod("a", "cache", container="server", status=running("server"))
    job.edge.write(job.made.namespace, extra, "warm", container="server")
    assert take(lines, 1) == ["[cache-0] warm"]
    job.edge.end(job.made.namespace, extra, "server")
    job.end(first, second)
    assert list(lines) == []


@pytest.mark.parametrize("ended", [True, False], ids=["of a job that has ended", "while another step talks"])
def test_steps_that_only_pods_tell_of_are_followed_too(job: Job, ended: bool) -> None:
    known = job.pod(0, *(f"{number}" for number in range(300)))
    unknown = job.pod(1, "b")
    if ended:
        job.end(known, unknown)
    lines = read(job.logged(["node-0"]), LogSelection(None), follow=True, pace=QUICK)
    if not ended:
        talks = threading.Event()

        def talk() -> None:
            while not talks.wait(0.01):
                job.say(known, "more")

        talker = threading.Thread(target=talk)
        talker.start()
        assert any(line == "[node-1] b" for line in islice(lines, 3000))
        talks.set()
        talker.join()
        job.end(known, unknown)
    assert ended == ("[node-1] b" in list(lines))


def test_a_container_that_is_started_again_is_followed_into_its_next_life(job: Job) -> None:
    pod = job.pod(0, "one")
    lines = job.read()
    assert take(lines, 1) == ["one"]
    job.say(pod, "two")
    job.restart(pod)
    job.say(pod, "three")
    assert take(lines, 2) == ["two", "three"]
    job.end(pod)
    assert list(lines) == []


def test_what_a_container_said_before_it_was_started_again_is_not_lost_to_a_break(job: Job) -> None:
    pod = job.pod(0, "one")
    job.edge.faults.append(Fault("follow=true", cut=1))
    job.edge.faults.append(Fault("/log", status=500, times=3))
    lines = job.read()
    assert take(lines, 1) == ["one"]
    job.say(pod, "two", "three")
    job.restart(pod)
    job.say(pod, "four")
    assert take(lines, 3) == ["two", "three", "four"]
    job.end(pod)
    assert list(lines) == []


def test_lives_come_in_their_order_though_the_cluster_tells_late_of_them(job: Job) -> None:
    pod = job.pod(0, "one", "two")
    job.restart(pod, told=False)
    job.say(pod, "three")
    lines = job.read()
    assert take(lines, 3) == ["one", "two", "three"]
    job.edge.faults.append(Fault("follow=true", status=500))
    job.say(pod, "four")
    job.restart(pod, told=False)
    job.say(pod, "five")
    assert take(lines, 2) == ["four", "five"]
    job.tell(pod)
    job.end(pod)
    assert list(lines) == []


def test_what_was_left_of_a_life_comes_before_the_next_though_nothing_tells_of_it_but_the_log(job: Job) -> None:
    pod = job.pod(0, "one", "two", "three")
    for fault in (Fault("follow=true", cut=1), Fault("previous=true", cut=2)):
        job.edge.faults.append(fault)
    job.edge.before["follow=true"] = lambda: job.edge.before.update({"follow=true": next_life})

    def next_life() -> None:
        job.restart(pod, told=False)
        job.say(pod, "four")

    lines = job.read()
    assert take(lines, 4) == ["one", "two", "three", "four"]
    lines.close()


def test_a_life_that_says_nothing_keeps_back_nothing_of_the_one_before(job: Job) -> None:
    pod = job.pod(0, "one")
    job.edge.faults.append(Fault("follow=true", cut=1))
    job.edge.faults.append(Fault("/log", status=500, times=2))
    lines = job.read()
    assert take(lines, 1) == ["one"]
    job.say(pod, "two")
    job.restart(pod)
    assert take(lines, 1) == ["two"]
    job.end(pod)
    assert list(lines) == []


def test_a_restart_between_two_requests_shows_no_line_twice(job: Job, edge: Edge) -> None:
    pod = job.pod(0, "one")
    job.restart(pod, told=False)
    job.say(pod, "two")
    edge.before["previous=true"] = lambda: job.restart(pod, told=False)  # what is being read is the life before now
    lines = job.read()
    assert take(lines, 1) == ["two"]  # of the first one nothing is left
    job.say(pod, "three")
    assert take(lines, 1) == ["three"]
    job.end(pod)
    assert list(lines) == []


def test_lives_that_nobody_could_read_are_gone_and_the_log_of_this_process_says_so(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    pod = job.pod(0, "one", "two")
    _, position = job.take(1)
    for line in ("three", "four", "five"):
        job.restart(pod)
        job.say(pod, line)
    lines = job.read(after=position)
    assert take(lines, 2) == ["four", "five"]
    assert "started again more than once" in caplog.text
    job.end(pod)
    assert list(lines) == []


def test_a_pod_that_takes_the_place_of_another_is_followed_after_it(job: Job) -> None:
    old = job.pod(0, "attempt 0")
    lines = job.read()
    assert take(lines, 1) == ["attempt 0"]
    job.say(old, "dies")
    job.end_pod(old, 1)
    new = job.pod(0, "attempt 1", attempt=1, suffix="fghij")
    assert take(lines, 2) == ["dies", "attempt 1"]
    job.made.delete_pod(old)
    job.end(new)
    assert list(lines) == []


def test_lines_of_one_time_are_told_apart_after_a_break(job: Job) -> None:
    at = time.time()
    pod = job.made.pod("a", status=running())
    job.say(pod, *(f"{index}" for index in range(40)), at=at)
    job.edge.faults.append(Fault("follow=true", cut=7, times=1))
    job.edge.faults.append(Fault("follow=true", cut=25, times=1))
    lines = job.read()
    assert take(lines, 40) == [f"{index}" for index in range(40)]
    job.end(pod)
    assert list(lines) == []


def test_random_breaks_lose_and_repeat_nothing(job: Job) -> None:
    random.seed(7)
    pods = [job.pod(0), job.pod(1)]
    said: dict[str, list[str]] = {pod: [] for pod in pods}
    for _ in range(40):
        job.edge.faults.append(Fault("/log", cut=random.randrange(30)))
    for status in (429, 500, 503, 504):
        job.edge.faults.append(Fault("/log", status=status, times=2))
        job.edge.faults.append(Fault("watch=true", status=status, times=2))
    job.edge.faults.append(Fault("watch=true", status=410, times=3))

    def work() -> None:
        for number in range(300):
            for pod in pods:
                line = f"{pod} says {number}"
                said[pod].append(line)
                job.say(pod, line, at=time.time() // 0.01 * 0.01)
            time.sleep(0.003)
        job.end(*pods)

    worker = threading.Thread(target=work)
    worker.start()
    found: dict[str, list[str]] = {pod: [] for pod in pods}
    for line in job.read(None):
        step, _, text = line.partition("] ")
        found[pods[int(step[-1])]].append(text)
    worker.join()
    assert found == said


def test_closing_the_iterator_ends_its_connections_and_threads(job: Job, edge: Edge) -> None:
    for step in (None, "node-0"):
        job.pod(0 if step is None else 1, "one")
        lines = job.read(step)
        assert take(lines, 1) == ["one" if step else "[node-0] one"]
        lines.close()
        eventually_none("kubeflow ")
        deadline = time.monotonic() + 20
        while edge.open:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_log_that_cannot_be_read_any_more_is_an_error_and_no_early_end(job: Job) -> None:
    job.end(job.pod(0, "one"))
    job.edge.faults.append(Fault("/log", status=501, times=999))
    with pytest.raises(ServerFault):
        list(job.read(pace=replace(QUICK, patience=1)))


def test_the_position_in_a_log_takes_no_memory() -> None:
    answer = LogAnswer(None)

    def stamped(number: int) -> bytes:
        return b"2026-01-01T00:%02d:%02d.%09dZ line" % (number // 60000 % 60, number // 1000 % 60, number % 1000)

    for number in range(10_000):
        answer.look(stamped(number))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert all(answer.look(stamped(number)) == b"line" for number in range(10_000, 300_000))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000


# -- reading on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [True, False])
def test_reading_goes_on_after_any_line_whatever_its_time(job: Job, follow: bool) -> None:
    now = int(time.time()) - 10
    pod = job.pod()
    for number, ago in enumerate([9.0, 9.0, 9.0, 5.0, 5.25, 4.75, 5.25, 5.0, 5.0, 1.5, 1.25]):  # as two writers do
        job.say(pod, f"{number}", at=now - ago)
    job.end(pod)
    everything = job.read(follow=follow)
    positions = [everything.position, *(everything.position for _ in everything)]
    assert len(positions) == 12
    for already, position in enumerate(positions):
        rest = job.read(follow=follow, after=position)
        assert list(rest) == [f"{number}" for number in range(already, 11)]
        assert rest.position == positions[-1]
        assert len(position) < 200


def test_reading_on_asks_for_no_more_than_the_last_seconds(job: Job) -> None:
    pod = job.pod()
    job.say(pod, "long ago", at=time.time() - 3600)
    job.say(pod, "now")
    _, position = job.take(2)
    before = len(job.edge.requests)
    job.say(pod, "later")
    assert list(job.read(follow=False, after=position)) == ["later"]
    asked = [request for request in job.edge.requests[before:] if "/log" in request]
    assert asked
    assert all("sinceTime=" in request for request in asked)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("follow", [True, False])
def test_reading_goes_on_after_any_line_of_any_life(job: Job, follow: bool, told: bool) -> None:
    pod = job.pod(0, "0", "1")
    lines = job.read()
    positions = [lines.position, *(lines.position for _ in islice(lines, 2))]
    job.restart(pod, told=told)
    job.say(pod, "2", "3")
    positions += [lines.position for _ in islice(lines, 2)]
    for already, position in enumerate(positions[1:], 1):  # in the midst of it, as the next process does
        rest = job.read(follow=follow, after=position)
        assert take(rest, 4 - already) == [f"{number}" for number in range(already, 4)]
        assert rest.position == positions[-1]
        rest.close()
    job.tell(pod)
    job.end(pod)
    assert list(lines) == []
    for already, position in enumerate(positions):
        beginning = 2 if already == 0 and not follow else already  # what is there now is the life that is
        rest = job.read(follow=follow, after=position)
        assert list(rest) == [f"{number}" for number in range(beginning, 4)]


@pytest.mark.parametrize("telling", [0.0, 0.5])
def test_readers_who_come_and_go_at_random_miss_and_repeat_nothing_of_any_life(job: Job, telling: float) -> None:
    chance = random.Random(11)
    pod = job.pod()
    said = read = begun = 0  # lines so far, and those of earlier lives
    lines = job.read()
    for _ in range(60):
        for _ in range(chance.randrange(1, 6)):
            job.say(pod, f"{said}")
            said += 1
        if read > begun and chance.random() < 0.5:  # of two lives ago nothing would be left
            told = chance.random() < telling
            job.restart(pod, told=told)
            begun = said
            for _ in range(chance.randrange(3) if told else 1):  # of a life that is silent, only the cluster can tell
                job.say(pod, f"{said}")
                said += 1
        elif chance.random() < telling / 2:
            job.tell(pod)
        if chance.random() < 0.5:
            fault = chance.choice([Fault("/log", cut=chance.randrange(4)), Fault("/log", status=500)])
            job.edge.faults.append(fault)
        if chance.random() < 0.5:
            lines.close()
            lines = job.read(after=lines.position)
        count = chance.randrange(said - read + 1)
        assert take(lines, count) == [f"{number}" for number in range(read, read + count)]
        read += count
    assert begun
    job.end(pod)
    assert list(lines) == [f"{number}" for number in range(read, said)]


@pytest.mark.parametrize("follow", [True, False])
def test_reading_goes_on_with_the_pods_that_came_after(job: Job, follow: bool) -> None:
    first = job.pod(0, "a1", "a2")
    lines = job.read()
    assert take(lines, 2) == ["a1", "a2"]
    job.end_pod(first, 1)
    second = job.pod(0, "b1", "b2", attempt=1, suffix="fghij")
    assert take(lines, 1) == ["b1"]
    lines.close()
    third = job.pod(0, "c1", attempt=2, suffix="klmno")
    job.end_pod(second, 1)
    job.end(third)
    assert list(job.read(follow=follow, after=lines.position)) == ["b2", "c1"]
    job.made.delete_pod(second)
    assert list(job.read(follow=follow, after=lines.position)) == ["c1"]


def test_all_steps_are_read_on_from_what_was_yielded_and_not_from_what_was_read_ahead(job: Job) -> None:
    pods = [job.pod(index, *(f"{number}" for number in range(30))) for index in (0, 1)]
    found: list[str] = []
    position: str | None = None
    job.edge.faults += [Fault("/log", cut=cut) for cut in (3, 11, 5, 2)]
    for _ in range(5):
        more, position = job.take(9, position, step=None)
        found += more
    job.end(*pods)
    found += job.read(None, after=position)
    for step in NODES:
        assert [line for line in found if step in line] == [f"[{step}] {number}" for number in range(30)]


def test_a_log_whose_last_line_is_gone_is_read_as_it_is_now(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    pod = job.pod(0, "one", "two")
    _, position = job.take(1)
    job.edge.restart(job.made.namespace, pod)  # as after the kubelet has begun a new file, twice
    job.edge.restart(job.made.namespace, pod)
    job.say(pod, "later")
    assert list(job.read(follow=False, after=position)) == ["later"]
    assert "is gone" in caplog.text


def test_a_place_in_the_log_of_an_earlier_job_is_refused(job: Job) -> None:
    job.pod(0, "one")
    _, position = job.take(1)
    later = datetime(2100, 1, 1, tzinfo=UTC)
    for wrong, reason in ((position, "another job"), ("x", "no position"), (position[:-1], "no position")):
        with pytest.raises(InvalidInput, match=f"no place in the log of TrainJob 'a': it is .*{reason}"):
            read(job.logged(created=later), LogSelection(after=wrong))


# -- answers ------------------------------------------------------------------------------------------------------


def new(answer: LogAnswer, *lines: bytes) -> list[bytes]:
    return [text for line in lines for text in [answer.look(line)] if answer.new]


def test_lines_that_were_written_out_of_order_are_not_taken_for_old_ones() -> None:
    last = Mark(b"2026-01-01T00:00:11.000000001Z ", 1)
    assert last.since == "2026-01-01T00:00:10Z"
    written = [
        b"2026-01-01T00:00:11.000000002Z early",
        b"2026-01-01T00:00:11.000000001Z out",
        b"2026-01-01T00:00:10.999999999Z err",
        b"2026-01-01T00:00:11.000000001Z out",
    ]
    answer = LogAnswer(last)
    assert new(answer, written[0]) == []
    assert answer.doubtful
    assert not answer.hopeless
    assert new(answer, *written[1:]) == [b"err", b"out"]
    assert answer.mark == (last.stamp, 2)
    assert new(LogAnswer(answer.mark), *written) == []


def test_times_of_machines_with_an_offset_mean_what_they_say() -> None:
    answer = LogAnswer(Mark(b"2026-01-01T02:00:11.5+02:00 ", 1))
    assert Mark(b"2026-01-01T02:00:11.5+02:00 ", 1).since == "2026-01-01T00:00:10Z"
    for line, doubtful, hopeless in (
        (b"2026-01-01T00:00:11.5Z one", False, False),
        (b"2026-01-01T00:00:12.5Z two", True, False),
        (b"2026-01-01T03:00:12.500000001+03:00 three", True, True),
    ):
        assert new(answer, line) == []
        assert (answer.doubtful, answer.hopeless) == (doubtful, hopeless)


def test_the_rest_of_a_long_line_whose_beginning_was_read_is_not_a_line_of_its_own() -> None:
    answer = LogAnswer(Mark(b"2026-01-01T00:00:11Z ", 1))
    assert new(answer, b"the rest of a line of 20 KiB", b"2026-01-01T00:00:11Z one") == []
    assert new(answer, b"2026-01-01T00:00:12Z two") == [b"two"]
