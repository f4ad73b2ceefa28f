"""The settings of a Spark that runs on this machine, as its environment and its command line have them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import shlex
from kubeflow.spark.backends.localspark.local_size import LocalSize
from kubeflow.spark.jobs.spark_spec import MavenDependencies
from kubeflow.spark.types.memory_sizes import spark_memory

# What would make the session one of another Spark: https://spark.apache.org/docs/4.0.0/api/python/
# (SparkSession.builder).
ELSEWHERE = ("SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "MASTER", "PYSPARK_GATEWAY_PORT")
_LOOPBACK = "127.0.0.1"
_DECIDED = ("spark.master", "spark.remote", "spark.api.mode", "spark.submit.deployMode")


def local_settings(
    size: LocalSize,
    conf: Mapping[str, str],
    *,
    name: str,
    driver_java: str | None,
    executor_java: str | None,
    maven: MavenDependencies,
) -> list[str]:
    """Return the words that tell `spark-submit` how the job runs.

    Args:
        size: What it gets of this machine.
        conf: The job's own settings.
        name: Its name.
        driver_java: Options of the driver's JVM.
        executor_java: Options of the executors' JVMs, which is the same one here.
        maven: What is fetched first.
    """
    settings = {"spark.app.name": name, "spark.ui.showConsoleProgress": "false", **conf}
    options = " ".join(filter(None, [conf.get("spark.driver.extraJavaOptions"), driver_java, executor_java]))
    if options:
        settings["spark.driver.extraJavaOptions"] = options
    if maven.packages:
        settings["spark.jars.packages"] = ",".join(filter(None, [conf.get("spark.jars.packages"), *maven.packages]))
    if maven.excluded:
        settings["spark.jars.excludes"] = ",".join(maven.excluded)
    if maven.repositories:
        settings["spark.jars.repositories"] = ",".join(maven.repositories)
    words = ["--master", f"local[{size.threads}]"]
    if size.heap is not None:
        words += ["--driver-memory", spark_memory(size.heap)]
    for key, value in settings.items():
        words += ["--conf", f"{key}={value}"]
    return words


def local_environment(
    environ: Mapping[str, str], words: list[str], *, python: str, temporary: str, conf: Mapping[str, str]
) -> dict[str, str]:
    """Return what the environment of a Spark of this machine has beside what it takes over.

    Every session of the process is the job's own, whoever makes it: `pyspark` reads the settings from there. Its
    servers listen on the loopback interface.

    Args:
        environ: What the job takes over.
        words: What `local_settings` returned.
        python: The interpreter of the job.
        temporary: A folder that goes with the job.
        conf: The job's own settings.
    """
    folder = {} if "spark.local.dir" in conf else {"SPARK_LOCAL_DIRS": environ.get("SPARK_LOCAL_DIRS", temporary)}
    return {
        "PYSPARK_SUBMIT_ARGS": shlex.join([*words, "pyspark-shell"]),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_API_MODE": "classic",
        "SPARK_LOCAL_IP": environ.get("SPARK_LOCAL_IP", _LOOPBACK),
        **folder,
    }


def without_other_sparks(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what would connect a session to another Spark."""
    return {name: value for name, value in environ.items() if name not in ELSEWHERE}


def check_no_conflict(conf: Mapping[str, str], size: LocalSize) -> None:
    """Refuse settings that are the backend's to decide, and a heap that is said twice.

    Raises:
        InvalidInput: Naming the setting, and what says it.
    """
    for name in _DECIDED:
        if name in conf:
            raise InvalidInput(
                f"spark_conf has {name!r}, and on this machine the client decides it: leave it out. num_executors= and "
                "resources_per_executor= say how many threads there are."
            )
    if size.heap is not None and "spark.driver.memory" in conf:
        raise InvalidInput(
            f"spark_conf['spark.driver.memory'] = {conf['spark.driver.memory']!r} and the resources of driver and "
            "executors both say how large the heap is: leave one of them out."
        )
