"""What ended jobs have left in an engine that did not answer at their end: removed when the next job begins."""

from __future__ import annotations

import contextlib
from pathlib import Path

from kubeflow.local.executors.containers.container_engine import JOB_LABEL, STATE_LABEL, ContainerEngine
from kubeflow.local.job.places import Places

_NOTE = "left-in-engine"


def remember(places: Places) -> None:
    """Note that a job has left something in its engine."""
    with contextlib.suppress(OSError):  # its directory is gone, which says the same
        (places.directory / _NOTE).touch()


def sweep(engine: ContainerEngine, state: Path) -> None:
    """Remove what jobs of a state directory left that are deleted, or whose end the engine has not seen."""
    marks = {container.mark for container in engine.containers(STATE_LABEL, str(state))}
    marks |= {str(network["Labels"].get(JOB_LABEL, "")) for network in engine.networks(STATE_LABEL, str(state))}
    for mark in marks:
        note = Path(mark) / _NOTE
        if not Path(mark).exists() or note.exists():
            remove(engine, mark)
            note.unlink(missing_ok=True)


def remove(engine: ContainerEngine, mark: str) -> None:
    """Remove the containers and networks of a job."""
    for container in engine.containers(JOB_LABEL, mark):
        engine.remove(container.id)
    for network in engine.networks(JOB_LABEL, mark):
        engine.remove_network(str(network["Name"]))
