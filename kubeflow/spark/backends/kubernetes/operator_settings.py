"""What is known of the Spark Operator of a cluster: its version, and which namespaces it watches.

Both stand in the operator's Deployment, which few users may read: one listing, asked for once. Where it may not be
seen, nothing is known, and the strictest rules of the known versions hold.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.readings import Found, reading
from kubeflow.core.resource import Transport
from kubeflow.core.stdlib import re

logger = logging.getLogger(__name__)

KNOWN = ("2.4", "2.5")
"""The minors whose objects this SDK knows; newer ones are taken for the newest of them."""

UNQUOTED_UNTIL = (2, 5, 2)
"""The last version that pastes the configuration of a SparkConnect unquoted into a shell."""

# Labels of the chart, which Helm's conventions name.
_SELECTOR = {"labelSelector": "app.kubernetes.io/name=spark-operator"}
_DEPLOYMENTS = "/apis/apps/v1/deployments"
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The operator of a cluster as far as it can be seen.

    Attributes:
        version: Major, minor and patch; `None` when unknown.
        namespaces: The namespaces that it watches, if it watches these alone; `None` for all, and when unknown.
        home: The namespace that it runs in; empty when unknown.
    """

    version: tuple[int, int, int] | None = None
    namespaces: Sequence[str] | None = None
    home: str = ""

    @property
    def unquoted(self) -> bool:
        """True when the configuration of a SparkConnect may be pasted unquoted into a shell."""
        return self.version is None or self.version <= UNQUOTED_UNTIL

    def watches(self, namespace: str) -> bool | None:
        """Return whether objects in `namespace` are looked at; `None` when unknown."""
        if not self.home:
            return None
        return self.namespaces is None or namespace in self.namespaces


def parse_operator_version(text: str) -> tuple[int, int, int] | None:
    """Return major, minor and patch of a version like `"2.5.2"` or `"v2.4.0-rc.1"`; `None` for what is none."""
    match = _VERSION.match(text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3] or 0))


def operator_settings(transport: Transport) -> OperatorSettings:
    """Return what the operator's Deployment says of it, with one request; nothing where it may not be seen."""
    read = reading(lambda: list(wire.listed(transport, _DEPLOYMENTS, _SELECTOR)))
    if not isinstance(read, Found):
        logger.debug("the Spark Operator's settings are not known: %s", read)
        return OperatorSettings()
    for deployment in read.value:
        for container in wire.objects(deployment, "spec", "template", "spec", "containers"):
            args = wire.each(str, wire.at(container, "args"))
            if "controller" in args and "start" in args:
                version = parse_operator_version(
                    wire.text(deployment, "metadata", "labels", "app.kubernetes.io/version")
                )
                return OperatorSettings(version, _namespaces(args), wire.text(deployment, "metadata", "namespace"))
    return OperatorSettings()


def _namespaces(args: Sequence[str]) -> Sequence[str] | None:
    named = [arg.partition("=")[2].strip(chr(34)) for arg in args if arg.startswith("--namespaces=")]
    # A selector adds namespaces whose labels nobody here may read.
    if not named or any(arg.startswith("--namespace-selector=") and arg.partition("=")[2] for arg in args):
        return None
    namespaces = [name for text in named for name in text.split(",")]
    return None if not all(namespaces) else tuple(namespaces)
