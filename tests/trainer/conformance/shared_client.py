"""What clients of training jobs and of Spark jobs have in common. A case that uses nothing else runs on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kubeflow.spark import SparkClient, SparkJob
from kubeflow.trainer import AwaitableStatus, JobName, JobStatus, Runtime, TrainerClient, TrainJob
from kubeflow.trainer.jobs.jobspec import Option
from tests.trainer.conformance.rows import WAIT

R = TypeVar("R")

_OF_SPARK = {"Complete": "Completed"}
"""What Spark's statuses are called, where that differs."""


@dataclass(frozen=True)
class SharedClient:
    """A client, whichever it is.

    Attributes:
        client: The client. What both have under one name is used of it.
        runtime: The runtime of training jobs, `None` for Spark.
        is_cluster: True where jobs run in pods.
    """

    client: TrainerClient | SparkClient
    runtime: Runtime | None
    is_cluster: bool

    @property
    def kind(self) -> str:
        """What a job is called."""
        return "TrainJob" if isinstance(self.client, TrainerClient) else "Spark job"

    def start(
        self,
        func: Callable[..., R],
        args: Mapping[str, object] | None = None,
        *,
        name: str | None = None,
        nodes: int | None = None,
        env: Mapping[str, str] | None = None,
        output: str | Path | None = None,
        options: Sequence[Option] = (),
    ) -> JobName[R]:
        """Start a job that runs a function.

        Args:
            func: The function.
            args: Its arguments.
            name: The job's name.
            nodes: Nodes of a training job; of a Spark job, which runs the function once, executors.
            env: Environment variables.
            output: Where it leaves what it makes.
            options: Options that both clients take.
        """
        if isinstance(self.client, SparkClient):
            return self.client.process_data(
                func, args=dict(args or {}), name=name, num_executors=nodes, env=env, output=output, options=options
            )
        return self.client.train(
            self.runtime,
            train_func=func,
            func_args=args,
            name=name,
            num_nodes=nodes or 1,
            env=env,
            output=output,
            options=options,
        )

    def wait(self, name: str, status: AwaitableStatus = "Complete", *, timeout: float = WAIT) -> TrainJob | SparkJob:
        """Wait until a job has a status, by the word of training jobs."""
        if isinstance(self.client, SparkClient):
            return self.client.wait_for_job_status(name, _OF_SPARK.get(status, status), timeout=timeout)
        return self.client.wait_for_job_status(name, status, timeout=timeout)

    def has(self, job: TrainJob | SparkJob | str, status: JobStatus) -> bool:
        """Return whether a job is in a status, by the word of training jobs."""
        found = self.client.get_job(job).status if isinstance(job, str) else job.status
        return getattr(found, "value", found) == (status if self.kind == "TrainJob" else _OF_SPARK.get(status, status))

    def listed(self, label_selector: str | None = None, status: JobStatus | None = None) -> list[str]:
        """Return the names of jobs, as they are listed."""
        listed = self.client.list_jobs(label_selector=label_selector)
        return [job.name for job in listed if status is None or self.has(job, status)]

    def forget_all(self) -> None:
        """Delete all jobs."""
        for name in self.listed():
            self.client.delete_job(name)
