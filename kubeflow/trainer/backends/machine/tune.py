"""`BuiltinTrainer` on this machine: TorchTune, with the arguments that the control plane would build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kubeflow.core.errors import InvalidInput
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan
from kubeflow.trainer.backends.machine.launch import Layout, inherited
from kubeflow.trainer.jobs import torchtune
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.steps import node_step
from kubeflow.trainer.runtimes.shipped import DATASET, MODELS
from kubeflow.trainer.types.initializers import (
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
)
from kubeflow.trainer.types.torchtune import TorchTuneConfig, TorchTuneInstructDataset
from kubeflow.trainer.types.trainers import BuiltinTrainer

_ENDPOINT = "KUBEFLOW_RENDEZVOUS"
# The port is known when the job starts, and `tune` takes its rendezvous from the command line alone.
_WITH_ENDPOINT = f'tune=$1; run=$2; shift 2; exec "$tune" "$run" "--rdzv_endpoint=${_ENDPOINT}" "$@"'


def complete(spec: JobSpec) -> JobSpec:
    """Return a TorchTune job with what its runtime brings: the model, the dataset, and how it is read.

    Raises:
        InvalidInput: When the runtime brings no model and the job names none.
    """
    given = spec.initializer or Initializer()
    model = MODELS.get(spec.runtime.name)
    if given.model is None and model is None:
        raise InvalidInput(
            f"Runtime {spec.runtime.name!r} does not say which model it fine-tunes: give "
            "initializer=Initializer(model=HuggingFaceModelInitializer('hf://...'))."
        )
    initializer = Initializer(
        dataset=given.dataset or HuggingFaceDatasetInitializer(DATASET),
        model=given.model or HuggingFaceModelInitializer(str(model)),
    )
    # Without a trainer, the command of the runtime's manifest runs as it is: it reads the dataset that was fetched.
    as_shipped = BuiltinTrainer(TorchTuneConfig(dataset_preprocess_config=TorchTuneInstructDataset()))
    return replace(spec, builtin=spec.builtin or as_shipped, initializer=initializer)


def nodes(
    spec: JobSpec,
    given: Initializer | None,
    layout: Layout,
    places: Places,
    *,
    tune: str,
    environ: Mapping[str, str],
    gpus: bool,
    workspace: str = "",
) -> tuple[NodePlan, ...]:
    """Return the nodes of a TorchTune job.

    Args:
        spec: The job, complete.
        given: What the job itself said to fetch; the rest is its runtime's.
        layout: Nodes and processes.
        places: Where the job's files are.
        tune: The path of TorchTune's program.
        environ: The environment of this process.
        gpus: Whether this machine has GPUs; TorchTune's configurations are made for them.
        workspace: Where the nodes find what was fetched. Default: the job's own directory.

    Raises:
        InvalidInput: When the control plane would refuse the job, or TorchTune has no configuration for it.
    """
    workspace = workspace or str(places.workspace)
    config = spec.builtin.config if spec.builtin is not None else TorchTuneConfig()
    args = torchtune.overrides(config, given, workspace=workspace)
    line = torchtune.command(
        spec.runtime.name,
        [*args, *([] if gpus else ["device=cpu"])],
        num_nodes=layout.num_nodes,
        devices=layout.num_proc_per_node,
        rendezvous="",
        workspace=workspace,
    )
    alone = layout.num_nodes == layout.num_proc_per_node == 1
    argv = (tune, *line[1:]) if alone else ("/bin/sh", "-c", _WITH_ENDPOINT, "sh", tune, line[1], *line[3:])
    common = {
        **inherited(environ),
        "OMP_NUM_THREADS": environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        **spec.env,
        "PET_NNODES": str(layout.num_nodes),
        "PET_NPROC_PER_NODE": str(layout.num_proc_per_node),
    }
    return tuple(
        NodePlan(
            node_step(index),
            argv=argv,
            env={**common, "PET_NODE_RANK": str(index)},
            rendezvous={} if alone else {_ENDPOINT: "{host}:{port}"},
            gpus=layout.gpus,
            cpus=layout.cpus,
            memory=layout.memory,
        )
        for index in range(layout.num_nodes)
    )
