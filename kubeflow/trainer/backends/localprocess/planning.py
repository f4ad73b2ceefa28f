"""From a checked `JobSpec` to what runs: the Python of the job, what it fetches, and its nodes. Starts nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow.core.errors import InvalidInput
from kubeflow.local.environments.cache import locate, needed
from kubeflow.local.environments.sources import settled
from kubeflow.local.job.places import Places, environments
from kubeflow.local.job.plan import EnvironmentPlan, NodePlan
from kubeflow.packaging.requirements.index_urls import variables
from kubeflow.trainer.backends.localprocess import fetch_stage, runtimes
from kubeflow.trainer.backends.machine import frameworks, launch, tune
from kubeflow.trainer.backends.machine.job_output import with_output
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.types.initializers import Initializer

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle


@dataclass(frozen=True, slots=True)
class Job:
    """A job that this machine can run.

    Attributes:
        spec: What was asked for.
        layout: How it lies on this machine.
        environment: The Python that is built for it; `None` runs in this interpreter.
        gpus: The GPUs of this machine.
    """

    spec: JobSpec
    layout: Layout
    environment: EnvironmentPlan | None
    gpus: Sequence[str]

    def stages(self, places: Places, environ: Mapping[str, str]) -> tuple[tuple[NodePlan, ...], ...]:
        """Return its steps: what fetches, if anything, then the nodes.

        Args:
            places: Where the job's files are.
            environ: The environment of this process.

        Raises:
            InvalidInput: When its runtime's own trainer refuses it.
        """
        steps = fetch_stage.plan(fetched(self.spec), places.workspace, launch.inherited(environ))
        nodes = self._nodes(with_output(self.spec, places), places, environ)
        return (steps, nodes) if steps else (nodes,)

    def _nodes(self, spec: JobSpec, places: Places, environ: Mapping[str, str]) -> tuple[NodePlan, ...]:
        if spec.bundle is None:
            return tune.nodes(
                tune.complete(spec),
                spec.initializer,
                self.layout,
                places,
                tune=runtimes.find_program(runtimes.TUNE) or runtimes.TUNE,
                environ=environ,
                gpus=bool(self.gpus),
            )
        python = sys.executable
        if self.environment is not None:
            path = locate(self.environment, environments(places.state))
            python = str(path)
            # Programs that come with its packages are found, as in an activated environment.
            environ = {**environ, "PATH": os.pathsep.join([str(path.parent), environ.get("PATH", os.defpath)])}
        framework = spec.runtime.trainer.framework
        if framework == "torch":
            return launch.torch_nodes(
                spec.bundle,
                self.layout,
                places,
                python=python,
                environ=environ,
                env=spec.env,
                max_restarts=spec.max_restarts,
            )
        return frameworks.nodes(
            framework, spec.bundle, self.layout, places, python=python, environ=environ, env=spec.env
        )


def environment(spec: JobSpec, python: str | None) -> EnvironmentPlan | None:
    """Return the Python that is built for a job; `None` when this interpreter has all that it asks for.

    Args:
        spec: The job.
        python: Another Python than this one, by path or version.

    Raises:
        InvalidInput: When a variable that a requirement names is not set.
    """
    return None if spec.bundle is None else environment_of(spec.bundle, spec.env, python)


def environment_of(bundle: Bundle, env: Mapping[str, str], python: str | None) -> EnvironmentPlan | None:
    """Return the Python that is built for packaged code; `None` when this interpreter has all that it asks for.

    Args:
        bundle: The code.
        env: The job's own variables.
        python: Another Python than this one, by path or version.

    Raises:
        InvalidInput: When a variable that a requirement names is not set.
    """
    given = bundle.requirements, bundle.index_urls
    plan = EnvironmentPlan(*given, python=python, variables=_of_installers(env, [*given[0], *given[1]]))
    if not needed(plan):
        return None
    environ = {**os.environ, **plan.variables}
    if unset := [name for name in variables([*given[0], *given[1]]) if name not in environ]:
        raise InvalidInput(
            f"packages_to_install or pip_index_urls name the environment variable {unset[0]}, which is not set: set it "
            "in the environment of this process, or give the job env={...} with it."
        )
    return settled(plan, environ)


def _of_installers(env: Mapping[str, str], lines: Sequence[str]) -> dict[str, str]:
    """Return the variables of a job that decide what is installed, and from where."""
    named = variables(lines)
    return {name: text for name, text in env.items() if name.startswith(("PIP_", "UV_")) or name in named}


def tunes(spec: JobSpec) -> bool:
    """Return whether a job runs the trainer of its runtime."""
    brought = spec.bundle is None and spec.image is None and spec.command is None and spec.args is None
    return brought and runtimes.brings_trainer(spec.runtime)


def fetched(spec: JobSpec) -> Initializer | None:
    """Return what is fetched for a job, by its own word or by its runtime's.

    Raises:
        InvalidInput: When the runtime's trainer needs a model and nobody names one.
    """
    return tune.complete(spec).initializer if tunes(spec) else spec.initializer
