"""`validate_rules` says what a real API server says that has our own manifests: the same places, the same words."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubeflow_api.k8s.meta.v1 import ObjectMetaUpdate
from kubeflow_api.trainer.v1alpha1 import (
    Client,
    RuntimeRef,
    TrainingRuntime,
    TrainJob,
    TrainJobSpec,
    TrainJobSpecUpdate,
    TrainJobUpdate,
    validate_rules,
)

from codegen import config
from codegen.pins.crd_manifests import pinned_crds
from kubeflow.cluster import ApiError, Conflict, Invalid
from kubeflow.core.resource import Request, Resource, T
from kubeflow.core.rules import Violation
from tests.apiserver import COMMAND, KUBECONFIG, REASON, apiserver
from tests.draws import draws
from tests.generated.drawing import ROOT, objects

pytestmark = pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with apiserver(tmp_path_factory.mktemp("apiserver"), manifests_of("2.3")) as transport:
        yield Client(transport, namespace="default")


def said(refused: ApiError) -> list[tuple[str, str]]:
    """Return what the server objects to: the field, and its words without the value."""
    assert refused.code == 422, str(refused)
    found = [(cause.field.replace("<nil>", ""), cause.message) for cause in refused.causes]
    return sorted((field, re.sub(r'^Invalid value: (("[^"]*"|[0-9]+): )?', "", words)) for field, words in found)


def found(violations: list[Violation]) -> list[tuple[str, str]]:
    return sorted((violation.path, violation.message) for violation in violations)


# -- objects that break rules about as often as they keep them ------------------------------------------------------


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object with some of `fields`."""
    return st.fixed_dictionaries({}, optional=fields)


def listed(items: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=3, unique_by=lambda item: item.get(key, ""))


NAMES = st.sampled_from(["a", "b", "node"])
URIS = st.sampled_from(["", "s3://a/b", "hf://x", "not a uri", "s3://", "://x"])
ENV = listed(st.fixed_dictionaries({"name": NAMES}, optional={"value": NAMES}), "name")
REFERENCES = some(name=st.sampled_from(["", "a", "b"]))
CONTAINERS = listed(st.fixed_dictionaries({"name": NAMES}, optional={"env": ENV}), "name")
VOLUMES = listed(
    st.tuples(NAMES, objects("io.k8s.api.core.v1.Volume")).map(lambda pair: {**pair[1], "name": pair[0]}), "name"
)
POD = some(
    containers=CONTAINERS,
    initContainers=CONTAINERS,
    volumes=VOLUMES,
    imagePullSecrets=listed(REFERENCES, "name"),
    securityContext=some(runAsUser=st.integers(1, 2), supplementalGroups=st.lists(st.integers(1, 3), max_size=2)),
    serviceAccountName=NAMES,
    terminationGracePeriodSeconds=st.integers(0, 2),
    nodeSelector=st.dictionaries(NAMES, NAMES, max_size=2),
    tolerations=st.lists(some(key=NAMES), max_size=2),
)
TEMPLATE = some(
    spec=some(
        replicatedJobs=listed(
            st.tuples(NAMES, POD).map(
                lambda pair: {"name": pair[0], "template": {"spec": {"template": {"spec": pair[1]}}}}
            ),
            "name",
        )
    )
)
PATCHES = listed(
    st.fixed_dictionaries({"manager": NAMES}, optional={"trainingRuntimeSpec": some(template=TEMPLATE)}), "manager"
)
TRAIN_JOBS = st.fixed_dictionaries(
    {
        "runtimeRef": st.fixed_dictionaries(
            {"name": NAMES}, optional={"kind": st.sampled_from(["ClusterTrainingRuntime", "TrainingRuntime"])}
        )
    },
    optional={
        "managedBy": st.sampled_from(["trainer.kubeflow.org/trainjob-controller", "kueue.x-k8s.io/multikueue", "me"]),
        "initializer": some(
            dataset=some(storageUri=URIS, secretRef=REFERENCES, env=ENV), model=some(storageUri=URIS, env=ENV)
        ),
        "trainer": some(numNodes=st.integers(1, 2), env=ENV, command=st.lists(NAMES, max_size=2)),
        "activeDeadlineSeconds": st.integers(1, 2),
        "suspend": st.booleans(),
        "runtimePatches": PATCHES,
    },
)
CLAIMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"spec": st.just({})}, optional={"metadata": some(name=NAMES, namespace=st.sampled_from(["", "a"]))}
)
JOBS = st.fixed_dictionaries(
    {"name": NAMES, "template": st.just({"spec": {"template": {}}})},
    optional={
        "replicas": st.integers(0, 1),
        "dependsOn": listed(st.fixed_dictionaries({"name": NAMES, "status": st.just("Ready")}), "name"),
    },
)
RUNTIMES = some(
    mlPolicy=some(
        torch=some(
            envInjection=some(
                targets=listed(
                    st.fixed_dictionaries(
                        {"jobName": NAMES, "containerNames": st.lists(NAMES, min_size=1, max_size=2, unique=True)}
                    ),
                    "jobName",
                )
            )
        ),
        mpi=st.just({}),
        jax=st.just({}),
        xgboost=st.just({}),
        flux=some(numProcPerNode=st.integers(0, 1)),
        numNodes=st.integers(1, 2),
    ),
    template=st.fixed_dictionaries({
        "spec": some(
            startupPolicy=st.sampled_from(["AnyOrder", "InOrder"]).map(lambda order: {"startupPolicyOrder": order}),
            failurePolicy=some(maxRestarts=st.integers(0, 1), restartStrategy=st.just("Recreate")),
            network=some(enableDNSHostnames=st.booleans()),
            successPolicy=st.fixed_dictionaries({"operator": st.sampled_from(["All", "Any"])}),
            replicatedJobs=listed(JOBS, "name"),
            volumeClaimPolicies=st.lists(
                st.fixed_dictionaries({"templates": st.lists(CLAIMS, max_size=2)}), max_size=2
            ),
        )
    }),
).filter(bool)  # fmt: skip


