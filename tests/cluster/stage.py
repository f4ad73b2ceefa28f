"""A cluster with Kubeflow Trainer for tests: a real API server, the CRDs and runtimes of one minor, and their controller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.apiserver import COMMAND, UPSTREAM, own_server
from tests.cluster.controller import Controller
from tests.cluster.trainjobs import API
from tests.cluster.wire import Wire

MISSING = not (UPSTREAM and COMMAND)
REASON = "no API server of its own: set KUBEFLOW_TEST_APISERVER and KUBEFLOW_TEST_UPSTREAM"
MINORS = ("2.0", "2.1", "2.2", "2.3")
_JOBSET = {"2.0": "v0.8.2", "2.1": "v0.10.1", "2.2": "v0.11.1", "2.3": "v0.12.0"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A running cluster.

    Attributes:
        kubeconfig: Reaches it with every right.
        controller: Plays Trainer and all below it.
        wire: Reaches it for tests that look behind the client's back.
        minor: Of Trainer.
    """

    kubeconfig: Path
    controller: Controller
    wire: Wire
    minor: str

    @property
    def logs(self) -> Path:
        """Where the logs of containers are."""
        return self.controller.logs


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the Kubernetes objects of all YAML files below a folder, but not those of kustomize."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(folder.rglob("*.yaml")):
        if file.name.startswith("kustomiz"):
            continue
        for document in yaml.load_all(file.read_text("utf-8"), loader):
            if document and "apiVersion" in document:
                yield document


def release(minor: str) -> Path:
    """Return where upstream's files of a Trainer minor are."""
    return Path(str(UPSTREAM)) / "trainer" / f"v{minor}.0" / "manifests"


def runtimes(minor: str) -> list[dict[str, Any]]:
    """Return the runtimes that a Trainer minor ships."""
    return [d for d in documents(release(minor) / "base" / "runtimes") if d["kind"] == "ClusterTrainingRuntime"]


def install(wire: Wire, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Apply cluster-scoped CRDs and wait until they are served."""
    for crd in manifests:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
        wire.apply(path, {key: value for key, value in crd.items() if key != "status"}, manager="tests")
    for crd in manifests:
        spec = crd["spec"]
        _until_served(wire, f"/apis/{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["plural"])


def _until_served(wire: Wire, group: str, plural: str) -> None:
    deadline = time.monotonic() + 60
    while not (wire.exists(f"{group}/{plural}") and plural in _discovered(wire, group)):
        assert time.monotonic() < deadline, f"{group}/{plural} is not served"
        time.sleep(0.05)


def _discovered(wire: Wire, group: str) -> list[str]:
    """What a server says that it serves: a moment after it does."""
    return [resource["name"] for resource in (wire.find(group) or {}).get("resources") or []]


def crds(minor: str) -> list[dict[str, Any]]:
    """Return the CRDs of a Trainer minor and of the JobSet that it comes with."""
    jobset = Path(str(UPSTREAM)) / "jobset" / _JOBSET[minor] / "config" / "components" / "crd" / "bases"
    return [*documents(release(minor) / "base" / "crds"), *documents(jobset)]


@contextmanager
def stage(folder: Path, minor: str = "2.3", *flags: str, as_shipped: bool = False) -> Iterator[Stage]:
    """Yield a cluster with Trainer and the runtimes that it ships.

    Of these, `torch-distributed` is changed to keep failed pods, and to fail at the first; as it is shipped, where
    containers are started again up to six times, it is there as `torch-restarting`.

    Args:
        folder: For the server's data, logs and containers.
        minor: Of Trainer.
        flags: Of the API server.
        as_shipped: True to change no runtime.
    """
    with own_server(folder, *flags, collects_garbage=True) as kubeconfig:
        wire = Wire(kubeconfig)
        install(wire, crds(minor))
        for runtime in runtimes(minor):
            if runtime["metadata"]["name"] == "torch-distributed" and not as_shipped:
                shipped = {**runtime, "metadata": {**runtime["metadata"], "name": "torch-restarting"}}
                wire.send("POST", f"{API}/clustertrainingruntimes", shipped)
                _keep_failed(runtime)
            wire.send("POST", f"{API}/clustertrainingruntimes", runtime)
        if minor not in ("2.0", "2.1"):
            _publish_version(wire, minor)
        controller = Controller(kubeconfig, minor)
        controller.start()
        try:
            yield Stage(kubeconfig, controller, wire, minor)
        finally:
            controller.stop()
            wire.close()


def _keep_failed(runtime: dict[str, Any]) -> None:
    """What an administrator sets who wants to see why jobs fail: the pod stays, and its job fails at the first."""
    for replicated in runtime["spec"]["template"]["spec"]["replicatedJobs"]:
        job = replicated["template"]["spec"]
        job["backoffLimit"] = 0
        job["template"]["spec"]["restartPolicy"] = "Never"


def namespace(wire: Wire, name: str) -> str:
    """Make a namespace and return its name."""
    wire.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


def _publish_version(wire: Wire, minor: str) -> None:
    home = namespace(wire, "kubeflow-system")
    body = {"metadata": {"name": "kubeflow-trainer-public"}, "data": {"kubeflow_trainer_version": f"v{minor}.0"}}
    wire.send("POST", f"/api/v1/namespaces/{home}/configmaps", body)
    for document in documents(release(minor) / "base" / "rbac"):
        if document["metadata"]["name"] == "kubeflow-trainer-public":
            group = "/apis/rbac.authorization.k8s.io/v1"
            plural = "roles" if document["kind"] == "Role" else "rolebindings"
            wire.send("POST", f"{group}/namespaces/{home}/{plural}", document)
