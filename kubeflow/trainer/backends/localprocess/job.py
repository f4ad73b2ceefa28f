"""A training job on this machine, shown as users see jobs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow.local.job import LocalJob, NodePlan
from kubeflow.local.ports import ReservedPort
from kubeflow.trainer.backends.localprocess.failure import explain
from kubeflow.trainer.backends.localprocess.launch import Layout, Places
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import JobFailed
from kubeflow.trainer.types.jobs import Event, Step, TrainJob
from kubeflow.trainer.types.runtimes import Runtime

if TYPE_CHECKING:
    from kubeflow.packaging import RankOutcome


class LocalTrainJob(LocalJob):
    """A job of this process together with what `TrainJob` says about it.

    Args:
        name: The job's name.
        places: Where its files are.
        nodes: What each node runs.
        runtime: Its runtime.
        layout: Its nodes, ranks and GPUs.
        port: Its rendezvous port, which it gives up when it ends.
        deadline: Seconds after which it fails, `None` for no limit.
    """

    def __init__(
        self,
        name: str,
        places: Places,
        nodes: Sequence[NodePlan],
        *,
        runtime: Runtime,
        layout: Layout,
        port: ReservedPort,
        deadline: float | None = None,
    ) -> None:
        super().__init__(name, places.directory, nodes, cwd=Path.cwd(), deadline=deadline, on_end=port.close)
        self.runtime = runtime
        self._places = places
        self._layout = layout

    def view(self) -> TrainJob:
        """Return the job as it is now."""
        state = self.state
        device = ("gpu", str(len(self._layout.gpus[0]))) if self._layout.gpus else ("cpu", str(os.cpu_count()))
        return TrainJob(
            name=self.name,
            runtime=self.runtime,
            steps=tuple(
                Step(f"{constants.NODE}-{index}", node.phase, self._process_name(index), *device)
                for index, node in enumerate(state.nodes)
            ),
            num_nodes=len(state.nodes),
            creation_timestamp=self.created,
            status=state.phase,
        )

    def failure(self) -> JobFailed:
        """Return, for a job that is `Failed`, the error that says why."""
        return explain(self, self.state, self._layout, self._places.outcomes)

    def outcome(self) -> RankOutcome | None:
        """Return how rank 0 ended, by its own word, or `None` while there is none."""
        from kubeflow.packaging import read_outcomes

        return next((outcome for outcome in read_outcomes(self._places.outcomes) if outcome.rank == 0), None)

    def user_events(self) -> list[Event]:
        """Return what happened so far, oldest first."""
        return [
            Event(
                involved_object_kind=constants.TRAINJOB_KIND if event.node is None else "Process",
                involved_object_name=self.name if event.node is None else self._process_name(event.node),
                message=event.message,
                reason=event.reason,
                event_time=event.time,
            )
            for event in self.events
        ]

    def _process_name(self, index: int) -> str:
        return f"{self.name}-{constants.NODE}-0-{index}"  # as the pod of this node would be called
