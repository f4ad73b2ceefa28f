"""What Trainer makes of a runtime and a TrainJob: the JobSet's spec. Pure; only what clients can see is here.

Facts of Trainer 2.0 to 2.3: which job gets what, how patches merge, which environment the plugins inject.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

STEP = "trainer.kubeflow.org/trainjob-ancestor-step"
RANK_FIELD = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
PORT = 29500
_KEYS = {  # of strategic merges, in the part of a pod that patches can reach
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "schedulingGates": "name",
    "replicatedJobs": "name",
    "volumeMounts": "mountPath",
}


def jobset_of(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> Object:
    """Return metadata and spec of the JobSet of `job` in `runtime`; neither is changed."""
    spec: Object = copy.deepcopy(dict(job["spec"]))
    template: Object = copy.deepcopy(runtime["spec"]["template"])
    metadata: Object = template.get("metadata") or {}
    jobset: Object = template["spec"]
    policy: Object = runtime["spec"].get("mlPolicy") or {}
    trainer: Object = spec.get("trainer") or {}
    nodes: int = trainer.get("numNodes") or policy.get("numNodes") or 1
    for replicated in jobset["replicatedJobs"]:
        step = _labels(replicated["template"]).get(STEP)
        if step == "trainer":
            _with_trainer(replicated, trainer, nodes)
            if "trainer" in spec:  # without it no plugin injects anything
                _inject(str(job["metadata"]["name"]), replicated, policy, trainer, nodes)
        elif step in ("dataset-initializer", "model-initializer"):
            given = (spec.get("initializer") or {}).get(step.removesuffix("-initializer")) or {}
            _with_initializer(replicated, given, step)
    for field in ("labels", "annotations"):  # 2.0 and 2.1
        metadata[field] = {**(metadata.get(field) or {}), **(spec.get(field) or {})}
    for names, patch in _pod_patches(spec):
        for replicated in jobset["replicatedJobs"]:
            if names is None or replicated["name"] in names:
                pod = replicated["template"]["spec"]["template"]
                replicated["template"]["spec"]["template"] = strategic(pod, patch)
    for entry in spec.get("runtimePatches") or []:
        patch = (entry.get("trainingRuntimeSpec") or {}).get("template") or {}
        for field, values in (patch.get("metadata") or {}).items():
            metadata[field] = {**(metadata.get(field) or {}), **values}
        jobset = strategic(jobset, patch.get("spec") or {})
    return {"metadata": metadata, "spec": jobset}


def strategic(base: Any, patch: Any, field: str = "") -> Any:
    """Return `patch` laid over `base`: objects by key, lists of named things by name, everything else replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged: Object = dict(base)
        for key, value in patch.items():
            merged[key] = strategic(base.get(key), value, key)
        return merged
    key = _KEYS.get(field)
    if key and isinstance(base, list) and isinstance(patch, list):
        found = {item[key]: item for item in base}
        for item in patch:
            found[item[key]] = strategic(found.get(item[key]), item)
        return list(found.values())
    return copy.deepcopy(patch)


def _labels(template: Mapping[str, Any]) -> Mapping[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


def _pod_patches(spec: Mapping[str, Any]) -> Iterator[tuple[set[str] | None, Object]]:
    for entry in spec.get("podSpecOverrides") or []:  # 2.0
        patch = {key: value for key, value in entry.items() if key != "targetJobs"}
        yield {target["name"] for target in entry["targetJobs"]}, {"spec": patch}
    for entry in spec.get("podTemplateOverrides") or []:  # 2.1
        yield (
            {target["name"] for target in entry["targetJobs"]},
            {key: entry[key] for key in ("metadata", "spec") if key in entry},
        )


def _container(replicated: Object, name: str) -> Object:
    containers = replicated["template"]["spec"]["template"]["spec"]["containers"]
    found: Object = next(container for container in containers if container["name"] == name)
    return found


def _upsert(container: Object, env: list[Object]) -> None:
    container["env"] = strategic(container.get("env") or [], env, "env")


def _with_trainer(replicated: Object, trainer: Mapping[str, Any], nodes: int) -> None:
    replicated["template"]["spec"].update(parallelism=nodes, completions=nodes)
    node = _container(replicated, "node")
    for field in ("image", "command", "args"):
        if trainer.get(field):
            node[field] = trainer[field]
    if trainer.get("resourcesPerNode"):
        node["resources"] = trainer["resourcesPerNode"]
    _upsert(node, trainer.get("env") or [])


def _with_initializer(replicated: Object, given: Mapping[str, Any], step: str) -> None:
    container = _container(replicated, step)
    env = list(given.get("env") or [])
    if given.get("storageUri"):
        env.append({"name": "STORAGE_URI", "value": given["storageUri"]})
    _upsert(container, env)
    if given.get("secretRef"):
        container["envFrom"] = [*(container.get("envFrom") or []), {"secretRef": given["secretRef"]}]


def _inject(job: str, replicated: Object, policy: Object, trainer: Object, nodes: int) -> None:
    node = _container(replicated, "node")
    leader = f"{job}-{replicated['name']}-0-0.{job}"
    rank: Object = {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": RANK_FIELD}}}
    if "torch" in policy:
        env = {
            "PET_NNODES": str(nodes),
            "PET_NPROC_PER_NODE": _processes(policy["torch"] or {}, trainer),
            "PET_NODE_RANK": rank,
        }
        if (node.get("command") or [])[:2] != ["tune", "run"]:
            env |= {"PET_MASTER_ADDR": leader, "PET_MASTER_PORT": str(PORT)}
    elif "jax" in policy:
        env = {
            "JAX_NUM_PROCESSES": str(nodes),
            "JAX_PROCESS_ID": rank,
            "JAX_COORDINATOR_ADDRESS": f"{leader}:{PORT}",
        }
    elif "xgboost" in policy:
        env = {
            "DMLC_TRACKER_URI": leader,
            "DMLC_TRACKER_PORT": str(PORT),
            "DMLC_TASK_ID": rank,
            "DMLC_NUM_WORKER": str(nodes * (_gpus(node.get("resources") or {}) or 1)),
        }
    else:
        return
    node["ports"] = [*(node.get("ports") or []), {"containerPort": PORT}]
    _upsert(node, [{"name": k, **(v if isinstance(v, dict) else {"value": v})} for k, v in env.items()])


def _processes(torch: Mapping[str, Any], trainer: Mapping[str, Any]) -> str:
    """How Trainer counts: what is asked for, else `auto` with a GPU, else the CPUs, of which there is at least one."""
    asked = trainer.get("numProcPerNode", torch.get("numProcPerNode", "auto"))
    if asked != "auto":
        return str(asked)
    resources = trainer.get("resourcesPerNode") or {}
    if _gpus(resources):
        return "auto"
    cpus = str((resources.get("requests") or resources.get("limits") or {}).get("cpu", "1"))
    return "1" if cpus.endswith("m") else str(max(1, int(float(cpus))))


def _gpus(resources: Mapping[str, Any]) -> int:
    for kind in ("requests", "limits"):
        for name, count in (resources.get(kind) or {}).items():
            if "gpu" in name.lower():
                return int(count)
    return 0
