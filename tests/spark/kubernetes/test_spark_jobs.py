"""Spark jobs on a real API server with the operator's kinds, run by an operator that tests play."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster.errors import AlreadyExists, Unreachable
from kubeflow.core.errors import InvalidInput
from kubeflow.core.transport import Request, Transport
from kubeflow.spark import (
    Driver,
    FileJob,
    FuncJob,
    KubernetesBackendConfig,
    SparkClient,
    SparkJob,
    SparkJobStatus,
    options,
)
from kubeflow.spark.backends.kubernetes.backend import SparkOnKubernetes
from kubeflow.spark.errors import (
    NoSparkJobResult,
    SparkJobExists,
    SparkJobFailed,
    SparkJobNotFound,
    SparkJobWaitTimeout,
)
from kubeflow.trainer.options import Queue, Suspend
from tests.cluster.faults import Fault
from tests.cluster.scenarios import Script
from tests.cluster.spark.sparkcontroller import SparkScenario
from tests.cluster.spark.sparkstage import Home, config_of
from tests.cluster.until import until
from tests.spark.kubernetes.cleaning import BAD, OOM, STAYS, WELL, count, end_when_told, fail, sleep_quietly

WAIT = 60.0


def scripted(*scripts: Script, **more: Any) -> SparkScenario:
    return SparkScenario(driver=lambda attempt: scripts[min(attempt, len(scripts) - 1)], **more)


def names(home: Home, plural: str) -> list[str]:
    return [item["metadata"]["name"] for item in home.wire.items(home.core(plural))]


# -- functions -----------------------------------------------------------------------------------------------------


def test_a_function_runs_from_its_config_map_and_its_result_comes_back(home: Home) -> None:
    before = home.sent
    job = home.client.process_data(count, args={"rows": 7}, num_executors=2, driver=Driver(resources={"cpu": 1}))
    writes = [request for request in home.requests(before) if request.writes and "reviews" not in request.path]

    done = home.client.wait_for_job_status(job, timeout=WAIT)

    assert done.status is SparkJobStatus.COMPLETED
    assert home.client.get_job_result(job) == {"rows": 7}
    assert list(home.client.get_job_logs(job)) == ["counting 7 rows with Spark 4.0.4"]
    assert [request.method for request in writes] == ["POST", "POST", "PATCH"]
    owner = home.wire.send("GET", home.core("configmaps", f"{job}-code"))["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("SparkApplication", str(job))
    stored = home.wire.send("GET", home.path("sparkapplications", job))
    assert stored["spec"]["driver"]["serviceAccount"] == "spark-operator-spark"
    assert stored["spec"]["mainApplicationFile"] == "local:///opt/kubeflow/job/main.py"


def test_an_exception_of_the_function_is_that_of_the_job(home: Home) -> None:
    job = home.client.submit_job(FuncJob(func=fail))

    with pytest.raises(SparkJobFailed, match="ValueError: no column 'price'") as failed:
        home.client.wait_for_job_status(job, timeout=WAIT)

    assert failed.value.exception == "ValueError: no column 'price'"
    assert "about to fail" in failed.value.log
    with pytest.raises(SparkJobFailed):
        home.client.get_job_result(job)
    said = home.client.explain(job)
    assert said.startswith(f"Spark job {str(job)!r} is Failed: its driver raised ValueError: no column 'price'.")
    until(lambda: "SparkApplicationFailed" in home.client.explain(job))  # an event is written after the status


def test_a_deleted_driver_takes_its_result_along(home: Home) -> None:
    short = home.client.process_data(sleep_quietly, args={"seconds": 0.0})
    home.client.wait_for_job_status(short, timeout=WAIT)
    home.wire.remove(home.core("pods", f"{short}-driver"))
    with pytest.raises(NoSparkJobResult, match="the pod of its driver, whose status had it, is gone"):
        home.client.get_job_result(short)


def test_what_is_shown_runs_where_it_is_applied(home: Home) -> None:
    shown = home.client.process_data(count, args={"rows": 4}, name="applied", dry_run=True)
    assert names(home, "configmaps").count("applied-code") == 0
    written = list(yaml.safe_load_all(shown.to_yaml()))
    assert [each["kind"] for each in written] == ["ConfigMap", "SparkApplication"]
    assert written == [*shown.companions, shown.to_dict()]

    home.wire.send("POST", home.core("configmaps"), written[0])
    home.wire.send("POST", home.path("sparkapplications"), written[1])

    assert home.client.wait_for_job_status("applied", timeout=WAIT).status is SparkJobStatus.COMPLETED
    assert home.client.get_job_result("applied") == {"rows": 4}


# -- both objects or none ------------------------------------------------------------------------------------------


def test_a_refused_application_leaves_no_code_behind(home: Home) -> None:
    front = home.cluster.front
    front.inject(Fault("answer", code=403), method="POST", path=f"{home.namespace}/sparkapplications")

    with pytest.raises(Exception, match="sparkapplications"):
        home.client.process_data(count, args={"rows": 1}, name="refused")

    assert "refused-code" not in names(home, "configmaps")
    assert home.client.list_jobs() == []


def test_a_taken_name_is_said_and_the_code_of_the_other_job_stays(home: Home) -> None:
    home.operator.scenarios["twice"] = scripted(STAYS)
    home.client.process_data(count, args={"rows": 1}, name="twice")
    with pytest.raises(SparkJobExists, match="'twice'"):
        home.client.process_data(count, args={"rows": 2}, name="twice")
    assert names(home, "configmaps").count("twice-code") == 1


def test_an_answer_that_is_lost_makes_the_job_once(home: Home) -> None:
    for path in ("configmaps", "sparkapplications"):
        home.cluster.front.inject(Fault("drop-after"), method="POST", path=f"{home.namespace}/{path}")
    job = home.client.process_data(count, args={"rows": 3})
    home.client.wait_for_job_status(job, timeout=WAIT)
    assert [each.name for each in home.client.list_jobs()] == [str(job)]
    assert home.client.get_job_result(job) == {"rows": 3}


def test_code_that_a_deleted_job_has_left_is_replaced_and_that_of_a_schedule_is_not(home: Home) -> None:
    owner = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "left", "uid": "before"}
    left = {"metadata": {"name": "left-code", "ownerReferences": [owner]}}  # the cluster takes a moment to collect it
    home.wire.send("POST", home.core("configmaps"), left)
    job = home.client.process_data(count, args={"rows": 5}, name="left")
    home.client.wait_for_job_status(job, timeout=WAIT)
    assert home.client.get_job_result(job) == {"rows": 5}

    home.client.process_data(count, args={"rows": 1}, name="daily", options=[options.Schedule("@daily"), Suspend()])
    code = home.wire.send("GET", home.core("configmaps", "daily-code"))
    with pytest.raises(AlreadyExists):
        home.client.process_data(count, args={"rows": 2}, name="daily")
    assert home.wire.send("GET", home.core("configmaps", "daily-code"))["metadata"]["uid"] == code["metadata"]["uid"]


class Forgetful:
    """A transport whose answers to creates of applications get lost for good; with `deaf`, so do the requests."""

    def __init__(self, transport: Transport, *, deaf: bool) -> None:
        self._transport, self._deaf = transport, deaf

    def send(self, request: Request) -> Mapping[str, object]:
        if request.method == "POST" and request.path.endswith("sparkapplications"):
            if not self._deaf:
                self._transport.send(request)
            raise Unreachable("the answer got lost")
        return self._transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        return self._transport.lines(request)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_job_whose_making_nobody_has_seen_keeps_its_code_or_leaves_nothing(home: Home, deaf: bool) -> None:
    home.operator.scenarios["unseen"] = scripted(STAYS)
    config = config_of(home.cluster, home.namespace)
    client = SparkClient(KubernetesBackendConfig(offline=True))
    client.backend = SparkOnKubernetes(config, lambda transport: Forgetful(transport, deaf=deaf))
    if deaf:
        with pytest.raises(Unreachable):
            client.process_data(count, args={"rows": 1}, name="unseen")
        assert "unseen-code" not in names(home, "configmaps")
        return
    client.process_data(count, args={"rows": 1}, name="unseen")
    owner = home.wire.send("GET", home.core("configmaps", "unseen-code"))["metadata"]["ownerReferences"][0]
    assert owner["name"] == "unseen"


def test_reading_a_log_goes_on_where_it_was_left(home: Home) -> None:
    lines = [f"line {number}" for number in range(50)]
    home.operator.scenarios["read"] = scripted(Script(lines=lines))
    job = home.client.process_data(file="local:///opt/etl.py", name="read")
    home.client.wait_for_job_status(job, timeout=WAIT)
    reading = home.client.get_job_logs(job)
    first = [next(reading) for _ in range(20)]
    assert [*first, *home.client.get_job_logs(job, after=reading.position)] == lines
    with pytest.raises(InvalidInput, match="is no place in the log of Spark job 'read': it is no position"):
        home.client.get_job_logs(job, after="here")


# -- states --------------------------------------------------------------------------------------------------------


def test_a_job_that_is_tried_again_has_not_failed(home: Home) -> None:
    seen: list[tuple[SparkJobStatus | None, str]] = []
    noted = threading.Event()

    def note(job: SparkJob) -> None:
        seen.append((job.status, job.message))
        if job.status is SparkJobStatus.RETRYING:
            noted.set()

    home.operator.scenarios["flaky"] = scripted(BAD, WELL, again=noted)
    job = home.client.process_data(
        file="local:///opt/etl.py", name="flaky", options=[options.Retries(on_failure=2, interval=40)]
    )
    done = home.client.wait_for_job_status(job, timeout=WAIT, polling_interval=0.05, callbacks=[note])

    assert (done.status, done.attempts) == (SparkJobStatus.COMPLETED, 2)
    states = home.operator.states["flaky"]
    assert states == [
        "SUBMITTED",
        "RUNNING",
        "FAILING",
        "PENDING_RERUN",
        "SUBMITTED",
        "RUNNING",
        "SUCCEEDING",
        "COMPLETED",
    ]
    retrying = [message for status, message in seen if status is SparkJobStatus.RETRYING]
    assert any("its driver failed in attempt 1 of 3, and it is tried again at" in message for message in retrying)
    assert list(home.client.get_job_logs(job))[-2:] == ["first", "second"]


def test_what_spark_submit_says_is_the_reason(home: Home) -> None:
    home.operator.scenarios["unsubmitted"] = SparkScenario(submission_error=lambda _: "pods is forbidden: quota")
    job = home.client.process_data(file="local:///opt/etl.py", name="unsubmitted")
    with pytest.raises(SparkJobFailed, match="failed to run spark-submit: pods is forbidden: quota"):
        home.client.wait_for_job_status(job, timeout=WAIT)
    assert home.client.get_job(job).attempts == 0


def test_a_driver_without_memory_is_told_as_such(home: Home) -> None:
    home.operator.scenarios["hungry"] = scripted(OOM)
    job = home.client.process_data(file="local:///opt/etl.py", name="hungry")
    with pytest.raises(SparkJobFailed, match="its driver ran out of memory"):
        home.client.wait_for_job_status(job, timeout=WAIT)
    said = home.client.explain(job)
    assert "driver=Driver(resources={'memory': '4Gi'})" in said
    assert home.client.get_job(job).message == "driver container failed with ExitCode: 137, Reason: OOMKilled"


def test_a_jar_that_throws_fails_with_its_exception(home: Home) -> None:
    lines = [
        'Exception in thread "main" java.lang.IllegalStateException: no table',
        "\tat org.example.Etl.main(Etl.scala:9)",
    ]
    home.operator.scenarios["thrown"] = scripted(Script(lines=["begun", *lines], exit_code=1))
    job = home.client.process_data(jar="local:///opt/etl.jar", main_class="org.example.Etl", args=["x"], name="thrown")
    assert home.wire.send("GET", home.path("sparkapplications", job))["spec"]["mainClass"] == "org.example.Etl"
    with pytest.raises(SparkJobFailed, match="its driver raised java.lang.IllegalStateException: no table") as failed:
        home.client.wait_for_job_status(job, timeout=WAIT)
    assert (failed.value.exception, list(failed.value.log)) == ("java.lang.IllegalStateException: no table", lines)
    said = home.client.explain(job)
    assert "is Failed: its driver raised java.lang.IllegalStateException: no table." in said
    assert "at org.example.Etl.main(Etl.scala:9)" in said


def test_executors_without_memory_are_named(home: Home) -> None:
    starved = Script(exit_code=137, reason="OOMKilled")
    home.operator.scenarios["starved"] = scripted(STAYS, executor=lambda n: starved if n == 2 else STAYS)
    job = home.client.process_data(file="local:///opt/etl.py", name="starved", num_executors=3)
    until(lambda: "executor-2 ran out of memory" in home.client.explain(job))
    assert "resources_per_executor={'memory': '8Gi'}" in home.client.explain(job)
    until(lambda: sorted((home.client.get_job(job).executors or {}).values()) == ["FAILED", "RUNNING", "RUNNING"])


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (SparkScenario(pull_error="manifest unknown"), "driver cannot get its image (ErrImagePull)"),
        (SparkScenario(unschedulable="0/3 nodes: Insufficient memory."), "driver cannot be placed: 0/3 nodes"),
    ],
)
def test_why_a_driver_does_not_start_is_said(home: Home, scenario: SparkScenario, said: str) -> None:
    name = f"waits-{abs(hash(said)) % 1000}"
    home.operator.scenarios[name] = scenario
    job = home.client.process_data(file="local:///opt/etl.py", name=name)
    until(lambda: said in home.client.explain(job))
    with pytest.raises(SparkJobWaitTimeout, match="It goes on"):
        home.client.wait_for_job_status(job, timeout=0.2)


def test_a_suspended_job_has_no_pods(home: Home) -> None:
    home.operator.scenarios["paused"] = scripted(STAYS)
    job = home.client.process_data(file="local:///opt/etl.py", name="paused", num_executors=2)
    home.client.wait_for_job_status(job, status=SparkJobStatus.RUNNING, timeout=WAIT)

    home.client.suspend_job(job)
    home.client.wait_for_job_status(job, status=SparkJobStatus.SUSPENDED, timeout=WAIT)
    until(lambda: names(home, "pods") == [])


def test_a_resumed_job_waits_for_the_end_of_its_pods(home: Home, tmp_path: Path) -> None:
    home.operator.scenarios["slow"] = SparkScenario(grace=WAIT)
    job = home.client.process_data(end_when_told, args={"folder": str(tmp_path)}, name="slow")
    until((tmp_path / "ready").exists)

    home.client.suspend_job(job)
    home.client.wait_for_job_status(job, status=SparkJobStatus.SUSPENDED, timeout=WAIT)
    home.client.resume_job(job)
    time.sleep(0.2)  # that a new driver does not start takes a moment to be seen

    assert home.client.get_job(job).status is SparkJobStatus.CREATED
    said = home.client.explain(job)
    assert "is resumed, and is submitted anew once its pods have ended" in said
    assert "resume_job" not in said
    (tmp_path / "go").touch()
    assert home.client.wait_for_job_status(job, timeout=WAIT).status is SparkJobStatus.COMPLETED
    assert home.operator.states[job].count("SUBMITTED") == 2


def test_a_job_in_a_queue_is_made_suspended_with_its_label(home: Home) -> None:
    job = home.client.process_data(count, args={"rows": 1}, options=[Queue("team-a")])
    assert home.client.get_job(job).status is SparkJobStatus.SUSPENDED
    stored = home.wire.send("GET", home.path("sparkapplications", job))
    assert stored["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert "Kueue's queue 'team-a'" in home.client.explain(job)


# -- logs ----------------------------------------------------------------------------------------------------------


def test_followed_lines_are_exact_and_wait_for_the_driver(home: Home) -> None:
    lines = [f"line {number} – ü" for number in range(2000)]
    home.operator.scenarios["talks"] = scripted(Script(lines=lines, together=50), pull=0.5)
    job = home.client.process_data(file="local:///opt/etl.py", name="talks")
    before = home.sent

    assert list(home.client.get_job_logs(job, follow=True)) == lines
    pods = [request for request in home.requests(before) if request.path == home.core("pods")]
    assert all("spark-role=driver" in request.query.get("labelSelector", "") for request in pods)
    assert list(home.client.get_job_logs(job)) == lines
    assert list(home.client.get_job_logs(job, tail_lines=2)) == lines[-2:]


def test_lines_of_executors_have_their_origin(home: Home) -> None:
    home.operator.scenarios["many"] = scripted(STAYS, executor=lambda n: Script(lines=(f"partition {n}",), stays=None))
    job = home.client.process_data(file="local:///opt/etl.py", name="many", num_executors=2)
    wanted = ["[executor-1] partition 1", "[executor-2] partition 2"]
    until(lambda: sorted(home.client.get_job_logs(job, role="executor")) == wanted)
    assert list(home.client.get_job_logs(job, role="executor-2")) == ["partition 2"]
    with pytest.raises(InvalidInput, match="has no 'worker'"):
        home.client.get_job_logs(job, role="worker")


# -- listings ------------------------------------------------------------------------------------------------------


BROKEN: list[dict[str, Any]] = [
    {"spec": {"driver": {"template": {"spec": {}}}}},
    {"spec": {"driver": {"template": {"metadata": {"labels": {"a": "b"}}}}}},
    {"spec": {"executor": {"template": {"spec": {"containers": "none"}}}}},
    {"spec": {"sparkVersion": "0"}, "status": {"applicationState": {"state": "REINCARNATED"}}},
    {"status": {"applicationState": {"state": "UNKNOWN"}}},
    {"status": {"applicationState": {"state": "RUNNING"}, "executorState": {"x": "DANCING"}}},
    {"metadata": {"labels": {"foreign": "true"}}},
    {"spec": {"type": "R", "mainApplicationFile": "s3a://b/x.R"}},
    {"spec": {"type": "Scala", "mainClass": "a.B"}},
    {"spec": {"executor": {"instances": 999}}},
]


def test_foreign_and_odd_applications_do_not_break_a_listing(home: Home) -> None:
    for index, odd in enumerate([*BROKEN, *BROKEN]):
        body: dict[str, Any] = {
            "apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": f"odd-{index}", **odd.get("metadata", {})},
            "spec": {
                "type": "Python",
                "sparkVersion": "4.0.4",
                "mainApplicationFile": "local:///x.py",
                "driver": {},
                "executor": {},
                **odd.get("spec", {}),
            },
        }
        home.operator.scenarios[f"odd-{index}"] = SparkScenario(ignored=True)
        home.wire.send("POST", home.path("sparkapplications"), body)
        if "status" in odd:
            status = {"driverInfo": {}, **odd["status"]}
            home.wire.patch(f"{home.path('sparkapplications', f'odd-{index}')}/status", {"status": status})
    own = home.client.process_data(count, args={"rows": 2})
    home.client.wait_for_job_status(own, timeout=WAIT)

    before = home.sent
    jobs = {job.name: job for job in home.client.list_jobs()}

    assert len(jobs) == 21
    assert len(home.answered(before)) == 1
    assert jobs[str(own)].status is SparkJobStatus.COMPLETED
    assert jobs["odd-3"].status is jobs["odd-4"].status is SparkJobStatus.UNKNOWN
    assert "REINCARNATED" in jobs["odd-3"].message
    assert "REINCARNATED" in home.client.explain("odd-3")


def test_a_missing_job_is_told_with_names_like_it(home: Home) -> None:
    home.operator.scenarios["cleaning"] = scripted(STAYS)
    home.client.process_data(file="local:///opt/etl.py", name="cleaning")
    for call in (home.client.get_job, home.client.explain, home.client.delete_job, home.client.get_job_events):
        with pytest.raises(SparkJobNotFound, match="Did you mean 'cleaning'"):
            call("cleanin")


# -- requests ------------------------------------------------------------------------------------------------------


def test_what_a_job_costs_does_not_depend_on_its_executors(home: Home) -> None:
    home.operator.scenarios["wide"] = scripted(STAYS)
    job = home.client.process_data(file="local:///opt/etl.py", name="wide", num_executors=12)
    home.client.wait_for_job_status(job, status=SparkJobStatus.RUNNING, timeout=WAIT)
    until(lambda: len(names(home, "pods")) == 13)
    costs: dict[str, int] = {}
    calls: dict[str, Callable[[], object]] = {
        "get_job": lambda: home.client.get_job(job),
        "events": lambda: home.client.get_job_events(job),
        "explain": lambda: home.client.explain(job),
        "logs": lambda: list(home.client.get_job_logs(job)),
        "list": home.client.list_jobs,
    }
    for what, call in calls.items():
        before = home.sent
        call()
        costs[what] = len(home.answered(before))
    assert costs == {"get_job": 1, "events": 2, "explain": 3, "logs": 3, "list": 1}


def test_events_are_those_of_the_job_and_its_pods(home: Home) -> None:
    home.operator.scenarios["told"] = scripted(WELL)
    home.operator.scenarios["other"] = scripted(STAYS)
    home.client.process_data(file="local:///opt/etl.py", name="other")
    job = home.client.process_data(file="local:///opt/etl.py", name="told")
    home.client.wait_for_job_status(job, timeout=WAIT)
    events = home.client.get_job_events(job)
    reasons = [event.reason for event in events]
    assert {"SparkApplicationAdded", "SparkApplicationSubmitted", "Scheduled", "Started"} <= set(reasons)
    assert {event.involved_object_name.split("-")[0] for event in events} == {"told"}


# -- deletion ------------------------------------------------------------------------------------------------------


def test_a_deleted_job_takes_its_pods_and_its_code_along(home: Home) -> None:
    home.operator.scenarios["gone"] = scripted(STAYS)
    job = home.client.process_data(count, args={"rows": 1}, name="gone")
    home.client.wait_for_job_status(job, status=SparkJobStatus.RUNNING, timeout=WAIT)
    before = home.sent
    home.client.delete_job(job)
    assert [sent.method for sent in home.answered(before)] == ["DELETE"]
    until(lambda: not names(home, "pods") and "gone-code" not in names(home, "configmaps"))

    again = home.client.process_data(count, args={"rows": 1}, name="gone")
    home.client.wait_for_job_status(again, status=SparkJobStatus.RUNNING, timeout=WAIT)
    until(lambda: len(names(home, "pods")) == 2)  # its executor as well
    home.client.delete_job(again, wait=True, timeout=WAIT)
    assert names(home, "pods") == []
    assert home.client.list_jobs() == []


# -- schedules, files ----------------------------------------------------------------------------------------------


def test_a_schedule_is_taken_by_the_server_and_can_be_suspended_and_deleted(home: Home) -> None:
    name = home.client.process_data(
        count, args={"rows": 1}, name="nightly", options=[options.Schedule("0 3 * * *", time_zone="Europe/Berlin")]
    )
    stored = home.wire.send("GET", home.path("scheduledsparkapplications", name))
    assert (stored["spec"]["schedule"], stored["spec"]["timeZone"]) == ("0 3 * * *", "Europe/Berlin")
    owner = home.wire.send("GET", home.core("configmaps", "nightly-code"))["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "ScheduledSparkApplication"
    home.client.suspend_job(name)
    assert home.wire.send("GET", home.path("scheduledsparkapplications", name))["spec"]["suspend"] is True
    with pytest.raises(SparkJobNotFound, match="whose runs are jobs called 'nightly-...'"):
        home.client.get_job(name)
    home.client.delete_job(name)
    assert home.wire.items(home.path("scheduledsparkapplications")) == []


def test_a_schedule_that_is_deleted_is_waited_for_with_its_runs(home: Home) -> None:
    names_of_runs = ["hourly-1", "hourly-2"]
    for run in (*names_of_runs, "other"):
        home.operator.scenarios[run] = scripted(STAYS)
    job = home.client.process_data(
        file="local:///opt/etl.py", name="hourly", options=[options.Schedule("@hourly"), Suspend()]
    )
    schedule = home.wire.send("GET", home.path("scheduledsparkapplications", job))
    owner = {key: schedule[key] for key in ("apiVersion", "kind")}
    owner |= {"name": "hourly", "uid": schedule["metadata"]["uid"], "controller": True}
    for run in names_of_runs:  # as the operator makes them
        labels = {"sparkoperator.k8s.io/scheduled-app-name": "hourly"}
        metadata = {"name": run, "labels": labels, "ownerReferences": [owner]}
        body = {"apiVersion": owner["apiVersion"], "kind": "SparkApplication", "metadata": metadata}
        home.wire.send("POST", home.path("sparkapplications"), {**body, "spec": schedule["spec"]["template"]})
    home.client.process_data(file="local:///opt/etl.py", name="other")
    for run in (*names_of_runs, "other"):
        home.client.wait_for_job_status(run, status=SparkJobStatus.RUNNING, timeout=WAIT)

    home.client.delete_job(job, wait=True, timeout=WAIT)

    assert [each.name for each in home.client.list_jobs()] == ["other"]
    assert {name.split("-")[0] for name in names(home, "pods")} == {"other"}


def test_a_file_runs_with_its_arguments(home: Home) -> None:
    home.operator.scenarios["words"] = scripted(WELL, ignored=True)
    job = home.client.submit_job(
        FileJob(file_source="s3a://bucket/etl.py", args=["--day", "$(date)"]),
        options=[options.Name("words"), Suspend()],
    )
    stored = home.wire.send("GET", home.path("sparkapplications", job))["spec"]
    assert stored["arguments"] == ["--day", "$$(date)"]
    assert (stored["mainApplicationFile"], stored["type"], stored["suspend"]) == ("s3a://bucket/etl.py", "Python", True)
