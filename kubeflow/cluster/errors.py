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
    """Base of all errors of requests to a cluster.

    Remedy:
        Catch this type for whatever goes wrong between here and a cluster. `kubectl get trainjobs` with the same
        kubeconfig tells whether the cluster or this program is the cause.
    """


class Unreachable(ClusterError, Interruption):
    """No answer came: no server there, no route, a broken connection, a certificate that is not trusted.

    Remedy:
        Check the address, the VPN and the proxy that the message names; for a certificate, the `certificate-authority`
        of the kubeconfig.
    """


class NotConfigured(ClusterError):
    """There is no usable configuration: no kubeconfig and not in a cluster, or no such context.

    Remedy:
        Give `config_file=` or `context=`, set `KUBECONFIG`, or use `LocalProcessBackendConfig()` to run on this
        machine.
    """


class ControlPlaneMissing(ClusterError):
    """The cluster does not serve the API of a control plane, like Kubeflow Trainer's.

    Remedy:
        Have the control plane installed by who runs the cluster, or give the context of a cluster that has it.
    """


class StreamBroken(ClusterError, Interruption):
    """A watch or a log broke off before the server ended it. All lines that came were whole.

    Remedy:
        Make the call again to go on. Logs that are followed through a client go on by themselves.
    """


class ApiError(ClusterError, Refusal):
    """The server answered with an error.

    Attributes:
        code: HTTP status, like 404.
        reason: The reason of the `Status`, like `"NotFound"`; empty when the answer was no `Status`.
        server_message: The server's message.
        causes: The faults, field by field; empty for most errors.
        retry_after: Seconds after which the server takes the request again; `None` when the answer does not say.
        continue_token: Where a list whose pages have expired can go on; empty for other errors.

    Remedy:
        Read `server_message` and `causes`; `code` says which kind of refusal it is.
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
    """401: the credentials are missing, wrong or expired.

    Remedy:
        Log in again, or renew the token of the kubeconfig; tokens of files and of login programs are read anew by
        themselves.
    """


class Forbidden(ApiError):
    """403: these credentials lack the right; also the answer of quotas, and of some admission webhooks and policies.

    Remedy:
        Ask for the right that the message names, or use a namespace where you have it. A quota: ask for less, or delete
        old jobs.
    """


class NotFound(ApiError):
    """404: no such object, or no such kind.

    Remedy:
        Check name and namespace. A kind that is not there: the control plane is not installed, or serves another
        version.
    """


class AlreadyExists(ApiError):
    """409: the name is taken.

    Remedy:
        Choose another name, or delete the object first.
    """


class Conflict(ApiError):
    """409: the object has changed since it was read, or another field manager owns the field.

    Remedy:
        Read the object again, make the change to what was read, and send that.
    """


class Gone(ApiError):
    """410: the resource version or the continue token is too old; list again.

    Remedy:
        List again. The clients of this SDK do so by themselves.
    """


class Invalid(ApiError):
    """400, 413 or 422: the server, an admission webhook or a policy refuses the object. `causes` says which fields.

    Remedy:
        Correct the fields that `causes` names. A policy or webhook of the cluster may ask for more than the schema.
    """


class TooManyRequests(ApiError):
    """429: the server is busy and stayed so through all retries.

    Remedy:
        Wait `retry_after` seconds and try again; ask for fewer objects, or watch instead of reading again and again.
    """


class ServerFault(ApiError):
    """5xx: the server failed and went on failing through all retries.

    Remedy:
        Try again later, and tell who runs the cluster; the message has the server's own words.
    """
