"""From a Spark job to its plan: one supervised process, which is driver and executors. Nothing is started here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from kubeflow.core.display import repr_of_fields
from kubeflow.local.devices import visible_gpus
from kubeflow.local.executors.limits import CAN_PIN_CPUS, usable_cpus, usable_memory
from kubeflow.local.job.places import Places, environments
from kubeflow.local.job.plan import EnvironmentPlan, NodePlan
from kubeflow.packaging import OUTPUT_DIR, RUN_ID
from kubeflow.packaging.requirements.requirement_lines import parse_line
from kubeflow.spark.backends.localspark.java_check import LocalSpark, check_java, check_spark
from kubeflow.spark.backends.localspark.local_job_view import DRIVER
from kubeflow.spark.backends.localspark.local_size import LocalSize, local_size
from kubeflow.spark.backends.localspark.submit_line import (
    check_no_conflict,
    local_environment,
    local_settings,
    without_other_sparks,
)
from kubeflow.spark.errors import PySparkMissing, Unsupported
from kubeflow.spark.jobs.spark_outputs import output_address
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.trainer.backends.localprocess.planning import environment_of
from kubeflow.trainer.backends.machine.job_output import make_output_folder
from kubeflow.trainer.backends.machine.launch import captured_rank, inherited, set_aside
from kubeflow.trainer.jobs.outputs import OUTPUT

_BRING_SPARK = frozenset({"pyspark", "pyspark-connect"})


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A job that this machine can run.

    Attributes:
        spec: What was asked for.
        size: What it gets of this machine.
        spark: The pyspark of this Python; `None` where the job installs one.
        environment: The Python that is built for it; `None` runs in this interpreter.
        notes: What the job asks for and is left undone, each as an event's reason and message.
    """

    spec: SparkSpec
    size: LocalSize
    spark: LocalSpark | None
    environment: EnvironmentPlan | None
    notes: tuple[tuple[str, str], ...] = ()

    __repr__ = repr_of_fields

    def node(self, places: Places, environ: Mapping[str, str]) -> NodePlan:
        """Return the process of the job.

        Args:
            places: Where the job's files are.
            environ: The environment of this process.
        """
        python = sys.executable
        if self.environment is not None:
            from kubeflow.local.environments.cache import locate

            path = locate(self.environment, environments(places.state))
            python = str(path)
            environ = {**environ, "PATH": os.pathsep.join([str(path.parent), environ.get("PATH", os.defpath)])}
        spec = self.spec
        own = {**without_other_sparks(inherited(environ)), **spec.env}
        words = local_settings(
            self.size,
            spec.spark_conf,
            name=spec.name,
            driver_java=spec.driver_java_options,
            executor_java=spec.executor_java_options,
            maven=spec.maven,
        )
        node = str(places.node(DRIVER))
        return NodePlan(
            DRIVER,
            argv=tuple(self._command(captured_rank(node, "0"), python, words)),
            env={
                "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),  # else prints reach the log in blocks
                **own,
                **local_environment(own, words, python=python, temporary=str(places.temporary), conf=spec.spark_conf),
                **set_aside(own),
                OUTPUT: self._output(places),
                "TMPDIR": str(places.temporary),
                OUTPUT_DIR: str(places.outcomes),
                RUN_ID: places.directory.name,
            },
            ranks=(0,),
            gpus=self.size.gpus,
            cpus=self.size.threads if self.size.pinned and CAN_PIN_CPUS else None,
        )

    def _output(self, places: Places) -> str:
        given = self.spec.output
        if given is not None and given.scheme != "file":
            return output_address(given)
        folder = places.output if given is None else given.path
        make_output_folder(folder)
        return str(folder)

    def _command(self, launcher: tuple[str, ...], python: str, words: list[str]) -> list[str]:
        program = self.spec.program
        if program.bundle is not None:
            return program.bundle.command((*launcher, python), python=python, install=False)
        if self.spark is None:
            raise PySparkMissing(python)
        line = [str(self.spark.home / "bin" / "spark-submit"), *words]
        if program.main_class is not None:
            line += ["--class", program.main_class]
        return [*launcher, *line, program.file, *program.arguments]


def local_run(spec: SparkSpec, python: str | None, environ: Mapping[str, str]) -> LocalRun:
    """Check a job and return how it runs here.

    Args:
        spec: The job.
        python: Another Python than this one, by path or version.
        environ: The environment of this process.

    Raises:
        InvalidInput: It cannot run here: `PySparkMissing`, `JavaMissing` and `JavaTooOld` are kinds of it.
        Unsupported: Only a cluster can run it.
    """
    if spec.timetable is not None:
        raise Unsupported(
            f"options.Schedule({spec.timetable.cron!r}) makes jobs at set times, which only a cluster does: leave it "
            "out here and let cron start this program, or use SparkClient(KubernetesBackendConfig())."
        )
    own = {**environ, **spec.env}
    size = local_size(
        spec.num_executors,
        spec.driver,
        spec.executor,
        cpus=len(usable_cpus()),
        memory=usable_memory(),
        gpus=len(visible_gpus()),
    )
    check_no_conflict(spec.spark_conf, size)
    bundle = spec.program.bundle
    projects = {parse_line(text).name for text in bundle.requirements} if bundle is not None else set[str | None]()
    brings = not _BRING_SPARK.isdisjoint(name for name in projects if name)
    if python is not None and not brings:
        raise PySparkMissing(f"An environment of Python {python} has only what packages_to_install= names, so it")
    spark = None if brings else check_spark(sys.executable)
    check_java(own)
    environment = None if bundle is None else environment_of(bundle, spec.env, python)
    return LocalRun(spec, size, spark, environment, (*size.notes, *_undone(spec)))


def _undone(spec: SparkSpec) -> list[tuple[str, str]]:
    """Return what a job asks for and this machine leaves undone."""
    found: list[tuple[str, str]] = []
    for image in dict.fromkeys(filter(None, [spec.image, spec.driver_image])):
        found.append(("ImageNotUsed", f"{image}: jobs of this machine run in {sys.executable}"))
    if spec.service_account is not None:
        found.append(("AccountNotUsed", f"{spec.service_account}: jobs of this machine act as their user"))
    if spec.cluster_options:
        found.append(
            (
                "OptionsNotUsed",
                f"options {', '.join(spec.cluster_options)} have no effect on this machine, only on a cluster: leave "
                "them out here, or use SparkClient(KubernetesBackendConfig())",
            )
        )
    return found
