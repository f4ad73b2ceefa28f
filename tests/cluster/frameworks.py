"""What Trainer sets up in the pods of a job for the framework of its runtime: torch, TorchTune, JAX, XGBoost, MPI, flux.

Facts of Trainer 2.3.0, most of them measured (`measured/`). Written apart from the SDK, whose predictions are held
against it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from tests.cluster.strategic import upsert

Object = dict[str, Any]

PORT = 29500
RANK: Object = {
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
}
TUNE = ["tune", "run"]
SSH, HOSTFILE = "mpi-ssh-auth", "mpi-hostfile"
_OF_THE_RUNTIME = ("output_dir", "tokenizer.path", "tokenizer.merges_file", "checkpointer.checkpoint_dir")
_SUFFIXES = {"k": 3, "M": 6, "G": 9, "m": -3, "": 0}


@dataclass
class PodSet:
    """One replicated job of a runtime while its JobSet is made.

    Attributes:
        name: Of the replicated job.
        step: What it is for the job, by its label: `trainer`, `dataset-initializer`, ...; empty for none.
        count: Its pods.
        template: The replicated job itself, which is changed.
    """

    name: str
    step: str
    count: int
    template: Object

    @property
    def pod(self) -> Object:
        """Spec of its pods."""
        found: Object = self.template["template"]["spec"]["template"]["spec"]
        return found

    def container(self, name: str) -> Object | None:
        """Return a container of its pods."""
        return next((each for each in self.pod.get("containers") or [] if each["name"] == name), None)


@dataclass
class Making:
    """A TrainJob in its runtime.

    Attributes:
        name: Of the job.
        runtime: Name of the runtime.
        policy: `spec.mlPolicy` of the runtime.
        trainer: `spec.trainer` of the job; `None` where it is missing. TorchTune's command is completed in it.
        pod_sets: In the order of the runtime.
    """

    name: str
    runtime: str
    policy: Mapping[str, Any]
    trainer: Object | None
    pod_sets: Sequence[PodSet]

    @property
    def trainers(self) -> PodSet | None:
        """The replicated job that trains."""
        return next((each for each in self.pod_sets if each.step == "trainer"), None)

    def given(self, field: str) -> Any:
        """Return a field of the job's trainer."""
        return (self.trainer or {}).get(field)

    @property
    def resources(self) -> Mapping[str, Any]:
        """Of one node: the job's, else the runtime's."""
        if self.given("resourcesPerNode") is not None:
            return dict(self.given("resourcesPerNode"))
        for pod_set in self.pod_sets:
            node = pod_set.container("node")
            if node is not None and (pod_set.name == "node" or pod_set.step == "trainer"):
                return dict(node.get("resources") or {})
        return {}

    def host(self, pod_set: str, index: int = 0) -> str:
        """Return the name by which other pods find a pod."""
        return f"{self.name}-{pod_set}-0-{index}.{self.name}"


def enforce(making: Making) -> None:
    """Set counts and set up the pods, as the runtime's policy says."""
    framework = next((name for name in _FRAMEWORKS if making.policy.get(name) is not None), "")
    trainers = making.trainers
    if framework != "mpi" and trainers is not None and making.given("numNodes") is not None:
        trainers.count = making.given("numNodes")
    _FRAMEWORKS.get(framework, _plain)(making)


def amount(quantity: object) -> int:
    """Return a Kubernetes quantity as a whole number, rounded up."""
    text = str(quantity)
    number = text.rstrip("kMGm")
    return int(Decimal(number).scaleb(_SUFFIXES[text[len(number) :]]).to_integral_value(ROUND_CEILING))


def devices(resources: Mapping[str, Any]) -> int:
    """Return how many devices Trainer counts: only names with `gpu`, requests before limits."""
    return _first(resources, lambda name: "gpu" in name.lower())


def torch_processes(making: Making) -> str:
    """Return `PET_NPROC_PER_NODE`: what was asked for, else `auto` with a device, else the CPUs, at least one."""
    asked = making.given("numProcPerNode")
    if asked is None:
        asked = (making.policy["torch"] or {}).get("numProcPerNode", "auto")
    if asked == "cpu" or (asked == "auto" and not devices(making.resources)):
        return str(max(1, _first(making.resources, lambda name: name == "cpu")))
    return str(asked)


