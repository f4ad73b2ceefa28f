"""Service accounts for drivers, as the chart of the Spark Operator makes them in each namespace for jobs."""

from __future__ import annotations

from typing import Any

from tests.cluster.rights import until_allowed
from tests.cluster.wire import Wire

ACCOUNT = "spark-operator-spark"
RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "configmaps", "persistentvolumeclaims", "services"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
    }
]
"""As in the role that the chart makes."""
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def make_account(wire: Wire, namespace: str, name: str = ACCOUNT, rules: list[Any] | None = None) -> None:
    """Make an account, with a role of its own, and wait until the server knows it."""
    body: dict[str, Any] = {"metadata": {"name": name, "labels": {"app.kubernetes.io/name": "spark-operator"}}}
    wire.send("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
    rules = RULES if rules is None else rules
    if not rules:
        return
    role = {"metadata": {"name": name}, "rules": rules}
    wire.send("POST", f"{_RBAC}/namespaces/{namespace}/roles", role)
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    wire.send("POST", f"{_RBAC}/namespaces/{namespace}/rolebindings", binding)
    last = rules[-1]
    right = {**last, "verbs": last["verbs"][-1:], "resources": last["resources"][-1:]}
    until_allowed(wire, f"system:serviceaccount:{namespace}:{name}", [right], namespace)
