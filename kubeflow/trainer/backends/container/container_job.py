"""From a checked job to its containers: what each runs, sees and may use. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kubeflow.core.display import repr_of_fields
from kubeflow.core.stdlib import re
from kubeflow.local.executors.limits import usable_memory
from kubeflow.local.job.container_plan import RENDEZVOUS_PORT, ContainerPlan, MountPlan
from kubeflow.local.job.places import Places
from kubeflow.local.job.plan import NodePlan
from kubeflow.trainer.backends.container.initializer_stage import STEPS, local_path, sources, variables
from kubeflow.trainer.backends.container.pod_settings import NO_SETTINGS, PodMount, PodSettings
from kubeflow.trainer.backends.container.step_templates import StepTemplate
from kubeflow.trainer.backends.container.types import PullPolicy
from kubeflow.trainer.backends.machine import frameworks, launch, tune
from kubeflow.trainer.backends.machine.job_output import with_output
from kubeflow.trainer.backends.machine.launch import Layout
from kubeflow.trainer.backends.machine.profile import Stages
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.jobspec import JobSpec
from kubeflow.trainer.jobs.steps import node_step
from kubeflow.trainer.jobs.torchtune import COMMAND, WORKSPACE
from kubeflow.trainer.types.initializers import BaseInitializer, Initializer

PYTHON = "python"
"""The interpreter of a train function: what the image has under this name, as on a cluster."""
_OWN_FOLDERS = "volumes"  # in the job's directory: what containers have for themselves
_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_][\w.-]*)\))")


@dataclass(frozen=True, slots=True)
class ContainerJob:
    """A job whose nodes are containers.

    Attributes:
        spec: What was asked for; complete where its runtime brings the trainer.
        given: What the job itself says to fetch; the rest is its runtime's.
        layout: How it lies on this machine.
        templates: What its runtime says, by step.
        settings: What its options say, by step.
        images: The image of each step.
        pull: When images are pulled.
        cpus: CPU time of each node, `None` for no limit.
        secrets: The values of the Secrets that initializers name, by `"dataset"` and `"model"`.
        fetch_timeout: Seconds that fetching may take.
        gpus: Whether this machine has GPUs.
    """

    spec: JobSpec
    given: Initializer | None
    layout: Layout
    templates: Mapping[str, StepTemplate]
    settings: Mapping[str, PodSettings]
    images: Mapping[str, str]
    pull: PullPolicy
    cpus: float | None = None
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, "Mapping[str, str]"], repr=False)
    fetch_timeout: float | None = None
    gpus: bool = False

    __repr__ = repr_of_fields

    def stages(self, places: Places) -> Stages:
        """Return its steps: what fetches, if anything, then the nodes.

        Args:
            places: Where the job's files are; folders that containers have for themselves are made there.
        """
        places.workspace.mkdir(exist_ok=True)  # containers mount it, also where no function leaves an output
        job = replace(self, spec=with_output(self.spec, places))
        fetched = tuple(
            job._fetching(kind, places) for kind, source in self._sources.items() if local_path(source) is None
        )
        nodes = tuple(job._contained(node, places) for node in job._nodes(places))
        return (fetched, nodes) if fetched else (nodes,)

    @property
    def _sources(self) -> Mapping[str, BaseInitializer]:
        return sources(self.spec.initializer)

    def _settings(self, step: str) -> PodSettings:
        return self.settings.get(step, NO_SETTINGS)

    def _template(self, step: str) -> StepTemplate:
        return self.templates.get(step, StepTemplate())

    def _fetching(self, kind: str, places: Places) -> NodePlan:
        step, template = STEPS[kind], self._template(STEPS[kind])
        own = {name: value for name, value in template.env.items() if name != "STORAGE_URI"}
        plan = self._container_plan(step, step, places, [MountPlan(str(places.workspace), WORKSPACE)])
        return NodePlan(
            step,
            argv=(),
            env={**own, **variables(self._sources[kind], self.secrets.get(kind, {})), **self._settings(step).env},
            deadline=self.fetch_timeout,
            container=replace(plan, keep_entrypoint=True),
        )

    def _nodes(self, places: Places) -> Sequence[NodePlan]:
        spec, template = self.spec, self._template(constants.NODE)
        env = {**template.env, **spec.env, **self._settings(constants.NODE).env}
        if spec.builtin is not None:
            return tune.nodes(
                replace(spec, env=env),
                self.given,
                self.layout,
                places,
                tune=COMMAND[0],
                environ={},
                gpus=self.gpus,
                workspace=WORKSPACE,
            )
        if spec.bundle is None:
            return [self._of_image(index, env) for index in range(self.layout.num_nodes)]
        framework = spec.runtime.trainer.framework
        if framework == "torch":
            return launch.torch_nodes(
                spec.bundle,
                self.layout,
                places,
                python=PYTHON,
                environ={},
                env=env,
                max_restarts=spec.max_restarts,
                install=True,
                own_hosts=True,
            )
        return frameworks.nodes(
            framework, spec.bundle, self.layout, places, python=PYTHON, environ={}, env=env, install=True
        )

    def _of_image(self, index: int, env: Mapping[str, str]) -> NodePlan:
        """Return a node that runs a command of the user's, of the runtime's or of the image's, as Kubernetes would."""
        spec, template = self.spec, self._template(constants.NODE)
        framework = spec.runtime.trainer.framework
        command = template.command if spec.command is None else spec.command
        args = template.args if spec.args is None else spec.args
        if framework == "torch":
            given = launch.node_environment(self.layout, index, spec.max_restarts)
            rendezvous = launch.static_rendezvous()
        else:
            given, rendezvous = frameworks.environment(framework, self.layout, index)
        every = {**env, **given}
        where = {name: _at_rendezvous(text) for name, text in rendezvous.items()}
        line = [expanded(word, {**every, **where}) for word in (*command, *args)]
        return NodePlan(
            node_step(index),
            argv=tuple(line),
            env=every,
            rendezvous=rendezvous,
            gpus=self.layout.gpus,
            cpus=self.layout.cpus,
            memory=self.layout.memory,
            container=ContainerPlan(self.images[constants.NODE], keep_entrypoint=not command),
        )

    def _contained(self, node: NodePlan, places: Places) -> NodePlan:
        mounts: list[MountPlan] = []
        for kind, source in self._sources.items():
            path = local_path(source)
            if path is not None:
                inside = _mount_point(places.workspace / kind, path)
                # The workspace is seen twice: where the job's directory is, and where the control plane has it.
                for root in (str(places.workspace), WORKSPACE):
                    mounts.append(MountPlan(str(path.resolve()), f"{root}/{inside}", read_only=True))
        output = self.spec.output
        if output is not None and output.scheme == "file":  # a folder of the job's own is seen as all of its files
            mounts.append(MountPlan(str(output.path), str(output.path)))
        if self._sources or self._template(constants.NODE).workspace:
            mounts.insert(0, MountPlan(str(places.workspace), WORKSPACE))
        plan = self._container_plan(constants.NODE, node.name, places, mounts)
        keep = node.container is not None and node.container.keep_entrypoint
        own = (COMMAND[0],) if self.spec.builtin is not None else ()
        programs = (PYTHON,) if self.spec.bundle is not None else own
        return replace(node, container=replace(plan, keep_entrypoint=keep, programs=programs))

    def _container_plan(self, step: str, node: str, places: Places, mounts: Sequence[MountPlan]) -> ContainerPlan:
        settings = self._settings(step)
        memory = self.layout.memory if step == constants.NODE else None
        shared = settings.shared_memory
        return ContainerPlan(
            self.images[step],
            pull=self.pull,
            mounts=(*mounts, *(_mount(mount, node, index, places) for index, mount in enumerate(settings.mounts))),
            shared_memory=(memory or usable_memory()) if shared == 0 else shared,
            cpus=self.cpus if step == constants.NODE else None,
            user=settings.user,
        )


def expanded(text: str, env: Mapping[str, str]) -> str:
    """Return a word of a command as a kubelet makes it: `$(NAME)` is the variable, `$$` is `$`, the rest stays.

    https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
    """
    return _REFERENCE.sub(
        lambda match: "$" if match[1] == "$" else env.get(match[2], match[0]),
        text,
    )


def _mount_point(folder: Path, path: Path) -> str:
    """Make what `path` is mounted on, so that no engine makes it as another user; return it within the workspace."""
    folder.mkdir(exist_ok=True)
    if path.is_dir():
        return folder.name
    (folder / path.name).touch()
    return f"{folder.name}/{path.name}"


def _at_rendezvous(text: str) -> str:
    return text.replace("{host}", node_step(0)).replace("{port}", str(RENDEZVOUS_PORT))


def _mount(mount: PodMount, node: str, index: int, places: Places) -> MountPlan:
    if mount.source:
        return MountPlan(mount.source, mount.target, mount.read_only)
    folder = places.directory / _OWN_FOLDERS / node / str(index)
    folder.mkdir(parents=True, mode=0o700)
    for name, content in mount.files.items():
        file: Path = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(content, encoding="utf-8")
    return MountPlan(str(folder), mount.target, mount.read_only)
