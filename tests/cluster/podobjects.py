"""The objects of played pods: manifests and the states of their containers. Pure."""

from __future__ import annotations

import copy
import random
import string
from collections.abc import Mapping
from typing import Any

from tests.cluster.kubelet import Exit, now
from tests.cluster.scenarios import Scenario

Object = dict[str, Any]

TRACKING = "batch.kubernetes.io/job-tracking"
SIDECAR = "proxy"
"""The container that an injector adds."""
_SUFFIX = string.ascii_lowercase + string.digits


def injected(template: Mapping[str, Any], scenario: Scenario) -> Mapping[str, Any]:
    """Return the template of a pod with the sidecar that an injector adds."""
    if scenario.sidecar is None:
        return template
    spec = template["spec"]
    return {**template, "spec": {**spec, "containers": [*spec["containers"], {"name": SIDECAR, "image": SIDECAR}]}}


def terminated(exit_: Exit) -> Object:
    """Return the state of a container that has ended."""
    state: Object = {
        "exitCode": exit_.code,
        "reason": exit_.reason,
        "startedAt": exit_.started,
        "finishedAt": exit_.finished,
    }
    if exit_.message:
        state["message"] = exit_.message
    return {"terminated": state}


def manifest(template: Mapping[str, Any], job: Object, hostname: str, index: int) -> Object:
    """Return a pod of a Job as the Job controller makes it."""
    given = template.get("metadata") or {}
    spec = copy.deepcopy(template["spec"])
    spec["hostname"] = hostname
    labels = {
        **(given.get("labels") or {}),
        "batch.kubernetes.io/job-name": job["metadata"]["name"],
        "batch.kubernetes.io/job-completion-index": str(index),
        "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
        "job-name": job["metadata"]["name"],
        "controller-uid": job["metadata"]["uid"],
    }
    annotations = {**(given.get("annotations") or {}), "batch.kubernetes.io/job-completion-index": str(index)}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "controller": True, "blockOwnerDeletion": True}
    owner |= {"name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{hostname}-{''.join(random.choices(_SUFFIX, k=5))}",
            "namespace": job["metadata"]["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner],
            "finalizers": [TRACKING],
        },
        "spec": spec,
    }


def disruption(reason: str, message: str) -> Object:
    """Return the condition of a pod that the cluster ends, and not its own doing."""
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {**condition, "lastTransitionTime": now()}
