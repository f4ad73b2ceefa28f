"""What Katib's webhook makes of the pods of trials: labels, a variable, and the collector beside the main container."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from tests.cluster.katib.collector import FOLDER, NAME, VOLUME, wrapped

Object = dict[str, Any]
Find = Callable[[str], "Object | None"]

TRIALS = "/apis/kubeflow.org/v1beta1/namespaces/{namespace}/trials/{name}"
_PATHS = {
    "Job": "/apis/batch/v1/namespaces/{namespace}/jobs/{name}",
    "JobSet": "/apis/jobset.x-k8s.io/v1alpha2/namespaces/{namespace}/jobsets/{name}",
    "TrainJob": "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{namespace}/trainjobs/{name}",
}


class PodRefused(Exception):
    """The webhook answers with an error, so that the pod is not created."""


def trial_of(item: Mapping[str, Any], namespace: str, find: Find) -> Object | None:
    """Return the Trial that an object belongs to, by its owners, and theirs; `None` for none."""
    for owner in item["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "Trial":
            return find(TRIALS.format(namespace=namespace, name=owner["name"]))
        if owner["kind"] in _PATHS:
            above = find(_PATHS[owner["kind"]].format(namespace=namespace, name=owner["name"]))
            if above is not None and (found := trial_of(above, namespace, find)) is not None:
                return found
    return None


def injected_pod(pod: Mapping[str, Any], trial: Mapping[str, Any]) -> Object:
    """Return a pod of a trial as the webhook changes it.

    Raises:
        PodRefused: It has no container of the template's name.
    """
    made = copy.deepcopy(dict(pod))
    spec = trial["spec"]
    containers: list[Object] = made["spec"]["containers"]
    main = next((each for each in containers if each["name"] == spec["primaryContainerName"]), None)
    if main is None:
        names = [each["name"] for each in containers]
        raise PodRefused(
            f"unable to find primary container in mutated pod containers: primary container: "
            f"{spec['primaryContainerName']}, mutated pod containers: {names}"
        )
    name = trial["metadata"]["name"]
    labels = {**(trial["metadata"].get("labels") or {}), "katib.kubeflow.org/trial": name}
    made["metadata"]["labels"] = {**(made["metadata"].get("labels") or {}), **labels}
    main["env"] = [*(main.get("env") or []), {"name": "KATIB_TRIAL_NAME", "value": name}]
    wanted = spec.get("primaryPodLabels") or {}
    if any((pod["metadata"].get("labels") or {}).get(key) != value for key, value in wanted.items()):
        return made
    if spec["metricsCollector"]["collector"]["kind"] != "StdOut":
        return made
    mount = {"name": VOLUME, "mountPath": FOLDER}
    if not main.get("command"):
        raise PodRefused(f'Failed to get container image "{main.get("image")}" info from registry')
    stops = bool(spec.get("earlyStoppingRules"))
    main["command"], main["args"] = wrapped(main["command"], main.get("args") or [], stops)
    main["volumeMounts"] = [*(main.get("volumeMounts") or []), mount]
    image = "ghcr.io/kubeflow/katib/file-metrics-collector:v0.19.0"
    containers.append({"name": NAME, "image": image, "args": ["-t", name], "volumeMounts": [mount]})
    made["spec"]["volumes"] = [*(made["spec"].get("volumes") or []), {"name": VOLUME, "emptyDir": {}}]
    made["spec"]["shareProcessNamespace"] = True
    return made
