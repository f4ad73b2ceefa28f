"""Waiting for a service: the same deadline, callbacks and failures on every backend."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable

from kubeflow.core.errors import InvalidInput, KubeflowError
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
    for field, value in (("timeout", timeout), ("polling_interval", polling_interval)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"{field} is in seconds and must be greater than 0, not {value!r}.")
    try:
        with backend.watching(name):
            return _wait(backend, name, statuses, timeout, polling_interval, tuple(callbacks))
    except KeyboardInterrupt:
        logger.warning(
            "stopped waiting; service %s goes on. Come back with client.wait_for_service_status(%r), or remove it with "
            "client.delete_service(%r).",
            *(name, name, name),
        )
        raise


def _wait(
    backend: ServingBackend,
    name: str,
    statuses: Collection[AwaitableServiceStatus],
    timeout: float,
    polling_interval: float,
    callbacks: Iterable[Callable[[Service], None]],
) -> Service:
    deadline = time.monotonic() + timeout
    service = backend.get_service(name)
    next_call = 0.0
    while True:
        now = time.monotonic()
        reached = service.status in statuses
        failed = service.status in _FAILED and not reached
        if reached or failed or now >= next_call:
            next_call = now + polling_interval
            for callback in callbacks:
                callback(service)
        if reached:
            return service
        if failed:
            raise backend.failure(name)
        now = time.monotonic()  # callbacks take time too
        if now >= deadline:
            told = _explanation(backend, name)
            raise ServiceWaitTimeout(name, service.status, statuses, timeout, explanation=told)
        service = backend.next_change(name, service, max(0.0, min(deadline, next_call) - now))


def _explanation(backend: ServingBackend, name: str) -> str:
    try:
        return str(backend.diagnose(name))
    except KubeflowError as error:  # the time is up: that must be said, whatever else cannot be
        return f"(No explanation could be had: {error})"
