"""Errors of requests to an API server, by cause. Each has the server's message and one remedy in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Interruption, Refusal


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of a refused object. `field` is the path of the faulty field, like `"spec.trainer.numNodes"`."""

    field: str
    message: str

    __repr__ = repr_of_fields


class ClusterError(KubeflowError):
    """Base of all errors of requests to a cluster."""


class Unreachable(ClusterError, Interruption):
    """No answer came: no server there, no route, a broken connection, a certificate that is not trusted."""


class NotConfigured(ClusterError):
    """There is no usable configuration: no kubeconfig and not in a cluster, or no such context."""


class ControlPlaneMissing(ClusterError):
    """The cluster does not serve the API of a control plane, like Kubeflow Trainer's."""


class StreamBroken(ClusterError, Interruption):
    """A watch or a log broke off before the server ended it. All lines that came were whole."""


class ApiError(ClusterError, Refusal):
    """The server answered with an error.

    Attributes:
        code: HTTP status, like 404.
        reason: The reason of the `Status`, like `"NotFound"`; empty when the answer was no `Status`.
        server_message: The server's message.
        causes: The faults, field by field; empty for most errors.
        retry_after: Seconds after which the server takes the request again; `None` when the answer does not say.
        continue_token: Where a list whose pages have expired can go on; empty for other errors.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int,
        reason: str = "",
        server_message: str = "",
        causes: Sequence[Cause] = (),
        retry_after: float | None = None,
        continue_token: str = "",
    ) -> None:
        self.code = code
        self.reason = reason
        self.server_message = server_message
        self.causes = tuple(causes)
        self.retry_after = retry_after
        self.continue_token = continue_token
        super().__init__(message)


class Unauthorized(ApiError):
    """401: the credentials are missing, wrong or expired."""


class Forbidden(ApiError):
    """403: these credentials lack the right; also the answer of quotas, and of some admission webhooks and policies."""


class NotFound(ApiError):
    """404: no such object, or no such kind."""


class AlreadyExists(ApiError):
    """409: the name is taken."""


class Conflict(ApiError):
    """409: the object has changed since it was read, or another field manager owns the field."""


class Gone(ApiError):
    """410: the resource version or the continue token is too old; list again."""


class Invalid(ApiError):
    """400, 413 or 422: the server, an admission webhook or a policy refuses the object. `causes` says which fields."""


class TooManyRequests(ApiError):
    """429: the server is busy and stayed so through all retries."""


class ServerFault(ApiError):
    """5xx: the server failed and went on failing through all retries."""
