"""What happened to a search of Katib: events of its Experiment, Suggestion and Trials, and of the trials' jobs."""

from __future__ import annotations

from kubeflow.cluster import wire
from kubeflow.cluster.pods.events import Happening, read_event
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event
from kubeflow.trainer.types.jobs import Event

_SUFFIX = 8  # characters that Katib adds to the name of a search
_OF_KATIB = ("Experiment", "Suggestion", "Trial")
_OF_SERVICE = ("Deployment", "ReplicaSet", "Pod", "Service")


def search_happenings(connection: Connection, name: str) -> list[Happening]:
    """Return the events about a search and all that was made for it, oldest first: one listing of the namespace's.

    Raises:
        Forbidden: These credentials may not list events.
        ClusterError: As the transport does.
    """
    events = map(read_event, wire.listed(connection.transport, wire.core_path(connection.namespace, "events")))
    return sorted((event for event in events if _concerns(event, name)), key=lambda event: (event.first, event.last))


def search_events(connection: Connection, name: str) -> list[Event]:
    """Return the events about a search as users see them; see `search_happenings`."""
    return [user_event(happening) for happening in search_happenings(connection, name)]


def _concerns(event: Happening, name: str) -> bool:
    if event.kind in _OF_KATIB and event.name == name:
        return True
    rest = event.name.removeprefix(f"{name}-")
    if rest == event.name:
        return False
    # Trials, their jobs and pods are called `<search>-<8 characters>...`; the service `<search>-<algorithm>...`.
    trial = rest[:_SUFFIX]
    of_trial = len(trial) == _SUFFIX and trial.isalnum() and rest[_SUFFIX : _SUFFIX + 1] in ("", "-", ".")
    return of_trial or event.kind in _OF_SERVICE
