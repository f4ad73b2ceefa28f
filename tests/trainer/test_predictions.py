"""The SDK and the played Trainer, which are written apart, agree on what becomes of a job: over all that may be asked.

A job that the webhooks refuse is refused before it is sent. Of a job that is sent, the pods and TorchTune's command are
those that were predicted.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainJob

from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.rendering.job_in_runtime import JobInRuntime
from kubeflow.trainer.rendering.preflight import findings
from kubeflow.trainer.rendering.preflight_devices import processes_of
from tests.apiserver import UPSTREAM
from tests.cluster.admission import refuse_trainjob
from tests.cluster.merge import jobset_of
from tests.cluster.stage import runtimes

Object = dict[str, Any]

pytestmark = pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with upstream's releases")

SHIPPED: dict[str, Object] = {runtime["metadata"]["name"]: runtime for runtime in runtimes("2.3")} if UPSTREAM else {}
RESOURCES: list[Object] = [
    {},
    {"limits": {"cpu": "4"}},
    {"limits": {"nvidia.com/gpu": "1"}},
    {"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "2"}},
    {"limits": {"amd.com/gpu": "1"}},
    {"limits": {"nvidia.com/mig-1g.5gb": "1"}},
]
ENVIRONMENTS: list[list[Object]] = [
    [],
    [{"name": "A", "value": "1"}],
    [{"name": "PET_NNODES", "value": "1"}],
    [{"name": "DMLC_TASK_ID", "value": "1"}],
    [{"name": "OMPI_MCA_plm_rsh_args", "value": ""}],
]
TUNED = [
    [],
    ["epochs=1"],
    ["model.lora_attn_modules=[q_proj]"],
    ["model.lora_attn_modules=[q_proj]", "model.quantize_base=True"],
    ["model.quantize_base=True"],
    ["model.quantize_base=1"],
    ["model.lora_attn_modules=[q_proj]", "model.quantize_base=True", "model.use_dora=True"],
    ["output_dir=/elsewhere"],
]


def trainers(runtime: str) -> list[Object]:
    """Return what a job's trainer may ask for."""
    tune = runtime.startswith("torchtune")
    commands: list[Object] = [{}, {"command": ["python", "train.py"]}]
    if tune:
        commands += [{"command": ["tune", "run"], **({"args": args} if args else {})} for args in TUNED]
    found = []
    for command, nodes, processes, resources, env in product(
        commands, (None, 1, 2), (None, 1, 2), RESOURCES, ENVIRONMENTS if not tune else ENVIRONMENTS[:1]
    ):
        asked: Object = {"numNodes": nodes, "numProcPerNode": processes, "resourcesPerNode": resources, "env": env}
        found.append({**command, **{key: value for key, value in asked.items() if value}})
    return found


def _as_many_processes_as_gpus(trainer: Object) -> bool:
    """Trainer takes the recipe for one device when either is 1; the SDK knows one number."""
    gpus = [int(n) for name, n in (trainer.get("resourcesPerNode") or {}).get("limits", {}).items() if "gpu" in name]
    return trainer.get("numProcPerNode") is None or [trainer["numProcPerNode"]] == gpus


@pytest.mark.parametrize("name", SHIPPED)
def test_the_sdk_predicts_what_the_played_trainer_does(name: str) -> None:
    shipped = SHIPPED[name]
    sent = 0
    for trainer in trainers(name):
        reference = {"name": name, "kind": "ClusterTrainingRuntime", "apiGroup": "trainer.kubeflow.org"}
        manifest: Object = {"metadata": {"name": "job"}, "spec": {"runtimeRef": reference, "trainer": trainer}}
        job, runtime = TrainJob.from_server(manifest), ClusterTrainingRuntime.from_server(shipped)
        refused = refuse_trainjob(manifest, lambda _: shipped)
        found = findings(job, runtime, "2.3")
        assert found or not refused, (trainer, refused)
        if found:
            continue
        sent += 1
        made, _ = jobset_of(manifest, shipped)
        placed = JobInRuntime(job, runtime)
        jobs = {each["name"]: each for each in made["spec"]["replicatedJobs"]}
        assert {each: jobs[each]["template"]["spec"]["completions"] for each in jobs} == {
            each.name: each.pods for each in placed.replicated_pods()
        }, trainer
        if placed.is_torchtune and _as_many_processes_as_gpus(trainer):
            node = jobs["node"]["template"]["spec"]["template"]["spec"]["containers"][0]
            predicted = torchtune.command(
                name,
                trainer.get("args", []),
                num_nodes=placed.num_nodes,
                devices=processes_of(placed),
                rendezvous="job-node-0-0.job:29500",
            )
            assert [*node["command"], *trainer.get("args", [])] == predicted, trainer
    assert sent > 10
