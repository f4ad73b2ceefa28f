"""What a listing shows of a TrainJob, without its code: written beside the job when it is made, read from its metadata.

A server can leave out the spec and the status of objects (`as=Table`), and nothing smaller: the code is in the spec. So
whoever makes a job writes the few fields of the spec that a listing shows into an annotation. `managedFields` says who
wrote which field last: an outline holds as long as nobody else has written what it repeats. From the printer column
`State`, the type of the last condition, comes how the job ended.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from kubeflow.cluster import wire
from kubeflow.cluster.wire import Json
from kubeflow.core.stdlib import json
from kubeflow.core.transport import Request, Transport
from kubeflow.trainer.constants import constants

MANAGER = "kubeflow-trainer-client"
"""The field manager of jobs that are made with an outline."""
_ANNOTATION = "sdk.kubeflow.org/outline"
_TRAINER = ("image", "numNodes", "resourcesPerNode")
# What Trainer 2.0 to 2.3 adds at the end of a job. A failure that is taken back is removed, and not set to False.


class Outlining:
    """A transport that makes TrainJobs with their outlines.

    Args:
        transport: The cluster.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with."""
        makes = request.method == "POST" and request.path.endswith(f"/{constants.TRAINJOB_PLURAL}")
        if makes and request.body is not None and "dryRun" not in request.query:
            query = {**request.query, "fieldManager": MANAGER}
            request = replace(request, query=query, body=_with_outline(request.body))
        return self._transport.send(request)

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body."""
        return self._transport.lines(request)


@dataclass(frozen=True, slots=True)
class JobOutline:
    """A TrainJob without what a listing does not show.

    Attributes:
        metadata: Name and age of the TrainJob, in wire names.
        content: What is known of its spec and its status, in wire names.
        key: The same for all jobs of the same content.
        ended: True when it is Complete or Failed.
        counted: True when its status counts Jobs. The numbers are not known.
    """

    metadata: Json
    content: Json
    key: tuple[str, ...]
    ended: bool
    counted: bool

    @classmethod
    def of(cls, metadata: Json, state: str) -> JobOutline | None:
        """Return the outline of a job; `None` when the job itself has to be read.

        Args:
            metadata: Of the TrainJob.
            state: Type of its last condition; empty when it has none.
        """
        spec = _written(metadata)
        ended = state in constants.TRAINJOB_ENDS
        if spec is None or (state and not ended) or (not ended and not _suspension_is_own(metadata)):
            return None
        statuses = [wire.mapping(entry, "fieldsV1", "f:status") for entry in wire.objects(metadata, "managedFields")]
        if any("f:trainerStatus" in fields for fields in statuses):
            return None
        counted = [name for fields in statuses for name in _names(wire.mapping(fields, "f:jobsStatus"))]
        conditions = [{"type": state, "status": "True"}] if ended else []
        return cls(
            {key: metadata[key] for key in ("name", "creationTimestamp") if key in metadata},
            {"spec": spec, "status": {"conditions": conditions, "jobsStatus": [{"name": name} for name in counted]}},
            (wire.strings(metadata, "annotations")[_ANNOTATION], state, *counted),
            ended,
            bool(counted),
        )


def _with_outline(job: Json) -> Json:
    spec = wire.mapping(job, "spec")
    trainer = {key: value for key, value in wire.mapping(spec, "trainer").items() if key in _TRAINER}
    outline: dict[str, object] = {key: spec[key] for key in ("runtimeRef", "suspend", "managedBy") if key in spec}
    written = json.dumps({**outline, "trainer": trainer}, separators=(",", ":"), sort_keys=True)
    metadata = wire.mapping(job, "metadata")
    annotations = {**wire.mapping(metadata, "annotations"), _ANNOTATION: written}
    return {**job, "metadata": {**metadata, "annotations": annotations}}


def _written(metadata: Json) -> Json | None:
    """Return the outline of the spec that was written when the job was made; `None` for one that does not hold."""
    owners = _owners(metadata, "f:runtimeRef") | _owners(metadata, "f:trainer")
    if owners != {MANAGER}:
        return None
    try:
        outline: object = json.loads(wire.strings(metadata, "annotations").get(_ANNOTATION, ""))
    except ValueError:
        return None
    return cast("Json", outline) if isinstance(outline, dict) else None


def _suspension_is_own(metadata: Json) -> bool:
    # Kueue suspends the jobs of its queues as they are made, in the name of who makes them.
    queued = constants.KUEUE_QUEUE_LABEL in wire.mapping(metadata, "labels")
    return not queued and _owners(metadata, "f:suspend") <= {MANAGER}


def _owners(metadata: Json, field: str) -> set[str]:
    """Return who wrote a field of the spec last, or a part of it."""
    return {
        wire.text(entry, "manager")
        for entry in wire.objects(metadata, "managedFields")
        if field in wire.mapping(entry, "fieldsV1", "f:spec")
    }


def _names(fields: Json) -> Sequence[str]:
    """Return the values of `name` in the keys of a list map, such as `k:{"name":"node"}`."""
    keys = [key.removeprefix("k:") for key in fields if key.startswith("k:")]
    return [name for key in keys if (name := wire.text(_object(key), "name"))]


def _object(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
