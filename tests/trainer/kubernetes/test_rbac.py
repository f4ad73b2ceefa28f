"""Who may do what: everything with exactly the role that upstream ships; without a right, an error that names it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kubeflow.cluster import Forbidden
from kubeflow.trainer import CustomTrainer, TrainerClient
from tests.cluster.scenarios import REAL, Script, scripted
from tests.cluster.stage import MINORS, MISSING, REASON
from tests.cluster.trainjobs import API
from tests.trainer.kubernetes.fences import HOME, RBAC, Fenced, fenced

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)

WAIT = 180  # seconds


def nothing() -> None:
    pass


def ranks(base: int) -> tuple[int, int, int]:
    import os

    return base, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with ExitStack() as stack:
        yield fenced(tmp_path_factory.mktemp("fenced"), MINORS[-1], stack)


@pytest.mark.parametrize("minor", MINORS)
def test_the_shipped_edit_role_is_enough_for_everything(
    minor: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as stack:
        there: Fenced = (
            request.getfixturevalue("newest") if minor == MINORS[-1] else fenced(tmp_path / minor, minor, stack)
        )
        client = there.client("editor", tmp_path)

        assert "torch-distributed" in {runtime.name for runtime in client.list_runtimes()}
        assert client.get_runtime("torch-distributed").trainer.framework == "torch"
        name = client.train("torch-distributed", trainer=CustomTrainer(nothing, num_nodes=2, env={"A": "1"}))
        assert [job.name for job in client.list_jobs()] == [name]
        followed = sorted(client.get_job_logs(name, step=None, follow=True))
        assert [line.partition("] ")[2] for line in followed] == ["trained", "trained"]
        job = client.wait_for_job_status(name, timeout=WAIT)
        assert (job.status, [step.status for step in job.steps]) == ("Complete", ["Succeeded", "Succeeded"])
        assert {"Pod", "Job"} <= {event.involved_object_kind for event in client.get_job_events(name)}
        assert name in client.explain(name)
        client.delete_job(name)

        there.cluster.controller.scenarios["stops"] = scripted(Script(["up"], stays=None))
        client.train("torch-distributed", name="stops", trainer=CustomTrainer(nothing))
        client.wait_for_job_status("stops", {"Running"}, timeout=WAIT)
        client.suspend_job("stops")
        client.wait_for_job_status("stops", {"Suspended"}, timeout=WAIT)
        client.resume_job("stops")
        client.wait_for_job_status("stops", {"Running"}, timeout=WAIT)
        client.delete_job("stops", wait=True, timeout=WAIT)

        # And the command in the TrainJob of this minor is one that really runs.
        there.cluster.controller.scenarios["real"] = REAL
        client.train("torch-distributed", name="real", trainer=CustomTrainer.call(ranks, base=5).replace(num_nodes=2))
        client.wait_for_job_status("real", timeout=WAIT)
        assert client.get_job_result("real") == (5, 0, 2)
        client.delete_job("real")
        assert client.list_jobs() == []


def without(role: dict[str, Any], name: str, resource: str, *verbs: str) -> dict[str, Any]:
    """Return a role of a name that lacks some rights of another."""
    role = copy.deepcopy(role)
    rules: list[dict[str, Any]] = []
    for rule in role["rules"]:
        for each in rule["resources"]:
            kept = [verb for verb in rule["verbs"] if each != resource or verb not in verbs]
            if kept:
                rules.append({**rule, "resources": [each], "verbs": kept})
    return {"apiVersion": role["apiVersion"], "kind": role["kind"], "metadata": {"name": name}, "rules": rules}


def train(client: TrainerClient) -> object:
    return client.train("torch-distributed", name="mine", trainer=CustomTrainer(nothing))


def read_logs(client: TrainerClient) -> object:
    return list(client.get_job_logs("there"))


CASES: list[tuple[str, str, Callable[[TrainerClient], object]]] = [
    ("create", "trainjobs", train),
    ("list", "trainjobs", lambda client: client.list_jobs()),
    ("get", "trainjobs", lambda client: client.get_job("there")),
    ("delete", "trainjobs", lambda client: client.delete_job("there")),
    ("patch", "trainjobs", lambda client: client.suspend_job("there")),
    ("get", "pods/log", read_logs),
    ("list", "events", lambda client: client.get_job_events("there")),
]


@pytest.mark.parametrize(("verb", "resource", "do"), CASES, ids=[f"{verb} {resource}" for verb, resource, _ in CASES])
def test_a_missing_right_is_named_with_verb_resource_and_namespace(
    newest: Fenced, tmp_path: Path, verb: str, resource: str, do: Callable[[TrainerClient], object]
) -> None:
    wire = newest.cluster.wire
    lacking = f"no-{verb}-{resource.replace('/', '-')}"  # a name of its own: the server may still know the one before
    role = without(newest.shipped["kubeflow-trainer-edit"], lacking, resource, verb)
    wire.send("POST", f"{RBAC}/clusterroles", role)
    newest.bind("limited", lacking)
    newest.cluster.controller.scenarios["there"] = scripted(Script(["up"], stays=None))
    editor = newest.client("editor", tmp_path)
    editor.train("torch-distributed", name="there", trainer=CustomTrainer(nothing))
    try:
        editor.wait_for_job_status("there", {"Running"}, timeout=WAIT)
        client = newest.client("limited", tmp_path)

        with pytest.raises(Forbidden) as refused:
            do(client)

        message = str(refused.value)
        assert verb in message, message
        assert resource in message, message
        assert HOME in message, message
        assert refused.value.code == 403
    finally:
        editor.delete_job("there")
        newest.unbind("limited", lacking)
        wire.remove(f"{RBAC}/clusterroles/{lacking}")
    assert not wire.exists(f"{API}/namespaces/{HOME}/trainjobs/mine")
