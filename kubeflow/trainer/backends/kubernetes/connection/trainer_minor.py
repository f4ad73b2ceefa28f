"""Which minor of Kubeflow Trainer a cluster runs: what it publishes about itself, else what its API looks like."""

from __future__ import annotations

import logging

from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

from kubeflow.cluster.errors import ApiError, ClusterError
from kubeflow.cluster.served_schema import likeliest_minor, served_schema
from kubeflow.cluster.wire import strings
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import Request, Transport
from kubeflow.core.stdlib import re
from kubeflow.trainer.constants import constants

logger = logging.getLogger(__name__)

NEWEST = AVAILABILITY.minors[-1]

# Readable by everybody who is logged in; Trainer 2.2 and later publish it.
_CONFIG_MAP = "kubeflow-trainer-public"
_VERSION_KEY = "kubeflow_trainer_version"


def configured_minor(version: str) -> str:
    """Return the minor of a version that a user names, like `"2.1"` or `"v2.1.3"`.

    A newer minor of the same major counts as the newest known, with a warning in the log.

    Raises:
        InvalidInput: For anything else.
    """
    minor = _known(version) if isinstance(version, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    # Another major is more likely a slip than a Trainer from the future.
    if minor is None or not version.removeprefix("v").startswith(f"{NEWEST.partition('.')[0]}."):
        raise InvalidInput(
            f"trainer_version={version!r} is no version of Kubeflow Trainer that is known here; known are "
            f"{', '.join(AVAILABILITY.minors)}. Write one of them, or leave it out to have the cluster asked."
        )
    return minor


def installed_minor(transport: Transport) -> str:
    """Return the minor that is installed, with one request for Trainer 2.2 and later, and two before.

    A minor that is newer than all known ones, and one that cannot be found out, count as the newest known, with a
    warning in the log.
    """
    return _published(transport) or _by_its_api(transport)


def published_version(transport: Transport) -> str | None:
    """Return the version that Trainer 2.2 and later publish, like `"v2.3.0"`, with one request; `None` for none.

    Raises:
        ClusterError: The cluster cannot be reached.
    """
    path = f"/api/v1/namespaces/{constants.SYSTEM_NAMESPACE}/configmaps/{_CONFIG_MAP}"
    try:
        answer = transport.send(Request("GET", path))
    except ApiError as error:  # not there before 2.2, or in another namespace
        logger.debug("the Trainer version is not published: %s", error)
        return None
    return strings(answer, "data").get(_VERSION_KEY)


def minor_by_schema(transport: Transport) -> str | None:
    """Return the minor whose TrainJobs are most like those of the cluster, with one request; `None` without a schema.

    Raises:
        ClusterError: As the transport does.
    """
    schema = served_schema(transport, constants.API_VERSION, constants.TRAINJOB_KIND)
    return likeliest_minor(AVAILABILITY, constants.TRAINJOB_KIND, schema) if schema else None


def _published(transport: Transport) -> str | None:
    version = published_version(transport)
    return _known(version) if version is not None else None


def _known(version: str) -> str | None:
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        return None
    asked = int(match[1]), int(match[2])
    known = {tuple(map(int, minor.split("."))): minor for minor in AVAILABILITY.minors}
    if asked in known:
        return known[asked]
    if asked < max(known):
        return None
    logger.warning(
        "Kubeflow Trainer %s is newer than this SDK, which knows %s: it is used as %s.",
        *(version, ", ".join(AVAILABILITY.minors), NEWEST),
    )
    return NEWEST


def _by_its_api(transport: Transport) -> str:
    why: object = "its API has no schema"
    try:
        if (minor := minor_by_schema(transport)) is not None:
            return minor
    except ClusterError as error:
        why = error
    logger.warning(
        "the minor of Kubeflow Trainer cannot be found out, so it is taken to be %s; if it is another, say so with "
        "KubernetesBackendConfig(trainer_version=...): %s",
        *(NEWEST, why),
    )
    return NEWEST
