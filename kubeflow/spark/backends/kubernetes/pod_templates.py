"""Pod templates of driver and executors: everything that a pod has beyond cores, memory and image. Pure.

A template goes through spark-submit, so that the operator's pod webhook is not needed; where a template is given, that
webhook leaves the pod alone. So all of it stands in the template: variables, devices, volumes, tolerations.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubeflow.cluster.wire import Json, mapping, objects
from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.kubernetes.application_names import DRIVER_CONTAINER, EXECUTOR_CONTAINER
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.jobs.spark_spec import MAIN_CONTAINER, Role, SparkSpec
from kubeflow.trainer.options._merging import merge
from kubeflow.trainer.rendering.literals import literal

CONTAINERS: Mapping[Role, str] = {"driver": DRIVER_CONTAINER, "executor": EXECUTOR_CONTAINER}
CODE_VOLUME = "kubeflow-code"
CODE_FOLDER = "/opt/kubeflow/job"
MAIN_FILE = "main.py"
NO_VARIABLES: Mapping[str, str] = {}


def pod_template(spec: SparkSpec | SessionSpec, role: Role, code: str | None = None) -> dict[str, object] | None:
    """Return the template of the pods of a role; `None` where Spark's own pods will do.

    Args:
        spec: The job, or the session, whose server is its driver.
        role: Driver or executor.
        code: The ConfigMap whose files the container finds in `CODE_FOLDER`; `None` for none.

    Raises:
        InvalidInput: Two options contradict each other.
    """
    main = _main_container(spec, role)
    pod: dict[str, object] = {}
    if code is not None:
        main["volumeMounts"] = [{"name": CODE_VOLUME, "mountPath": CODE_FOLDER, "readOnly": True}]
        pod["volumes"] = [{"name": CODE_VOLUME, "configMap": {"name": code}}]
    if role == "driver" and isinstance(spec, SparkSpec) and spec.deadline is not None:
        # A SparkApplication has no deadline of its own. The kubelet ends the driver, and the executors go with it.
        pod["activeDeadlineSeconds"] = spec.deadline
    if len(main) > 1:
        pod["containers"] = [main]
    merged: Json = {"spec": pod} if pod else {}
    for of, change in spec.pods:
        if of == role:
            merged = merge(merged, {"spec": _renamed(change, CONTAINERS[role])})
    for of, template in spec.templates:
        if of == role:
            merged = merge(merged, _renamed_in_template(template, CONTAINERS[role]))
    return _main_first(merged, CONTAINERS[role]) if merged else None


def _main_container(spec: SparkSpec | SessionSpec, role: Role) -> dict[str, object]:
    size = spec.driver if role == "driver" else spec.executor
    main: dict[str, object] = {"name": CONTAINERS[role]}
    env: Mapping[str, str] = spec.env if isinstance(spec, SparkSpec) else NO_VARIABLES
    for variable in spec.variables:
        if str(variable["name"]) in env:
            raise InvalidInput(f"The environment variable {variable['name']!r} is set twice. Leave one of them out.")
    if env or spec.variables:
        main["env"] = [*({"name": name, "value": literal(value)} for name, value in env.items()), *spec.variables]
    if size.gpus:
        main["resources"] = {"limits": {size.gpu_name: str(size.gpus)}}
    return main


def _renamed(pod: Json, name: str) -> dict[str, object]:
    """Return a pod's spec in which the container that does the work has the name that Spark gives it."""
    if "containers" not in pod:
        return dict(pod)
    containers = [
        {**container, "name": name} if container.get("name") == MAIN_CONTAINER else container
        for container in objects(pod, "containers")
    ]
    return {**pod, "containers": containers}


def _renamed_in_template(template: Json, name: str) -> dict[str, object]:
    spec = mapping(template, "spec")
    return {**template, "spec": _renamed(spec, name)} if spec else dict(template)


def _main_first(template: Json, name: str) -> dict[str, object]:
    """Return the template with Spark's container first: the server wants one, and Spark takes the first by default."""
    spec = dict(mapping(template, "spec"))
    containers = objects(spec, "containers")
    main = [container for container in containers if container.get("name") == name] or [{"name": name}]
    spec["containers"] = [*main, *(container for container in containers if container.get("name") != name)]
    return {**template, "spec": spec}
