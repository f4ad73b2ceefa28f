"""Options for clusters that share their capacity: queues, priority, and gangs.

What a TrainJob cannot say stands in the runtime: whether pods are started as a gang (`spec.podGroupPolicy`), and the
`priorityClassName` of pods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_all
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import JobSpec, Option
from kubeflow.trainer.options._fragments import with_patch
from kubeflow.trainer.options._job import Labels
from kubeflow.trainer.types.checks import check_labels, check_object_name, check_text

PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"


@dataclass(frozen=True)
class Queue(Option):
    """Submit the job to a queue of Kueue, which starts it when there is quota for all of its nodes.

    The job is made suspended; Kueue resumes it. A job of which only a part would fit waits, so that it holds no
    devices meanwhile.

    Attributes:
        name: The LocalQueue, in the job's namespace.
        priority: A WorkloadPriorityClass: who goes first, and who is pre-empted.
    """

    cluster_only: ClassVar[bool] = True

    name: str
    priority: str | None = None

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_text("Queue name", self.name)
        if self.priority is not None:
            check_text("Queue priority", self.priority)
        check_labels("Queue", self._labels())

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` in this queue."""
        before = spec.labels.get(constants.KUEUE_QUEUE_LABEL, self.name)
        if before != self.name:
            raise InvalidInput(f"Queue is given twice, with {before!r} and {self.name!r}. Leave one of them out.")
        return replace(Labels(self._labels()).apply(spec), suspend=True)

    def _labels(self) -> dict[str, str]:
        return {constants.KUEUE_QUEUE_LABEL: self.name, **({PRIORITY_LABEL: self.priority} if self.priority else {})}


@dataclass(frozen=True)
class VolcanoQueue(Option):
    """The Volcano queue of the job. Trainer 2.1 and later.

    Only for a runtime that gang-schedules with Volcano (`spec.podGroupPolicy.volcano`), which an administrator sets up.

    Attributes:
        name: The queue.
    """

    cluster_only: ClassVar[bool] = True

    name: str

    __repr__ = repr_of_fields

    def __post_init__(self) -> None:
        check_object_name("VolcanoQueue", self.name)

    def apply(self, spec: JobSpec) -> JobSpec:
        """Return `spec` in this queue."""
        metadata = {"annotations": {constants.VOLCANO_QUEUE_ANNOTATION: self.name}}
        return with_patch(spec, "Volcano queue", {"template": {"metadata": metadata}})


thin_all(globals())
