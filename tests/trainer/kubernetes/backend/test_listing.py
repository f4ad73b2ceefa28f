"""Listing many jobs of a real API server: what is read of them, and that it is shown as for each job alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from kubeflow_api.trainer.v1alpha1 import TrainJob, TrainJobs

from kubeflow.core.resource import Request
from kubeflow.trainer import CustomTrainer, KubernetesBackendConfig, TrainerClient
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.backend.home import Counted, Home
from tests.trainer.kubernetes.backend.listed import train
from tests.trainer.kubernetes.objects import Made, condition, ended, running

Json = dict[str, Any]
FIRST = 20  # jobs that a listing reads whole
JOBS = 250


@dataclass
class Weighed(Counted):
    """Weighs what is read.

    Attributes:
        read: Bytes of all answers, as JSON. On the way they are compressed.
        whole: Names of the TrainJobs that came with their code.
    """

    read: int = 0
    whole: list[str] = field(default_factory=list[str])

    def send(self, request: Request) -> Mapping[str, object]:
        answer = super().send(request)
        self.read += len(json.dumps(answer, separators=(",", ":")))
        if request.path.endswith("/trainjobs"):
            items: Any = answer.get("items") or []
            self.whole += [item["metadata"]["name"] for item in items]
        return answer


def manifests(count: int, **more: Any) -> list[TrainJob]:
    """Return jobs `job-0000`, ... with different arguments, as this SDK renders them."""
    offline = TrainerClient(KubernetesBackendConfig(offline=True))
    first = offline.train(trainer=CustomTrainer.call(train, epochs=3, rate=0.1), dry_run=True).to_dict()
    jobs: list[TrainJob] = []
    for number in range(count):
        job = json.loads(json.dumps(first))
        job["metadata"]["name"] = f"job-{number:04}"
        job["spec"] |= more
        jobs.append(TrainJob.from_dict(job))
    return jobs


def create(backend: KubernetesBackend, jobs: list[TrainJob]) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(backend.create_job, jobs))


def weighing(home: Home, namespace: str) -> tuple[KubernetesBackend, Weighed]:
    backend, counted = home.backend(namespace, Weighed)
    assert isinstance(counted, Weighed)
    return backend, counted


def test_hundreds_of_jobs_are_listed_without_their_code(newest: Home, namespace: str) -> None:
    backend, counted = weighing(newest, namespace)
    create(backend, manifests(JOBS))
    made = newest.made(namespace)
    counted.sent()

    def is_cheap(expected: str) -> None:
        counted.read, counted.whole = 0, []
        jobs = backend.list_jobs()
        assert len(jobs) == JOBS
        assert {job.status for job in jobs} == {expected}
        assert counted.read < 3_000 * JOBS  # whole jobs have ten thousand bytes and more
        assert len(counted.whole) == FIRST
        assert len(counted.sent()) == 3  # pods, the first jobs, outlines
        assert jobs[-9] == backend.get_job(jobs[-9].name)
        counted.sent()

    is_cheap("Created")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(made.end, [f"job-{number:04}" for number in range(JOBS)]))
    is_cheap("Complete")


COMPLETE = condition("Complete", "AllJobsCompleted", "done")
FAILED = condition("Failed", "FailedJobs", "boom")
SUSPENDED = condition("Suspended", "Suspended", "TrainJob is suspended")
RESUMED = condition("Suspended", "Resumed", "TrainJob is resumed", "False")
ACTIVE = [{"name": "node", "ready": 0, "succeeded": 0, "failed": 0, "active": 1, "suspended": 0}]
READY = [{**ACTIVE[0], "ready": 1}]
UNLIKE = [*ACTIVE, {**ACTIVE[0], "name": "extra"}]

Happening = Callable[[Made, Home, str], object]


def status(**fields: object) -> Happening:
    return lambda made, home, name: made.job_status(name, **fields)


def pods(*statuses: Json) -> Happening:
    return lambda made, home, name: [made.pod(name, index=index, status=each) for index, each in enumerate(statuses)]


def patched(patch: Json) -> Happening:
    def happen(made: Made, home: Home, name: str) -> None:
        path = f"{API}/namespaces/{made.namespace}/trainjobs/{name}"
        home.wire.patch(path, patch)

    return happen


def copied(made: Made, home: Home, name: str) -> None:
    """Make the job anew, annotation and all, with another number of nodes: as `kubectl create` of its YAML does."""
    path = f"{API}/namespaces/{made.namespace}/trainjobs"
    job = home.wire.send("GET", f"{path}/{name}")
    home.wire.remove(f"{path}/{name}")
    metadata = {key: job["metadata"][key] for key in ("name", "labels", "annotations")}
    home.wire.send("POST", path, {**job, "metadata": metadata, "spec": job["spec"] | {"trainer": {"numNodes": 7}}})


# Name, what happens to the job after it was made, and whether its outline says enough.
CASES: list[tuple[str, list[Happening], bool]] = [
    ("fresh", [], True),
    ("complete", [status(conditions=[COMPLETE], jobsStatus=READY)], True),
    ("complete with pods", [pods(ended(0), ended(0)), status(conditions=[COMPLETE], jobsStatus=READY)], True),
    ("complete after a pause", [status(conditions=[RESUMED, COMPLETE])], True),
    ("complete, and resumed later", [status(conditions=[COMPLETE, RESUMED])], False),
    ("failed", [pods(ended(1)), status(conditions=[FAILED])], True),
    ("suspended", [patched({"spec": {"suspend": True}}), status(conditions=[SUSPENDED])], False),
    ("suspended, and nobody has seen it", [patched({"spec": {"suspend": True}})], False),
    ("resumed", [status(conditions=[RESUMED])], False),
    ("running", [pods(running(), running()), status(jobsStatus=ACTIVE)], True),
    ("running on Trainer 2.0", [pods(running())], True),
    ("starting", [pods(running()), status(jobsStatus=ACTIVE)], False),
    ("running elsewhere", [status(jobsStatus=READY)], False),
    ("with progress", [status(conditions=[COMPLETE], trainerStatus={"progressPercentage": 100, "lastUpdatedTime": "2026-01-01T00:00:00Z"})], False),
    ("with an unlike JobSet", [status(conditions=[COMPLETE], jobsStatus=UNLIKE)], True),
    ("copied", [copied], False),
]  # fmt: skip


def test_a_job_is_listed_as_it_is_shown_alone_whatever_has_happened_to_it(newest: Home, namespace: str) -> None:
    backend, counted = weighing(newest, namespace)
    made = newest.made(namespace)
    few = manifests(FIRST + len(CASES), trainer={"numNodes": 2, "resourcesPerNode": {"limits": {"nvidia.com/gpu": 4}}})
    create(backend, few)
    # Names come in order: the cases are behind those that are read whole.
    cases = {f"job-{FIRST + number:04}": case for number, case in enumerate(CASES)}
    for name, (_, happenings, _) in cases.items():
        for happen in happenings:
            happen(made, newest, name)
    counted.sent()
    counted.whole.clear()

    jobs = {job.name: job for job in backend.list_jobs()}
    whole = set(counted.whole)
    requests = len(counted.sent())

    assert len(jobs) == FIRST + len(CASES)
    for name, (what, _, enough) in cases.items():
        assert jobs[name] == backend.get_job(name), what
        assert (name not in whole) is enough, what
    assert requests == 4  # pods, the first jobs, outlines, and whole jobs by their ids
    assert jobs[next(name for name, case in cases.items() if case[0] == "copied")].num_nodes == 7
    assert jobs["job-0020"].steps[0].device_count == "4"


def test_what_an_outline_repeats_is_believed_only_if_nobody_has_written_it_since(newest: Home, namespace: str) -> None:
    """The typed client of the same SDK writes in another name than `train` and `create_job`."""
    backend, counted = weighing(newest, namespace)
    create(backend, manifests(FIRST + 3, trainer={"numNodes": 2}))
    direct = TrainJobs(counted, namespace)
    copy: Json = json.loads(direct.get("job-0020").to_json())
    copy["metadata"] = {"name": "job-9999", "annotations": copy["metadata"]["annotations"]}
    copy["spec"]["trainer"]["numNodes"] = 5
    direct.create(TrainJob.from_dict(copy))
    direct.patch("job-0021", {"metadata": {"annotations": {"example.com/team": "red"}}})

    counted.whole.clear()
    jobs = {job.name: job for job in backend.list_jobs()}
    assert jobs["job-9999"].num_nodes == 5
    assert jobs["job-0020"].num_nodes == jobs["job-0021"].num_nodes == 2
    assert counted.whole[FIRST:] == ["job-9999"]


def test_a_job_that_was_scaled_is_listed_with_its_new_size(every: Home, namespace: str) -> None:
    backend, _ = weighing(every, namespace)
    create(backend, manifests(FIRST + 1))
    backend.suspend_job("job-0020")
    if every.minor in ("2.0", "2.1"):  # later ones let nobody scale a job
        backend.scale_job("job-0020", 3)
    job = {job.name: job for job in backend.list_jobs()}["job-0020"]
    assert (job.status, job.num_nodes) == ("Suspended", 3 if every.minor in ("2.0", "2.1") else 1)


def test_jobs_of_others_beside_those_of_this_sdk_come_once_each(newest: Home, namespace: str) -> None:
    backend, counted = weighing(newest, namespace)
    create(backend, manifests(FIRST + 5))
    made = newest.made(namespace)
    for number in range(3):
        made.trainjob(f"a-{number}")  # among the first
        made.trainjob(f"z-{number}")  # and the last
    counted.sent()

    jobs = backend.list_jobs()
    assert len(counted.sent()) == 4  # pods, the first jobs, outlines, and whole jobs that have no id
    assert len(jobs) == len({job.name for job in jobs}) == FIRST + 11
    for name in ("a-0", "z-2", "job-0024"):
        assert next(job for job in jobs if job.name == name) == backend.get_job(name)


def test_a_selector_chooses_among_outlines_too(newest: Home, namespace: str) -> None:
    backend, counted = weighing(newest, namespace)
    jobs = manifests(FIRST + 10)
    for number, job in enumerate(jobs):
        assert job.metadata is not None
        job.metadata.labels = {"team": "red" if number % 10 else "blue"}
    create(backend, jobs)
    newest.made(namespace).job_status("job-0029", conditions=[RESUMED])
    assert len(backend.list_jobs("team=red")) == 27
    assert [job.name for job in backend.list_jobs("team in (blue, green)")] == ["job-0000", "job-0010", "job-0020"]
    assert {job.name for job in backend.list_jobs("team!=blue")} == {f"job-{n:04}" for n in range(30) if n % 10}
    assert counted.requests
