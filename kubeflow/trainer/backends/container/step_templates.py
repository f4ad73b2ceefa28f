"""What a runtime says of the containers of its steps: image, command, variables, limits. Read from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubeflow.cluster import wire
from kubeflow.core.display import repr_of_fields
from kubeflow.trainer.constants import constants
from kubeflow.trainer.jobs.torchtune import WORKSPACE
from kubeflow.trainer.types.runtimes import Runtime

_TRAINER = "trainer"
_INITIALIZERS = (constants.DATASET_INITIALIZER, constants.MODEL_INITIALIZER)


@dataclass(frozen=True, slots=True)
class StepTemplate:
    """The container of one step, as the runtime has it.

    Attributes:
        image: Its image; empty when the runtime names none.
        command: Its command; empty is the image's entrypoint.
        args: Its arguments; empty are the image's.
        env: Its variables with values in the manifest.
        unset: Its variables with values that only a cluster knows.
        limits: Quantity by resource name: limits, else requests.
        workspace: True when a volume is mounted at `/workspace`.
    """

    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    unset: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    workspace: bool = False

    __repr__ = repr_of_fields


def step_templates(manifest: Mapping[str, object]) -> Mapping[str, StepTemplate]:
    """Return the containers of a runtime by step: `"node"`, and the initializers that it has.

    Args:
        manifest: The runtime, in wire names. What does not fit its schema counts as absent.
    """
    jobs = wire.objects(manifest, "spec", "template", "spec", "replicatedJobs")
    found: dict[str, StepTemplate] = {}
    by_name: dict[str, StepTemplate] = {}
    for job in jobs:
        name = wire.text(job, "name")
        labels = wire.strings(job, "template", "metadata", "labels")
        ancestor = labels.get(constants.TRAINJOB_ANCESTOR_LABEL, "")
        step = constants.NODE if ancestor == _TRAINER else ancestor
        template = _template(job, step if step in _INITIALIZERS else constants.NODE)
        by_name[name] = template
        if step in (constants.NODE, *_INITIALIZERS):
            found.setdefault(step, template)
    for name in (constants.NODE, *_INITIALIZERS):
        if name in by_name:
            found.setdefault(name, by_name[name])
    return found


def template_of(runtime: Runtime) -> Mapping[str, StepTemplate]:
    """Return the same of a runtime of which there is no manifest: an object that the user made."""
    image = runtime.trainer.image
    known = "" if image in (constants.UNKNOWN, "local") else image
    return {constants.NODE: StepTemplate(known, runtime.trainer.command)}


def _template(job: Mapping[str, object], container_name: str) -> StepTemplate:
    containers = wire.objects(job, "template", "spec", "template", "spec", "containers")
    container = next((each for each in containers if wire.text(each, "name") == container_name), None)
    if container is None:
        container = containers[0] if containers else wire.NOTHING
    variables = [(wire.text(each, "name"), each) for each in wire.objects(container, "env")]
    amounts = {
        **wire.mapping(container, "resources", "requests"),
        **wire.mapping(container, "resources", "limits"),
    }
    return StepTemplate(
        image=wire.text(container, "image"),
        command=tuple(wire.each(str, container.get("command"))),
        args=tuple(wire.each(str, container.get("args"))),
        env={name: wire.text(each, "value") for name, each in variables if "valueFrom" not in each},
        unset=tuple(name for name, each in variables if "valueFrom" in each),
        limits={name: str(amount) for name, amount in amounts.items()},
        workspace=any(wire.text(mount, "mountPath") == WORKSPACE for mount in wire.objects(container, "volumeMounts")),
    )
