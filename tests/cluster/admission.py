"""What the admission webhooks of Trainer and JobSet set and refuse, in their words. Pure.

Facts of Trainer 2.3.0 and JobSet 0.12.0, as far as their CRDs do not say them; many of them measured (`measured/`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.cluster.frameworks import TUNE, Making, tune_model, tune_recipe

Object = dict[str, Any]
FindRuntime = Callable[[str], Mapping[str, Any] | None]
"""Returns a runtime of the kind that the job names, or `None` where there is none."""

_GROUP = "trainer.kubeflow.org"
_KINDS = ("TrainingRuntime", "ClusterTrainingRuntime")
_INITIALIZERS = ("dataset-initializer", "model-initializer")
_RESERVED = {
    "torch": ("PET_NNODES", "PET_NPROC_PER_NODE", "PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT"),
    "mpi": (
        "OMPI_MCA_orte_default_hostfile",
        "OMPI_MCA_plm_rsh_args",
        "OMPI_MCA_orte_keep_fqdn_hostnames",
        "OMPI_MCA_orte_set_default_slots",
    ),
}
_XGBOOST = ("DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_NUM_WORKER")
_MODELS = ("llama3_2/1B", "llama3_2/3B", "llama3_3/70B", "qwen2_5/1.5B")
_LARGE = "llama3_3/70B"
_NAME_LIMIT = 63
_KUEUE_POD = ("nodeSelector", "tolerations", "schedulingGates")  # what Kueue writes into a pod template
_KUEUE_METADATA = ("labels", "annotations")


def default_trainjob(job: Object, old: Mapping[str, Any] | None) -> Object:
    """Return a TrainJob with the time of each runtime patch: that of the last change of it."""
    job = copy.deepcopy(job)
    before = {patch["manager"]: patch for patch in ((old or {}).get("spec") or {}).get("runtimePatches") or []}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for patch in job["spec"].get("runtimePatches") or []:
        known = before.get(patch["manager"])
        if known is None:
            patch.setdefault("time", now)
        else:
            same = {**known, "time": None} == {**patch, "time": None}
            patch["time"] = known.get("time", now) if same else now
    return job


def refuse_trainjob(job: Mapping[str, Any], find: FindRuntime) -> str:
    """Return why Trainer refuses a TrainJob, in its words; empty when it does not."""
    reference = job["spec"]["runtimeRef"]
    kind, group = reference.get("kind", ""), reference.get("apiGroup", "")
    if kind not in _KINDS or group != _GROUP:
        return f"unsupported runtime: {kind}.{group}"
    runtime = find(reference["name"])
    if runtime is None:
        what = kind[0].lower() + kind[1:]
        absent = f'{kind}.{_GROUP} "{reference["name"]}" not found'
        why = f"{absent}: specified {what} must be created before the TrainJob is created"
        return f"spec.runtimeRef: Invalid value: {_json(reference)}: {why}"
    return _together([*_torch(job, runtime), *_others(job, runtime), *_jobset_plugin(job, runtime)])


def default_jobset(jobset: Object, *, retention: bool) -> Object:
    """Return a JobSet as JobSet's webhook completes it at its creation.

    Args:
        jobset: As it was sent.
        retention: True when it completes `volumeClaimPolicies` too, which nobody can change afterwards.
    """
    jobset = copy.deepcopy(jobset)
    spec = jobset["spec"]
    spec.setdefault("successPolicy", {"operator": "All"}).setdefault("operator", "All")
    spec.setdefault("startupPolicy", {"startupPolicyOrder": "AnyOrder"})
    for replicated in spec["replicatedJobs"]:
        job = replicated["template"]["spec"]
        job.setdefault("completionMode", "Indexed")
        job["template"]["spec"].setdefault("restartPolicy", "OnFailure")
    network = spec.setdefault("network", {})
    network.setdefault("enableDNSHostnames", True)
    network.setdefault("publishNotReadyAddresses", True)
    for place, rule in enumerate((spec.get("failurePolicy") or {}).get("rules") or []):
        rule.setdefault("name", f"failurePolicyRule{place}")
    for policy in spec.get("volumeClaimPolicies") or [] if retention else ():
        policy.setdefault("retentionPolicy", {"whenDeleted": "Delete"})
    return jobset


def refuse_jobset(jobset: Mapping[str, Any]) -> str:
    """Return why JobSet refuses a new JobSet, in its words; empty when it does not."""
    name = jobset["metadata"]["name"]
    found = []
    for place, replicated in enumerate(jobset["spec"]["replicatedJobs"]):
        job = f"{name}-{replicated['name']}-{replicated.get('replicas', 1) - 1}"
        last = (replicated["template"]["spec"].get("completions") or 1) - 1
        what = "job" if len(job) > _NAME_LIMIT else "pod" if len(f"{job}-{last}-abcde") > _NAME_LIMIT else ""
        if what:
            path = f"spec.replicatedJobs[{place}].name"
            why = f"JobSet name is too long, {what} names generated for this JobSet will exceed 63 characters"
            found.append(f"{path}: Invalid value: {_json(job)}: {why}")
    return f'JobSet.jobset.x-k8s.io "{name}" is invalid: {_together(found)}' if found else ""


def refuse_jobset_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Return why JobSet refuses a change of a JobSet, in its words; empty when it does not.

    The rules are those of `ValidateUpdate` in `pkg/webhooks/jobset_webhook.go` of kubernetes-sigs/jobset.
    What the CRD's own rules keep (`volumeClaimPolicies`, `successPolicy`) is the API server's to refuse.
    """
    before, after = old["spec"], new["spec"]
    jobs = copy.deepcopy(after["replicatedJobs"])
    if before.get("suspend") or after.get("suspend"):
        _put_back({job["name"]: job for job in before["replicatedJobs"]}, jobs)
    changed = [("replicatedJobs", jobs)] if jobs != before["replicatedJobs"] else []
    if after.get("managedBy") != before.get("managedBy"):
        changed.append(("managedBy", after.get("managedBy")))
    found = [f"spec.{field}: Invalid value: {_json(value)}: field is immutable" for field, value in changed]
    return f'JobSet.jobset.x-k8s.io "{new["metadata"]["name"]}" is invalid: {_together(found)}' if found else ""