@st.composite
def mixtures(draw: st.DrawFn, one: Any, other: Any) -> Any:
    """Draw a value between two: some of its parts are of one, some of the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {key: draw(mixtures(one[key], other[key])) for key in one if key in other}
        kept = {key: value for key, value in one.items() if key not in other and draw(st.integers(0, 3))}
        added = {key: value for key, value in other.items() if key not in one and draw(st.booleans())}
        return {**kept, **shared, **added}
    if isinstance(one, list) and one == other:
        return draw(st.permutations(one))
    return draw(st.sampled_from([one, one, other]))


slow = settings(max_examples=draws(50), deadline=None, suppress_health_check=list(HealthCheck))
# Names that the server takes as the name of an object; the kind's own rules may not.
OBJECT_NAMES = st.sampled_from(["a-1", "1a", "a.b", "x" * 63, "x" * 64])


def verdict(send: Any) -> list[tuple[str, str]]:
    try:
        send()
    except Invalid as refused:
        return said(refused)
    return []


@slow
@given(spec=TRAIN_JOBS, name=OBJECT_NAMES, prefix=st.none() | OBJECT_NAMES)
def test_a_train_job_is_created_or_refused_as_foretold(
    client: Client, spec: Any, name: str, prefix: str | None
) -> None:
    metadata = {"generateName": prefix} if prefix else {"name": name}
    job = TrainJob.from_dict({"metadata": metadata, "spec": spec})
    assert found(validate_rules(job)) == verdict(lambda: unheld(client.train_jobs, job))


@slow
@given(spec=RUNTIMES)
def test_a_runtime_is_created_or_refused_as_foretold(client: Client, spec: Any) -> None:
    runtime = TrainingRuntime.from_dict({"metadata": {"name": "a"}, "spec": spec})
    assert found(validate_rules(runtime)) == verdict(lambda: unheld(client.training_runtimes, runtime))


@slow
@given(data=st.data())
def test_a_train_job_is_replaced_or_refused_as_foretold(client: Client, data: st.DataObject) -> None:
    before = data.draw(TRAIN_JOBS)
    job = TrainJob.from_dict({"metadata": {"name": f"job-{uuid.uuid4().hex[:8]}"}, "spec": before})
    if validate_rules(job):
        return
    old = client.train_jobs.create(job)
    after = data.draw(mixtures(before, data.draw(TRAIN_JOBS)))
    assert old.metadata is not None
    new = TrainJob.from_dict({"metadata": old.metadata.to_dict(), "spec": after})
    assert found(validate_rules(new, old)) == verdict(lambda: client.train_jobs.replace(new, dry_run=True))
    client.train_jobs.delete(str(old.metadata.name))


@slow
@given(data=st.data())
def test_a_runtime_is_replaced_or_refused_as_foretold(client: Client, data: st.DataObject) -> None:
    before = data.draw(RUNTIMES)
    runtime = TrainingRuntime.from_dict({"metadata": {"name": f"runtime-{uuid.uuid4().hex[:8]}"}, "spec": before})
    if validate_rules(runtime):
        return
    old = client.training_runtimes.create(runtime)
    after = data.draw(mixtures(before, data.draw(RUNTIMES)).filter(bool))
    assert old.metadata is not None
    new = TrainingRuntime.from_dict({"metadata": old.metadata.to_dict(), "spec": after})
    assert found(validate_rules(new, old)) == verdict(lambda: client.training_runtimes.replace(new, dry_run=True))
    client.training_runtimes.delete(str(old.metadata.name))


def unheld(resource: Resource[T], obj: T, *, dry_run: bool = True) -> T:
    """Create `obj` without holding the rules against it first, so that the server's verdict is its own."""
    return resource._create(obj, None, dry_run, lambda _: [])


