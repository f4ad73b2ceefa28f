"""Whether a job can run on this machine, and how it would lie on it. Nothing is started here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.core.quantity import Quantity
from kubeflow.local.executors.limits import CAN_LIMIT_MEMORY, CAN_PIN_CPUS, usable_cpus, usable_memory
from kubeflow.local.store.leases import whole_cpus
from kubeflow.packaging.requirements.requirement_lines import parse_line
from kubeflow.trainer.backends.localprocess import fetch_stage, planning, runtimes
from kubeflow.trainer.backends.machine import job_layout
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.outputs import CLAIM_SCHEME

# Python's `multiprocessing` makes its sockets there, as `pymp-xxxxxxxx/listener-xxxxxxxx`, and the path of a socket may
# have 107 bytes on Linux, 103 on macOS (`sun_path` in <sys/un.h>).
_LONGEST_TMPDIR = (107 if sys.platform == "linux" else 103) - len("/pymp-xxxxxxxx/listener-xxxxxxxx")


def interpreter(python: str) -> str:
    """Return what `LocalProcessBackendConfig(python=)` names: a version as it is, a path as an absolute one.

    Raises:
        InvalidInput: When there is no program at that path.
    """
    if os.sep not in python:
        return python
    path = Path(python).expanduser().absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise InvalidInput(
            f"python={python!r} names no program that can be started: give the path of an interpreter, or a version "
            "like '3.12'."
        )
    return str(path)


def check(spec: JobSpec, python: str | None = None) -> None:
    """Make sure that this machine can run a job.

    Args:
        spec: The job.
        python: The Python that it runs in, where that is not this one.

    Raises:
        InvalidInput: When something is missing, naming what to install, or the runtime takes no function.
        Unsupported: For what only a cluster can do.
    """
    if spec.bundle is None and not planning.tunes(spec):
        what = "images" if spec.command is None and spec.args is None else "commands"
        raise Unsupported(
            f"Local processes run functions, not {what}: give trainer=CustomTrainer(func=...) or train_func=, or a "
            "'torchtune-...' runtime, which brings a trainer of its own."
        )
    if spec.output is not None and spec.output.scheme == CLAIM_SCHEME:
        raise Unsupported(
            f"output={spec.output.uri!r} is a folder of a claim, which only a cluster has: give output= a path of this "
            "machine, or leave it out for a folder of the job's own."
        )
    job_layout.check_processes(spec)
    requirements = spec.bundle.requirements if spec.bundle is not None else ()
    runtimes.check_runnable(spec.runtime, _projects(requirements), python)
    fetch_stage.check(planning.fetched(spec))


def lay_out(spec: JobSpec, gpus: Sequence[str]) -> Layout:
    """Return nodes, ranks and GPUs of a job, with the limits that this machine can hold processes to.

    Args:
        spec: The job.
        gpus: The GPUs of this machine.

    Raises:
        InvalidInput: When this machine does not have that many GPUs.
        Unsupported: When other devices are asked for.
    """
    return job_layout.lay_out(spec, spec.resources, gpus, cpus=CAN_PIN_CPUS, memory=CAN_LIMIT_MEMORY)


def notes(spec: JobSpec) -> list[tuple[str, str]]:
    """Return what `spec` asks for and this backend leaves undone, each as an event's reason and message."""
    found: list[tuple[str, str]] = []
    undone = {"ephemeral-storage"}
    undone |= set() if CAN_LIMIT_MEMORY else {"memory"}
    undone |= set() if CAN_PIN_CPUS else {constants.CPU_LABEL}
    limits = [f"{name}={amount}" for name, amount in spec.resources.items() if name in undone]
    if limits:
        found.append(("LimitsNotEnforced", f"{', '.join(limits)}: this machine cannot hold processes to it"))
    cpus = spec.resources.get(constants.CPU_LABEL)
    there = len(usable_cpus())
    if cpus and CAN_PIN_CPUS and whole_cpus(float(Quantity(cpus))) > there:
        found.append(("CPUsNotThere", f"each node asks for {cpus} CPU(s) and gets the {there} that there are"))
    memory = spec.resources.get("memory")
    if memory and CAN_LIMIT_MEMORY and (asked := int(Quantity(memory))) > (memory_there := usable_memory()):
        found.append(("MemoryNotThere", f"each node asks for {asked:,} bytes, and there are {memory_there:,}"))
    length = len(os.fsencode({**os.environ, **spec.env}.get("TMPDIR", "")))
    if length > _LONGEST_TMPDIR:
        found.append(
            (
                "LongTMPDIR",
                f"TMPDIR has {length} bytes: above {_LONGEST_TMPDIR}, Python's multiprocessing cannot make its sockets "
                "there, and a DataLoader with workers waits for ever: env={'TMPDIR': '/tmp'}",
            )
        )
    if spec.max_restarts and spec.runtime.trainer.framework != "torch":
        found.append(("RestartsNotDone", f"{spec.max_restarts}: only torchrun restarts ranks"))
    if spec.image is not None:
        found.append(("ImageNotUsed", f"{spec.image}: local processes run in {sys.executable}"))
    if spec.command is not None or spec.args is not None:
        line = " ".join([*(spec.command or ()), *(spec.args or ())])
        found.append(("CommandNotUsed", f"{line}: local processes run the function"))
    if spec.cluster_options:
        found.append(
            (
                "OptionsNotUsed",
                f"options {', '.join(spec.cluster_options)} have no effect on this machine, only on a cluster: leave "
                "them out here, or train with TrainerClient(KubernetesBackendConfig())",
            )
        )
    return found


def _projects(requirements: Sequence[str]) -> set[str]:
    return {name for text in requirements if (name := parse_line(text).name)}
