"""A cluster whose users lack one right each, by real roles; nobody plays its controllers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubeflow.trainer import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.backend import KubernetesBackend
from tests.apiserver import own_server
from tests.cluster.proxy import Proxy
from tests.cluster.rights import until_allowed
from tests.cluster.stage import crds, install, runtimes
from tests.cluster.trainjobs import API
from tests.cluster.wire import Wire
from tests.trainer.kubernetes.backend.home import Counted, Direct, publish_version
from tests.trainer.kubernetes.objects import Made

HOME = "research"
KUEUE = "kueue.x-k8s.io"
TRAINER = "trainer.kubeflow.org"
READS = {
    "trainjobs": TRAINER,
    "clustertrainingruntimes": TRAINER,
    "trainingruntimes": TRAINER,
    "pods": "",
    "pods/log": "",
    "events": "",
    "persistentvolumeclaims": "",
    "workloads": KUEUE,
}
"""What a client reads of a cluster, with the API group of each.

There is a user `no-RESOURCE` for each; `all` may read all of it, and `nobody` none. They may write Secrets, not read them.
"""
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
WORKLOADS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "workloads.kueue.x-k8s.io",
        "annotations": {"api-approved.kubernetes.io": "https://example.com/for-tests"},
    },
    "spec": {
        "group": KUEUE,
        "scope": "Namespaced",
        "names": {"plural": "workloads", "singular": "workload", "kind": "Workload", "listKind": "WorkloadList"},
        "versions": [
            {
                "name": "v1beta2",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def user_without(resource: str) -> str:
    """Return the user who may do everything but read `resource`."""
    return f"no-{resource.replace('/', '-')}"


class Restricted:
    """A cluster with a namespace `research`.

    Attributes:
        wire: Reaches it with every right.
        made: Makes the objects of jobs.
        front: What the users go through; it serves the logs below `logs`.
    """

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.wire = Wire(kubeconfig)
        self.logs = folder / "logs"
        self.front = Proxy(kubeconfig, logs=self.logs)
        self._folder = folder
        self.wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": HOME}})
        self.made = Made(Direct(self.wire), HOME)
        for user in self.users():
            self._allow(user)

    @staticmethod
    def users() -> list[str]:
        return ["all", "nobody", *map(user_without, READS)]

    def backend(self, user: str) -> tuple[KubernetesBackend, Counted]:
        """Return a new backend with the rights of a user, and what counts its requests."""
        counted: list[Counted] = []

        def wrap(transport: Any) -> Counted:
            counted.append(Counted(transport))
            return counted[0]

        return KubernetesBackend(self.config(user), wrap), counted[0]

    def config(self, user: str) -> KubernetesBackendConfig:
        file = self.front.kubeconfig(self._folder / f"kubeconfig-{user}", token=f"token-of-{user}", namespace=HOME)
        return KubernetesBackendConfig(config_file=str(file))

    def close(self) -> None:
        self.front.stop()
        self.wire.close()

    def _allow(self, user: str) -> None:
        rules = [
            {"apiGroups": [group], "resources": [resource], "verbs": ["*"]}
            for resource, group in READS.items()
            if user not in ("nobody", user_without(resource))
        ]
        rules.append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch", "delete"]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user}
        subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
        self.wire.send("POST", f"{_RBAC}/clusterroles", {"metadata": {"name": user}, "rules": rules})
        binding = {"metadata": {"name": user}, "roleRef": role, "subjects": [subject]}
        self.wire.send("POST", f"{_RBAC}/clusterrolebindings", binding)
        until_allowed(self.wire, user, [{**rule, "verbs": ["get"]} for rule in rules[:-1]], HOME)
        until_allowed(self.wire, user, rules[-1:], HOME)


@contextmanager
def restricted(folder: Path, *, trainer: bool = True) -> Iterator[Restricted]:
    """Yield a new cluster, with the newest Trainer or without any."""
    folder.mkdir(exist_ok=True)
    tokens = folder / "tokens.csv"
    tokens.write_text("".join(f'token-of-{user},{user},{user},"team"\n' for user in Restricted.users()), "utf-8")
    with own_server(folder / "server", "--token-auth-file", str(tokens)) as kubeconfig:
        wire = Wire(kubeconfig)
        if trainer:
            install(wire, crds("2.3"))
            for runtime in runtimes("2.3"):
                wire.send("POST", f"{API}/clustertrainingruntimes", runtime)
            publish_version(wire, "v2.3.0")
        wire.close()
        made = Restricted(kubeconfig, folder)
        try:
            yield made
        finally:
            made.close()
