"""`check(obj, minor)`: every set field that a minor lacks is named, with what serves instead; and no other."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubeflow_api.katib.v1beta1 import Experiment
from kubeflow_api.kserve.v1alpha2 import LLMInferenceService
from kubeflow_api.kserve.v1alpha2 import check as llm_check
from kubeflow_api.kserve.v1beta1 import InferenceService
from kubeflow_api.kserve.v1beta1 import check as serving_check
from kubeflow_api.trainer.v1alpha1 import TrainingRuntime, TrainJob, check
from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

from kubeflow.core.errors import InvalidInput
from tests.generated.drawing import PREFIX, ROOT, TIME, objects, target

MINORS = AVAILABILITY.minors
POD = "spec.runtimePatches[*].trainingRuntimeSpec.template.spec.replicatedJobs[*].template.spec.template"
REF = {"name": "torch-distributed"}


def job(**spec: Any) -> TrainJob:
    return TrainJob.from_dict({"metadata": {"name": "mnist"}, "spec": {"runtimeRef": REF, **spec}})


def old(**spec: Any) -> TrainJob:
    """Return a job as an older server sends it."""
    return TrainJob.from_server({"metadata": {"name": "mnist"}, "spec": {"runtimeRef": REF, **spec}})


def told(obj: TrainJob | TrainingRuntime, minor: str) -> list[str]:
    return [str(finding) for finding in check(obj, minor)]


def test_a_job_of_what_all_minors_have_passes_everywhere() -> None:
    plain = job(trainer={"numNodes": 2, "image": "a", "env": [{"name": "A", "value": "b"}]}, suspend=True)
    assert all(check(plain, minor) == [] for minor in MINORS)


def test_kserves_kinds_are_checked_against_its_minors_each_from_where_it_is_known() -> None:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://a/b"}
    plain = InferenceService.from_dict({"metadata": {"name": "iris"}, "spec": {"predictor": {"model": model}}})
    assert all(serving_check(plain, minor) == [] for minor in ("0.15", "0.16", "0.17", "0.18", "0.19", "0.20"))
    tried = InferenceService.from_dict(plain.to_dict() | {"spec": {"predictor": {"model": model}, "canary": []}})
    assert [str(each) for each in serving_check(tried, "0.19")] == [
        "spec.canary: KServe 0.19 does not have it; it came with 0.20"
    ]
    llama = LLMInferenceService.from_dict({"metadata": {"name": "llama"}, "spec": {}})
    assert llm_check(llama, "0.20") == []
    (none,), (unknown,) = llm_check(llama, "0.16"), llm_check(llama, "0.18")
    assert str(none) == "KServe 0.16 has no LLMInferenceService; it came with 0.17"
    assert str(unknown) == (
        "the fields that LLMInferenceService has in KServe 0.18 are not known here, those of 0.20 are"
    )
    assert (none.since, unknown.since) == ("0.17", "0.20")


def test_a_field_that_came_later_is_named_with_what_served_before() -> None:
    patched = job(runtimePatches=[{"manager": "acme.io/a", "trainingRuntimeSpec": {}}], activeDeadlineSeconds=5)
    assert check(patched, "2.2") == check(patched, "2.3") == []
    deadline, patches = check(patched, "v2.1.3")
    assert (patches.path, patches.since, patches.instead) == ("spec.runtimePatches", "2.2", "spec.podTemplateOverrides")
    assert (deadline.path, deadline.since, deadline.instead) == ("spec.activeDeadlineSeconds", "2.2", None)
    assert str(patches) == (
        "spec.runtimePatches: Trainer 2.1 does not have it; it came with 2.2; in 2.1 use spec.podTemplateOverrides "
        f"(spec.podTemplateOverrides[*] for {POD})"
    )
    assert [finding.instead for finding in check(patched, "2.0")] == [None, "spec.podSpecOverrides"]


def test_a_field_of_an_older_server_is_named_with_what_took_its_place() -> None:
    overrides = old(podSpecOverrides=[{"targetJobs": [{"name": "node"}]}], labels={"a": "b"})
    assert check(overrides, "2.0") == []
    (now,) = check(old(podSpecOverrides=[]), "2.1")
    assert (now.until, now.instead) == ("2.0", "spec.podTemplateOverrides")
    assert "(spec.podSpecOverrides[*] as spec.podTemplateOverrides[*].spec)" in now.problem
    newest = {finding.path: finding.instead for finding in check(overrides, MINORS[-1])}
    assert newest == {
        "spec.podSpecOverrides": "spec.runtimePatches",
        "spec.labels": "spec.runtimePatches[*].trainingRuntimeSpec.template.metadata.labels",
    }


def test_a_path_has_the_number_of_the_item() -> None:
    env = [{"name": "A"}, {"name": "B", "valueFrom": {"fileKeyRef": {"key": "k", "path": "p", "volumeName": "v"}}}]
    (finding,) = check(job(trainer={"env": env}), "2.0")
    assert finding.path == "spec.trainer.env[1].valueFrom.fileKeyRef"
    pod = {"spec": {"terminationGracePeriodSeconds": 3}}
    patch = {"template": {"spec": {"replicatedJobs": [{"name": "node", "template": {"spec": {"template": pod}}}]}}}
    deep = job(runtimePatches=[{"manager": "acme.io/a", "trainingRuntimeSpec": patch}])
    (finding,) = check(deep, "2.2")
    assert finding.path.startswith("spec.runtimePatches[0].trainingRuntimeSpec")
    assert finding.path.endswith("replicatedJobs[0].template.spec.template.spec.terminationGracePeriodSeconds")


def test_values_that_a_minor_refuses_are_named() -> None:
    assert told(old(trainer={"numProcPerNode": "auto"}), "2.1") == []
    assert told(old(trainer={"numProcPerNode": "auto"}), "2.2") == [
        "spec.trainer.numProcPerNode: Trainer 2.2 takes only an integer"
    ]
    long = job(trainer={"args": ["ok", "x" * 70_000]})
    assert told(long, "2.1") == told(long, "2.3") == []
    assert told(long, "2.2") == ["spec.trainer.args[1]: Trainer 2.2 takes only 65536 characters or fewer"]
    openmpi = TrainingRuntime.from_dict({"spec": {"mlPolicy": {"mpi": {"mpiImplementation": ""}}}})
    assert told(openmpi, "2.0") == ["spec.mlPolicy.mpi.mpiImplementation: Trainer 2.0 takes only 'OpenMPI'"]


def test_an_empty_object_is_set_and_null_is_not() -> None:
    assert [f.path for f in check(TrainingRuntime.from_dict({"spec": {"mlPolicy": {"jax": {}}}}), "2.1")] == [
        "spec.mlPolicy.jax"
    ]
    cleared = job(activeDeadlineSeconds=5)
    assert cleared.spec
    cleared.spec.active_deadline_seconds = None
    assert check(cleared, "2.1") == []


def test_a_field_that_no_known_minor_has_is_named_too() -> None:
    (finding,) = check(old(fromTheFuture=1), "2.3")
    every = f"{MINORS[0]} to {MINORS[-1]}"
    assert str(finding) == f"spec.fromTheFuture: no known minor of Trainer has it ({every})"


@pytest.mark.parametrize("minor", ["1.9", "2.99", "", "latest"])
def test_an_unknown_minor_lists_the_known_ones(minor: str) -> None:
    with pytest.raises(InvalidInput, match=f"known are {', '.join(MINORS)}"):
        check(job(), minor)


def test_another_components_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Experiment is no kind of Trainer"):
        AVAILABILITY.check(Experiment.from_server({}), "2.3")


# -- against the pins themselves ---------------------------------------------------------------------------------


@cache
def schemas(minor: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / f"schemas/trainer/v{minor}.json").read_text("utf-8"))
    result: dict[str, Any] = document["components"]["schemas"]
    return result


def lacking(value: Any, node: dict[str, Any], minor: str, path: str = "") -> list[str]:
    """Return the topmost paths of `value` that the pin of `minor` does not have: the plainest way to say it."""
    reference = target(node)
    if reference == TIME:
        return []
    node = schemas(minor)[reference] if reference else node
    if isinstance(value, list):
        return [p for i, item in enumerate(value) for p in lacking(item, node["items"], minor, f"{path}[{i}]")]
    if not isinstance(value, dict) or "additionalProperties" in node:
        return []
    properties = node.get("properties", {})
    found: list[str] = []
    for key, child in value.items():
        here = f"{path}.{key}".removeprefix(".")
        if key not in properties:
            found.append(here)
        elif here != "metadata":
            found += lacking(child, properties[key], minor, here)
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(MINORS), st.sampled_from([TrainJob, TrainingRuntime]))
def test_what_is_named_is_exactly_what_the_pin_lacks(
    data: st.DataObject, minor: str, kind: type[TrainJob] | type[TrainingRuntime]
) -> None:
    drawn = data.draw(objects(f"trainer.v1alpha1.{kind.KIND}"))
    named = {f.path for f in check(kind.from_server(drawn), minor) if "does not have it" in f.problem}
    assert named == set(lacking(drawn, {"$ref": f"{PREFIX}trainer.v1alpha1.{kind.KIND}"}, minor))
