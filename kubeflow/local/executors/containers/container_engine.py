"""A container engine, as the executor needs it: docker's API, which podman serves as well, over the `docker` package.

https://docs.docker.com/reference/api/engine/ describes the JSON. Every failure is one of `engine_errors`.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, cast

from kubeflow.core.stdlib import json
from kubeflow.local.executors.containers.engine_connection import connect, require_package, unreachable
from kubeflow.local.executors.containers.engine_errors import CredentialsUnavailable, EngineRefused
from kubeflow.local.job.container_plan import EngineKind, EnginePlan

JOB_LABEL = "org.kubeflow.local.job"
"""Label of everything that belongs to a job: the job's mark, which is the path of its directory."""
STATE_LABEL = "org.kubeflow.local.state"
"""The state directory that the job is kept in."""
NODE_LABEL = "org.kubeflow.local.node"
"""Label of a container: its node."""

_TIMEOUT = 60  # seconds for an answer
_NO_CONTENT = 304  # what was asked for is so already
_CONFLICT = 409
_NOT_FOUND = 404
_ERROR = 400  # and above
_TOLD = 5  # lines of what a container says
_INTERNAL = 500
# What podman 4 says, as an internal error, of a container that is removed, or ends by itself, while podman looks at it.
_GONE = "no such container"
_ENDED_MEANWHILE = "container state improper"
_PODMAN_API = "v4.0.0"  # the oldest that names devices so

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container at one moment.

    Attributes:
        id: Its id.
        node: The node that it is.
        mark: The mark of its job.
        running: Whether something in it runs, or is about to.
    """

    id: str
    node: str
    mark: str
    running: bool


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image says of itself.

    Attributes:
        id: Its id.
        entrypoint: Its entrypoint.
        command: Its command, or the arguments of its entrypoint.
    """

    id: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself and its machine.

    Attributes:
        kind: What it is.
        name: The host name of its machine.
        kernel: The release of its machine's kernel.
        memory: Bytes of memory that containers can have.
        cpus: CPUs that containers can have.
        rootless: Whether it runs as its user.
        version: Its version.
    """

    kind: EngineKind
    name: str
    kernel: str
    memory: int
    cpus: int
    rootless: bool
    version: str


class _EngineAnswer(Protocol):
    """What is used of the answer to a request that the package has no method for."""

    status_code: int
    text: str

    def json(self) -> Json: ...


class _Closable(Protocol):
    def close(self) -> None: ...


class _Api(Protocol):
    """What is used of `docker.APIClient`; the package's own types leave most results open."""

    base_url: str
    hooks: dict[str, list[Callable[..., None]]]

    def version(self, api_version: bool = True) -> Json: ...
    def info(self) -> Json: ...
    def inspect_image(self, image: str) -> Json: ...
    def pull(self, repository: str, *, stream: bool, decode: bool) -> Iterator[Json]: ...
    def create_network(self, name: str, *, driver: str, labels: Mapping[str, str]) -> Json: ...
    def networks(self, *, filters: Mapping[str, Sequence[str]]) -> list[Json]: ...
    def remove_network(self, net_id: str) -> None: ...
    def containers(self, *, all: bool, filters: Mapping[str, Sequence[str]]) -> list[Json]: ...  # noqa: A002
    def post(self, url: str, *, json: Json, timeout: float) -> _EngineAnswer: ...
    def create_container_from_config(self, config: Json, name: str) -> Json: ...
    def start(self, container: str) -> None: ...
    def wait(self, container: str) -> Json: ...
    def inspect_container(self, container: str) -> Json: ...
    def logs(self, container: str, *, stdout: bool, stderr: bool, tail: int) -> bytes: ...
    def kill(self, container: str, signal: str) -> None: ...
    def remove_container(self, container: str, *, v: bool, force: bool) -> None: ...
    def exec_create(self, container: str, cmd: Sequence[str]) -> Json: ...
    def exec_start(self, exec_id: str) -> bytes: ...
    def close(self) -> None: ...


