"""What stands between the typed clients and a cluster: a request, who sends it, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import KubeflowError

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an API server.

    Attributes:
        path: Absolute path, already percent-encoded, without the query.
        query: Parameters, not encoded.
        body: The JSON body, or None for none.
        content_type: Of the body.
        accept: Media type of the answer.
        timeout: Seconds that the answer may take, all retries included; `None` for the transport's own. Of a stream:
            between two pieces of it.
        repeatable: True when it may be sent again although the server may have acted on it: doing it twice does no
            harm, or is noticed. Reads always may.
        once: True when the transport sends it once only, because its caller sends it again. It is sent again in any
            case after the credentials were renewed.
        unfinished: True when a line that goes on by carriage returns (a progress bar) is also yielded as it stands, as
            `Unfinished`, twice a second at most. Of such a line, what is overwritten may be left out.
    """

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    timeout: float | None = None
    repeatable: bool = False
    once: bool = False
    unfinished: bool = False

    __repr__ = repr_of_fields


class Unfinished(bytes):
    """A line that goes on, as it stands. It comes again when more of it has come, and as whole line in the end."""


class Transport(Protocol):
    """Sends requests to one cluster; raises `Refusal`, `Interruption`, or another `KubeflowError`."""

    def send(self, request: Request) -> Mapping[str, object]:
        """Return the JSON object that the server answers with; raise on any answer that is no success."""
        ...

    def lines(self, request: Request) -> Generator[bytes, None, None]:
        """Yield the lines of the answer's body without their ends, each as soon as it is whole: a watch, a log.

        Closing the generator closes the connection. It ends when the server ends the answer properly, and raises when
        the connection breaks; a line that was cut off then is not yielded.
        """
        ...


class Refusal(KubeflowError):
    """The server answered with an error.

    Attributes:
        code: HTTP status, like 404.
        reason: Kubernetes' word for it, like `"NotFound"`; empty when the answer was no `Status`.
        continue_token: Where a list whose pages have expired can go on, empty elsewhere.

    Remedy:
        Read the server's message: it names the field, the right or the quota that is in the way.
    """

    code: int
    reason: str
    continue_token: str


class Interruption(KubeflowError):
    """No whole answer came: what was sent may be asked again.

    Remedy:
        Make the call again; reads were repeated already. Where it keeps on, look at the network between here and the
        server.
    """
