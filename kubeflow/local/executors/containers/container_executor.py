"""The executor of containers: each node is a container of an engine, in a network that the job has for itself.

Containers and the network carry the job's mark as a label, so that what a dead supervisor left is found by the next
client. Every process in them carries it in its environment as well: so they are ended even when the engine is dead.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors import processes
from kubeflow.local.executors.containers import container_checks, container_images, leftovers, start_script
from kubeflow.local.executors.containers.container_checks import container_of, engine_of
from kubeflow.local.executors.containers.container_config import (
    container_config,
    container_name,
    network_name,
    podman_config,
)
from kubeflow.local.executors.containers.container_engine import JOB_LABEL, STATE_LABEL, ContainerEngine, ImageFacts
from kubeflow.local.executors.containers.container_node import ContainerNode, no_shell
from kubeflow.local.executors.containers.engine_errors import EngineRefused, EngineUnreachable
from kubeflow.local.executors.executor import Report
from kubeflow.local.job.container_plan import RENDEZVOUS_PORT, ContainerPlan, EnginePlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan, NodePlan, read_plan
from kubeflow.local.store.leases import Share

logger = logging.getLogger(__name__)

_POLL = 0.03  # seconds
_STUBBORN = 20.0  # seconds after which an engine that cannot end a container has said so often enough
_INIT = ("docker-init", "container-init", "catatonit")  # what an engine misses that cannot give an init process


class ContainerExecutor:
    """Nodes as containers."""

    def __init__(self) -> None:
        self._engine: ContainerEngine | None = None
        self._plan: JobPlan | None = None
        self._images: dict[str, ImageFacts] = {}
        self._controls: list[int] = []  # pipes of the nodes
        self._network = threading.Lock()  # makes it, or removes it
        self._cleaned = False
        self._init = True
        self._prepared = False

    def check(self, plan: JobPlan) -> None:
        """Refuse a job that the engine cannot run."""
        container_checks.check(plan)

    def prepare(self, plan: JobPlan, places: Places, report: Report, stopped: Callable[[], bool]) -> None:
        """Pull the images that are not there, and make the network of the job."""
        self._plan = plan
        self._engine = engine = ContainerEngine.of(engine_of(plan))
        leftovers.sweep(engine, places.state)
        wanted = {(part.image, part.pull): part for part in map(container_of, plan.nodes)}.values()
        for part in wanted:
            facts = container_images.make_ready(engine, part.image, part.pull, report, stopped)
            if facts is None:
                return
            self._images[part.image] = facts
        with self._network:
            # One that is kept is there since before a suspension.
            if not self._cleaned and not stopped() and not engine.networks(JOB_LABEL, str(places.directory)):
                engine.create_network(network_name(places), self._labels(places))
        self._prepared = True

    def address(self, node: str) -> str:
        """Return the node's name, by which the network knows it."""
        return node

    def port(self) -> int:
        """Return the port of the rendezvous, which is free: each node has a network of its own."""
        return RENDEZVOUS_PORT

    def start(
        self, node: NodePlan, *, share: Share, env: Mapping[str, str], cwd: str, mark: str, log: Path
    ) -> ContainerNode:
        """Make and start a container; `cwd` is a folder of this machine, and says nothing there."""
        if self._plan is None or self._engine is None:
            raise InvalidInput("A container is started after the executor has prepared its job.")
        places, part, engine = Places(Path(mark)), container_of(node), engine_of(self._plan)
        start_script.forget(places, node.name)
        start_script.write_environment(places, node.name, env)
        self._controls.append(start_script.open_control(places, node.name))
        for left in self._engine.containers(JOB_LABEL, mark) if engine.keep else ():  # of before a suspension
            if left.node == node.name:
                self._engine.remove(left.id)
        command = start_script.command(
            places,
            node.name,
            log,
            programs=part.programs,
            argv=_command_line(node, part, self._images[part.image]),
            piped=engine.here,
        )
        labels = self._labels(places)
        name = container_name(places, node.name)

        def config(*, init: bool) -> dict[str, object]:
            return container_config(
                node, part, engine, command=command, places=places, gpus=share.gpus, labels=labels, init=init
            )

        gpus = share.gpus if engine.kind == "podman" else None
        try:
            self._create(name, config, gpus or ())
        except (EngineRefused, EngineUnreachable) as error:
            raise OSError(_in_words(error, part.image)) from error
        return ContainerNode(node.name, name, engine, places, image=part.image, memory=node.memory)

    def _create(self, name: str, config: Callable[..., dict[str, object]], gpus: Sequence[str]) -> None:
        """Make and start a container, without an init process where the engine has none to give."""
        assert self._engine is not None
        try:
            if gpus:
                self._engine.create_by_podman(podman_config(name, config(init=self._init), gpus))
            else:
                self._engine.create(name, config(init=self._init))
            try:
                self._engine.start(name)
            except EngineRefused:
                self._engine.remove(name)
                raise
        except EngineRefused as error:
            if not self._init or not any(program in error.reason for program in _INIT):
                raise
            self._init = False
            self._create(name, config, gpus)

    def running(self, mark: str) -> bool:
        """Return True when a container that carries `mark` runs."""
        plan = _engine_of_started(Places(Path(mark)))
        if plan is None:
            return False
        try:
            with self._connection(plan) as engine:
                return any(container.running for container in engine.containers(JOB_LABEL, mark))
        except EngineUnreachable:
            if not plan.here:
                raise
            return bool(processes.members(mark))

    def end(self, mark: str, grace: float) -> None:
        """Have the nodes' processes get SIGTERM, and end what is left after `grace` seconds."""
        places = Places(Path(mark))
        deadline = time.monotonic() + grace
        for control in self._controls:  # without a supervisor, the end of the pipe has told them
            start_script.tell_to_end(control)
        plan = _engine_of_started(places)
        if plan is None:
            return
        try:
            with self._connection(plan) as engine:
                _end_containers(engine, mark, deadline, here=plan.here)
        except EngineUnreachable:
            if not plan.here:
                raise
            processes.end(lambda: processes.members(mark), max(0.0, deadline - time.monotonic()))
            leftovers.remember(places)

    def clean(self, mark: str) -> None:
        """Remove the containers and the network, unless the plan says to keep them until the job is deleted."""
        self._remove(mark, kept=False)

    def forget(self, mark: str) -> None:
        """Remove what `clean` has kept."""
        self._remove(mark, kept=True)

    def _remove(self, mark: str, *, kept: bool) -> None:
        with self._network:
            self._cleaned = True
            places = Places(Path(mark))
            try:
                plan = engine_of(read_plan(places.directory))
            except InvalidInput:  # nothing was started before the plan was written
                return
            if plan.keep != kept:
                return
            if self._plan is None:  # a dead supervisor may have asked for something that is not there yet
                leftovers.remember(places)
            try:
                with self._connection(plan) as engine:
                    leftovers.remove(engine, mark)
            except (EngineUnreachable, EngineRefused) as error:
                logger.info("what is left of %s is removed when the next job begins: %s", mark, error)
                leftovers.remember(places)

    def close(self) -> None:
        """Close the connection, and let go of the nodes."""
        while self._controls:
            os.close(self._controls.pop())
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @contextlib.contextmanager
    def _connection(self, plan: EnginePlan) -> Generator[ContainerEngine, None, None]:
        """Have a connection: the supervisor's own, or another while `prepare` has that in its thread."""
        if self._engine is not None and self._prepared:
            yield self._engine
        else:
            with ContainerEngine.of(plan) as engine:
                yield engine

    @staticmethod
    def _labels(places: Places) -> dict[str, str]:
        return {JOB_LABEL: str(places.directory), STATE_LABEL: str(places.state)}


