"""The images of a job: looked up, pulled with progress, and told apart when they are not to be had."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from kubeflow.local.executors.containers.container_engine import ContainerEngine, ImageFacts
from kubeflow.local.executors.containers.engine_errors import CredentialsUnavailable, EngineRefused, ImageUnavailable
from kubeflow.local.executors.executor import Report
from kubeflow.local.job.container_plan import PullWhen

_INTERVAL = 2.0  # seconds between two events that tell how far it is


def make_ready(
    engine: ContainerEngine, image: str, pull: PullWhen, report: Report, stopped: Callable[[], bool]
) -> ImageFacts | None:
    """Return an image, pulled if need be; `None` when the job was over before that.

    Args:
        engine: The engine.
        image: Its name.
        pull: When it is pulled.
        report: Told of the beginning, the progress and the end of a pull.
        stopped: Whether the job is over.

    Raises:
        ImageUnavailable: It is not there, and cannot or may not be pulled.
    """
    found = engine.image(image)
    if pull == "Never" and found is None:
        raise missing(image)
    if pull == "Never" or (found is not None and pull == "IfNotPresent"):
        return found
    report("ImagePulling", f"pulling image {image}")
    progress = _Progress()
    next_report = time.monotonic() + _INTERVAL
    try:
        for told in engine.pull(image):
            if stopped():
                return None
            progress.add(told)
            if time.monotonic() >= next_report and (words := progress.words()):
                report("ImagePulling", f"pulling image {image}: {words}")
                next_report = time.monotonic() + _INTERVAL
    except EngineRefused as error:
        raise _explained(image, error) from error
    except CredentialsUnavailable as error:
        raise ImageUnavailable(image, "cannot be pulled", str(error)) from error
    found = engine.image(image)
    if found is None:
        raise ImageUnavailable(image, "was pulled and is not there", "Pull it by hand, and look at the engine's log.")
    report("ImagePulled", f"image {image} is there ({found.id})")
    return found


def missing(image: str) -> ImageUnavailable:
    """Return the error for an image that is not there and may not be pulled."""
    return ImageUnavailable(
        image,
        "is not there, and pull_policy='Never' forbids to pull it",
        "Pull or build it, or allow pull_policy='IfNotPresent'.",
    )


def _explained(image: str, error: EngineRefused) -> ImageUnavailable:
    words = error.reason.lower()
    if any(sign in words for sign in ("unauthorized", "denied", "authentication required", "no basic auth", "403")):
        return ImageUnavailable(
            image,
            f"cannot be pulled: {error.reason}",
            "It does not exist, or it is private: sign in with `docker login` or `podman login`, or correct the name.",
        )
    if any(sign in words for sign in ("not found", "manifest unknown", "name unknown", "does not exist", "404")):
        return ImageUnavailable(image, f"is in no registry: {error.reason}", "Correct its name and tag.")
    return ImageUnavailable(
        image, f"cannot be pulled: {error.reason}", "Is its registry reached from here? Pull it by hand to find out."
    )


class _Progress:
    """How far a pull is, by its layers."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}

    def add(self, told: dict[str, object]) -> None:
        if told.get("status") == "Downloading":
            detail = cast("dict[str, object]", told.get("progressDetail") or {})
            current, total = detail.get("current"), detail.get("total")
            if isinstance(current, int) and isinstance(total, int):
                self._layers[str(told.get("id"))] = (current, total)

    def words(self) -> str:
        current, total = (sum(layer[i] for layer in self._layers.values()) for i in (0, 1))
        return f"{current / 1e6:,.0f} of {total / 1e6:,.0f} MB" if total else ""