def _put_back(before: Mapping[str, Any], jobs: list[Object]) -> None:
    """Give the pod templates of these jobs the former values of what may change while a JobSet is suspended."""
    for job in jobs:
        if job["name"] not in before:
            continue
        template, former = (each["template"]["spec"]["template"] for each in (job, before[job["name"]]))
        for part, fields in (("metadata", _KUEUE_METADATA), ("spec", _KUEUE_POD)):
            old = former.get(part) or {}
            kept = {key: value for key, value in (template.get(part) or {}).items() if key not in fields}
            template[part] = kept | {key: old[key] for key in fields if key in old}
            if not template[part] and part not in former:
                del template[part]


def _torch(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    policy = runtime["spec"].get("mlPolicy") or {}
    trainer = job["spec"].get("trainer")
    for framework, reserved in _RESERVED.items():
        if policy.get(framework) is not None and trainer is not None:
            env = trainer.get("env") or []
            names = sorted({each["name"] for each in env if each["name"] in reserved})
            if names:
                why = f"must not have reserved envs, invalid envs configured: [{' '.join(names)}]"
                yield f"spec.trainer.env: Invalid value: {_json(env)}: {why}"
    if policy.get("torch") is not None and trainer is not None and trainer.get("command") == TUNE:
        yield from _torchtune(job, runtime, trainer)


def _torchtune(job: Mapping[str, Any], runtime: Mapping[str, Any], trainer: Mapping[str, Any]) -> Iterator[str]:
    name = runtime["metadata"]["name"]
    of_name = f"spec.runtimeRef.name: Invalid value: {_json(name)}"
    model = tune_model(name)
    if model not in _MODELS:
        yield f"{of_name}: must have a supported pretrained model, invalid model configured: {model}"
    nodes = trainer.get("numNodes", 1)
    if nodes > 1 and model != _LARGE:
        yield f"spec.trainer.numNodes: Invalid value: {nodes}: must be 1 for {model} model"
    resources = trainer.get("resourcesPerNode") or _resources(runtime)
    making = Making(str(job["metadata"].get("name")), name, {}, {**trainer, "resourcesPerNode": resources}, [])
    _, config = tune_recipe(making)
    if "_qlora" in config:
        if model == "qwen2_5/1.5B":
            yield f"{of_name}: QLoRA is not supported for {model} model"
        if not config.endswith("_single_device") and model.startswith("llama3_2/"):
            count = trainer.get("numProcPerNode", "auto")
            ending = f"for {model} model when using QLoRA"
            yield f"spec.trainer.numProcPerNode: Invalid value: {_json(count)}: must be auto or 1 {ending}"
            asked = _json(trainer.get("resourcesPerNode"))
            why = f"must have gpu resource with value 1 {ending}"
            yield f"spec.trainer.resourcesPerNode: Invalid value: {asked}: {why}"
    if nodes > 1 and any("model.lora_attn_modules" in str(arg) for arg in trainer.get("args") or []):
        why = "LoRA fine-tuning is not supported for multi-node training in TorchTune"
        yield f"spec.trainer.numNodes: Invalid value: {nodes}: {why}"
    for place, arg in enumerate(trainer.get("args") or []):
        key = str(arg).partition("=")[0]
        if key in ("output_dir", "tokenizer.path", "tokenizer.merges_file", "checkpointer.checkpoint_dir"):
            why = f'must not set immutable config "{key}" in trainer args; it is managed by the runtime'
            yield f"spec.trainer.args[{place}]: Invalid value: {_json(arg)}: {why}"


def _others(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    policy = runtime["spec"].get("mlPolicy") or {}
    trainer = job["spec"].get("trainer") or {}
    if policy.get("mpi") is not None:
        nodes = trainer.get("numNodes", 1)
        jobs = {each["name"] for each in runtime["spec"]["template"]["spec"]["replicatedJobs"]}
        if nodes >= 2 and policy["mpi"].get("runLauncherAsNode") and not {"launcher", "node"} <= jobs:
            why = "must have 1 when MPI trainingRuntime with enabled runLauncherAsNode does not have either launcher and node"
            yield f"spec.trainer.numNodes: Invalid value: {nodes}: {why}"
    if policy.get("xgboost") is not None:
        for place, each in enumerate(trainer.get("env") or []):
            if each["name"] in _XGBOOST:
                yield f"spec.trainer.env[{place}]: Forbidden: {each['name']} is reserved for the XGBoost runtime"
    if policy.get("flux") is not None:
        count = trainer.get("numProcPerNode", (policy["flux"] or {}).get("numProcPerNode", 1))
        if count < 1:
            why = "must be greater than or equal to 1 for Flux TrainJob"
            yield f"spec.trainer.numProcPerNode: Invalid value: {count}: {why}"


def _jobset_plugin(job: Mapping[str, Any], runtime: Mapping[str, Any]) -> Iterator[str]:
    spec = job["spec"]
    pods = {
        each["name"]: (((each["template"].get("spec") or {}).get("template") or {}).get("spec") or {})
        for each in runtime["spec"]["template"]["spec"]["replicatedJobs"]
    }
    of_runtime = f"spec.runtimeRef: Invalid value: {_json(spec['runtimeRef'])}"
    for name in _INITIALIZERS:
        source = name.removesuffix("-initializer")
        if (spec.get("initializer") or {}).get(source) is None:
            continue
        if name not in pods:
            yield f"{of_runtime}: must have {name} job when trainJob is configured with input {source}Config"
            continue
        container = next((each for each in _containers(pods[name]) if each["name"] == name), None)
        if container is None:
            yield f"{of_runtime}: must have container with name - {name} in the {name} job"
        elif "initializer" not in [mount["name"] for mount in container.get("volumeMounts") or []]:
            why = f"must have volumeMount with name - initializer in container {name} of the {name} job"
            yield f"{of_runtime}: {why}"
    of_patches = f"spec.runtimePatches: Invalid value: {_json(spec.get('runtimePatches'))}"
    for patch in spec.get("runtimePatches") or []:
        template = ((patch.get("trainingRuntimeSpec") or {}).get("template") or {}).get("spec") or {}
        for patched in template.get("replicatedJobs") or []:
            if patched["name"] not in pods:
                continue  # accepted here; the JobSet is refused later
            known = {each["name"] for each in _containers(pods[patched["name"]])}
            pod = (((patched.get("template") or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
            for field, what in (("initContainers", "initContainer"), ("containers", "container")):
                for each in pod.get(field) or []:
                    if each["name"] not in known:
                        ending = f"that doesn't exist in the runtime job {patched['name']}"
                        yield f"{of_patches}: must not have {what} {ending}"
                    elif field == "containers" and each.get("env") and each["name"] in (*_INITIALIZERS, "node"):
                        reserved = ", ".join((*_INITIALIZERS, "node"))
                        yield f"{of_patches}: must not have envs for the {reserved} containers"


def _containers(pod: Mapping[str, Any]) -> list[Object]:
    return [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]


def _resources(runtime: Mapping[str, Any]) -> Object:
    for replicated in runtime["spec"]["template"]["spec"]["replicatedJobs"]:
        labels = (replicated["template"].get("metadata") or {}).get("labels") or {}
        if replicated["name"] != "node" and labels.get(f"{_GROUP}/trainjob-ancestor-step") != "trainer":
            continue
        for container in replicated["template"]["spec"]["template"]["spec"].get("containers") or []:
            if container["name"] == "node":
                return dict(container.get("resources") or {})
    return {}


def _json(value: object) -> str:
    return json.dumps(_name_first(value), separators=(",", ":"))


def _name_first(value: Any) -> Any:
    """Order fields as the control plane's own types have them: names stand first."""
    if isinstance(value, Mapping):
        return {key: _name_first(value[key]) for key in sorted(value, key=lambda key: (key != "name", key))}
    return [_name_first(each) for each in value] if isinstance(value, list) else value


def _together(problems: list[str]) -> str:
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]" if problems else ""
