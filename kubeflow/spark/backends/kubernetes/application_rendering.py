"""From a `SparkSpec` to the SparkApplication that stands for it on a cluster. Pure: nothing is read, asked or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.spark.v1beta2 import (
    Dependencies,
    DriverSpec,
    DynamicAllocation,
    ExecutorSpec,
    GPUSpec,
    RestartPolicy,
    ScheduledSparkApplication,
    ScheduledSparkApplicationSpec,
    SparkApplication,
    SparkApplicationSpec,
)

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging import Bundle, bundle_annotations
from kubeflow.spark.backends.kubernetes.application_names import check_spark_name, code_config_map
from kubeflow.spark.backends.kubernetes.configuration_checks import check_allowed
from kubeflow.spark.backends.kubernetes.pod_templates import CODE_FOLDER, MAIN_FILE, pod_template
from kubeflow.spark.backends.kubernetes.spark_images import SPARK_VERSION, spark_image, version_of_image
from kubeflow.spark.jobs.spark_outputs import with_output_mount
from kubeflow.spark.jobs.spark_spec import Allocation, SparkSpec
from kubeflow.spark.types.memory_sizes import spark_memory
from kubeflow.spark.types.node_sizes import NodeSize
from kubeflow.trainer.rendering.cluster_requirements import check_requirements_for_cluster
from kubeflow.trainer.rendering.literals import literal

RenderedApplication: TypeAlias = SparkApplication | ScheduledSparkApplication
"""What a Spark job is on a cluster: an application, or one that is made again and again."""

# An object may have 1 MiB in all (ConfigMap.data, and etcd's limit on requests).
_LARGEST_CODE = 1024 * 1024 - 16 * 1024


@dataclass(frozen=True, slots=True)
class RenderedJob:
    """What is made on a cluster for a job.

    Attributes:
        application: The SparkApplication, or the ScheduledSparkApplication.
        code: The files that the driver finds in `CODE_FOLDER`, by name; empty where the job brings none.
    """

    application: RenderedApplication
    code: Mapping[str, str]

    @property
    def code_name(self) -> str:
        """The name of the ConfigMap that has `code`."""
        return code_config_map(str(self.application.metadata.name))


def render_application(spec: SparkSpec, *, namespace: str | None = None, account: str | None = None) -> RenderedJob:
    """Return what stands for a job on a cluster. Fields that the user left out are Spark's or the operator's to decide.

    Args:
        spec: The job.
        namespace: Its namespace; `None` leaves it to whoever applies it.
        account: The service account of the driver, where the job names none.

    Raises:
        InvalidInput: The operator would refuse it, or could not run it.
    """
    check_spark_name("SparkApplication" if spec.timetable is None else "ScheduledSparkApplication", spec.name)
    check_allowed(spec.spark_conf, namespace)
    spec = with_output_mount(spec)
    bundle = spec.program.bundle
    code = {} if bundle is None else {MAIN_FILE: main_file(bundle)}
    application = SparkApplication(
        metadata=_metadata(spec, namespace), spec=_spec(spec, account, code_config_map(spec.name) if code else None)
    )
    for edit in spec.edits:
        edit.apply(application)
    if application.metadata.name != spec.name or application.metadata.namespace != namespace:
        raise InvalidInput(
            "An option changes the name or the namespace of the application, so that its client would lose it: leave "
            "that out, and use name= and KubernetesBackendConfig(namespace=...)."
        )
    if spec.timetable is None:
        return RenderedJob(SparkApplication.from_dict(application.to_dict()), code)
    return RenderedJob(_scheduled(spec, application), code)


def main_file(bundle: Bundle) -> str:
    """Return the text of the program that starts a bundle, for the driver's Python.

    It replaces itself by the loader of the bundle, in the environment that spark-submit has made for it.

    Raises:
        InvalidInput: It is too large for a ConfigMap.
    """
    check_requirements_for_cluster(bundle)
    words = ",\n".join(f"    {word!r}" for word in bundle.command(python="python3")[1:])
    text = (
        f'"""Starts {_harmless(bundle.name)}, sha256 {bundle.digest}. Made by the Kubeflow SDK: submit it again to '
        f'change it."""\n\nimport os\nimport sys\n\nWORDS = [\n{words},\n]\n'
        'if __name__ == "__main__":\n    os.execv(sys.executable, [sys.executable, *WORDS])\n'
    )
    if len(text) > _LARGEST_CODE:
        raise InvalidInput(
            f"The code of {bundle.name} has {len(text):,} bytes, and a ConfigMap takes {_LARGEST_CODE:,}: leave large "
            "files out of code_dir=, read data from where it is, or build the code into the image."
        )
    return text


def _harmless(name: str) -> str:
    return "".join(character if character.isprintable() and character not in '"\\' else " " for character in name)


def _metadata(spec: SparkSpec, namespace: str | None) -> ObjectMeta:
    bundle = spec.program.bundle
    annotations = {**spec.annotations, **({} if bundle is None else bundle_annotations(bundle))}
    return ObjectMeta(
        name=spec.name, namespace=namespace, labels={**spec.labels} or None, annotations=annotations or None
    )


