"""The way to every field that no other option has: a function that changes the typed object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.jobs.jobspec import Edit, JobSpec, Option
from kubeflow.trainer.options._fragments import MANAGER, in_words, with_patch
from kubeflow.trainer.options._merging import Json
from kubeflow.trainer.options._targets import Jobs, targets

if TYPE_CHECKING:
    from kubeflow_api.trainer import v1alpha1
    from kubeflow_api.trainer.v1alpha1.builders import ReplicatedJobPatchBuilder


@dataclass(frozen=True)
class EditTrainJob(Option):
    """Change the TrainJob of a cluster in any way, after all options before this one.

    Attributes:
        change: Changes the typed TrainJob in place; in the form of the newest Trainer that this SDK knows, whatever the
            cluster has.
        description: What it changes, in a few words.

    Example:
        >>> def multikueue(job: v1alpha1.TrainJob) -> None:
        ...     job.spec.managed_by = "kueue.x-k8s.io/multikueue"
        >>> EditTrainJob(multikueue, "MultiKueue")
    """

    cluster_only: ClassVar[bool] = True

    change: Callable[[v1alpha1.TrainJob], object]
    description: str = "Edit of the TrainJob"

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if not callable(self.change):
            raise InvalidInput(f"EditTrainJob takes a function that changes a TrainJob, not {self.change!r}.")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this edit."""
        return replace(spec, edits=(*spec.edits, Edit(self.description, self._edit)))

    def _edit(self, job: v1alpha1.TrainJob) -> None:
        self.change(job)


@dataclass(frozen=True)
class PatchJobs(Option):
    """Change jobs of the runtime and their pods through a typed builder; merged with what other options say.

    Attributes:
        change: Writes into the builder of one job.
        job: Jobs of the runtime. Default: those that train.

    Example:
        >>> PatchJobs(lambda node: node.pod_spec().scheduling_gate("example.com/quota"))
    """

    cluster_only: ClassVar[bool] = True

    change: Callable[[ReplicatedJobPatchBuilder], object]
    job: Jobs = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        if not callable(self.change):
            raise InvalidInput(f"PatchJobs takes a function that writes into a builder, not {self.change!r}.")

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` with this patch."""
        from kubeflow_api.trainer.v1alpha1 import TrainJobBuilder

        builder = TrainJobBuilder(spec.name)
        builder.runtime_ref(name=spec.runtime.name)
        for name in targets(spec.runtime, self.job):
            self.change(builder.runtime_patch(MANAGER).replicated_job(name))
        with in_words("What PatchJobs writes"):
            (patch,) = builder.build().spec.runtime_patches or []
        content = patch.to_dict().get("trainingRuntimeSpec")
        return with_patch(spec, "Patch of jobs", cast(Json, content or {}))


thin_all(globals())
