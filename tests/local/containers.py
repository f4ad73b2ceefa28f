"""Jobs of shell scripts in containers, on an engine of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubeflow.local.executors.containers.container_engine import STATE_LABEL
from kubeflow.local.executors.containers.engine_search import find_engine
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from kubeflow.local.job.records import JobRecord
from tests.container_engines import IMAGE, EngineUnderTest
from tests.local.conftest import Desk, wait_for


class ContainerDesk(Desk):
    """Submits jobs whose nodes are containers.

    Args:
        state: The state directory.
        cwd: The caller's working directory.
        under_test: The engine.
    """

    wait = 180.0

    def __init__(self, state: Path, cwd: Path, under_test: EngineUnderTest) -> None:
        super().__init__(state, cwd)
        self.under_test = under_test
        self.engine: EnginePlan = find_engine(under_test.host)

    def plan(self, name: str, *scripts: str, **options: Any) -> Callable[[Places], JobPlan]:
        """Return what makes the plan; `container` has fields of the `ContainerPlan`, `engine` of the `EnginePlan`."""
        part = self.part(**options.pop("container", {}))
        engine = replace(self.engine, **options.pop("engine", {}))
        changes = {"env": options.pop("env", {}), "container": part}
        changes |= {"argv": options.pop("argv")} if "argv" in options else {}
        make = super().plan(name, *scripts, **options)

        def contained(places: Places) -> JobPlan:
            made = make(places)
            stages = tuple(tuple(replace(node, **changes) for node in stage) for stage in made.stages)
            return replace(made, stages=stages, executor="container", engine=engine)

        return contained

    def begun(self, name: str = "job") -> JobRecord:
        """Return a job that runs, and has said something."""
        record = self.running(name)
        log = Places(record.directory).node_log("node-0")
        wait_for(lambda: log.exists() and log.read_text() != "")
        return record

    @staticmethod
    def part(**fields: Any) -> ContainerPlan:
        """Return the plan of a container of the image with this machine's programs."""
        return ContainerPlan(**{"image": IMAGE, "pull": "Never", **fields})

    def left(self) -> list[str]:
        """Return what there is in the engine of this desk's jobs."""
        api = self.under_test.api()
        label = {"label": [f"{STATE_LABEL}={self.state}"]}
        found = [*api.containers(all=True, filters=label), *api.networks(filters=label)]
        api.close()
        return [str(one.get("Names") or one["Name"]) for one in found]

    def inspect(self, name: str = "job", step: str = "node-0") -> dict[str, Any]:
        """Return what the engine knows of a node's container."""
        node = self.get(name).node(step)
        assert node is not None
        api = self.under_test.api()
        found: dict[str, Any] = api.inspect_container(node.id)
        api.close()
        return found


@pytest.fixture
def container_desk(tmp_path: Path, container_engine: EngineUnderTest) -> Iterator[ContainerDesk]:
    """A desk on each engine that can run here; its jobs leave nothing there."""
    desk = ContainerDesk(tmp_path / "state", tmp_path, container_engine)
    yield desk
    for record in desk.jobs.all():
        desk.jobs.delete(record)
    assert desk.left() == []
