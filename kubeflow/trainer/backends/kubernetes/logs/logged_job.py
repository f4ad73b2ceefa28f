"""A job whose logs are read: what has to be known of it to find its pods, and to tell it from others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubeflow.core.resource import Transport
from kubeflow.trainer.backends.kubernetes.jobs.pods import JobPod, of_job, step_order
from kubeflow.trainer.backends.kubernetes.watches.followed_kind import TRAINJOBS, FollowedKind
from kubeflow.trainer.jobs.log_selection import LogSelection
from kubeflow.trainer.jobs.steps import INITIALIZERS, FirstNode, no_such_container, no_such_step


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """A job whose logs are read.

    Attributes:
        transport: The cluster.
        namespace: Where the job is.
        name: Its name.
        steps: The steps that the job has or will have, in order, as its runtime and its number of nodes say. Its pods
            may have others.
        created: When the job was made: pods from before are of an earlier job of that name. `None` takes all pods.
        container: The container whose log is read; `None` for the main container of each pod.
        first_node: The first training node by name; `None` for the first step.
        guessed: True when nothing but its pods says which steps the job has, so that `steps` may be wrong.
        kind: What kind of job it is.
    """

    transport: Transport
    namespace: str
    name: str
    steps: Sequence[str]
    created: datetime | None = None
    container: str | None = None
    first_node: str | None = None
    guessed: bool = False
    kind: FollowedKind = TRAINJOBS

    @property
    def identity(self) -> str:
        """Text that tells the logs of this job from all others, those of other containers and jobs of its name too."""
        job = f"{self.namespace}/{self.name}@{self.created.timestamp() if self.created is not None else 0:.0f}"
        return job if self.container is None else f"{job}/{self.container}"

    def read_pods(self, pods: Iterable[JobPod]) -> list[JobPod]:
        """Return those of `pods` whose logs are read: of this job, not an earlier one, and with the container.

        The container that is read is the main container of the pods that are returned.
        """
        own = of_job(pods, self.created)
        if self.container is None:
            return own
        container = self.container
        return [replace(pod, main=container) for pod in own if any(c.name == container for c in pod.containers)]

    def list_pods(self) -> list[JobPod]:
        """Return the pods whose logs are read, as they are now, those of earlier attempts too.

        Raises:
            Forbidden: These credentials may not list pods.
            ClusterError: As the transport does.
        """
        return self.read_pods(self.kind.list_pods(self.transport, self.namespace, self.name))

    def checked(self, selection: LogSelection) -> LogSelection:
        """Return the selection with the step that it means. Refuses a step or a container that the job does not have.

        A container is not refused as long as the step has no pods. Sends a request where a container was named, or a
        step that is not among `steps`, and where these are guessed.

        Raises:
            InvalidInput: With the steps, or the containers, that there are.
            ClusterError: As the transport does.
        """
        step, steps = selection.step, list(self.steps)
        if isinstance(step, FirstNode):
            step = self.first_node or (steps[0] if steps else step.value)
        if (step is None or step in steps) and self.container is None and not self.guessed:
            return replace(selection, step=step)
        pods = of_job(self.kind.list_pods(self.transport, self.namespace, self.name), self.created)
        steps_of_pods = [pod.step for pod in sorted(pods, key=step_order)]
        steps = list(dict.fromkeys(steps_of_pods if self.guessed and pods else [*steps, *steps_of_pods]))
        if isinstance(selection.step, FirstNode) and step not in steps:
            step = next((found for found in steps if found not in INITIALIZERS), next(iter(steps), step))
        if step is not None and step not in steps:
            raise no_such_step(self.name, step, steps)
        containers = [c.name for pod in pods if step in (None, pod.step) for c in pod.containers]
        if self.container is not None and containers and self.container not in containers:
            raise no_such_container(self.name, step, self.container, list(dict.fromkeys(containers)))
        return replace(selection, step=step)
