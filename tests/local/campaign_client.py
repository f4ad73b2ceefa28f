"""One client of the fault campaign, as a process that can be killed: does what it is told and says what it has done.

Run as a program with a JSON request as its argument. It prints one line after each thing that is done, so that a line
that was read is a promise that the store has to keep.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kubeflow.core.errors import KubeflowError
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan, MountPlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan
from kubeflow.local.jobs import Jobs
from kubeflow.local.logs.ranks import watched
from kubeflow.local.store.store import NameTaken


def job_plan(
    name: str, scripts: Sequence[str], witness: str, engine: dict[str, Any] | None = None, **options: Any
) -> Callable[[Places], JobPlan]:
    """Return what makes the plan of a job of shell scripts, one for each node, that know where to bear witness.

    With `engine`, they are containers: fields of an `EnginePlan`, and the `image`.
    """
    container = None
    if engine is not None:
        mounts = (MountPlan(witness, witness),)
        container = ContainerPlan(engine["image"], pull="Never", mounts=mounts)
        plan = EnginePlan(**{name: value for name, value in engine.items() if name != "image"})
        options |= {"executor": "container", "engine": plan}

    def node(places: Places, rank: int, script: str) -> NodePlan:
        step = f"node-{rank}"
        said = f"{witness}/{name}.{rank}"
        return NodePlan(
            step,
            (*watched(str(places.node(step)), str(rank)), "/bin/sh", "-c", script),
            {
                **({} if container else {"PATH": os.environ["PATH"]}),
                "STARTED": f"{said}.started",
                "ENDED": said,
                "WITNESS": witness,
            },
            ranks=(rank,),
            gpus=1 if options.get("devices") else 0,
            container=container,
        )

    return lambda places: JobPlan(
        name,
        (tuple(node(places, rank, script) for rank, script in enumerate(scripts)),),
        str(places.directory),
        **options,
    )


def _submit(jobs: Jobs, request: dict[str, Any]) -> None:
    for name in request["names"]:
        try:
            options = request.get("options", {})
            jobs.submit(name, job_plan(name, request["scripts"], request["witness"], request["engine"], **options))
        except NameTaken:
            _say(f"taken {name}")
        else:
            _say(f"submitted {name}")


def _suspend(jobs: Jobs, request: dict[str, Any]) -> None:
    for name in request["names"]:
        record = jobs.find(name)
        found = None if record is None else jobs.suspend(record)
        _say(f"{found.phase if found else 'gone'} {name}")


def _resume(jobs: Jobs, request: dict[str, Any]) -> None:
    for name in request["names"]:
        record = jobs.find(name)
        if record is not None:
            jobs.resume(record)
        _say(f"resumed {name}")


def _delete(jobs: Jobs, request: dict[str, Any]) -> None:
    for name in request["names"]:
        record = jobs.find(name)
        done = record is not None and jobs.delete(record)
        _say(f"{'deleted' if done else 'not-mine'} {name}")


def _look(jobs: Jobs, request: dict[str, Any]) -> None:
    _say(f"{len(jobs.all())} jobs")


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Do what the request says."""
    request = json.loads(sys.argv[1])
    if (room := request.get("room")) is not None:  # as on a disk that is full: no file may grow beyond this
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    jobs = Jobs(Path(request["state"]))
    {"submit": _submit, "suspend": _suspend, "resume": _resume, "delete": _delete, "look": _look}[request["do"]](
        jobs, request
    )


if __name__ == "__main__":
    try:
        main()
    except KubeflowError as error:
        sys.exit(f"{type(error).__name__}: {error}")
