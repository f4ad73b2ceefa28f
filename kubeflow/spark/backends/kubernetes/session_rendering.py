"""From a `SessionSpec` to the SparkConnect that stands for it on a cluster. Pure: nothing is read, asked or sent."""

from __future__ import annotations

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.spark.v1alpha1 import DynamicAllocation, ExecutorSpec, ServerSpec, SparkConnect, SparkConnectSpec

from kubeflow.cluster.wire import mapping
from kubeflow.core.errors import InvalidInput
from kubeflow.spark.backends.kubernetes.application_names import check_spark_name
from kubeflow.spark.backends.kubernetes.configuration_checks import check_allowed, check_unquoted
from kubeflow.spark.backends.kubernetes.operator_settings import OperatorSettings
from kubeflow.spark.backends.kubernetes.pod_templates import pod_template
from kubeflow.spark.backends.kubernetes.spark_images import SPARK_VERSION, spark_image, version_of_image
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.types.memory_sizes import spark_memory
from kubeflow.spark.types.node_sizes import NodeSize

CONNECT_PORT = 15002


def render_connect(
    spec: SessionSpec,
    *,
    namespace: str | None = None,
    account: str | None = None,
    settings: OperatorSettings | None = None,
    version: str = SPARK_VERSION,
) -> SparkConnect:
    """Return what stands for a session on a cluster.

    Args:
        spec: The session.
        namespace: Its namespace; `None` leaves it to whoever applies it.
        account: The service account of the server, where the session names none.
        settings: What is known of the operator; `None`: nothing.
        version: The version of Spark of the image, where none is named: that of the client, so that both fit.

    Raises:
        InvalidInput: The operator would refuse it, or start another server than the one that is meant.
    """
    check_spark_name("SparkConnect", spec.name)
    conf = session_conf(spec)
    check_allowed(conf, namespace)
    settings = settings or OperatorSettings()
    if settings.unquoted:
        seen = settings.version
        check_unquoted(
            conf,
            version="the Spark Operator of this cluster (its version cannot be seen; up to 2.5.2 it does)"
            if seen is None
            else f"Spark Operator {'.'.join(map(str, seen))}",
        )
    image = spec.image or spark_image(version)
    server = ServerSpec()
    _set(server, spec.driver)
    template: dict[str, object] = pod_template(spec, "driver") or {}
    chosen = spec.service_account or account
    if chosen is not None:
        pod = mapping(template, "spec")
        template = {**template, "spec": {"serviceAccountName": chosen, **pod}}
    if template:
        server.template = template
    executor = ExecutorSpec()
    if spec.num_executors is not None or spec.allocation is None:
        executor.instances = 1 if spec.num_executors is None else spec.num_executors
    _set(executor, spec.executor)
    if (pods := pod_template(spec, "executor")) is not None:
        executor.template = pods
    made = SparkConnectSpec(
        spark_version=version_of_image(image) or version, image=image, server=server, executor=executor
    )
    if conf:
        made.spark_conf = conf
    if spec.allocation is not None:
        allocation = DynamicAllocation(enabled=True, shuffle_tracking_enabled=True)
        if spec.allocation.least is not None:
            allocation.min_executors = spec.allocation.least
        if spec.allocation.most is not None:
            allocation.max_executors = spec.allocation.most
        if spec.allocation.first is not None:
            allocation.initial_executors = spec.allocation.first
        made.dynamic_allocation = allocation
    metadata = ObjectMeta(
        name=spec.name,
        namespace=namespace,
        labels={**spec.labels} or None,
        annotations={**spec.annotations} or None,
    )
    return SparkConnect.from_dict(SparkConnect(metadata=metadata, spec=made).to_dict())


def session_conf(spec: SessionSpec) -> dict[str, str]:
    """Return the settings of a session, with what a SparkConnect has no field for.

    Raises:
        InvalidInput: The same is said by an argument and by a setting.
    """
    conf = dict(spec.spark_conf)
    further = {
        "spark.driver.extraJavaOptions": spec.driver_java_options,
        "spark.executor.extraJavaOptions": spec.executor_java_options,
        "spark.jars.packages": ",".join(spec.maven.packages),
        "spark.jars.excludes": ",".join(spec.maven.excluded),
        "spark.jars.repositories": ",".join(spec.maven.repositories),
        "spark.kubernetes.driver.request.cores": spec.driver.cpu,
        "spark.kubernetes.executor.request.cores": spec.executor.cpu,
    }
    for key, value in further.items():
        if value and conf.setdefault(key, value) != value:
            raise InvalidInput(f"spark_conf[{key!r}] and an argument or an option say different things: leave one out.")
    return conf


def _set(part: ServerSpec | ExecutorSpec, size: NodeSize) -> None:
    if size.cores is not None:
        part.cores = size.cores
    if size.memory is not None:
        part.memory = spark_memory(size.memory)
