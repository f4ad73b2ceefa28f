"""Why a service of this machine is where it is."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow.core.stdlib import re
from kubeflow.kserve.backends.local.local_service_view import LocalService, status_of
from kubeflow.kserve.backends.local.service_plan import NODE
from kubeflow.kserve.types.service_diagnosis import ServiceDiagnosis
from kubeflow.kserve.types.services import Service
from kubeflow.local.job.places import Places
from kubeflow.local.logs.lines import last_lines
from kubeflow.trainer.types.jobs import Event

_LOG_LINES = 15

# What a failed revision says -> what to try.
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"SIGKILL|MemoryError|bad_alloc|Cannot allocate"),
        "It may lack memory: serve it with resources={'memory': ...} of more, or a smaller model.",
    ),
    (
        re.compile(r"did not answer /v2/health/live"),
        "A call of the model holds the interpreter for long, or hangs: see the log. KUBEFLOW_SERVING_LIVENESS in env= "
        "gives it more seconds.",
    ),
    (re.compile(r"No module named '([\w.]+)'"), "Install what provides module {0!r} for the interpreter that serves."),
    (
        re.compile(r"InconsistentVersion|has no attribute|unsupported pickle|version"),
        "Load it once here by hand: a library may have another version than the one that saved it.",
    ),
)


def remedies(found: LocalService) -> list[str]:
    """Return what to try with a service that is not ready, most promising first."""
    status, reason = status_of(found)
    if status in ("Ready", "Stopped", "Updating"):
        return []
    tips = [tip.format(*match.groups()) for pattern, tip in _REMEDIES if (match := pattern.search(reason))]
    name = found.wanted.name
    if status in ("Failed", "Degraded"):
        tips.append(f"Change it with client.update({name!r}, model=...), or go back with client.rollback({name!r}).")
    return tips


def diagnose(found: LocalService, service: Service, events: Sequence[Event]) -> ServiceDiagnosis:
    """Return what is known of a service.

    Args:
        found: The service.
        service: The same, as users see it.
        events: What happened to it.
    """
    places = Places(found.record.directory)
    kept = found.kept
    findings: list[str] = []
    if kept.restarts:
        findings.append(f"its server was started anew {kept.restarts} time(s) after it had died or hung")
    findings += [f"revision {number} failed: {words}" for number, words in sorted(kept.failed.items())]
    ill = service.status in ("Failed", "Degraded", "Creating")
    return ServiceDiagnosis(
        service,
        service.reason or f"revision {kept.active} answers at {service.url}",
        timeline=events,
        findings=findings,
        log=last_lines(places.node_log(NODE), _LOG_LINES) if ill else (),
        remedies=remedies(found),
        places=[
            *([f"answers at {service.url}: /v2/models/{service.model_name}/infer, /metrics"] if service.url else []),
            f"log: {places.node_log(NODE)}",
        ],
    )
