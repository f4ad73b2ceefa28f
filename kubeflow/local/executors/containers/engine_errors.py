"""What goes wrong with container engines and images."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput, KubeflowError


class EngineNotFound(InvalidInput):
    """No container engine was found, or the one that was named cannot be used."""


class EngineUnreachable(KubeflowError):
    """A container engine does not answer.

    Attributes:
        host: Its URL.
    """

    def __init__(self, host: str, cause: str) -> None:
        self.host = host
        super().__init__(
            f"The container engine at {host} does not answer ({cause}). Start it again, as with `systemctl start "
            "docker` or `systemctl --user start podman.socket`. What it still has of jobs that have ended is removed "
            "when the next job begins."
        )


class EngineRefused(KubeflowError):
    """A container engine answered a request with an error.

    Attributes:
        status: The status code of HTTP; 0 where the engine broke off an answer.
        reason: What it said.
    """

    def __init__(self, what: str, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"The container engine refused {what}: {reason}")


class ImageUnavailable(KubeflowError):
    """An image is not there and cannot be pulled.

    Attributes:
        image: Its name.
    """

    def __init__(self, image: str, why: str, remedy: str) -> None:
        self.image = image
        super().__init__(f"Image {image!r} {why}. {remedy}")
