"""The fault campaign over containers: two more faults, and an engine that is looked into behind the executor's back."""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import asdict
from pathlib import Path

import docker.errors

from kubeflow.local.executors.containers.container_engine import JOB_LABEL, STATE_LABEL
from kubeflow.local.executors.containers.engine_search import find_engine
from tests.container_engines import IMAGE, EngineUnderTest
from tests.local.campaign import FAULTS, RANK_KILLED, WAIT, Expected, Ground, Round

CONTAINER_KILLED = r"node-\d was killed by SIGKILL(: its container was removed)?"
START_PREVENTED = r"node-\d could not start: The container engine refused .*"
ENGINE_KILLED = (
    r"node-\d was lost: The container engine .*",
    r"node-\d could not start: The container engine .*",
    r"The container engine .*",
    r"node-\d exited with code 255",  # what docker says of a container that ended while docker was dead
)

APART = ("kill_engine",)
"""Faults that all jobs of an engine feel: one round at a time."""
CONTAINER_FAULTS = (*(fault for fault in FAULTS if fault != "kill_who_has_the_gpu"), "kill_container", *APART)


class ContainerGround(Ground):
    """A state directory whose jobs run in containers of one engine.

    Args:
        directory: Where.
        under_test: The engine.
    """

    def __init__(self, directory: Path, under_test: EngineUnderTest) -> None:
        self.under_test = under_test
        super().__init__(directory, {**asdict(find_engine(under_test.host)), "image": IMAGE})

    def containers(self, mark: str) -> list[str]:
        """Return the containers of a job."""
        api = self.under_test.api()
        found = api.containers(all=True, filters={"label": [f"{JOB_LABEL}={mark}"]})
        api.close()
        return [container["Id"] for container in found]

    def left(self) -> list[str]:
        """Return what there is of all jobs in the engine."""
        api = self.under_test.api()
        label = {"label": [f"{STATE_LABEL}={self.state}"]}
        found = [*api.containers(all=True, filters=label), *api.networks(filters=label)]
        api.close()
        return [str(one.get("Names") or one["Name"]) for one in found]

    def close(self) -> None:
        """Judge the ground as a whole: the next job removes what was left while the engine was dead."""
        last = Expected("last", "quick", 1)
        self.submit(last)
        self.judge(last)
        assert self.left() == []
        super().close()


class ContainerRound(Round):
    """One round.

    Args:
        ground: Where.
        name: Begins the names of its jobs.
        fault: One of `CONTAINER_FAULTS`.
        chance: Decides everything that is left to chance.
    """

    def __init__(self, ground: ContainerGround, name: str, fault: str, chance: random.Random) -> None:
        super().__init__(ground, name, fault, chance)
        self._containers = ground

    def _kill_container(self) -> None:
        job = self._job(("short", "failing", "long", "stubborn", "chatty"))
        job.failures += [CONTAINER_KILLED, START_PREVENTED]
        record = self._ground.submit(job)
        deadline = time.monotonic() + WAIT
        while not (containers := self._containers.containers(record.mark)) and time.monotonic() < deadline:
            found = self._ground.jobs.find(job.name)
            if found is None or found.finished:
                return
        self._pause(0.2)
        container = self._chance.choice(containers)
        api = self._containers.under_test.api()
        with contextlib.suppress(docker.errors.APIError):  # it has ended by itself
            if self._chance.random() < 0.5:
                api.kill(container)
            else:
                api.remove_container(container, force=True)
        api.close()

    def _kill_engine(self) -> None:
        job = self._job()
        job.failures += [*ENGINE_KILLED, RANK_KILLED]
        self._ground.submit(job)
        self._pause(0.5)
        self._containers.under_test.kill()
        self._pause(0.3)
        with_supervisor = self._chance.random() < 0.3
        if with_supervisor:
            self._kill_supervisor_of(job)
        self._containers.under_test.revive()
