"""Options that say as whom the pods of a job run: service account, registry logins, users and privileges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kubeflow.core.display import call, repr_of_fields
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import in_job, in_jobs, with_patch, with_pods
from kubeflow.trainer.options._job import LONGEST
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.options._targets import Jobs, main_container, targets
from kubeflow.trainer.types.checks import check_count, check_object_name, check_strings

if TYPE_CHECKING:
    from typing import Unpack

    from kubeflow_api.k8s.core.v1.builders import PodSecurityContextDict, SecurityContextDict


@dataclass(frozen=True)
class ServiceAccount(Option):
    """The service account that the pods act as, for example one that may read a bucket.

    Attributes:
        name: The service account, in the job's namespace.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    name: str
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("ServiceAccount", self.name)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this service account."""
        return with_pods(spec, "Service account", {"service_account_name": self.name}, self.job)


@dataclass(frozen=True)
class ImagePullSecrets(Option):
    """Secrets that unlock private image registries. Several options add up. Trainer 2.1 and later.

    Attributes:
        secrets: Secrets of type `kubernetes.io/dockerconfigjson`, in the job's namespace.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    secrets: Sequence[str]
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_strings("ImagePullSecrets", self.secrets)
        for secret in self.secrets:
            check_object_name("ImagePullSecrets", secret)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with these secrets."""
        secrets = [{"name": name} for name in dict.fromkeys(self.secrets)]
        return with_pods(spec, "Image pull secrets", {"image_pull_secrets": secrets}, self.job)


@dataclass(frozen=True)
class TerminationGracePeriod(Option):
    """Time between the signal to stop and the kill: what the train function needs to write a last checkpoint.

    Trainer 2.3 and later.

    Attributes:
        seconds: At least 0; Kubernetes gives 30.
        job: Jobs of the runtime. Default: those that train.
    """

    cluster_only: ClassVar[bool] = True

    seconds: int
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_count("TerminationGracePeriod", self.seconds, least=0, most=LONGEST)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this grace period."""
        pods = {"termination_grace_period_seconds": self.seconds}
        return with_pods(spec, "Termination grace period", pods, self.job)


class PodSecurityContext(Option):
    """User, groups and kernel settings of all containers of the pods. Trainer 2.2 and later.

    Args:
        job: Jobs of the runtime. Default: those that train.
        settings: Fields of Kubernetes' `PodSecurityContext`.

    Example:
        >>> PodSecurityContext(run_as_user=1000, fs_group=1000)
    """

    cluster_only: ClassVar[bool] = True

    __slots__ = ("_job", "_settings")

    def __init__(self, *, job: Jobs = None, **settings: Unpack[PodSecurityContextDict]) -> None:
        self._job = job
        self._settings: Json = dict(settings)

    def __repr__(self) -> str:
        return call("PodSecurityContext", job=self._job, **self._settings)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this security context."""
        return with_pods(spec, "Pod security context", {"security_context": self._settings}, self._job)


class ContainerSecurityContext(Option):
    """User, capabilities and privileges of one container. Trainer 2.2 and later.

    Args:
        container: The container. Default: the one that does the work.
        job: Jobs of the runtime. Default: those that train.
        settings: Fields of Kubernetes' `SecurityContext`.

    Example:
        >>> ContainerSecurityContext(allow_privilege_escalation=False, capabilities={"add": ["IPC_LOCK"]})
    """

    cluster_only: ClassVar[bool] = True

    __slots__ = ("_container", "_job", "_settings")

    def __init__(
        self, *, container: str | None = None, job: Jobs = None, **settings: Unpack[SecurityContextDict]
    ) -> None:
        self._container = container
        self._job = job
        self._settings: Json = dict(settings)

    def __repr__(self) -> str:
        return call("ContainerSecurityContext", container=self._container, job=self._job, **self._settings)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this security context."""
        jobs: list[Json] = []
        for job in targets(spec.runtime, self._job):
            container = {"name": self._container or main_container(job), "security_context": self._settings}
            jobs.append(in_job(job, {"spec": {"template": {"spec": {"containers": [container]}}}}))
        return with_patch(spec, "Container security context", in_jobs(jobs))


thin_all(globals())
