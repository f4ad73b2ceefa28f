"""Settings of Spark that an argument says already: two sayings could differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeflow.core.errors import InvalidInput
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.jobs.spark_spec import SparkSpec

AnySpec = SparkSpec | SessionSpec

# https://spark.apache.org/docs/4.0.0/configuration.html: settings that an argument says as well.
_SAID_TWICE: Mapping[str, tuple[str, Callable[[AnySpec], bool]]] = {
    "spark.executor.instances": ("num_executors=", lambda spec: spec.num_executors is not None),
    "spark.executor.cores": ("resources_per_executor=", lambda spec: spec.executor.cores is not None),
    "spark.executor.memory": ("resources_per_executor=", lambda spec: spec.executor.memory is not None),
    "spark.driver.cores": ("driver=Driver(resources=...)", lambda spec: spec.driver.cores is not None),
    "spark.driver.memory": ("driver=Driver(resources=...)", lambda spec: spec.driver.memory is not None),
    "spark.driver.extraJavaOptions": ("Driver(java_options=...)", lambda spec: spec.driver_java_options is not None),
    "spark.executor.extraJavaOptions": (
        "Executor(java_options=...)",
        lambda spec: spec.executor_java_options is not None,
    ),
    "spark.jars.packages": ("options.MavenPackages(...)", lambda spec: bool(spec.maven.packages)),
}


def check_settings(spec: AnySpec) -> None:
    """Refuse settings that are said twice.

    Raises:
        InvalidInput: Naming the setting, and what says it.
    """
    for name in spec.spark_conf:
        if name in _SAID_TWICE:
            argument, is_said = _SAID_TWICE[name]
            if is_said(spec):
                raise InvalidInput(f"spark_conf[{name!r}] and {argument} say the same: leave one of them out.")
