"""Plays KServe on a real API server: what its controller makes of an InferenceService, and what a kubelet says of pods.

As KServe 0.15 to 0.20 do (pkg/controller/v1beta1/inferenceservice, pkg/apis/serving/v1beta1/inference_service_status.go):
`observedGeneration` is that of the Deployment or the Knative service, and a Deployment's model counts as loaded while any
pod is available.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from codegen import config
from codegen.pins.crd_manifests import pinned_crds
from tests.cluster.wire import Object, Wire
from tests.generated.drawing import ROOT

_SOURCE_URI = "internal.serving.kserve.io/storage-initializer-sourceuri"
_LEFT_OPEN = {
    *("transformer", "explainer", "workerSpec", "initContainers", "volumes", "affinity", "topologySpreadConstraints"),
    *("ephemeralContainers", "autoScaling", "huggingface", "lightgbm", "onnx", "paddle", "pmml", "pytorch"),
    *("tensorflow", "triton", "xgboost"),
}
_ANYTHING: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_OPEN: Mapping[str, Object] = {"object": _ANYTHING, "array": {"type": "array", "items": _ANYTHING}}
_KINDS = ("inferenceservices", "servingruntimes", "clusterservingruntimes")


@functools.cache
def crds(minor: str) -> list[Object]:
    """Return the CRDs of InferenceServices and runtimes as they are pinned, that of InferenceServices first."""
    manifests: Mapping[str, Any] = pinned_crds(ROOT, config.load(ROOT).components["kserve"], f"v{minor}")
    return [dict(manifests[f"serving.kserve.io_{kind}.json"]) for kind in _KINDS]


def lean_crds(minor: str) -> list[Object]:
    """Return the CRDs, in which what these tests send nothing of is left open: an API server takes them in seconds.

    That the models decide as the whole CRDs do is for `tests/generated/test_neighbours.py`.
    """
    found: list[Object] = copy.deepcopy(crds(minor))
    for crd in found:
        spec: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        parts: list[Object] = [spec]
        if "canary" in spec:
            parts.append(spec["canary"]["items"]["properties"]["predictor"]["properties"])
        if "predictor" in spec:
            parts.append(spec["predictor"]["properties"])
        for part in parts:
            for name in _LEFT_OPEN & set(part):
                part[name] = _OPEN[part[name]["type"]]
    return found


def knative_crd() -> Object:
    """Return a CRD under which Knative services can be kept."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "services.serving.knative.dev"},
        "spec": {
            "group": "serving.knative.dev",
            "scope": "Namespaced",
            "names": {"plural": "services", "singular": "service", "kind": "Service", "listKind": "ServiceList"},
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }


def runtime(
    name: str, *formats: Mapping[str, Any], protocols: Sequence[str] = ("v1", "v2"), namespace: str = "", **spec: Any
) -> Object:
    """Return a ServingRuntime, or a ClusterServingRuntime without a namespace."""
    container = {"name": "kserve-container", "image": "kserve/server:v0.20.0"}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime" if namespace else "ClusterServingRuntime",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"supportedModelFormats": list(formats), "protocolVersions": list(protocols), "containers": [container]}
        | spec,
    }


def serves(name: str, version: str = "1", priority: int = 1, *, auto: bool = True) -> Object:
    return {"name": name, "version": version, "priority": priority, "autoSelect": auto}


SKLEARN = runtime("kserve-sklearnserver", serves("sklearn"))
MLSERVER = runtime("kserve-mlserver", serves("sklearn", priority=2), serves("xgboost", "2", 2), protocols=["v2"])
TENSORFLOW = runtime("kserve-tensorflow-serving", serves("tensorflow", "2", 2), protocols=["v1"])


