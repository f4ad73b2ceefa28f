"""Spark on Kubernetes: a job is a SparkApplication that the Spark Operator runs. This module wires; the others do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kubeflow.spark.errors import NoSparkJobOutput, SparkJobFailed
from kubeflow.spark.jobs.session_spec import SessionSpec
from kubeflow.spark.jobs.spark_spec import SparkSpec
from kubeflow.spark.types.spark_jobs import SparkJob
from kubeflow.spark.types.spark_sessions import SparkConnectInfo
from kubeflow.trainer.backends.kubernetes.cluster_backend import ClusterBackend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event
from kubeflow.trainer.types.loglines import LogLines

if TYPE_CHECKING:
    from kubeflow_api.spark import v1alpha1

    from kubeflow.cluster.pods.schedule import Pace
    from kubeflow.core.artifact import Artifact
    from kubeflow.packaging import RankOutcome
    from kubeflow.spark.backends.kubernetes.application_waits import ApplicationWaits
    from kubeflow.spark.backends.kubernetes.application_with_code import ShownApplication
    from kubeflow.spark.backends.kubernetes.connect_sessions import ConnectTunnel
    from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection
    from kubeflow.trainer.backends.kubernetes.connection.connection import Wrap


class SparkOnKubernetes(ClusterBackend["SparkConnection", "ApplicationWaits"]):
    """Realises jobs as SparkApplications, and sessions as SparkConnects.

    Args:
        config: Where the cluster is; with `offline=True` no cluster is asked, and jobs can only be rendered.
        wrap: Put between this backend and its cluster, such as a count of requests. Default: nothing.
        pace: How often the cluster is asked while someone waits.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
        ControlPlaneMissing: The cluster has no Spark Operator.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    OFFLINE = (
        "write process_data(..., dry_run=True).to_yaml() to a file, or run on this machine: "
        "SparkClient(LocalProcessBackendConfig())."
    )

    def __init__(self, config: KubernetesBackendConfig, wrap: Wrap | None = None, pace: Pace | None = None) -> None:
        super().__init__(config, wrap, pace)
        self._pace = pace

    def _connect(self, config: KubernetesBackendConfig, wrap: Wrap | None) -> SparkConnection:
        from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection

        return SparkConnection(config, wrap)

    def _new_watches(self, connection: SparkConnection) -> ApplicationWaits:
        from kubeflow.spark.backends.kubernetes.application_lookup import application_missing, spark_job
        from kubeflow.spark.backends.kubernetes.application_waits import ApplicationWaits
        from kubeflow.spark.backends.kubernetes.spark_connection import APPLICATIONS, spark_path

        return ApplicationWaits(
            connection.transport,
            spark_path(APPLICATIONS, connection.namespace),
            spark_job,
            lambda missing: application_missing(connection, missing),
            self._pace,
        )

    # -- new jobs -----------------------------------------------------------------------------------------------

    def render(self, spec: SparkSpec) -> ShownApplication:
        """Return the object of `spec`; the account is looked up where there is a cluster."""
        from kubeflow.spark.backends.kubernetes.application_with_code import shown_application

        connection = self._connection
        account = connection.account(spec.service_account) if connection is not None else None
        return shown_application(spec, namespace=self.namespace, account=account)

    def submit(self, spec: SparkSpec) -> None:
        """Create what stands for `spec`: the application and its code, both or none."""
        from kubeflow.spark.backends.kubernetes.application_creation import submit_application

        submit_application(self._online(f"running Spark job {spec.name!r}"), spec)

    # -- looking at jobs ----------------------------------------------------------------------------------------

    def list_jobs(self, label_selector: str | None = None) -> list[SparkJob]:
        """Return the jobs, oldest first: one request for each 1,000."""
        from kubeflow.spark.backends.kubernetes.application_lookup import list_applications

        return list_applications(self._online("listing Spark jobs"), label_selector)

    def get_job(self, name: str) -> SparkJob:
        """Return one job as it is now: one request."""
        from kubeflow.spark.backends.kubernetes.application_lookup import find_application, spark_job

        return spark_job(find_application(self._online(f"reading Spark job {name!r}"), name))

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep following a job, once `next_change` has begun with it, until the context ends."""
        return self._waiting(name).watching(name)

    def next_change(self, name: str, seen: SparkJob, timeout: float) -> SparkJob:
        """Return the job once it differs from `seen`; the cluster says when, and is not polled."""
        return self._waiting(name).next_change(name, seen, timeout)

    def failure(self, name: str) -> SparkJobFailed:
        """Return why a job failed."""
        from kubeflow.spark.backends.kubernetes.application_explanation import failure

        return failure(self._online(f"reading Spark job {name!r}"), name)

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how the driver ended, by its own word."""
        from kubeflow.spark.backends.kubernetes.application_explanation import outcome

        return outcome(self._online(f"reading the result of Spark job {name!r}"), name)

    def output(self, name: str) -> Artifact:
        """Return what a job names as its output: one request."""
        from kubeflow.cluster import wire
        from kubeflow.spark.backends.kubernetes.application_lookup import find_application
        from kubeflow.trainer.backends.kubernetes.jobs.job_outputs import annotated_output

        application = find_application(self._online(f"reading Spark job {name!r}"), name)
        notes = wire.strings(application, "metadata", "annotations")
        return annotated_output(name, notes, wire.text(application, "metadata", "uid"), NoSparkJobOutput)

    def get_job_logs(self, name: str, role: str, selection: LogSelection, follow: bool) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        from kubeflow.spark.backends.kubernetes.application_logs import application_logs

        return application_logs(self._online(f"reading the logs of Spark job {name!r}"), name, role, selection, follow)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the job, its driver and its executors, oldest first: two requests."""
        from kubeflow.spark.backends.kubernetes.application_evidence import application_happenings
        from kubeflow.spark.backends.kubernetes.application_lookup import find_application
        from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import user_event

        connection = self._online(f"reading the events of Spark job {name!r}")
        application = find_application(connection, name)
        happened = application_happenings(connection.transport, connection.namespace, application)
        return [user_event(event) for event in happened]

    def explain(self, name: str) -> str:
        """Return why a job is where it is."""
        from kubeflow.spark.backends.kubernetes.application_explanation import explanation

        return explanation(self._online(f"reading Spark job {name!r}"), name)

    # -- changing jobs ------------------------------------------------------------------------------------------

    def suspend_job(self, name: str) -> None:
        """Have the pods of a job deleted, and keep the job."""
        from kubeflow.spark.backends.kubernetes.application_changes import suspend_application

        suspend_application(self._online(f"suspending Spark job {name!r}"), name)

    def resume_job(self, name: str) -> None:
        """Have a suspended job submitted anew."""
        from kubeflow.spark.backends.kubernetes.application_changes import resume_application

        resume_application(self._online(f"resuming Spark job {name!r}"), name)

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """Delete a job; what it owns goes after it."""
        from kubeflow.spark.backends.kubernetes.application_changes import delete_application

        delete_application(self._online(f"deleting Spark job {name!r}"), name, wait)

    # -- sessions -----------------------------------------------------------------------------------------------

    def render_session(self, spec: SessionSpec) -> v1alpha1.SparkConnect:
        """Return the SparkConnect of `spec`."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import client_version
        from kubeflow.spark.backends.kubernetes.session_rendering import render_connect
        from kubeflow.spark.backends.kubernetes.spark_images import SPARK_VERSION

        connection = self._connection
        return render_connect(
            spec,
            namespace=self.namespace,
            account=connection.account(spec.service_account) if connection is not None else None,
            settings=connection.settings if connection is not None else None,
            version=client_version() or SPARK_VERSION,
        )

    def start_session(self, spec: SessionSpec) -> None:
        """Create the SparkConnect of `spec`."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import start_session

        start_session(self._online(f"starting session {spec.name!r}"), spec)

    def await_session(self, name: str, timeout: float) -> None:
        """Return when the server of a session answers."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import await_session

        await_session(self._online(f"waiting for session {name!r}"), name, timeout)

    def open_session(self, name: str) -> ConnectTunnel:
        """Return a tunnel to the server of a session."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import open_session

        return open_session(self._online(f"opening session {name!r}"), name)

    def list_sessions(self) -> list[SparkConnectInfo]:
        """Return the sessions, oldest first: two requests."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import list_sessions

        return list_sessions(self._online("listing sessions"))

    def get_session(self, name: str) -> SparkConnectInfo:
        """Return one session: two requests."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import get_session

        return get_session(self._online(f"reading session {name!r}"), name)

    def get_session_logs(self, name: str, selection: LogSelection, follow: bool) -> LogLines:
        """Yield the lines of a session's server."""
        from kubeflow.spark.backends.kubernetes.application_logs import session_logs
        from kubeflow.spark.backends.kubernetes.connect_sessions import find_connect

        connection = self._online(f"reading the logs of session {name!r}")
        find_connect(connection, name)
        return session_logs(connection, name, selection, follow)

    def delete_session(self, name: str) -> None:
        """End the server of a session, with its executors."""
        from kubeflow.spark.backends.kubernetes.connect_sessions import delete_session

        delete_session(self._online(f"deleting session {name!r}"), name)

    def _waiting(self, name: str) -> ApplicationWaits:
        return self._shared_watches(f"watching Spark job {name!r}")