def tune_command(making: Making) -> list[str]:
    """Return the command of a TorchTune job as Trainer completes it."""
    recipe, config = tune_recipe(making)
    nodes = making.trainers.count if making.trainers is not None else 1
    processes, gpus = torch_processes(making), devices(making.resources)
    node = making.trainers.container("node") if making.trainers is not None else None
    own = [str(word) for word in (node or {}).get("command") or []]
    meet = nodes > 1 or (int(processes) > 1 if processes.isdigit() else gpus > 1)
    return [
        *TUNE,
        *([f"--rdzv_endpoint={making.host('node')}:{PORT}"] if meet else []),
        recipe,
        "--config",
        config,
        *(word for word in own if word.partition("=")[0] in _OF_THE_RUNTIME),
    ]


def tune_model(runtime: str) -> str:
    """Return the model that the name of a runtime says; empty for none."""
    parts = runtime.split("-")
    return f"{parts[1].replace('.', '_')}/{parts[2].upper()}" if len(parts) == 3 else ""


def tune_recipe(making: Making) -> tuple[str, str]:
    """Return recipe and configuration of a TorchTune job."""
    args = {key: value for key, _, value in (str(arg).partition("=") for arg in making.given("args") or [])}
    nodes = making.given("numNodes") or making.policy.get("numNodes") or 1
    single = nodes == 1 and (making.given("numProcPerNode") == 1 or devices(making.resources) == 1)
    quantized = _on(args.get("model.quantize_base")) and not _on(args.get("model.use_dora"))
    method = "qlora" if quantized else "lora" if "model.lora_attn_modules" in args else "full"
    if nodes > 1:
        return "full_finetune_distributed", f"{tune_model(making.runtime)}_full_multinode"
    program = "full_finetune" if method == "full" else "lora_finetune"
    end = "_single_device" if single else ""
    return f"{program}{end or '_distributed'}", f"{tune_model(making.runtime)}_{method}{end}"


def slots(making: Making) -> int:
    """Return the processes of each host of an MPI job."""
    asked = making.given("numProcPerNode")
    own = (making.policy["mpi"] or {}).get("numProcPerNode", 1)
    if asked is not None:
        return int(asked)
    return max(devices(making.resources), 1) if own == 1 else int(own)


def hostfile(making: Making) -> str:
    """Return the hosts of an MPI job, as Open MPI reads them."""
    launcher = ("launcher",) if making.policy["mpi"].get("runLauncherAsNode") else ()
    return "".join(
        f"{making.host(pod_set.name, index)} slots={slots(making)}\n"
        for pod_set in making.pod_sets
        if pod_set.name in ("node", *launcher)
        for index in range(pod_set.count)
    )


def environment(values: Mapping[str, str | Object]) -> list[Object]:
    """Return variables as a container has them."""
    return [{"name": k, **(v if isinstance(v, dict) else {"value": v})} for k, v in values.items()]


def _on(value: str | None) -> bool:
    return value is not None and value.lower() == "true"


def _first(resources: Mapping[str, Any], fits: Callable[[str], bool]) -> int:
    for part in ("requests", "limits"):
        for name, quantity in (resources.get(part) or {}).items():
            if fits(name) and (found := amount(quantity)):
                return found
    return 0


def _node(making: Making) -> Object | None:
    return making.trainers.container("node") if making.trainers is not None else None


def _plain(making: Making) -> None:
    node = _node(making)
    if node is not None:
        upsert(node, "env", making.given("env") or [])


def _torch(making: Making) -> None:
    node, trainers = _node(making), making.trainers
    if node is None or trainers is None or making.trainer is None:
        return
    values: dict[str, str | Object] = {
        "PET_NNODES": str(trainers.count),
        "PET_NPROC_PER_NODE": torch_processes(making),
        "PET_NODE_RANK": RANK,
    }
    if making.given("command") == TUNE:
        making.trainer["command"] = tune_command(making)
    else:
        values |= {"PET_MASTER_ADDR": making.host("node"), "PET_MASTER_PORT": str(PORT)}
    upsert(node, "env", [*(making.given("env") or []), *environment(values)])
    for container in trainers.pod.get("initContainers") or []:
        upsert(container, "env", environment(values))
    _listens(node)


def _jax(making: Making) -> None:
    node, trainers = _node(making), making.trainers
    if node is None or trainers is None or making.trainer is None:
        return
    values: dict[str, str | Object] = {
        "JAX_NUM_PROCESSES": str(trainers.count),
        "JAX_PROCESS_ID": RANK,
        "JAX_COORDINATOR_ADDRESS": f"{making.host('node')}:{PORT}",
    }
    upsert(node, "env", [*(making.given("env") or []), *environment(values)])
    _listens(node)


