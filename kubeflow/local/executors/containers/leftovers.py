"""What ended jobs have left in an engine that did not answer at their end: removed when the next job begins."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from kubeflow.local.executors.containers.container_engine import JOB_LABEL, STATE_LABEL, ContainerEngine
from kubeflow.local.executors.containers.engine_errors import EngineRefused
from kubeflow.local.job.places import Places

logger = logging.getLogger(__name__)

_NOTE = "left-in-engine"


def remember(places: Places) -> None:
    """Note that a job has left something in its engine."""
    with contextlib.suppress(OSError):  # its directory is gone, which says the same
        (places.directory / _NOTE).touch()


def sweep(engine: ContainerEngine, state: Path) -> None:
    """Remove what jobs of a state directory left that are deleted, or whose end the engine has not seen.

    What the engine does not remove now, such as the network of a container that it is about to end, stays for the next
    job: the one that begins is not to blame.
    """
    marks = {container.mark for container in engine.containers(STATE_LABEL, str(state))}
    marks |= {str(network["Labels"].get(JOB_LABEL, "")) for network in engine.networks(STATE_LABEL, str(state))}
    for mark in marks:
        note = Path(mark) / _NOTE
        if not Path(mark).exists() or note.exists():
            try:
                remove(engine, mark)
            except EngineRefused as error:
                logger.info("what is left of %s is removed when the next job begins: %s", mark, error)
            else:
                note.unlink(missing_ok=True)


def remove(engine: ContainerEngine, mark: str) -> None:
    """Remove the containers and networks of a job."""
    for container in engine.containers(JOB_LABEL, mark):
        engine.remove(container.id)
    for network in engine.networks(JOB_LABEL, mark):
        engine.remove_network(str(network["Name"]))
