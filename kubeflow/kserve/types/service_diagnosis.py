"""Why a service is where it is, in one text: what `KServeClient.explain` returns on every backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.plain import dict_of_fields
from kubeflow.kserve.types.services import Revision, Service
from kubeflow.trainer.types.jobs import Event


@dataclass(frozen=True, slots=True)
class ServiceDiagnosis:
    """What a backend found out about a service.

    Attributes:
        service: The service.
        summary: One sentence: where it is, and why.
        timeline: What happened, oldest first.
        findings: What is worth knowing, most telling first.
        log: Last lines of what failed, without line ends.
        remedies: What to try, most promising first.
        places: Where it is kept, and how it is called.
    """

    service: Service
    summary: str
    timeline: Sequence[Event] = ()
    findings: Sequence[str] = ()
    log: Sequence[str] = ()
    remedies: Sequence[str] = ()
    places: Sequence[str] = ()

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __str__(self) -> str:
        """Return all of it as text, without a line end at the end."""
        service = self.service
        lines = [f"Service {service.name!r} is {service.status}: {self.summary}"]
        model = f"model {service.model}" if service.model else "a model of its own"
        by = [f"format {service.model_format}"] if service.model_format else []
        by += [f"runtime {service.runtime}"] if service.runtime else []
        by += [f"protocol {service.protocol}"]
        by += [service.deployment_mode] if service.deployment_mode else []
        lines.append(f"  {model} ({', '.join(by)})")
        lines += [f"  {place}" for place in self.places]
        lines += _titled("Revisions", [_revision(revision) for revision in service.revisions])
        lines += _titled("Findings", [each for each in self.findings if each.rstrip(". ") != self.summary.rstrip(". ")])
        lines += _titled("Timeline", [_event(event) for event in self.timeline])
        lines += _titled("Log", self.log)
        lines += _titled("What to try", self.remedies)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from kubeflow.core.explanation_html import explanation_html

        return explanation_html(str(self))


def _titled(title: str, items: Sequence[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for item in items for line in item.splitlines() or [""])] if items else []


def _revision(revision: Revision) -> str:
    share = "" if revision.percent is None else f" {revision.percent} % of the requests"
    ready = {True: "ready", False: "not ready", None: "unknown"}[revision.ready]
    latest = " (what was asked for last)" if revision.latest else ""
    return f"{revision.name}: {ready}{share}{latest}{f', {revision.model}' if revision.model else ''}"


def _event(event: Event) -> str:
    clock = event.event_time.astimezone().isoformat(sep=" ", timespec="seconds")
    return f"{clock}  {event.involved_object_name}: {event.reason}: {event.message}"
