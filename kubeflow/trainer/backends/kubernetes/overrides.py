"""Requests to the API group and versions that an administrator has chosen, see `constants.GROUP`.

The generated clients have the paths of the group and version that they were generated from.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.constants import constants

_GENERATED = "/apis/trainer.kubeflow.org/v1alpha1/"


def overridden(
    transport: Transport,
    *,
    group: str = constants.GROUP,
    trainjob_version: str = constants.TRAINJOB_VERSION,
    runtime_version: str = constants.RUNTIME_VERSION,
) -> Transport:
    """Return a transport for the generated Trainer client that sends to these; `transport` itself without an override.

    Args:
        transport: Reaches the cluster.
        group: API group of TrainJobs and runtimes.
        trainjob_version: API version of TrainJobs.
        runtime_version: API version of runtimes.
    """
    jobs, runtimes = f"/apis/{group}/{trainjob_version}/", f"/apis/{group}/{runtime_version}/"
    if jobs == runtimes == _GENERATED:
        return transport
    return _Overridden(transport, jobs, runtimes)


class _Overridden:
    def __init__(self, transport: Transport, jobs: str, runtimes: str) -> None:
        self._transport = transport
        self._jobs = jobs
        self._runtimes = runtimes

    def send(self, request: Request) -> Mapping[str, object]:
        """Send to where the administrator has it."""
        return self._transport.send(self._moved(request))

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Stream from where the administrator has it."""
        return self._transport.lines(self._moved(request))

    def _moved(self, request: Request) -> Request:
        if not request.path.startswith(_GENERATED):
            return request
        rest = request.path.removeprefix(_GENERATED)
        # [namespaces/<namespace>/]<plural>[/<name>...]
        parts = rest.split("/")
        plural = parts[2] if parts[0] == "namespaces" and len(parts) > 2 else parts[0]
        base = self._jobs if plural == constants.TRAINJOB_PLURAL else self._runtimes
        return replace(request, path=base + rest, body=self._named(request.body, base))

    def _named(self, body: Mapping[str, object] | None, base: str) -> Mapping[str, object] | None:
        if body is None or f"/apis/{body.get('apiVersion')}/" != _GENERATED:
            return body
        return {**body, "apiVersion": base.removeprefix("/apis/").removesuffix("/")}
