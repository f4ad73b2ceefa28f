"""What Trainer makes of a runtime and a TrainJob: the JobSet's metadata and spec, and the objects beside it. Pure.

Facts of Trainer 2.0 to 2.3: which job gets what, and how patches merge. What each framework needs: `frameworks`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tests.cluster.frameworks import Making, PodSet, enforce
from tests.cluster.strategic import strategic, upsert

Object = dict[str, Any]

STEP = "trainer.kubeflow.org/trainjob-ancestor-step"


def jobset_of(job: Mapping[str, Any], runtime: Mapping[str, Any], minor: str = "2.3") -> tuple[Object, Making]:
    """Return metadata and spec of the JobSet of `job` in `runtime`, and how they came about; neither is changed."""
    spec: Object = copy.deepcopy(dict(job["spec"]))
    template: Object = copy.deepcopy(runtime["spec"]["template"])
    metadata: Object = template.get("metadata") or {}
    jobset: Object = template["spec"]
    for entry in spec.get("runtimePatches") or []:
        patch = (entry.get("trainingRuntimeSpec") or {}).get("template") or {}
        for field, values in (patch.get("metadata") or {}).items():
            metadata[field] = {**(metadata.get(field) or {}), **values}
        jobset = strategic(jobset, patch.get("spec") or {})
    has_policy = runtime["spec"].get("mlPolicy") is not None
    making = Making(
        name=str(job["metadata"]["name"]),
        runtime=str(runtime["metadata"]["name"]),
        policy=runtime["spec"].get("mlPolicy") or {},
        trainer=spec.get("trainer"),
        pod_sets=[_pod_set(each, runtime["spec"].get("mlPolicy")) for each in jobset["replicatedJobs"]],
    )
    enforce(making)
    _fill(making, spec, has_policy=has_policy, merges=minor == "2.3")
    for field in ("labels", "annotations"):  # 2.0 and 2.1
        if spec.get(field):
            metadata[field] = {**(metadata.get(field) or {}), **spec[field]}
    for names, patch in _pod_patches(spec):
        for pod_set in making.pod_sets:
            if names is None or pod_set.name in names:
                job_spec = pod_set.template["template"]["spec"]
                job_spec["template"] = strategic(job_spec["template"], patch)
    return {"metadata": metadata, "spec": jobset}, making


def _pod_set(replicated: Object, policy: Mapping[str, Any] | None) -> PodSet:
    job = replicated["template"].setdefault("spec", {})
    job.setdefault("template", {}).setdefault("spec", {}).setdefault("containers", None)  # a patch may make up a job
    step = ((replicated["template"].get("metadata") or {}).get("labels") or {}).get(STEP, "")
    count = job.get("parallelism") or 1
    if step == "trainer" and policy is not None:
        count = policy.get("numNodes") or 1
    return PodSet(replicated["name"], step, count, replicated)


def _fill(making: Making, spec: Mapping[str, Any], *, has_policy: bool, merges: bool) -> None:
    """Put what the job gives into the containers that it is for, and the counts into the jobs."""
    for pod_set in making.pod_sets:
        pod_set.template["template"]["spec"].update(parallelism=pod_set.count, completions=pod_set.count)
        if pod_set.step:
            pod_set.template["replicas"] = 1
        if pod_set.step in ("dataset-initializer", "model-initializer"):
            given = (spec.get("initializer") or {}).get(pod_set.step.removesuffix("-initializer"))
            _initialize(pod_set, given or {})
        node = pod_set.container("node")
        if node is None or making.trainer is None:
            continue
        if pod_set.step == "trainer":
            for field in ("image", "command", "args"):
                if making.trainer.get(field):
                    node[field] = making.trainer[field]
        if pod_set.step == "trainer" or pod_set.name == "node":  # the workers of MPI have no label
            upsert(node, "env", making.trainer.get("env") or [])
            asked = making.trainer.get("resourcesPerNode")
            if asked and has_policy:
                own = node.get("resources") or {} if merges else {}
                parts = dict.fromkeys([*own, *asked])
                node["resources"] = {part: {**(own.get(part) or {}), **(asked.get(part) or {})} for part in parts}


def _initialize(pod_set: PodSet, given: Mapping[str, Any]) -> None:
    container = pod_set.container(pod_set.step)
    if container is None:
        return
    uri = [{"name": "STORAGE_URI", "value": given["storageUri"]}] if given.get("storageUri") else []
    upsert(container, "env", [*uri, *(given.get("env") or [])])
    if given.get("secretRef"):
        container["envFrom"] = [*(container.get("envFrom") or []), {"secretRef": given["secretRef"]}]


def _pod_patches(spec: Mapping[str, Any]) -> Iterator[tuple[set[str] | None, Object]]:
    for entry in spec.get("podSpecOverrides") or []:  # 2.0
        patch = {key: value for key, value in entry.items() if key != "targetJobs"}
        yield {target["name"] for target in entry["targetJobs"]}, {"spec": patch}
    for entry in spec.get("podTemplateOverrides") or []:  # 2.1
        yield (
            {target["name"] for target in entry["targetJobs"]},
            {key: entry[key] for key in ("metadata", "spec") if key in entry},
        )
