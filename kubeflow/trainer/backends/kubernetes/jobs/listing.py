"""All TrainJobs of a namespace, read with as few bytes as a listing needs.

The first few jobs are read whole: most namespaces have no more. Where there are more and this SDK made them, their
outlines follow. Jobs whose outlines do not say enough are read whole after that, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from kubeflow_api.trainer.v1alpha1 import TrainJob as TrainJobModel

from kubeflow.cluster import wire
from kubeflow.cluster.ahead import ahead
from kubeflow.cluster.wire import Json
from kubeflow.core.paging import pages
from kubeflow.core.resource import REQUEST_ID, Request
from kubeflow.core.table import TABLE
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.connection.outlines import JobOutline
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.types.jobs import TrainJob

PAGE = 1000
"""Jobs or pods of one request. A server needs ten times as long for a page that continues another."""
_FIRST = 20  # jobs that are read whole in any case
_IDS = 100  # in one selector, which are 4 KB of a URL
_STATE = "State"  # the printer column: type of the last condition


def listed_jobs(
    connection: Connection, label_selector: str | None, view: Callable[[TrainJobModel], TrainJob]
) -> Iterator[TrainJob]:
    """Read the first jobs, and return an iterator over all whose labels match, each once, as users see them.

    One request where there are at most 20. Else one more for each 1,000 jobs; one for each 100 that this SDK made and
    whose outlines do not say enough; and one for each 1,000 that others made, where both made some.

    Args:
        connection: The cluster.
        label_selector: Chooses jobs; `None` for all.
        view: Returns what users see of a job. It is called again for a job whose outline says too little.

    Raises:
        ClusterError: As the transport does.
    """
    return _Listing(connection, label_selector, view).jobs()


@dataclass
class _Listing:
    connection: Connection
    selector: str | None
    view: Callable[[TrainJobModel], TrainJob]
    names: set[str] = field(default_factory=set[str])
    contents: dict[tuple[str, ...], Json] = field(default_factory=dict[tuple[str, ...], Json])

    def jobs(self) -> Iterator[TrainJob]:
        read = ahead(self._pages())
        first = next(read)  # the next page is read from now on
        return self._jobs(chain([first], read))

    def _pages(self) -> Iterator[Json]:
        """Yield a page of whole jobs, then all others: tables of outlines, or whole jobs where others made them."""
        transport = self.connection.transport
        first = transport.send(Request("GET", self._path, self._selecting() | {"limit": str(_FIRST)}))
        yield first
        if not (more := wire.text(first, "metadata", "continue")):
            return
        if any(_outline(job, _last_condition(job)) is not None for job in wire.objects(first, "items")):
            # A new list, without those: servers answer from memory where a list is not continued.
            names = [wire.text(job, "metadata", "name") for job in wire.objects(first, "items")]
            query = {"fieldSelector": ",".join(f"metadata.name!={name}" for name in names)}
            accept = f"{TABLE},application/json"
        else:
            query, accept = {"continue": more}, "application/json"
        yield from pages(transport, self._path, self._selecting() | query | {"limit": str(PAGE)}, accept=accept)

    def _jobs(self, read: Iterator[Json]) -> Iterator[TrainJob]:
        """Yield the jobs on these pages; those whose outlines say too little are read whole after that."""
        ids: list[str] = []
        without_id = False
        for page in read:
            yield from self._whole(wire.objects(page, "items"))
            state = _column(page, _STATE)
            for row in wire.objects(page, "rows"):
                outline = _outline(wire.mapping(row, "object"), state(row))
                if outline is not None and self._enough(outline, found := self.view(self._model(outline))):
                    self.names.add(found.name)
                    yield found
                    continue
                request_id = wire.strings(row, "object", "metadata", "labels").get(REQUEST_ID)
                ids += [request_id] if request_id else []
                without_id = without_id or not request_id
        for start in range(0, len(ids), _IDS):
            yield from self._read(self._selecting(f"{REQUEST_ID} in ({','.join(ids[start : start + _IDS])})"))
        if without_id:
            yield from self._read(self._selecting(f"!{REQUEST_ID}"))

    def _read(self, query: dict[str, str]) -> Iterator[TrainJob]:
        for page in ahead(pages(self.connection.transport, self._path, {"limit": str(PAGE), **query})):
            yield from self._whole(wire.objects(page, "items"))

    def _whole(self, items: list[Json]) -> Iterator[TrainJob]:
        for item in items:
            name = wire.text(item, "metadata", "name")
            if name not in self.names:
                self.names.add(name)
                yield self.view(TrainJobModel.from_server(item))

    def _model(self, outline: JobOutline) -> TrainJobModel:
        """Return the TrainJob of an outline; it shares spec and status with those of the same content."""
        content = self.contents.get(outline.key)
        if content is None:
            content = self.contents[outline.key] = dict(TrainJobModel.from_server(outline.content))
        return TrainJobModel.from_server({**content, "metadata": outline.metadata})

    def _selecting(self, also: str | None = None) -> dict[str, str]:
        chosen = ",".join(part for part in (self.selector, also) if part)
        return {"labelSelector": chosen} if chosen else {}

    @property
    def _path(self) -> str:
        return jobs_path(self.connection.namespace)

    @staticmethod
    def _enough(outline: JobOutline, view: TrainJob) -> bool:
        """True when the job itself says no more: it has ended, or its pods say what its status would."""
        if outline.ended or not outline.counted:
            return True
        return view.status == "Running" and all(step.pod_name for step in view.steps)


def _outline(job: Json, state: str) -> JobOutline | None:
    return JobOutline.of(wire.mapping(job, "metadata"), state)


def _last_condition(job: Json) -> str:
    return next((wire.text(condition, "type") for condition in reversed(wire.objects(job, "status", "conditions"))), "")


def _column(table: Json, name: str) -> Callable[[Json], str]:
    """Return what reads the cells of a column; a column that is not there has a text that no cell has."""
    names = [wire.text(column, "name") for column in wire.objects(table, "columnDefinitions")]
    place = names.index(name) if name in names else None

    def cell(row: Json) -> str:
        cells = wire.each(object, wire.at(row, "cells"))
        return "Unknown" if place is None or place >= len(cells) else wire.only(str, cells[place]) or ""

    return cell
