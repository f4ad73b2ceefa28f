"""Images of Spark: which one is taken where none is named, and which version of Spark an image has. Pure."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

SPARK_VERSION = "4.0.4"
"""Version of Spark of the image that is taken where none is named: the one that the published package takes."""

_REPOSITORY = "apache/spark"
_TAG = re.compile(r"v?(\d+\.\d+\.\d+)")
_MINOR = re.compile(r"(\d+)\.(\d+)")


def spark_image(version: str = SPARK_VERSION) -> str:
    """Return the image that the Spark project publishes of a version; it has Python."""
    return f"{_REPOSITORY}:{version}"


def version_of_image(image: str) -> str | None:
    """Return the version of Spark that the tag of an image names; `None` where it names none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    match = _TAG.match(tag)
    return match[1] if match else None


def check_client_version(client: str, server: str) -> None:
    """Refuse a session whose client and server do not speak the same Connect protocol.

    Args:
        client: The version of pyspark here.
        server: The version of Spark of the server.

    Raises:
        InvalidInput: Their minors differ, with the version to install.
    """
    here, there = _MINOR.match(client), _MINOR.match(server)
    if here is None or there is None or here.groups() == there.groups():
        return
    minor = f"{there[1]}.{there[2]}"
    raise InvalidInput(
        f"pyspark {client} is installed here, and the server runs Spark {server}: client and server of Spark Connect "
        f"need the same minor. Install `pyspark-client=={minor}.*` here, or take a server of this version: "
        f"driver=Driver(image={spark_image(client)!r})."
    )
