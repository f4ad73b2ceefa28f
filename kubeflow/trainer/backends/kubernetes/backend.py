"""The Kubernetes backend of this version: it renders TrainJobs and does not talk to a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig
from kubeflow.trainer.backends.kubernetes.runtimes import shipped_runtime
from kubeflow.trainer.errors import JobFailed, Unsupported
from kubeflow.trainer.jobspec import JobSpec
from kubeflow.trainer.types.jobs import Event, TrainJob
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1

    from kubeflow.packaging import RankOutcome


class KubernetesBackend:
    """Realises jobs as TrainJobs. Until it has a transport, every verb but rendering says so."""

    def __init__(self, config: KubernetesBackendConfig) -> None:
        self._config = config

    def resolve_runtime(self, name: str) -> Runtime:
        """Return what is known of a shipped runtime; no cluster is asked."""
        return shipped_runtime(name)

    def render(self, spec: JobSpec) -> v1alpha1.TrainJob:
        """Return the TrainJob of `spec`, in the namespace of the configuration if that names one."""
        from kubeflow.trainer.backends.kubernetes.render import render

        return render(spec, namespace=self._config.namespace)

    def train(self, spec: JobSpec) -> None:
        """Not in this version."""
        _no_cluster(f"creating TrainJob {spec.name!r}")

    def list_runtimes(self) -> list[Runtime]:
        """Not in this version."""
        _no_cluster("listing runtimes")

    def get_runtime(self, name: str) -> Runtime:
        """Not in this version."""
        _no_cluster(f"reading runtime {name!r}")

    def get_runtime_packages(self, runtime: Runtime) -> str:
        """Not in this version."""
        _no_cluster(f"listing the packages of runtime {runtime.name!r}")

    def list_jobs(self) -> list[TrainJob]:
        """Not in this version."""
        _no_cluster("listing TrainJobs")

    def get_job(self, name: str) -> TrainJob:
        """Not in this version."""
        _no_cluster(f"reading TrainJob {name!r}")

    def next_change(self, name: str, seen: TrainJob, timeout: float) -> TrainJob:
        """Not in this version."""
        _no_cluster(f"watching TrainJob {name!r}")

    def failure(self, name: str) -> JobFailed:
        """Not in this version."""
        _no_cluster(f"reading TrainJob {name!r}")

    def outcome(self, name: str) -> RankOutcome | None:
        """Not in this version."""
        _no_cluster(f"reading the result of TrainJob {name!r}")

    def get_job_logs(self, name: str, step: str | None, follow: bool) -> Iterator[str]:
        """Not in this version."""
        _no_cluster(f"reading the logs of TrainJob {name!r}")

    def get_job_events(self, name: str) -> list[Event]:
        """Not in this version."""
        _no_cluster(f"reading the events of TrainJob {name!r}")

    def delete_job(self, name: str) -> None:
        """Not in this version."""
        _no_cluster(f"deleting TrainJob {name!r}")


def _no_cluster(what: str) -> NoReturn:
    raise Unsupported(
        f"This version renders TrainJobs but does not talk to a cluster, so {what} is not possible. "
        "To run on a cluster, write train(..., dry_run=True).to_yaml() to a file and `kubectl apply -f` it; "
        "to run on this machine, use TrainerClient(LocalProcessBackendConfig())."
    )