def _end_containers(engine: ContainerEngine, mark: str, deadline: float, *, here: bool) -> None:
    told = here  # by the pipe
    while running := [found.id for found in engine.containers(JOB_LABEL, mark) if found.running]:
        late = time.monotonic() - deadline
        for container in running:
            try:
                if late >= 0:
                    engine.kill(container)
                elif not told:
                    engine.terminate(container)
            except EngineRefused:  # it has just ended, in words that each engine has of its own
                if late > _STUBBORN:
                    raise
        told = True
        time.sleep(_POLL)


def _engine_of_started(places: Places) -> EnginePlan | None:
    """Return the engine of a job; `None` when no container of it can have been made."""
    try:
        plan = read_plan(places.directory)
    except InvalidInput:
        return None
    return engine_of(plan) if any(start_script.was_started(places, node.name) for node in plan.nodes) else None


def _command_line(node: NodePlan, part: ContainerPlan, image: ImageFacts) -> list[str]:
    if not part.keep_entrypoint:
        return [*part.before, *node.argv]
    return [*part.before, *image.entrypoint, *(node.argv or image.command)]


def _in_words(error: EngineRefused | EngineUnreachable, image: str) -> str:
    reason = str(error)
    if "/bin/sh" in reason and any(sign in reason for sign in ("no such file", "not found")):
        return no_shell(image)
    return reason
