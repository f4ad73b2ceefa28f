"""What can go wrong with a service. Each error carries its facts as attributes, and a message with one remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeflow.core.errors import Finding, InvalidInput, KubeflowError, did_you_mean


class ServiceNotFound(InvalidInput):
    """No service has this name. `available` lists the services that this client sees; `where` says where it looks.

    Remedy:
        Use one of the names of `available`; a service of another namespace or backend needs a client for that.
    """

    def __init__(self, name: str, available: Iterable[str], *, where: str = "", unseen: str = "") -> None:
        self.name = name
        self.available = tuple(available)
        self.where = where
        self.unseen = unseen
        there = f"There are: {', '.join(self.available[:10])}." if self.available else "There is none."
        if unseen:
            there = f"Which services there are is not known: {unseen.rstrip('.')}."
        super().__init__(
            f"There is no service {name!r}{f' {where}' if where else ''}.{did_you_mean(name, self.available)} {there}"
        )


class ServiceExists(InvalidInput):
    """The name is taken by another service.

    Remedy:
        Choose another name, change the service with `update`, or delete it with `delete_service`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"A service {name!r} exists already. Choose another name, change it with client.update({name!r}, ...), or "
            f"delete it first: client.delete_service({name!r})."
        )


class ServiceFailed(KubeflowError):
    """A service cannot become ready, or its newest revision cannot.

    Attributes:
        name: The service.
        reason: Why, in words: what the model server, the storage initializer or the scheduler says.
        remedies: What to try, most promising first.
        exit_code: Exit code of the container that failed; `None` where none has.
        log: The last lines of that container's log, oldest first, without line ends.

    Remedy:
        Try `remedies` in their order; `log` has the last lines of the container that failed.
    """

    def __init__(
        self,
        name: str,
        reason: str,
        *,
        remedies: Sequence[str] = (),
        exit_code: int | None = None,
        log: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.reason = reason
        self.remedies = tuple(remedies)
        self.exit_code = exit_code
        self.log = tuple(log)
        tail = "".join(f"\n    {line}" for line in self.log)
        shown = f"\nLast lines of its log:{tail}" if self.log else ""
        remedy = "".join(f"\n{remedy}" for remedy in self.remedies[:1])
        super().__init__(
            f"Service {name!r} failed: {reason}{shown}{remedy}\nAll that is known: client.explain({name!r})."
        )


class ServiceWaitTimeout(KubeflowError, TimeoutError):
    """A service did not get ready in time; it goes on unless it is deleted.

    Attributes:
        name: The service.
        status: Its status when the time was up.
        timeout: The time that was given, in seconds.
        explanation: What `KServeClient.explain` said then; part of the message.

    Remedy:
        Wait again, with a longer `timeout`; when the service does not go on, `explanation` says what it waits for.
    """

    def __init__(
        self, name: str, status: str, awaited: Iterable[str], timeout: float, *, explanation: str = ""
    ) -> None:
        self.name = name
        self.status = status
        self.timeout = timeout
        self.explanation = explanation
        shown = f"\n{explanation}" if explanation else ""
        super().__init__(
            f"Service {name!r} is {status} after {timeout:g} s, awaited: {', '.join(sorted(awaited))}. It goes on: "
            f"wait again with a larger timeout=, see client.get_service_logs({name!r}), or remove it with "
            f"client.delete_service({name!r}).{shown}"
        )


class NoServingRuntime(InvalidInput):
    """No runtime serves a model of this format and protocol.

    Attributes:
        model_format: The model format.
        protocol: The protocol that was asked for; `None` for any.
        near: Runtimes that nearly fit, each with what is in the way.

    Remedy:
        Choose another `model_format` or `protocol`, or name one of `near` with `runtime=` once what is in its way is
        gone.
    """

    def __init__(self, model_format: str, protocol: str | None, near: Sequence[Finding], *, where: str) -> None:
        self.model_format = model_format
        self.protocol = protocol
        self.near = tuple(near)
        asked = f"{model_format!r}{f' with protocol {protocol}' if protocol else ''}"
        lines = "".join(f"\n  {finding}" for finding in near)
        told = f" What nearly fits:{lines}" if near else " Ask who runs it for a ServingRuntime of that format."
        super().__init__(f"No runtime {where} serves model format {asked}.{told}")


class ModelRejected(InvalidInput):
    """A model cannot be served as it is: no file of its format, several of them, or one that cannot be loaded.

    Attributes:
        model: The path or URI of the model.
        reason: What is wrong with it.

    Remedy:
        Do what `reason` says: name the file, the format (`model_format=`), or write the model in a format that is
        served.
    """

    def __init__(self, model: str, reason: str, remedy: str) -> None:
        self.model = model
        self.reason = reason
        super().__init__(f"Model {model!r} cannot be served: {reason}. {remedy}")


class PredictionFailed(KubeflowError):
    """A service answered a request with an error.

    Attributes:
        service: The service.
        code: HTTP status, like 404; 0 when no answer came.
        message: What it says.

    Remedy:
        Read `message`: mostly, inputs of another shape or type than the model takes. 0 as `code`: look whether the
        service is ready.
    """

    def __init__(self, service: str, code: int, message: str, *, remedy: str = "") -> None:
        self.service = service
        self.code = code
        self.message = message
        status = f"HTTP {code}" if code else "no answer"
        super().__init__(f"Service {service!r} did not predict ({status}): {message}{f' {remedy}' if remedy else ''}")


class NoEndpoint(KubeflowError):
    """A service has no address that can be called from here, or none yet. The message says what helps.

    Remedy:
        Do what the message says: wait until the service is ready, set `KUBEFLOW_SERVING_GATEWAY`, or choose another
        `route=`.
    """