class PlayedKServe:
    """KServe's controller, Deployments and kubelets of one namespace: each method is one step of theirs."""

    def __init__(self, wire: Wire, namespace: str) -> None:
        self.wire = wire
        self.namespace = namespace
        self._numbers = itertools.count()

    def service(self, name: str) -> Object:
        return self.wire.send("GET", self._service_path(name))

    def deploy(
        self,
        name: str,
        *,
        ready: bool = True,
        replicas: int = 1,
        old_pods: int = 0,
        stuck: str = "",
        url: str | None = None,
        failure: Mapping[str, Any] | None = None,
    ) -> None:
        """Work on a service in Standard mode: write its Deployment as it is then, and its status.

        Args:
            name: The service.
            ready: True when the pods of what was asked for last are available.
            replicas: How many pods there are to be.
            old_pods: Pods of what was asked for before that still are there, and answer.
            stuck: Why the Deployment does not progress.
            url: The service's address.
            failure: `lastFailureInfo` of the model.
        """
        service = self.service(name)
        deployment = self._write(
            f"/apis/apps/v1/namespaces/{self.namespace}/deployments", self._deployment(service, replicas)
        )
        updated = replicas
        available = (replicas if ready else 0) + old_pods
        conditions = [{"type": "Available", "status": str(bool(available))}]
        if stuck:
            conditions.append(
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": stuck}
            )
        status: Object = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": updated + old_pods,
            "updatedReplicas": updated,
            "availableReplicas": available,
            "readyReplicas": available,
            "conditions": conditions,
        }
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}-predictor"
        self.wire.patch(f"{path}/status", {"status": status})
        self.tell(
            name,
            answers=bool(available),
            mode="Standard",
            url=url,
            failure=failure,
            observed=status["observedGeneration"],
        )

    def knative(
        self, name: str, *, latest: str, ready: str, percent: int = 100, url: str | None = None, failure: str = ""
    ) -> None:
        """Work on a service in Knative mode: write its Knative service, with the newest revision and the one that is ready."""
        service = self.service(name)
        predictor = service["spec"]["predictor"]
        template = {"metadata": {"annotations": self._pod_annotations(predictor)}, "spec": {}}
        labels = {"serving.kserve.io/inferenceservice": name}
        made = self._write(
            f"/apis/serving.knative.dev/v1/namespaces/{self.namespace}/services",
            {"apiVersion": "serving.knative.dev/v1", "kind": "Service",
             "metadata": {"name": f"{name}-predictor", "labels": labels}, "spec": {"template": template}},
        )  # fmt: skip
        failed = {"type": "ConfigurationsReady", "status": "False", "reason": "RevisionFailed", "message": failure}
        status: Object = {
            "observedGeneration": made["metadata"]["generation"],
            "latestCreatedRevisionName": latest,
            "latestReadyRevisionName": ready,
            "conditions": [failed] if failure else [{"type": "ConfigurationsReady", "status": "True"}],
        }
        path = f"/apis/serving.knative.dev/v1/namespaces/{self.namespace}/services/{name}-predictor"
        self.wire.patch(f"{path}/status", {"status": status})
        traffic = [
            {"revisionName": ready, "percent": 100 if ready != latest else percent, "latestRevision": ready == latest}
        ]
        if ready == latest and percent < 100:
            traffic.append({"revisionName": "before", "percent": 100 - percent, "tag": "prev", "latestRevision": False})
        component = {"latestCreatedRevision": latest, "latestReadyRevision": ready, "traffic": traffic}
        self.tell(name, answers=bool(ready) and not failure, mode="Serverless", url=url, ingress=bool(ready),
                  observed=status["observedGeneration"], components={"predictor": component})  # fmt: skip

    def tell(
        self,
        name: str,
        *,
        answers: bool,
        mode: str,
        observed: int,
        ingress: bool | None = None,
        url: str | None = None,
        failure: Mapping[str, Any] | None = None,
        **status: Any,
    ) -> None:
        """Write the status of a service as KServe's controller does."""
        answer = "True" if answers else "False"
        conditions = [
            {
                "type": "PredictorReady",
                "status": answer,
                **({} if answers else {"reason": "MinimumReplicasUnavailable"}),
            },
            {"type": "IngressReady", "status": str(answers if ingress is None else ingress)},
            {"type": "Ready", "status": answer},
        ]
        loading = {
            "states": {"targetModelState": "Loaded" if answers else "Pending"},
            "transitionStatus": "UpToDate" if answers else "InProgress",
        }
        if answers:
            loading["states"]["activeModelState"] = "Loaded"  # type: ignore[index]
        if failure:
            loading = {
                "states": {"targetModelState": "FailedToLoad"},
                "transitionStatus": "InvalidSpec" if "Runtime" in failure["reason"] else "BlockedByFailedLoad",
                "lastFailureInfo": dict(failure),
            }
        told = {
            "conditions": conditions,
            "modelStatus": loading,
            "observedGeneration": observed,
            "deploymentMode": mode,
        }
        address = (
            {"url": url, "address": {"url": f"http://{name}-predictor.{self.namespace}.svc.cluster.local"}}
            if url
            else {}
        )
        told |= {**address, "components": {}, **status}
        self.wire.patch(f"{self._service_path(name)}/status", {"status": told})

    def pod(self, service: str, *, ready: bool = True, mark: bool = True, init: Object | None = None,
            server: Object | None = None, status: Object | None = None, memory: str = "") -> str:  # fmt: skip
        """Make a pod of a service, and write its status; return its name.

        Args:
            service: The service.
            ready: True when it answers.
            mark: True when it was made from what was asked for last.
            init: State of its storage initializer, with `restartCount` and the like; `None` has none.
            server: State of its model server.
            status: Further fields of its status.
            memory: Limit of its model server.
        """
        name = f"{service}-predictor-7c9-{next(self._numbers):05}"
        predictor = self.service(service)["spec"]["predictor"]
        annotations = self._pod_annotations(predictor) if mark else {"sdk.kubeflow.org/service-revision": "before"}
        container: Object = {"name": "kserve-container", "image": "kserve/server:v0.20.0"}
        container["ports"] = [{"containerPort": 8080}]
        if memory:
            container["resources"] = {"limits": {"memory": memory}}
        spec: Object = {"containers": [container], "nodeName": "node-a"}
        if init is not None:
            spec["initContainers"] = [{"name": "storage-initializer", "image": "kserve/storage-initializer:v0.20.0"}]
        if status and status.get("phase") == "Pending":
            del spec["nodeName"]
        labels = {"serving.kserve.io/inferenceservice": service, "component": "predictor"}
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        self.wire.send("POST", path, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        running = {"state": {"running": {"startedAt": "2026-11-29T08:00:00Z"}}}
        told: Object = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [_container("kserve-container", running if server is None else server)],
        }
        if init is not None:
            told["initContainerStatuses"] = [_container("storage-initializer", init)]
        self.wire.patch(f"{path}/{name}/status", {"status": told | (status or {})})
        return name

    def event(self, kind: str, name: str, reason: str, message: str, *, warning: bool = True) -> None:
        body = {
            "metadata": {"name": f"event-{next(self._numbers)}"},
            "involvedObject": {"kind": kind, "name": name, "namespace": self.namespace},
            "reason": reason, "message": message, "type": "Warning" if warning else "Normal", "count": 1,
            "firstTimestamp": "2026-11-29T08:00:00Z", "lastTimestamp": "2026-11-29T08:00:00Z",
        }  # fmt: skip
        self.wire.send("POST", f"/api/v1/namespaces/{self.namespace}/events", body)

    def _service_path(self, name: str) -> str:
        return f"/apis/serving.kserve.io/v1beta1/namespaces/{self.namespace}/inferenceservices/{name}"

    def _pod_annotations(self, predictor: Mapping[str, Any]) -> dict[str, str]:
        model: Mapping[str, Any] = predictor.get("model") or {}
        uri = model.get("storageUri")
        return {**(predictor.get("annotations") or {}), **({_SOURCE_URI: uri} if uri else {})}

    def _deployment(self, service: Mapping[str, Any], replicas: int) -> Object:
        name = service["metadata"]["name"]
        labels = {"serving.kserve.io/inferenceservice": name, "component": "predictor"}
        annotations = self._pod_annotations(service["spec"]["predictor"])
        container = {"name": "kserve-container", "image": "kserve/server:v0.20.0"}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"{name}-predictor", "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": annotations},
                    "spec": {"containers": [container]},
                },
            },
        }

    def _write(self, path: str, body: Object) -> Object:
        name = body["metadata"]["name"]
        if self.wire.find(f"{path}/{name}") is None:
            return self.wire.send("POST", path, body)
        return self.wire.patch(f"{path}/{name}", {"spec": body["spec"]})


def _container(name: str, status: Object) -> Object:
    return {"name": name, "image": "x", "imageID": "", "ready": False, "restartCount": 0, "started": True} | status


def crashed(code: int, message: str = "", reason: str = "Error", restarts: int = 3) -> Object:
    """Return the status of a container that ends again and again."""
    end = {"exitCode": code, "reason": reason, "message": message}
    times = {"startedAt": "2026-11-29T08:00:00Z", "finishedAt": "2026-11-29T08:00:05Z"}
    return {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {**end, **times}},
        "restartCount": restarts,
    }
