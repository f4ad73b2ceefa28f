"""Waiting for a service: the same deadline, callbacks and failures on every backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from kubeflow.core.durations import age_text
from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times, explained, wait_for_job
from kubeflow.core.live import LineText, live_beside, live_display, short_name
from kubeflow.core.status_marks import mark
from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.kserve.errors import ServiceWaitTimeout
from kubeflow.kserve.types.services import AWAITABLE_SERVICE_STATUSES, AwaitableServiceStatus, Service
from kubeflow.trainer.types.jobs import check_statuses
from kubeflow.trainer.types.loglines import LogLines

logger = logging.getLogger(__name__)

_FAILED = ("Failed", "Degraded")


def wait_for_status(
    backend: ServingBackend,
    name: str,
    status: AwaitableServiceStatus | Collection[AwaitableServiceStatus],
    *,
    timeout: float,
    polling_interval: float,
    callbacks: Iterable[Callable[[Service], None]] = (),
    progress: bool | None = False,
) -> Service:
    """Return the service once it has one of `status`; see `KServeClient.wait_for_service_status`."""
    statuses = check_statuses(status, AWAITABLE_SERVICE_STATUSES)
    if not statuses:
        raise InvalidInput(f"status is empty: name at least one of {', '.join(AWAITABLE_SERVICE_STATUSES)}.")
    check_times(timeout, polling_interval)
    try:
        with live_display(progress, service_text) as live:
            return wait_for_job(
                backend,
                name,
                backend.get_service,
                reached=lambda service: service.status in statuses,
                failed=lambda service: service.status in _FAILED,
                too_late=lambda service: ServiceWaitTimeout(
                    name, service.status, statuses, timeout, explanation=explained(lambda: backend.diagnose(name))
                ),
                timeout=timeout,
                polling_interval=polling_interval,
                callbacks=callbacks,
                live=live,
            )
    except KeyboardInterrupt:
        logger.warning(
            "stopped waiting; service %s goes on. Come back with client.wait_for_service_status(%r), or remove it with "
            "client.delete_service(%r).",
            *(name, name, name),
        )
        raise


def followed_service_lines(backend: ServingBackend, name: str, lines: LogLines, progress: bool | None) -> LogLines:
    """Return the log lines of a service with its status below them, where that is shown."""
    return lines.with_progress(live_beside(backend, name, backend.get_service, service_text, progress))


def service_text() -> LineText[Service]:
    """Return what puts a service in one line: status, where its model is, requests to the newest revision, why."""

    def parts(service: Service, width: int) -> list[str]:
        waits = service.status in ("Creating", "Updating")
        newest = next((each for each in service.revisions if each.latest), None)
        return [
            f"{mark(service.status)} {short_name(service.name, width)} {service.status}",
            f"model {service.loading.target}"
            if waits and service.loading is not None and service.loading.target
            else "",
            f"{newest.percent} % of requests" if waits and newest is not None and newest.percent else "",
            service.reason,
            f"{age_text(service.creation_timestamp)} so far" if service.status == "Creating" else "",
        ]

    return LineText(parts, lambda service: (service.status, service.loading, service.reason))
