"""Whether a job can run in containers of this machine, and what of it is left undone. Nothing is started here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kubeflow.core.artifact import Artifact
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.trainer.backends.container.step_templates import StepTemplate
from kubeflow.trainer.backends.machine import job_layout
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.outputs import CLAIM_SCHEME, claim_of
from kubeflow.trainer.types.runtimes import Runtime

_FRAMEWORKS = ("torch", "jax", "xgboost", "plain", *constants.MPI_FRAMEWORKS)
_DATA_CACHE = "data cache"
_FILE_URL = re.compile(r"(^|[\s+@])file:", re.IGNORECASE)


def missing(runtime: Runtime) -> tuple[str, ...]:
    """Return what this machine lacks to run a runtime, whatever its image has."""
    return (_DATA_CACHE,) if runtime.name.endswith("-with-cache") else ()


def check(spec: JobSpec) -> None:
    """Make sure that containers of this machine can run a job.

    Raises:
        InvalidInput: With what to write instead.
        Unsupported: For what only a cluster can do.
    """
    framework = spec.runtime.trainer.framework
    if missing(spec.runtime):
        raise Unsupported(
            f"Runtime {spec.runtime.name!r} reads from a distributed data cache, which only a cluster has: use "
            "'torch-distributed' here."
        )
    job_layout.check_processes(spec)
    nodes = spec.num_nodes or spec.runtime.trainer.num_nodes
    if framework in constants.MPI_FRAMEWORKS and nodes > 1:
        raise Unsupported(
            f"Runtime {spec.runtime.name!r} starts {nodes} nodes by ssh, which needs keys and a server in each "
            "container: set num_nodes=1 and num_proc_per_node= to the number of ranks, or use a cluster."
        )
    if spec.bundle is None:
        return
    if framework not in _FRAMEWORKS:
        raise Unsupported(
            f"A function in runtime {spec.runtime.name!r} ({framework}) is not supported: this SDK does not know how "
            "its processes are started. Put the code into an image and give trainer=CustomTrainerContainer(image=...)."
        )
    _check_requirements(spec.bundle.requirements, spec.bundle.index_urls)


def output_here(output: Artifact | None, volumes: Mapping[str, str | os.PathLike[str]]) -> Artifact | None:
    """Return the output of a job as this machine has it: the folder of a claim is the path that stands for the claim.

    Args:
        output: Where the job leaves what it makes.
        volumes: What claims are here, by name.

    Raises:
        InvalidInput: No path stands for the claim.
    """
    if output is None or output.scheme != CLAIM_SCHEME:
        return output
    claim, folder = claim_of(output)
    given = volumes.get(claim)
    path = Path(given if given is not None else "").expanduser()
    if given is None or not path.is_absolute():
        what = "nothing" if given is None else f"{str(given)!r}, a volume of the engine"
        raise InvalidInput(
            f"output={output.uri!r} is a folder of claim {claim!r}, for which {what} stands here: give its path, with "
            f"ContainerBackendConfig(volumes={{{claim!r}: '/...'}})."
        )
    return replace(output, uri=(path / folder).as_uri())


def _check_requirements(requirements: Sequence[str], index_urls: Sequence[str]) -> None:
    from kubeflow.packaging.requirements.requirement_lines import parse_line

    here = [line for line in requirements if parse_line(line).path is not None or _FILE_URL.search(line)]
    here += [url for url in index_urls if _FILE_URL.search(url)]
    if here:
        raise InvalidInput(
            f"packages_to_install and pip_index_urls name {', '.join(here)} of this machine, which containers do not "
            "see: send your own code with code_dir=, give a package by a git+https:// or https:// URL, or build it "
            "into the image."
        )


def resources(spec: JobSpec, template: StepTemplate, gpus: int, notes: list[tuple[str, str]]) -> Mapping[str, str]:
    """Return what each node gets: what the job asks for, and what the runtime says of other resources.

    Args:
        spec: The job.
        template: The runtime's node.
        gpus: GPUs of this machine.
        notes: Gets a note where the runtime asks for GPUs that are not there.
    """
    found = {**template.limits, **spec.resources}
    asked = found.get(constants.GPU_LABEL, "0")
    nodes = spec.num_nodes or spec.runtime.trainer.num_nodes
    if constants.GPU_LABEL not in spec.resources and asked.isdigit() and int(asked) * nodes > gpus:
        del found[constants.GPU_LABEL]
        notes.append(
            (
                "GPUsNotThere",
                f"runtime {spec.runtime.name} gives each node {asked} GPU(s), and this machine has {gpus}: nodes run "
                "without; resources_per_node={'gpu': ...} asks for those that there are",
            )
        )
    return found


def notes(spec: JobSpec, template: StepTemplate, resources: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what a job asks for and is left undone, each as an event's reason and message."""
    found: list[tuple[str, str]] = []
    if amount := resources.get(job_layout.STORAGE):
        found.append(("LimitsNotEnforced", f"{job_layout.STORAGE}={amount}: engines hold no container to it"))
    if spec.max_restarts and spec.runtime.trainer.framework != "torch":
        found.append(("RestartsNotDone", f"{spec.max_restarts}: only torchrun restarts ranks"))
    if template.unset:
        found.append(
            (
                "VariableNotSet",
                f"{', '.join(template.unset)} of runtime {spec.runtime.name}: only a cluster knows the value",
            )
        )
    return found
