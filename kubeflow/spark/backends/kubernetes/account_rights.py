"""Finds a service account whose rights let a driver make its executors, or says which right is missing.

A driver makes its executors itself. Without rights it starts, and fails minutes later in its log. The operator gives it
no account: the namespace's `default` is used where the application names none.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from kubeflow.cluster import wire
from kubeflow.cluster.readings import Absent, Found, NotPermitted, NotServed, ReadFailed, Reading, reading
from kubeflow.core.resource import Request, Transport
from kubeflow.spark.errors import NoSparkAccount

logger = logging.getLogger(__name__)

USUAL = "spark-operator-spark"
"""The account that the chart makes in each namespace of `spark.jobNamespaces`, for a release of the usual name."""

# What a driver cannot do without. The chart's role allows more: what Spark removes at its end, for instance.
_NEEDED = (
    ("create", "pods"),
    ("list", "pods"),
    ("watch", "pods"),
    ("delete", "pods"),
    ("create", "configmaps"),
)
_CHART = "spark-operator"
_REVIEWS = "/apis/authorization.k8s.io/v1/namespaces/{}/localsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do, as far as it can be seen.

    Attributes:
        missing: The rights that it lacks, like `"create pods"`.
        known: False when these credentials may not ask.
    """

    missing: Sequence[str] = ()
    known: bool = True


def spark_account(transport: Transport, namespace: str, named: str | None = None) -> str:
    """Return the account that a driver is to run as: the one that is named, else one with the rights.

    Costs one request for a named account that cannot be checked, and up to six else. Where nothing may be seen, the
    account that the operator's chart makes is taken, with a line in the log.

    Args:
        transport: The cluster.
        namespace: Where the driver runs.
        named: The account that the user wants; `None` to look for one.

    Raises:
        NoSparkAccount: There is none, or the rights that it lacks.
    """
    if named is not None:
        rights = account_rights(transport, namespace, named)
        if rights.missing:
            raise NoSparkAccount(namespace, named, rights.missing)
        return named
    accounts = _accounts(transport, namespace)
    match accounts:
        case Found(names):
            candidates = names
        case NotPermitted() | NotServed() | ReadFailed():
            logger.warning(
                "the service accounts of namespace %s cannot be seen, so the driver runs as %s; name another one with "
                "driver=Driver(service_account=...)",
                *(namespace, USUAL),
            )
            return USUAL
        case Absent():
            candidates = []
    if not candidates:
        raise NoSparkAccount(namespace)
    lacking: Rights | None = None
    for account in candidates:
        rights = account_rights(transport, namespace, account)
        if not rights.missing:
            return account
        lacking = lacking or rights
    raise NoSparkAccount(namespace, candidates[0], lacking.missing if lacking else ())


def account_rights(transport: Transport, namespace: str, account: str) -> Rights:
    """Return what a service account lacks of what a driver needs: one request for each right, or one if not allowed."""
    missing: list[str] = []
    for verb, resource in _NEEDED:
        allowed = reading(lambda verb=verb, resource=resource: _allowed(transport, namespace, account, verb, resource))  # type: ignore[misc]
        match allowed:
            case Found(True):
                continue
            case Found():
                missing.append(f"{verb} {resource}")
            case Absent() | NotPermitted() | NotServed() | ReadFailed():
                logger.debug("the rights of service account %s are not known: %s", account, allowed)
                return Rights(tuple(missing), known=False)
    return Rights(tuple(missing))


def _allowed(transport: Transport, namespace: str, account: str, verb: str, resource: str) -> bool:
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "LocalSubjectAccessReview",
        "metadata": {"namespace": namespace},
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {"namespace": namespace, "verb": verb, "resource": resource},
        },
    }
    answer = transport.send(Request("POST", _REVIEWS.format(namespace), {}, body, repeatable=True))
    return wire.at(answer, "status", "allowed") is True


def _accounts(transport: Transport, namespace: str) -> Reading[list[str]]:
    """Return the accounts that may be meant for drivers, the operator's own first."""

    def names() -> list[str]:
        own: list[str] = []
        others: list[str] = []
        for item in wire.listed(transport, wire.core_path(namespace, "serviceaccounts")):
            name = wire.text(item, "metadata", "name")
            labels = wire.strings(item, "metadata", "labels")
            chart = labels.get("app.kubernetes.io/name") == _CHART
            if name == USUAL or chart:
                own.append(name)
            elif "spark" in name:
                others.append(name)
        return [*sorted(own, key=lambda name: name != USUAL), *others]

    return reading(names)
