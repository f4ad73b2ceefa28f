"""From a `JobSpec`, or a TrainJob that is given as such, to a TrainJob on the cluster."""

from __future__ import annotations

import contextlib
import logging

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.trainer.v1alpha1 import TrainJob

from kubeflow.cluster.errors import Forbidden
from kubeflow.core.errors import InvalidInput
from kubeflow.core.outgoing import check_outgoing
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.connection.trainer_minor import NEWEST, configured_minor
from kubeflow.trainer.backends.kubernetes.jobs.status import runtime_key
from kubeflow.trainer.backends.kubernetes.submission.creation import submit
from kubeflow.trainer.errors import JobExists, RuntimeNotFound
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.fresh_names import TRIES, digits, fresh_name
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.rendering import credentials, preflight
from kubeflow.trainer.rendering.render import render
from kubeflow.trainer.runtimes.known_runtimes import RuntimeModel
from kubeflow.trainer.types.checks import check_instance
from kubeflow.trainer.types.runtimes import RuntimeKind

logger = logging.getLogger(__name__)


def rendered(config: KubernetesBackendConfig, connection: Connection | None, spec: JobSpec) -> TrainJob:
    """Return the TrainJob of `spec`, for the Trainer that is configured or installed, offline for the newest known.

    Args:
        config: Says namespace and Trainer where there is no connection.
        connection: The cluster; `None` asks none.
        spec: The job.
    """
    _warn_of_secrets(spec)
    if connection is not None:
        return render(spec, namespace=connection.namespace, minor=connection.minor)
    return render(spec, namespace=config.namespace, minor=offline_minor(config))


def _warn_of_secrets(spec: JobSpec) -> None:
    # Who applies the YAML of such a job waits for pods that never start.
    for secret in credentials.secrets(spec):
        keys = " ".join(f"--from-literal={key}=..." for key in secret.data)
        logger.warning(
            "TrainJob %s refers to a Secret that train() would make and its YAML does not hold. Before it is applied: "
            "kubectl create secret generic %s %s; or name one that exists with secret= of the initializer.",
            *(spec.name, secret.name, keys),
        )


def offline_minor(config: KubernetesBackendConfig) -> str:
    """Return the Trainer minor that jobs are rendered for where no cluster is asked: configured, else the newest known.

    Raises:
        InvalidInput: When the configured version is none that is known.
    """
    return NEWEST if config.trainer_version is None else configured_minor(config.trainer_version)


def train(connection: Connection, spec: JobSpec) -> None:
    """Create the TrainJob of `spec`: at most four requests, one of them a write; three more for each Secret.

    Raises:
        InvalidInput: When the cluster or its Trainer would refuse it, before anything is created.
        RuntimeNotFound: When its runtime is not there any more.
        JobExists: When the name is taken.
        ClusterError: When the cluster refuses it all the same, or does not answer.
    """
    submit(connection, _checked(connection, spec), credentials.secrets(spec))


def render_on_server(connection: Connection, spec: JobSpec) -> TrainJob:
    """Return the TrainJob of `spec` as the cluster would store it. Secrets that it would bring along are not made."""
    return connection.jobs.create(_checked(connection, spec), namespace=connection.namespace, dry_run=True)


def create(connection: Connection, job: TrainJob) -> str:
    """Create a TrainJob that is given as such, and return its name; one without a name gets a fresh one.

    Raises:
        InvalidInput: When it is none, is for another namespace, or the cluster would refuse it.
        JobExists: When the name is taken.
        ClusterError: When the cluster refuses it all the same, or does not answer.
    """
    check_instance(
        "job", job, (TrainJob,), remedy="train(..., dry_run=True) returns one, TrainJob.from_yaml reads one."
    )
    check_outgoing(job)
    metadata = _own(job.metadata or ObjectMeta())
    if metadata.namespace not in (None, connection.namespace):
        raise InvalidInput(
            f"The TrainJob is for namespace {metadata.namespace!r}, and this client is for {connection.namespace!r}: "
            f"leave its namespace out, or use KubernetesBackendConfig(namespace={metadata.namespace!r})."
        )
    if metadata.name is not None:
        return _create(connection, job, metadata, metadata.name)
    prefix = metadata.generate_name
    metadata.generate_name = None

    def fresh() -> str:
        return fresh_name(runtime_key(job)[1]) if prefix is None else f"{prefix}{digits()}"

    for _ in range(TRIES):
        with contextlib.suppress(JobExists):  # by a rare chance; another name is as good
            return _create(connection, job, metadata, fresh())
    return _create(connection, job, metadata, fresh())


def _create(connection: Connection, job: TrainJob, metadata: ObjectMeta, name: str) -> str:
    metadata.name = names.check(name)
    named = job.model_copy(update={"metadata": metadata, "status": None})
    _check(connection, named)
    submit(connection, named)
    return name


def _own(metadata: ObjectMeta) -> ObjectMeta:
    """Return what users write of `metadata`, so that a job which was read from a cluster can be run again."""
    return ObjectMeta(
        name=metadata.name,
        generate_name=metadata.generate_name,
        namespace=metadata.namespace,
        labels=metadata.labels,
        annotations=metadata.annotations,
        finalizers=metadata.finalizers,
        owner_references=metadata.owner_references,
    )


def _checked(connection: Connection, spec: JobSpec) -> TrainJob:
    job = render(spec, namespace=connection.namespace, minor=connection.minor)
    _check(connection, job)
    return job


def _check(connection: Connection, job: TrainJob) -> None:
    """Refuse a job that cannot run, and log what its user should know of one that can."""
    runtime = _runtime_model(connection, *runtime_key(job))
    preflight.check(job, runtime, connection.minor)
    if runtime is not None:
        for note in preflight.notes(job, runtime, connection.minor):
            logger.warning("TrainJob %s: %s", job.metadata.name if job.metadata is not None else None, note)


def _runtime_model(connection: Connection, kind: RuntimeKind | None, name: str) -> RuntimeModel | None:
    """Return the runtime that a job names; `None` where it is none of Trainer's own, or may not be read."""
    if kind is None:
        return None
    try:
        known = connection.runtimes.of(kind, name)
    except Forbidden:  # the control plane, which may read it, judges
        return None
    if known is None:
        available = [other.runtime.name for other in connection.runtimes.load()]
        raise RuntimeNotFound(name, available, unseen=connection.runtimes.unlisted)
    return known.model
