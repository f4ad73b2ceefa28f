"""Waiting for a service: the same deadline, callbacks and failures on every backend."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from kubeflow.core.errors import InvalidInput
from kubeflow.core.job_waiting import check_times, explained, wait_for_job
from kubeflow.kserve.backends.serving_backend import ServingBackend
from kubeflow.kserve.errors import ServiceWaitTimeout
from kubeflow.kserve.types.services import AWAITABLE_SERVICE_STATUSES, AwaitableServiceStatus, Service
from kubeflow.trainer.types.jobs import check_statuses

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
) -> Service:
    """Return the service once it has one of `status`; see `KServeClient.wait_for_service_status`."""
    statuses = check_statuses(status, AWAITABLE_SERVICE_STATUSES)
    if not statuses:
        raise InvalidInput(f"status is empty: name at least one of {', '.join(AWAITABLE_SERVICE_STATUSES)}.")
    check_times(timeout, polling_interval)
    try:
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
        )
    except KeyboardInterrupt:
        logger.warning(
            "stopped waiting; service %s goes on. Come back with client.wait_for_service_status(%r), or remove it with "
            "client.delete_service(%r).",
            *(name, name, name),
        )
        raise
