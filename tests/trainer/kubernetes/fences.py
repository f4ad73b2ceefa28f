"""A cluster whose users may do exactly what the roles allow that a Trainer minor ships."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kubeflow.trainer import KubernetesBackendConfig, TrainerClient
from tests.cluster.proxy import Proxy
from tests.cluster.rights import until_allowed
from tests.cluster.scenarios import Script, scripted
from tests.cluster.stage import Stage, documents, namespace, release, stage

RBAC = "/apis/rbac.authorization.k8s.io/v1"
HOME = "research"
TOKENS = {"editor": "token-of-editor", "limited": "token-of-limited"}
EVERYBODY = "system:authenticated"


class Fenced:
    """A cluster of a minor whose users have the shipped roles."""

    def __init__(self, cluster: Stage, front: Proxy) -> None:
        self.cluster, self.front = cluster, front
        namespace(cluster.wire, HOME)
        roles = documents(release(cluster.minor) / "overlays" / "kubeflow-platform")
        self.shipped = {d["metadata"]["name"]: d for d in roles if d["kind"] == "ClusterRole"}
        for document in documents(release(cluster.minor) / "overlays" / "kubeflow-platform"):
            if document["kind"] == "ClusterRole":
                cluster.wire.send("POST", f"{RBAC}/clusterroles", document)
            elif document["kind"] == "ClusterRoleBinding" and document["subjects"][0]["kind"] == "Group":
                cluster.wire.send("POST", f"{RBAC}/clusterrolebindings", document)
                rules = self.shipped[document["roleRef"]["name"]]["rules"]
                until_allowed(cluster.wire, "anybody", rules, None, groups=[EVERYBODY])
        if cluster.minor not in ("2.0", "2.1"):
            public = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}
            rules = [{**public, "resourceNames": ["kubeflow-trainer-public"]}]
            until_allowed(cluster.wire, "anybody", rules, "kubeflow-system", groups=[EVERYBODY])
        self.bind("editor", "kubeflow-trainer-edit")

    def bind(self, user: str, role: str) -> None:
        """Give a user a cluster role in the one namespace, and return when the server knows it."""
        body = {
            "metadata": {"name": f"{user}-{role}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
        }
        self.cluster.wire.send("POST", self._bindings, body)
        until_allowed(self.cluster.wire, user, self._rules(role), HOME)

    def unbind(self, user: str, role: str) -> None:
        """Take a cluster role from a user who has no other, and return when the server knows it."""
        self.cluster.wire.remove(f"{self._bindings}/{user}-{role}")
        until_allowed(self.cluster.wire, user, self._rules(role), HOME, allowed=False)

    @property
    def _bindings(self) -> str:
        # The role of 2.0 and 2.1 holds a right to cluster-scoped runtimes, which a binding in a namespace cannot give.
        cluster_wide = self.cluster.minor in ("2.0", "2.1")
        return f"{RBAC}/{'clusterrolebindings' if cluster_wide else f'namespaces/{HOME}/rolebindings'}"

    def _rules(self, role: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cluster.wire.send("GET", f"{RBAC}/clusterroles/{role}")["rules"]
        return found

    def config(self, user: str, folder: Path) -> KubernetesBackendConfig:
        """Return what leads to the cluster with a user's token."""
        file = self.front.kubeconfig(folder / f"kubeconfig-{user}", token=TOKENS[user], namespace=HOME)
        return KubernetesBackendConfig(config_file=str(file))

    def client(self, user: str, folder: Path) -> TrainerClient:
        """Return a client with a user's token."""
        return TrainerClient(self.config(user, folder))


def fenced(folder: Path, minor: str, stack: ExitStack) -> Fenced:
    """Start a cluster of a minor, with the roles that it ships, until `stack` is closed."""
    folder.mkdir(exist_ok=True)
    tokens = folder / "tokens.csv"
    tokens.write_text("".join(f'{token},{user},{user},"team"\n' for user, token in TOKENS.items()), "utf-8")
    cluster = stack.enter_context(stage(folder / "server", minor, "--token-auth-file", str(tokens)))
    cluster.controller.default = scripted(Script(["trained"], pause=0.1, stays=0.5))
    front = Proxy(cluster.kubeconfig, logs=cluster.logs)
    stack.callback(front.stop)
    return Fenced(cluster, front)
