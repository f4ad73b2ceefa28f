"""The Kubernetes backend: a job is a TrainJob that Kubeflow Trainer runs. This module wires; the others do."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kubeflow.core.artifact import Artifact
from kubeflow.trainer.backends.kubernetes.cluster_backend import ClusterBackend
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.diagnosis.diagnosis import Diagnosis
from kubeflow.trainer.errors import JobFailed, Unsupported
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.loglines import LogLines
from kubeflow.trainer.types.metric_points import MetricPoint
from kubeflow.trainer.types.particulars import JobParticulars
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.cluster.pods.schedule import Pace
    from kubeflow.packaging import RankOutcome
    from kubeflow.trainer.backends.kubernetes.connection.connection import Connection, Wrap
    from kubeflow.trainer.backends.kubernetes.watches.waits import Waiting

logger = logging.getLogger(__name__)


class KubernetesBackend(ClusterBackend["Connection", "Waiting"]):
    """Realises jobs as TrainJobs.

    Args:
        config: Where the cluster is; with `offline=True` no cluster is asked, and jobs can only be rendered.
        wrap: Put between this backend and its cluster, such as a count of requests. Default: nothing.
        pace: How often the cluster is asked while someone waits. Default: at most ten times in ten minutes.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster: says how to run locally.
        ControlPlaneMissing: The cluster has no Kubeflow Trainer.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    OFFLINE = (
        "write train(..., dry_run=True).to_yaml() to a file and `kubectl apply -f` it, or run on this machine: "
        "TrainerClient(LocalProcessBackendConfig())."
    )

    def __init__(self, config: KubernetesBackendConfig, wrap: Wrap | None = None, pace: Pace | None = None) -> None:
        super().__init__(config, wrap, pace)
        self._pace = pace

    def _connect(self, config: KubernetesBackendConfig, wrap: Wrap | None) -> Connection:
        from kubeflow.trainer.backends.kubernetes.connection.connection import Connection

        return Connection(config, wrap)

    def _new_watches(self, connection: Connection) -> Waiting:
        from kubeflow.trainer.backends.kubernetes.watches.waits import Waiting

        return Waiting(connection, self._pace)

    # -- runtimes -----------------------------------------------------------------------------------------------

    def list_runtimes(self) -> list[Runtime]:
        """Return the runtimes of the cluster, then those of the namespace: two requests."""
        runtimes = self._online("listing runtimes").runtimes
        found = [known.runtime for known in runtimes.load()]
        if runtimes.unlisted:
            logger.warning("there may be more runtimes than these: %s", runtimes.unlisted)
        return found

    def get_runtime(self, name: str) -> Runtime:
        """Return the runtime that `name` means, from memory when it was read in the last minute."""
        return self._online(f"reading runtime {name!r}").runtimes.named(name).runtime

    def resolve_runtime(self, name: str) -> Runtime:
        """Return what is known of a runtime: offline, of those that Kubeflow Trainer ships."""
        if self._connection is None:
            from kubeflow.trainer.backends.kubernetes.submission.preparation import offline_minor
            from kubeflow.trainer.runtimes.shipped import shipped_runtime

            return shipped_runtime(name, offline_minor(self._config))
        return self.get_runtime(name)

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Return what a short job of one node says of the inside of `runtime`; the job is deleted in any case."""
        self._online(f"listing the packages of runtime {runtime.name!r}")
        if runtime.phase == "post-training":
            raise Unsupported(
                f"Runtime {runtime.name!r} fetches a model before it runs anything, so its packages cannot be listed "
                f"for nothing: run its image, {runtime.trainer.image}, where you have a container engine, with "
                "TrainerClient(ContainerBackendConfig()).get_runtime_packages(...)."
            )
        from kubeflow.trainer.backends.runtime_packages import runtime_packages

        return runtime_packages(self, runtime)

    # -- new jobs -----------------------------------------------------------------------------------------------

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob of `spec`, in the form of the Trainer that is installed or configured."""
        from kubeflow.trainer.backends.kubernetes.submission.preparation import rendered

        return rendered(self._config, self._connection, spec)

    def train(self, spec: JobSpec) -> None:
        """Create the TrainJob of `spec`, and Secrets for credentials that it holds."""
        from kubeflow.trainer.backends.kubernetes.submission.preparation import train

        train(self._online(f"creating TrainJob {spec.name!r}"), spec)

    def render_on_server(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob of `spec` as the cluster would store it."""
        from kubeflow.trainer.backends.kubernetes.submission.preparation import render_on_server

        return render_on_server(self._online(f"checking TrainJob {spec.name!r}"), spec)

    def create_job(self, job: v1alpha1.TrainJob) -> str:
        """Create a TrainJob that is given as such, and return its name."""
        from kubeflow.trainer.backends.kubernetes.submission.preparation import create

        return create(self._online("creating a TrainJob"), job)

    # -- looking at jobs ----------------------------------------------------------------------------------------

    def list_jobs(self, label_selector: str | None = None) -> list[TrainJob]:
        """Return the jobs, oldest first: one request for 20, and one for each 1,000 more, or pods.

        Where there are none, the first time one more says whether there is such a namespace.
        """
        connection = self._online("listing TrainJobs")
        from kubeflow.trainer.backends.kubernetes.jobs.lookup import check_namespace_exists
        from kubeflow.trainer.backends.kubernetes.jobs.views import list_jobs

        jobs = list_jobs(connection, label_selector)
        if not jobs:
            check_namespace_exists(connection)
        return jobs

    def get_job(self, name: str) -> TrainJob:
        """Return one job as it is now: two requests, with which following it begins where it is waited for."""
        return self._waiting(name, "reading").get_job(name)

    def watching(self, name: str) -> AbstractContextManager[None]:
        """Keep following a job, once `next_change` has begun with it, until the context ends."""
        return self._waiting(name).watching(name)

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Return the job once it differs from `seen`; the cluster says when, and is not polled."""
        return self._waiting(name).next_change(name, seen, timeout)

    def failure(self, name: str) -> JobFailed:
        """Return why a job failed."""
        connection = self._online(f"reading TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.diagnosis.explanation import failure
        from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job

        return failure(connection.transport, connection.namespace, find_job(connection, name).to_dict())

    def outcome(self, name: str) -> RankOutcome | None:
        """Return how rank 0 ended, by its own word."""
        connection = self._online(f"reading the result of TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.diagnosis.explanation import outcome
        from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job

        return outcome(connection.transport, connection.namespace, find_job(connection, name).to_dict())

    def output(self, name: str) -> Artifact:
        """Return the output that a job names; nobody has looked whether it is there."""
        connection = self._online(f"reading the output of TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.jobs.job_outputs import named_output
        from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job

        return named_output(name, find_job(connection, name))

    def reports(self, name: str) -> list[MetricPoint]:
        """A cluster keeps the newest report in the status of the job; those before are lines of its log."""
        return []

    def event_files(self, name: str) -> list[str]:
        """What pods have written lies in their volumes, where nobody looks."""
        return []

    def particulars(self, name: str) -> JobParticulars:
        """Return what a report of a job shows: its pods' lives, and the TrainJob."""
        connection = self._online(f"reading TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.jobs.job_particulars import particulars

        return particulars(connection, name)

    def get_job_logs(self, name: str, selection: LogSelection, follow: bool = False) -> LogLines:
        """Check the arguments, then yield lines as they come."""
        connection = self._online(f"reading the logs of TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.logs.job_logs import job_logs

        return job_logs(connection, name, selection, follow)

    def get_job_events(self, name: str) -> list[Event]:
        """Return what happened to the job and to everything that was made for it, oldest first."""
        connection = self._online(f"reading the events of TrainJob {name!r}")
        from kubeflow.trainer.backends.kubernetes.diagnosis.job_events import events_of

        return events_of(connection, name)

    def diagnose(self, name: str) -> Diagnosis:
        """Return why a job is where it is."""
        connection = self._online(f"reading TrainJob {name!r}")
        from kubeflow.cluster.call_budget import CallBudget
        from kubeflow.cluster.readings import Found, reading
        from kubeflow.trainer.backends.kubernetes.diagnosis.explanation import diagnose
        from kubeflow.trainer.backends.kubernetes.jobs.lookup import find_job
        from kubeflow.trainer.backends.kubernetes.jobs.pods import list_pods
        from kubeflow.trainer.backends.kubernetes.jobs.views import look_at_runtime, restarting_ttl, shown

        # A job that is followed is known already, which saves a request.
        job = self._waiting(name).followed(name) or find_job(connection, name)
        transport = CallBudget(connection.transport)
        pods = reading(lambda: list_pods(transport, connection.namespace, name))
        seen = pods.value if isinstance(pods, Found) else None
        runtime = look_at_runtime(connection, job, seen)
        return diagnose(
            transport,
            connection.namespace,
            job.to_dict(),
            shown(connection, job, seen),
            pods=pods,
            runtime=runtime,
            restarting_ttl=restarting_ttl(connection, runtime),
        )

    # -- changing jobs ------------------------------------------------------------------------------------------

    def suspend_job(self, name: str) -> None:
        """Have the pods of a job deleted, and keep the job."""
        from kubeflow.trainer.backends.kubernetes.jobs import changes

        changes.suspend(self._online(f"suspending TrainJob {name!r}"), name)

    def stop_job(self, name: str) -> None:
        """Have the pods of a job deleted for good, by suspending it."""
        from kubeflow.trainer.backends.kubernetes.jobs import changes

        changes.stop(self._online(f"stopping TrainJob {name!r}"), name)

    def resume_job(self, name: str) -> None:
        """Have the pods of a suspended job made anew."""
        from kubeflow.trainer.backends.kubernetes.jobs import changes

        changes.resume(self._online(f"resuming TrainJob {name!r}"), name)

    def scale_job(self, name: str, num_nodes: int) -> None:
        """Change the number of nodes of a suspended job, on Trainer 2.0 and 2.1."""
        from kubeflow.trainer.backends.kubernetes.jobs import changes

        changes.scale(self._online(f"scaling TrainJob {name!r}"), name, num_nodes)

    def delete_job(self, name: str, wait: float | None = None) -> None:
        """Delete a job; what it owns goes after it."""
        from kubeflow.trainer.backends.kubernetes.jobs import changes

        changes.delete(self._online(f"deleting TrainJob {name!r}"), name, wait)

    def _waiting(self, name: str, doing: str = "watching") -> Waiting:
        return self._shared_watches(f"{doing} TrainJob {name!r}")

    def online(self, doing: str) -> Connection:
        """Return the connection to the cluster, for other clients that work in it.

        Args:
            doing: What it is needed for, such as `"listing searches"`.

        Raises:
            Unsupported: This backend is offline.
        """
        return self._online(doing)

    @property
    def config(self) -> KubernetesBackendConfig:
        """Where the cluster is."""
        return self._config