def created(client: Client, **spec: Any) -> TrainJob:
    fields = TrainJobSpec(runtime_ref=RuntimeRef(name="torch-distributed"), **spec)
    return client.train_jobs.create(
        TrainJob.from_dict({"metadata": {"generateName": "job-"}, "spec": fields.to_dict()})
    )


def test_a_rule_of_the_status_is_held_against_the_status(client: Client) -> None:
    old = created(client)
    for status in (
        {"trainerStatus": {"progressPercentage": 1}},
        {"trainerStatus": {"lastUpdatedTime": "2025-01-01T00:00:00Z"}},
    ):
        new = TrainJob.from_dict({**old.to_dict(), "status": status})
        expected = found(validate_rules(new, old))
        assert verdict(lambda new=new: client.train_jobs.replace_status(new, dry_run=True)) == expected
        assert bool(expected) is ("lastUpdatedTime" not in status["trainerStatus"])


def test_an_update_changes_what_was_set_and_nothing_else(client: Client) -> None:
    old = created(client, suspend=True)
    assert old.metadata is not None
    name = str(old.metadata.name)
    update = TrainJobUpdate(metadata=ObjectMetaUpdate(labels={"team": "a"}), spec=TrainJobSpecUpdate(suspend=False))
    assert client.train_jobs.update(name, update, dry_run=True).spec != old.spec
    assert client.train_jobs.get(name) == old
    new = client.train_jobs.update(name, update)
    assert new.spec is not None
    assert old.spec is not None
    assert new.spec.to_dict() == {**old.spec.to_dict(), "suspend": False}
    assert new.metadata is not None
    assert new.metadata.labels is not None
    assert new.metadata.labels["team"] == "a"
    with pytest.raises(Conflict):
        stale = ObjectMetaUpdate(resource_version=old.metadata.resource_version)
        client.train_jobs.update(name, TrainJobUpdate(metadata=stale))


def test_the_manifests_of_every_pin_can_be_installed(client: Client) -> None:
    installed = 0
    for component in config.load(ROOT).components.values():
        for version in component.pinned:
            for manifest in pinned_crds(ROOT, component, version).values():
                install(client, manifest, dryRun="All")
                installed += 1
    assert installed >= 15


def test_what_was_stored_before_a_rule_is_not_held_against_an_update_elsewhere(client: Client) -> None:
    """The server does not hold a rule against what an update leaves as it was ("ratcheting"), and neither do we."""
    manifest = next(m for m in manifests_of("2.3") if m["spec"]["names"]["kind"] == "TrainingRuntime")
    broken: dict[str, Any] = {
        "mlPolicy": {"mpi": {}, "torch": {"envInjection": {"targets": [{"jobName": "a", "containerNames": ["node"]}]}}},
        "template": {"spec": {"volumeClaimPolicies": [{"templates": [{"spec": {}}]}]}},
    }
    try:
        install(client, without_rules(manifest))
        new = TrainingRuntime.from_dict({"metadata": {"generateName": "old-"}, "spec": broken})
        eventually(lambda: not verdict(lambda: unheld(client.training_runtimes, new)))
        old = unheld(client.training_runtimes, new, dry_run=False)
    finally:
        install(client, manifest)
        eventually(lambda: bool(verdict(lambda: unheld(client.training_runtimes, new))))
    assert len(validate_rules(old)) == 3
    assert old.metadata is not None
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"mlPolicy": {**broken["mlPolicy"], "numNodes": 2}},
        {"mlPolicy": {**broken["mlPolicy"], "jax": {}}},
        {
            "mlPolicy": {
                "mpi": {},
                "torch": {"envInjection": {"targets": [{"jobName": "b", "containerNames": ["node"]}]}},
            }
        },
        {"template": {"spec": {**broken["template"]["spec"], "replicatedJobs": []}}},
        {"template": {"spec": {"volumeClaimPolicies": [{"templates": [{"spec": {"volumeName": "v"}}]}]}}},
    )
    for change in changes:
        metadata = {**old.metadata.to_dict(), "labels": {"changed": "yes"}}
        updated = TrainingRuntime.from_dict({"metadata": metadata, "spec": {**broken, **change}})
        expected = verdict(lambda updated=updated: client.training_runtimes.replace(updated, dry_run=True))
        assert found(validate_rules(updated, old)) == expected, change
    assert len(found(validate_rules(updated, old))) == 2


def manifests_of(version: str) -> list[Any]:
    return list(pinned_crds(ROOT, config.load(ROOT).component("trainer"), version).values())


def without_rules(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: without_rules(child) for key, child in node.items() if key != "x-kubernetes-validations"}
    return [without_rules(child) for child in node] if isinstance(node, list) else node


def install(client: Client, manifest: Any, **query: str) -> None:
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{manifest['metadata']['name']}"
    query = {"fieldManager": "tests", "force": "true", **query}
    client.train_jobs._transport.send(Request("PATCH", path, query, manifest, "application/apply-patch+yaml"))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
