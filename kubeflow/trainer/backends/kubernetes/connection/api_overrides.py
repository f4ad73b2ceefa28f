"""Requests to the API group and versions that an administrator has chosen, see `constants.GROUP`.

The generated clients have the paths of the group and version that they were generated from.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from kubeflow.cluster.errors import ControlPlaneMissing
from kubeflow.core.errors import InvalidInput
from kubeflow.core.object_names import is_label, is_subdomain
from kubeflow.core.resource import Request, Transport
from kubeflow.trainer.constants import constants

_GENERATED = "/apis/trainer.kubeflow.org/v1alpha1/"
_GROUP = "DEFAULT_TRAINER_API_GROUP"
_JOBS = "DEFAULT_TRAINER_TRAINJOB_VERSION"
_RUNTIMES = "DEFAULT_TRAINER_RUNTIME_VERSION"
_DEFAULTS = {_GROUP: "trainer.kubeflow.org", _JOBS: "v1alpha1", _RUNTIMES: "v1alpha1"}


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

    Raises:
        InvalidInput: One of them cannot be a group or a version: with the variable that says it.
    """
    chosen = {_GROUP: group, _JOBS: trainjob_version, _RUNTIMES: runtime_version}
    for variable, value in chosen.items():
        if not (is_subdomain(value) if variable == _GROUP else is_label(value)):
            raise InvalidInput(f"The environment variable {variable} cannot be {value!r}: correct it, or leave it out.")
    jobs, runtimes = f"/apis/{group}/{trainjob_version}/", f"/apis/{group}/{runtime_version}/"
    if jobs == runtimes == _GENERATED:
        return transport
    said = ", ".join(f"{variable}={value}" for variable, value in chosen.items() if value != _DEFAULTS[variable])
    return _Overridden(transport, jobs, runtimes, said)


class _Overridden:
    def __init__(self, transport: Transport, jobs: str, runtimes: str, said: str) -> None:
        self._transport = transport
        self._jobs = jobs
        self._runtimes = runtimes
        self._said = said

    def send(self, request: Request) -> Mapping[str, object]:
        """Send to where the administrator has it."""
        try:
            return self._transport.send(self._moved(request))
        except ControlPlaneMissing as error:
            raise ControlPlaneMissing(f"{error} The environment says to look there: {self._said}.") from error

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