def _xgboost(making: Making) -> None:
    node, trainers = _node(making), making.trainers
    if node is None or trainers is None or making.trainer is None:
        return
    values: dict[str, str | Object] = {
        "DMLC_TRACKER_URI": making.host("node"),
        "DMLC_TRACKER_PORT": str(PORT),
        "DMLC_TASK_ID": RANK,
        "DMLC_NUM_WORKER": str(trainers.count * max(devices(making.resources), 1)),
    }
    upsert(node, "env", environment(values))
    _listens(node)


def _mpi(making: Making) -> None:
    policy, asked = making.policy["mpi"] or {}, making.given("numNodes")
    for pod_set in making.pod_sets:
        if pod_set.name == "node" and asked is not None:
            pod_set.count = max(asked - 1, 1) if policy.get("runLauncherAsNode") else asked
        if pod_set.name not in ("node", "launcher"):
            continue
        launcher = pod_set.name == "launcher"
        upsert(pod_set.pod, "volumes", [_keys(making.name), *([_hosts(making.name)] if launcher else [])])
        node = pod_set.container("node")
        if node is None:
            continue
        upsert(node, "volumeMounts", [{"name": SSH, "mountPath": policy.get("sshAuthMountPath", "/root/.ssh")}])
        if launcher:
            upsert(node, "volumeMounts", [{"name": HOSTFILE, "mountPath": "/etc/mpi"}])
            values: dict[str, str | Object] = {
                "OMPI_MCA_orte_default_hostfile": "/etc/mpi/hostfile",
                "OMPI_MCA_orte_keep_fqdn_hostnames": "true",
                "OMPI_MCA_orte_set_default_slots": str(slots(making)),
                "OMPI_MCA_plm_rsh_args": "-o ConnectionAttempts=10",
            }
            upsert(node, "env", environment(values))


def _keys(job: str) -> Object:
    items = [
        {"key": "ssh-privatekey", "path": "id_rsa", "mode": 0o640},
        {"key": "ssh-publickey", "path": "id_rsa.pub", "mode": 0o644},
        {"key": "ssh-publickey", "path": "authorized_keys", "mode": 0o644},
    ]
    return {"name": SSH, "secret": {"secretName": f"{job}-{SSH}", "defaultMode": 0o400, "items": items}}


def _hosts(job: str) -> Object:
    items = [{"key": "hostfile", "path": "hostfile", "mode": 0o444}]
    return {"name": HOSTFILE, "configMap": {"name": f"{job}-{HOSTFILE}", "items": items}}


def _flux(making: Making) -> None:
    trainers, node = making.trainers, _node(making)
    if making.trainer is None or trainers is None or node is None:
        return
    entry, curve = f"{making.name}-flux-entrypoint", f"{making.name}-flux-curve"
    own = [*(making.given("command") or node.get("command") or []), *(making.given("args") or [])]
    making.trainer["command"] = ["/bin/bash", "/etc/flux-config/entrypoint.sh", " ".join(own)]
    making.trainer.pop("args", None)
    config: Object = {"name": entry, "mountPath": "/etc/flux-config", "readOnly": True}
    view: Object = {"name": "flux-install", "mountPath": "/mnt/flux"}
    image = {each["name"]: each.get("value", "") for each in making.given("env") or []}.get("FLUX_VIEW_IMAGE")
    installer: Object = {
        "name": "flux-installer",
        "image": image or "ghcr.io/converged-computing/flux-view-ubuntu:tag-jammy",
        "command": ["/bin/bash", "/etc/flux-config/init.sh"],
        "volumeMounts": [view, config],
    }
    upsert(trainers.pod, "initContainers", [installer])
    empty: Iterable[tuple[str, Object]] = (
        ("spack-install", {}),
        ("flux-install", {}),
        ("dshm", {"medium": "Memory"}),
    )
    volumes: list[Object] = [{"name": name, "emptyDir": source} for name, source in empty]
    volumes.append({"name": entry, "configMap": {"name": entry, "defaultMode": 0o755}})
    volumes.append({"name": "flux-curve", "secret": {"secretName": curve, "defaultMode": 0o400}})
    upsert(trainers.pod, "volumes", volumes)
    mounts: list[Object] = [view, {"name": "spack-install", "mountPath": "/opt/software"}, config]
    mounts.append({"name": "flux-curve", "mountPath": "/curve", "readOnly": True})
    mounts.append({"name": "dshm", "mountPath": "/dev/shm", "readOnly": True})
    upsert(node, "volumeMounts", mounts)


def _listens(node: Object) -> None:
    upsert(node, "ports", [{"containerPort": PORT}])


_FRAMEWORKS = {
    "torch": _torch,
    "jax": _jax,
    "xgboost": _xgboost,
    "mpi": _mpi,
    "flux": _flux,
}
