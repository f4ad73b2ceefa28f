"""What goes wrong with container engines and images."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput, KubeflowError


class EngineNotFound(InvalidInput):
    """No container engine was found, or the one that was named cannot be used.

    Remedy:
        Install podman or docker and start it, or name its socket with `container_host=`.
    """


class EngineUnreachable(KubeflowError):
    """A container engine does not answer.

    Attributes:
        host: Its URL.

    Remedy:
        Start the engine (`systemctl --user start podman.socket`, or docker), and check that you may use its socket.
    """

    def __init__(self, host: str, cause: str, remedy: str) -> None:
        self.host = host
        super().__init__(f"The container engine at {host} does not answer ({cause}). {remedy}")


class EngineRefused(KubeflowError):
    """A container engine answered a request with an error.

    Attributes:
        status: The status code of HTTP; 0 where the engine broke off an answer.
        reason: What it said.

    Remedy:
        Read the engine's words; `podman info` or `docker info` tells whether the engine itself is sound.
    """

    def __init__(self, what: str, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"The container engine refused {what}: {reason}")


class CredentialsUnavailable(KubeflowError):
    """A credential helper of docker's command line, which keeps the login of a registry, cannot be run or fails.

    Attributes:
        reason: What it said, or what is missing.

    Remedy:
        Log in to the registry again, or take the helper out of docker's configuration.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The login of the registry cannot be looked up: {reason}. Put the helper on PATH or repair it, or take it "
            "out of credsStore and credHelpers in docker's config.json."
        )


class ImageUnavailable(KubeflowError):
    """An image is not there and cannot be pulled.

    Attributes:
        image: Its name.

    Remedy:
        Check the name and tag, log in to its registry, or give another image with `image=`.
    """

    def __init__(self, image: str, why: str, remedy: str) -> None:
        self.image = image
        super().__init__(f"Image {image!r} {why}. {remedy}")
