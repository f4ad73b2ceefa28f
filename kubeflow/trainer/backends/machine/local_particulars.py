"""What the report of a job of this machine shows: when its nodes ran, its plan, the environment of its first node."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from kubeflow.core.display import HIDDEN, hide_credentials, looks_secret
from kubeflow.core.errors import InvalidInput
from kubeflow.core.plain import plain
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.job.records import FINAL, JobEvent, JobRecord
from kubeflow.trainer.types.particulars import JobParticulars, StepLife, command_in_short

# The environment of a node is that of its user's shell and more. What these begin with concerns training.
_SHOWN = (
    "KUBEFLOW_", "PET_", "TORCH", "NCCL_", "GLOO_", "CUDA_", "OMP_", "MKL_", "JAX_", "XLA_", "MASTER_", "WORLD_SIZE",
    "RANK", "LOCAL_", "OMPI_", "DMLC_", "HF_", "TRANSFORMERS_", "TOKENIZERS_", "WANDB_", "MLFLOW_", "PYTHON",
)  # fmt: skip
_LIBRARIES = ("torch", "numpy", "jax", "tensorflow", "transformers", "datasets", "scikit-learn", "pandas")


def particulars(record: JobRecord, events: Iterable[JobEvent]) -> JobParticulars:
    """Return what the report of a job shows.

    Args:
        record: The job.
        events: What happened to it, oldest first.
    """
    happened = list(events)
    lives = list(_lives(happened))
    ended = next((event.time for event in reversed(happened) if event.step is None and event.reason in FINAL), None)
    try:
        plan = read_plan(record.directory)
    except InvalidInput as error:
        return JobParticulars(lives, ended=ended, title="Plan", gaps=[str(error)])
    first = plan.stages[-1][0] if plan.stages and plan.stages[-1] else None
    env: Mapping[str, str] = {} if first is None else first.env
    shown = {name: value for name, value in sorted(env.items()) if name.startswith(_SHOWN)}
    return JobParticulars(
        lives,
        ended=ended,
        environment={name: value for name, value in _environment(plan, first, len(env) - len(shown)).items() if value},
        variables={name: HIDDEN if looks_secret(name) else hide_credentials(value) for name, value in shown.items()},
        title="Plan of this machine",
        document=_document(plan),
    )


def _lives(events: Iterable[JobEvent]) -> Iterator[StepLife]:
    running: dict[str, JobEvent] = {}
    for event in events:
        if event.step is not None and event.reason == "Started":
            running[event.step] = event
        elif event.step is not None and event.reason == "Exited" and event.step in running:
            status = "Succeeded" if event.message.endswith("code 0") else "Failed"
            yield StepLife(event.step, running.pop(event.step).time, event.time, status, event.message)
        elif event.step is None and (event.reason == "Suspended" or event.reason in FINAL):
            for step, start in running.items():
                yield StepLife(step, start.time, event.time, event.reason, event.message)
            running.clear()
    for step, start in running.items():
        yield StepLife(step, start.time)


def _environment(plan: JobPlan, first: NodePlan | None, unseen: int) -> dict[str, str]:
    found: dict[str, str] = {"Runs as": f"{plan.executor}, in {plan.cwd}"}
    built = plan.environment
    if built is not None:
        found["Python"] = built.python or "that of the process that submitted it"
        found["Packages that it asked for"] = ", ".join(map(hide_credentials, built.requirements))
    if first is None:
        return found
    found["Command"] = command_in_short(first.argv)
    if first.container is not None:
        found["Image"] = first.container.image
    elif built is None and first.argv[:1] == (sys.executable,):
        found["Python"] = f"{sys.version.split()[0]} ({sys.executable})"
        libraries = [f"{name} {found_version}" for name in _LIBRARIES if (found_version := _version(name))]
        found["Libraries that it has now"] = ", ".join(libraries)
    if unseen > 0:
        found["Other variables"] = f"{unseen} are not shown; most are those of the shell that it was submitted from"
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _document(plan: JobPlan) -> object:
    """Return the plan as plain data without environments, which are mostly those of its user's shell."""
    data = asdict(plan)
    for stage in data["stages"]:
        for node in stage:
            kept: Mapping[str, object] = node
            node["env"] = f"{len(kept['env'])} variables, see Environment"  # type: ignore[arg-type]  # asdict has no types
            node.pop("files", None)
    data["environment"] = None if plan.environment is None else {"requirements": list(plan.environment.requirements)}
    return plain({name: value for name, value in data.items() if value not in (None, (), {})})
