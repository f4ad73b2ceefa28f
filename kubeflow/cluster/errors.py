"""What an API server refuses and why, as types. Each carries the server's own words, and one remedy in its message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import KubeflowError
from kubeflow.core.transport import Interruption, Refusal


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with an object. `field` is its path, like `"spec.trainer.numNodes"`."""

    field: str
    message: str

    __repr__ = repr_of_fields


class ClusterError(KubeflowError):
    """Base of all errors of talking to a cluster."""


class Unreachable(ClusterError, Interruption):
    """No answer came: no server there, no route, a broken connection, a certificate that is not trusted."""


class NotConfigured(ClusterError):
    """There is no usable configuration: no kubeconfig and not in a cluster, or no such context."""


class ControlPlaneMissing(ClusterError):
    """The cluster does not serve the API of a control plane, like Kubeflow Trainer's."""


class StreamBroken(ClusterError, Interruption):
    """A watch or a log broke off before the server ended it. What came so far was whole."""


class ApiError(ClusterError, Refusal):
    """The server answered with an error.

    Attributes:
        code: HTTP status, like 404.
        reason: Kubernetes' word for it, like `"NotFound"`; empty when the answer was no `Status`.
        server_message: The server's own words.
        causes: What is wrong, field by field; empty for most errors.
        retry_after: Seconds after which the server wants to be asked again, `None` when it does not say.
        continue_token: Where a list whose pages have expired can go on, empty elsewhere.
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
    """403: these credentials may not do this; also what quotas, and some admission webhooks and policies, answer."""


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