def _spec(spec: SparkSpec, account: str | None, code: str | None) -> SparkApplicationSpec:
    program = spec.program
    image = spec.image or spark_image()
    made = SparkApplicationSpec(
        type="Java" if program.is_jar else "Python",
        mode="cluster",  # the webhook's default, which may be switched off
        spark_version=version_of_image(image) or SPARK_VERSION,
        image=image,
        main_application_file=f"local://{CODE_FOLDER}/{MAIN_FILE}" if code is not None else _address(spec),
        driver=_driver(spec, account, code),
        executor=_executor(spec),
        restart_policy=_restart_policy(spec),
    )
    if program.is_jar:
        made.main_class = program.main_class
    else:
        made.python_version = "3"
    if program.bundle is None and program.arguments:
        # They become arguments of the driver's container, in which Kubernetes fills in $(NAME).
        made.arguments = [literal(word) for word in program.arguments]
    if spec.spark_conf:
        made.spark_conf = dict(spec.spark_conf)
    if spec.maven.packages:
        made.deps = Dependencies(packages=list(spec.maven.packages))
        if spec.maven.excluded:
            made.deps.exclude_packages = list(spec.maven.excluded)
        if spec.maven.repositories:
            made.deps.repositories = list(spec.maven.repositories)
    if spec.allocation is not None:
        made.dynamic_allocation = _allocation(spec.allocation)
    if spec.suspend and spec.timetable is None:
        made.suspend = True
    return made


def _address(spec: SparkSpec) -> str:
    program = spec.program
    if not program.is_address:
        what = "jar" if program.is_jar else "program"
        raise InvalidInput(
            f"The {what} {program.file!r} is on this machine, and the driver of a cluster does not see it: put it "
            "where the driver reads it, and give its address ('s3a://bucket/etl.jar', 'https://...'), or build it into "
            "the image and write 'local:///path/in/the/image'."
        )
    if program.file.startswith("file:"):
        raise InvalidInput(
            f"{program.file!r} is read on the machine of the driver: write 'local:///...' for a file of the image, or "
            "an address that every machine reads, such as 's3a://bucket/etl.py'."
        )
    return program.file


def _driver(spec: SparkSpec, account: str | None, code: str | None) -> DriverSpec:
    driver = DriverSpec()
    _set_size(driver, spec.driver)
    if (chosen := spec.service_account or account) is not None:
        driver.service_account = chosen
    if spec.driver_image is not None:
        driver.image = spec.driver_image
    if spec.driver_java_options is not None:
        driver.java_options = spec.driver_java_options
    if (template := pod_template(spec, "driver", code)) is not None:
        driver.template = template
    return driver


def _executor(spec: SparkSpec) -> ExecutorSpec:
    executor = ExecutorSpec()
    if spec.num_executors is not None or spec.allocation is None:
        executor.instances = spec.num_executors or 1
    _set_size(executor, spec.executor)
    if spec.executor_java_options is not None:
        executor.java_options = spec.executor_java_options
    if (template := pod_template(spec, "executor")) is not None:
        executor.template = template
    return executor


def _set_size(part: DriverSpec | ExecutorSpec, size: NodeSize) -> None:
    if size.cores is not None:
        part.cores = size.cores
    if size.cpu is not None:
        part.core_request = size.cpu
    if size.memory is not None:
        part.memory = spark_memory(size.memory)
    if size.gpus:
        # Also in the template: the webhook that acts on this field leaves pods with a template alone.
        part.gpu = GPUSpec(name=size.gpu_name, quantity=size.gpus)


def _restart_policy(spec: SparkSpec) -> RestartPolicy:
    attempts = spec.attempts
    policy = RestartPolicy(type=attempts.policy)
    if attempts.policy != "Never":
        policy.on_failure_retry_interval = attempts.interval
        policy.on_submission_failure_retry_interval = attempts.interval
    if attempts.policy == "OnFailure":
        policy.on_failure_retries = attempts.failures
        policy.on_submission_failure_retries = attempts.submissions
    return policy


def _allocation(allocation: Allocation) -> DynamicAllocation:
    # There is no shuffle service on Kubernetes: executors with shuffle data stay.
    made = DynamicAllocation(enabled=True, shuffle_tracking_enabled=True)
    if allocation.least is not None:
        made.min_executors = allocation.least
    if allocation.most is not None:
        made.max_executors = allocation.most
    if allocation.first is not None:
        made.initial_executors = allocation.first
    return made


def _scheduled(spec: SparkSpec, application: SparkApplication) -> ScheduledSparkApplication:
    timetable = spec.timetable
    assert timetable is not None
    made = ScheduledSparkApplicationSpec(
        schedule=timetable.cron, template=application.spec, concurrency_policy=timetable.overlap
    )
    if timetable.time_zone is not None:
        made.time_zone = timetable.time_zone
    if timetable.kept_successes is not None:
        made.successful_run_history_limit = timetable.kept_successes
    if timetable.kept_failures is not None:
        made.failed_run_history_limit = timetable.kept_failures
    if spec.suspend:
        made.suspend = True
    scheduled = ScheduledSparkApplication(metadata=application.metadata, spec=made)
    return ScheduledSparkApplication.from_dict(scheduled.to_dict())
