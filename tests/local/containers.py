"""Jobs of shell scripts in containers, on an engine of the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubeflow.local.executors.containers.engine_search import find_engine
from kubeflow.local.job.container_plan import ContainerPlan, EnginePlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import JobPlan
from tests.container_engines import IMAGE, EngineUnderTest
from tests.local.conftest import Desk


class ContainerDesk(Desk):
    """Submits jobs whose nodes are containers.

    Args:
        state: The state directory.
        cwd: The caller's working directory.
        under_test: The engine.
    """

    def __init__(self, state: Path, cwd: Path, under_test: EngineUnderTest) -> None:
        super().__init__(state, cwd)
        self.under_test = under_test
        self.engine: EnginePlan = find_engine(under_test.host)

    def plan(self, name: str, *scripts: str, **options: Any) -> Callable[[Places], JobPlan]:
        """Return what makes the plan; `container` has fields of the `ContainerPlan`, `engine` of the `EnginePlan`."""
        part = ContainerPlan(**{"image": IMAGE, "pull": "Never", **options.pop("container", {})})
        engine = replace(self.engine, **options.pop("engine", {}))
        env = options.pop("env", {})
        make = super().plan(name, *scripts, **options)

        def contained(places: Places) -> JobPlan:
            made = make(places)
            stages = tuple(tuple(replace(node, env=env, container=part) for node in stage) for stage in made.stages)
            return replace(made, stages=stages, executor="container", engine=engine)

        return contained

    def inspect(self, name: str = "job", step: str = "node-0") -> dict[str, Any]:
        """Return what the engine knows of a node's container."""
        node = self.get(name).node(step)
        assert node is not None
        api = self.under_test.api()
        found: dict[str, Any] = api.inspect_container(node.id)
        api.close()
        return found
