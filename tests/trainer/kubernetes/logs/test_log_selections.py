"""The lines that a user picks out of the logs of a cluster's job: a container, the last lines, the lines since a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from kubeflow.cluster import Cluster
from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.backends.kubernetes.logs.job_logs import read
from kubeflow.trainer.backends.kubernetes.logs.logged_job import LoggedJob
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.loglines import LogLines
from tests.apiserver import Recorded
from tests.cluster.until import until
from tests.trainer.kubernetes.edge import Edge, Fault
from tests.trainer.kubernetes.logs.test_job_logs import QUICK, Job, take
from tests.trainer.kubernetes.objects import Made, running, terminated

NODES = ("node-0", "node-1")
GOING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
DONE = {"terminated": terminated(0)}
FAILED = {"terminated": terminated(1)}


@pytest.fixture
def job(server: Recorded, namespace: str, edge: Edge, cluster: Cluster) -> Job:
    return Job(Made(server, namespace), edge, cluster)


def pick(job: Job, selection: LogSelection, *, follow: bool = False, steps: Sequence[str] = NODES) -> LogLines:
    logged = LoggedJob(job.cluster, job.made.namespace, "a", steps, container=selection.container)
    return read(logged, selection, follow=follow, pace=QUICK)


def pod_of_three(job: Job, index: int = 0, phase: str = "Running", **states: object) -> str:
    """Make a pod with an init container `copy`, the main container and a sidecar `proxy`, each with lines."""
    spec = {
        "restartPolicy": "Never",
        "initContainers": [{"name": "copy", "image": "image"}],
        "containers": [{"name": "node", "image": "image"}, {"name": "proxy", "image": "image"}],
    }
    name = job.made.pod("a", index=index, spec=spec)
    job.made.pod_status(name, three(phase, **states))
    for container in ("copy", "node", "proxy"):
        job.edge.write(job.made.namespace, name, f"{container} 1", f"{container} 2", container=container)
    return name


def three(phase: str = "Running", **states: object) -> dict[str, object]:
    """Return the status of that pod: `copy` has succeeded and the others run, unless `states` say otherwise."""
    states = {"copy": DONE, "node": GOING, "proxy": GOING, **states}
    statuses = {
        name: {"name": name, "image": "image", "imageID": "", "ready": True, "restartCount": 0, "state": state}
        for name, state in states.items()
    }
    init = [statuses.pop("copy")]
    return {"phase": phase, "initContainerStatuses": init, "containerStatuses": [*statuses.values()]}


# -- containers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["copy", "node", "proxy"])
def test_any_container_of_a_step_can_be_read(job: Job, container: str) -> None:
    pod_of_three(job)
    assert list(pick(job, LogSelection("node-0", container))) == [f"{container} 1", f"{container} 2"]


def test_without_a_container_the_main_one_is_read(job: Job) -> None:
    pod_of_three(job)
    assert list(pick(job, LogSelection("node-0"))) == ["node 1", "node 2"]


def test_a_container_of_all_steps_is_read_of_those_that_have_it(job: Job) -> None:
    pod_of_three(job, 1)
    job.pod(0, "alone")
    assert list(pick(job, LogSelection(None, "proxy"))) == ["[node-1] proxy 1", "[node-1] proxy 2"]


def test_a_container_that_is_not_there_is_refused_with_those_that_are(job: Job) -> None:
    pod_of_three(job)
    words = (
        r"Step 'node-0' of TrainJob 'a' has no container 'proxi'.*Did you mean 'proxy'.*Containers: copy, node, proxy"
    )
    with pytest.raises(InvalidInput, match=words):
        pick(job, LogSelection("node-0", "proxi"))
    with pytest.raises(InvalidInput, match="TrainJob 'a' has no container 'x'"):
        pick(job, LogSelection(None, "x"))
    assert list(pick(job, LogSelection("node-1", "any"))) == []  # it has no pod yet, so that nobody knows


def test_an_init_container_that_fails_shows_why(job: Job) -> None:
    name = pod_of_three(job, phase="Failed", copy=FAILED)
    job.edge.write(job.made.namespace, name, "no such bucket", container="copy")
    assert list(pick(job, LogSelection("node-0", "copy")))[-1] == "no such bucket"


@pytest.mark.parametrize("container", ["copy", "proxy"])
def test_following_a_container_goes_on_until_it_has_ended_for_good(job: Job, container: str) -> None:
    def state(of_it: object) -> dict[str, object]:
        return three(copy=of_it) if container == "copy" else three(proxy=of_it)

    name = pod_of_three(job)
    job.made.pod_status(name, state(GOING))
    lines = pick(job, LogSelection("node-0", container), follow=True)
    assert take(lines, 2) == [f"{container} 1", f"{container} 2"]
    job.edge.write(job.made.namespace, name, "more", container=container)
    assert next(lines) == "more"
    job.edge.end(job.made.namespace, name, container)
    job.made.pod_status(name, state(DONE))
    assert list(lines) == []  # although the main container runs on


def test_a_position_is_of_the_container_that_was_read(job: Job) -> None:
    pod_of_three(job)
    lines = pick(job, LogSelection("node-0", "proxy"))
    assert next(lines) == "proxy 1"
    assert list(pick(job, LogSelection("node-0", "proxy", after=lines.position))) == ["proxy 2"]
    with pytest.raises(InvalidInput, match="is no place in the log"):
        pick(job, LogSelection("node-0", after=lines.position))


# -- the last lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "expected"), [(0, []), (1, ["9"]), (3, ["7", "8", "9"]), (99, [*"0123456789"])])
def test_the_last_lines_are_asked_for_and_not_the_whole_log(job: Job, count: int, expected: list[str]) -> None:
    job.pod(0, *"0123456789")
    assert list(pick(job, LogSelection("node-0", tail_lines=count))) == expected
    assert [request for request in job.edge.asked("/log") if f"tailLines={count}" not in request] == []


def test_each_step_has_its_own_last_lines(job: Job) -> None:
    job.pod(0, "a", "b")
    job.pod(1, "c", "d")
    assert list(pick(job, LogSelection(None, tail_lines=1))) == ["[node-0] b", "[node-1] d"]


def test_the_last_lines_are_those_of_the_newest_pod(job: Job) -> None:
    job.end_pod(job.pod(0, "old 1", "old 2"), 1)
    job.pod(0, "new", attempt=1, suffix="later")
    assert list(pick(job, LogSelection("node-0", tail_lines=5))) == ["new"]
    assert next(pick(job, LogSelection("node-0", tail_lines=5), follow=True)) == "new"


def test_a_container_that_was_just_started_again_has_the_last_lines_of_before(job: Job) -> None:
    job.restart(job.pod(0, "1", "2", "3"))
    assert list(pick(job, LogSelection("node-0", tail_lines=2))) == ["2", "3"]


@pytest.mark.parametrize("step", ["node-0", None])
def test_following_begins_with_the_last_lines_and_loses_none_after(job: Job, step: str | None) -> None:
    prefix = "" if step else "[node-0] "
    pod = job.pod(0, *"0123456789")
    job.edge.faults.append(Fault("/log", cut=1))
    lines = pick(job, LogSelection(step, tail_lines=2), follow=True)
    assert take(lines, 2) == [f"{prefix}8", f"{prefix}9"]
    job.say(pod, "10", "11", "12", "13")
    job.restart(pod)
    job.say(pod, "after")
    assert take(lines, 5) == [f"{prefix}{line}" for line in ("10", "11", "12", "13", "after")]
    job.end_pod(pod, 1)
    job.say(job.pod(0, attempt=1, suffix="later"), "x", "y", "z")
    assert take(lines, 3) == [f"{prefix}x", f"{prefix}y", f"{prefix}z"]  # a pod that starts later comes whole
    job.end("a-node-0-0-later")
    assert list(lines) == []


def test_a_pod_that_starts_after_one_began_to_follow_is_read_whole(job: Job) -> None:
    found: list[str] = []
    lines = pick(job, LogSelection("node-0", tail_lines=1), follow=True)
    reader = threading.Thread(target=lambda: found.extend(lines))
    reader.start()
    until(lambda: len(job.edge.asked("watch=true")) == 2)  # by then the pods were listed, and there was none
    time.sleep(0.5)
    pod = job.pod(0, "one", "two", "three")
    time.sleep(0.5)
    job.end(pod)
    reader.join(20)
    assert found == ["one", "two", "three"]


def test_reading_on_after_the_last_lines_misses_none(job: Job) -> None:
    pod = job.pod(0, *"0123456789")
    lines = pick(job, LogSelection("node-0", tail_lines=2))
    assert list(lines) == ["8", "9"]
    job.say(pod, "10")
    assert list(pick(job, LogSelection("node-0", after=lines.position))) == ["10"]


# -- since a time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [False, True])
def test_lines_since_a_time_are_exact_within_its_second(job: Job, follow: bool) -> None:
    pod = job.pod()
    begin = int(time.time()) - 100
    for tenth in range(20):
        job.say(pod, f"{tenth}", at=begin + tenth / 10)
    job.end(pod)
    since = datetime.fromtimestamp(begin + 0.75, UTC)
    found = list(pick(job, LogSelection("node-0", since=since), follow=follow))
    assert found == [f"{tenth}" for tenth in range(8, 20)]
    assert all("sinceTime=" in request for request in job.edge.asked("/log"))


def test_lines_since_a_time_come_of_all_lives_and_pods(job: Job) -> None:
    now = time.time()
    first = job.pod(0)
    job.say(first, "long ago", at=now - 1000)
    job.say(first, "first", at=now - 90)
    job.restart(first)
    job.say(first, "second", at=now - 80)
    job.end_pod(first, 1)
    second = job.pod(0, attempt=1, suffix="later")
    job.say(second, "third", at=now - 70)
    job.end(second)
    since = datetime.fromtimestamp(now - 100, UTC)
    assert list(pick(job, LogSelection("node-0", since=since), follow=True)) == ["first", "second", "third"]


def test_the_last_lines_since_a_time_are_both(job: Job) -> None:
    pod = job.pod()
    now = time.time()
    for ago in (50, 40, 30, 20):
        job.say(pod, f"{ago}", at=now - ago)
    since = datetime.fromtimestamp(now - 35, UTC)
    assert list(pick(job, LogSelection("node-0", since=since, tail_lines=9))) == ["30", "20"]
    assert list(pick(job, LogSelection("node-0", since=since, tail_lines=1))) == ["20"]


def test_nothing_was_said_since_is_no_line(job: Job) -> None:
    job.say(job.pod(), "before", at=time.time() - 60)
    since = datetime.fromtimestamp(time.time() - 5, UTC)
    assert list(pick(job, LogSelection("node-0", since=since))) == []


# -- sidecars that outlive the main container -----------------------------------------------------------------------


@pytest.mark.parametrize("step", ["node-0", None])
@pytest.mark.parametrize("end", [DONE, FAILED], ids=["succeeded", "failed"])
def test_following_a_step_ends_soon_after_its_main_container_although_a_sidecar_goes_on(
    job: Job, step: str | None, end: dict[str, object]
) -> None:
    name = pod_of_three(job)
    lines = pick(job, LogSelection(step), follow=True, steps=["node-0"])
    assert [line[-6:] for line in take(lines, 2)] == ["node 1", "node 2"]
    job.edge.write(job.made.namespace, name, "the end")
    job.edge.end(job.made.namespace, name)
    started = time.monotonic()  # before the end: the threads that read see it at once
    job.made.pod_status(name, three(node=end))
    assert [line[-7:] for line in lines] == ["the end"]
    assert QUICK.grace <= time.monotonic() - started < 10


def test_a_pod_that_ends_by_itself_soon_after_its_main_container_may_be_replaced(job: Job) -> None:
    name = pod_of_three(job)
    lines = pick(job, LogSelection("node-0"), follow=True, steps=["node-0"])
    assert take(lines, 2) == ["node 1", "node 2"]
    job.edge.end(job.made.namespace, name)
    job.made.pod_status(name, three(node=FAILED))
    time.sleep(QUICK.grace / 3)
    job.made.pod_status(name, three("Failed", node=FAILED, proxy=FAILED))
    time.sleep(QUICK.grace * 2)
    job.say(job.pod(0, attempt=1, suffix="later"), "again")
    assert next(lines) == "again"


def test_a_container_that_will_be_started_again_is_followed(job: Job) -> None:
    spec = {
        "restartPolicy": "OnFailure",
        "containers": [{"name": "node", "image": "i"}, {"name": "proxy", "image": "i"}],
    }
    name = job.made.pod("a", spec=spec)
    job.made.pod_status(name, three(node=FAILED))
    job.say(name, "first")
    lines = pick(job, LogSelection("node-0"), follow=True, steps=["node-0"])
    assert next(lines) == "first"
    time.sleep(QUICK.grace * 3)
    job.restart(name, told=False)
    job.made.pod_status(name, running(restarts=1, last=terminated(1)))
    job.say(name, "second")
    assert next(lines) == "second"