class ContainerEngine:
    """A connection to an engine; use it in one thread at a time.

    Args:
        host: Its URL.
        certificates: A folder with `ca.pem`, `cert.pem` and `key.pem`, for TLS.
        timeout: Seconds that an answer may take.

    Raises:
        InvalidInput: Without the `docker` package, or with a certificate that has no key.
        EngineUnreachable: It does not answer.
    """

    def __init__(self, host: str, certificates: str | None = None, timeout: int = _TIMEOUT) -> None:
        self.host = host
        self._certificates = certificates
        require_package()
        with self._asking("for its version"):
            self._api = cast("_Api", connect(host, certificates, timeout))

    @classmethod
    def of(cls, plan: EnginePlan, timeout: int = _TIMEOUT) -> ContainerEngine:
        """Return a connection to the engine of a job."""
        return cls(plan.host, plan.certificates, timeout)

    def __enter__(self) -> ContainerEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself."""
        with self._asking("to describe itself"):
            version, info = self._api.version(), self._api.info()
        components = {str(part.get("Name")) for part in version.get("Components") or ()}
        options = [str(option) for option in info.get("SecurityOptions") or ()]
        return EngineFacts(
            kind="podman" if any("podman" in name.lower() for name in components) else "docker",
            name=str(info.get("Name", "")),
            kernel=str(info.get("KernelVersion", "")),
            memory=int(info.get("MemTotal") or 0),
            cpus=int(info.get("NCPU") or 0),
            rootless=bool(info.get("Rootless")) or any("rootless" in option for option in options),
            version=str(version.get("Version", "")),
        )

    def image(self, name: str) -> ImageFacts | None:
        """Return an image, `None` when the engine does not have it."""
        try:
            with self._asking(f"to describe image {name}"):
                found = self._api.inspect_image(name)
        except EngineRefused as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        config: Json = found.get("Config") or {}
        return ImageFacts(str(found["Id"]), _words(config.get("Entrypoint")), _words(config.get("Cmd")))

    def pull(self, name: str) -> Iterator[Json]:
        """Pull an image with the credentials that `docker login` or the engine keeps; yield what the engine tells.

        Raises:
            EngineRefused: It cannot be pulled.
            CredentialsUnavailable: A credential helper of docker's command line cannot be run, or fails.
        """
        with self._asking(f"to pull image {name}"), self._answers_closed():
            with _asking_helpers():
                answers = self._api.pull(name, stream=True, decode=True)
            for told in answers:
                if told.get("error"):
                    raise EngineRefused(f"to pull image {name}", 0, str(told["error"]).strip())
                yield told

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a network whose containers find each other by name."""
        with self._asking(f"to make network {name}"):
            self._api.create_network(name, driver="bridge", labels=labels)

    def networks(self, label: str, value: str) -> list[Json]:
        """Return the networks with a label."""
        with self._asking("for its networks"):
            return self._api.networks(filters={"label": [f"{label}={value}"]})

    def remove_network(self, name: str) -> None:
        """Remove a network, unless it is gone."""
        with self._asking(f"to remove network {name}", allowed=(_NOT_FOUND,)):
            self._api.remove_network(name)

    def containers(self, label: str, value: str) -> list[ContainerState]:
        """Return the containers with a label, those that have ended included."""
        with self._asking("for its containers"):
            found = self._api.containers(all=True, filters={"label": [f"{label}={value}"]})
        return [
            ContainerState(
                str(container["Id"]),
                str(container["Labels"].get(NODE_LABEL, "")),
                str(container["Labels"].get(JOB_LABEL, "")),
                container["State"] not in ("exited", "created", "configured", "dead", "stopped", "removing"),
            )
            for container in found
        ]

    def create(self, name: str, config: Json) -> None:
        """Make a container."""
        with self._asking(f"to make container {name}"):
            self._api.create_container_from_config(config, name)

    def create_by_podman(self, spec: Json) -> None:
        """Make a container by podman's own request."""
        what = f"to make container {spec['name']}"
        with self._asking(what):
            url = f"{self._api.base_url}/{_PODMAN_API}/libpod/containers/create"
            answer = self._api.post(url, json=spec, timeout=_TIMEOUT)
            if answer.status_code >= _ERROR:
                raise EngineRefused(what, answer.status_code, str(answer.json().get("message", answer.text)))

    def start(self, container: str) -> None:
        """Start a container."""
        with self._asking("to start a container"):
            self._api.start(container)

    def wait(self, container: str) -> int:
        """Wait for the end of a container, however long that takes, and return its exit code.

        Raises:
            EngineRefused: With status 404 when it was removed.
        """
        with self._asking("to wait for a container"):
            return int(self._api.wait(container)["StatusCode"])

    def state(self, container: str) -> Json:
        """Return the state of a container, as the engine has it."""
        with self._asking("to describe a container"):
            state: Json = self._api.inspect_container(container)["State"]
            return state

    def said(self, container: str) -> str:
        """Return the last lines that the engine has from a container, empty where it keeps none that can be read.

        What a node says goes to its log file: these are of what came before it, such as an init process.
        """
        with contextlib.suppress(EngineRefused), self._asking("to read what a container says"):
            said = self._api.logs(container, stdout=True, stderr=True, tail=_TOLD)
            return said.decode("utf-8", errors="replace").strip()
        return ""

    def terminate(self, container: str) -> None:
        """Send SIGTERM to every process of a container."""
        # The shell that waits for the node acts on a signal of its own only when the node has ended.
        with self._asking("to signal a container", allowed=(_NOT_FOUND, _CONFLICT)):
            command = self._api.exec_create(container, ["/bin/sh", "-c", "kill -TERM -1"])
            self._api.exec_start(str(command["Id"]))

    def kill(self, container: str) -> None:
        """End a container at once, unless it has ended."""
        with self._asking("to end a container", allowed=(_NOT_FOUND, _CONFLICT)):
            self._api.kill(container, "SIGKILL")

    def remove(self, container: str) -> None:
        """End a container if it runs, and remove it with the volumes that have no name."""
        try:
            self._remove(container)
        except EngineRefused as error:
            if _ENDED_MEANWHILE not in error.reason:
                raise
            self._remove(container)

    def _remove(self, container: str) -> None:
        with self._asking("to remove a container", allowed=(_NOT_FOUND, _CONFLICT)):
            self._api.remove_container(container, v=True, force=True)

    @contextlib.contextmanager
    def _answers_closed(self) -> Generator[None, None, None]:
        """Close the answers that come within the context: one that is not read to its end keeps its socket open."""
        answers: list[_Closable] = []

        def keep(answer: _Closable, **_: object) -> None:
            answers.append(answer)

        self._api.hooks["response"].append(keep)
        try:
            yield
        finally:
            self._api.hooks["response"].remove(keep)
            for answer in answers:
                answer.close()

    @contextlib.contextmanager
    def _asking(self, what: str, allowed: Sequence[int] = ()) -> Generator[None, None, None]:
        """Turn what the package raises into errors of ours; answers with an `allowed` status are none."""
        import docker.errors
        import requests.exceptions

        try:
            yield
        except docker.errors.APIError as error:
            status, reason = int(error.status_code or 0), str(error.explanation or error).strip()
            if status == _INTERNAL and _GONE in reason:
                status = _NOT_FOUND
            if status not in allowed:
                raise EngineRefused(what, status, reason) from error
        except (requests.exceptions.RequestException, docker.errors.DockerException, OSError) as error:
            raise unreachable(self.host, self._certificates, error) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise EngineRefused(what, 0, f"it answered with what is no JSON ({error})") from error


@contextlib.contextmanager
def _asking_helpers() -> Generator[None, None, None]:
    """Tell the failure of a credential helper, which the package runs before it asks the engine, from the engine's."""
    import docker.credentials
    import docker.errors

    try:
        with warnings.catch_warnings():
            # Of a helper that is not there: it is an error right after.
            warnings.filterwarnings("ignore", "docker-credential-")
            yield
    except docker.errors.DockerException as error:
        if not isinstance(error.__cause__, docker.credentials.StoreError):
            raise
        said = str(error.__cause__).replace('\n"', '"').rstrip(".")
        raise CredentialsUnavailable(said) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # the package takes both as they are
        raise CredentialsUnavailable(
            f"docker's config.json, or what a helper answered, cannot be read ({type(error).__name__}: {error})"
        ) from error


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return ("/bin/sh", "-c", value)
    return tuple(str(word) for word in cast("list[object]", value)) if isinstance(value, list) else ()
