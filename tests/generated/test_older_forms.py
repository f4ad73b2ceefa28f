"""Objects in the form of an older minor: read as strictly as the newest, and named in errors."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args, get_origin

import pytest
from kubeflow_api.trainer import v1alpha1
from kubeflow_api.trainer.v1alpha1 import (
    TorchMLPolicySource,
    Trainer,
    TrainingRuntime,
    TrainJob,
    TrainJobBuilder,
    TrainJobSpec,
    check,
)
from kubeflow_api.trainer.v1alpha1.availability import AVAILABILITY

from kubeflow.core.availability import Content, Field
from kubeflow.core.errors import InvalidInput, InvalidObject
from kubeflow.core.model import KubeObject, Model
from kubeflow.core.model_fields import bare, fields, wire_name
from kubeflow.core.older_hints import table_of

KINDS: dict[str, type[KubeObject]] = {kind: getattr(v1alpha1, kind) for kind in AVAILABILITY.fields}
REMOVED = [(kind, row) for kind, rows in AVAILABILITY.fields.items() for row in rows if row.until and row.path]
NEWEST = AVAILABILITY.minors[-1]


def smallest(annotation: object) -> Any:
    """Return the smallest value of a type that its model takes."""
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return {
            wire_name(annotation, name): smallest(kind)
            for name, kind in fields(annotation)
            if annotation.model_fields[name].is_required()
        }
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    simple: dict[object, object] = {str: "x", int: 1, list: [], dict: {}}
    return simple.get(get_origin(annotation) or annotation, "1")


def example(content: Content) -> Any:
    """Return a value with what a content requires."""
    if isinstance(content, list):
        return [example(content[0])]
    if isinstance(content, dict):
        return {name.removesuffix("!"): example(each) for name, each in content.items() if name.endswith("!")}
    simple = {"string": "x", "integer": 1, "number": 1.5, "boolean": True, "int-or-string": "auto"}
    return simple.get(content, {})


def holding(kind: type[KubeObject], path: str, value: object) -> dict[str, Any]:
    """Return the smallest object of a kind that has a value at a path of the table."""
    root: dict[str, Any] = smallest(kind)
    node, current = root, cast(object, kind)
    steps = path.split(".")
    for number, step in enumerate(steps):
        name, is_list = step.removesuffix("[*]"), step.endswith("[*]")
        if number + 1 == len(steps):
            node[name] = value
            return root
        model = cast("type[Model]", current)
        current = next(each for field, each in fields(model) if wire_name(model, field) == name)
        if is_list:
            current = bare(get_args(current)[0])
            node[name] = node.get(name) or [smallest(current)]
            node = node[name][0]
        else:
            node = node.setdefault(name, smallest(current))
    raise AssertionError(path)


def had(row: Field) -> list[str]:
    return [minor for minor in AVAILABILITY.minors if AVAILABILITY.has(row, minor)]


@pytest.mark.parametrize(("kind", "row"), REMOVED, ids=lambda each: each if isinstance(each, str) else each.path)
def test_what_a_release_removed_is_read_for_the_minors_that_had_it_and_named_for_the_others(
    kind: str, row: Field
) -> None:
    assert row.content is not None
    values = holding(KINDS[kind], row.path, example(row.content))
    assert had(row)
    for minor in AVAILABILITY.minors:
        if minor in had(row):
            made = KINDS[kind].from_dict(values, minor=minor)
            assert made.to_dict() == values
            assert check(cast(Any, made), minor) == []
            assert KINDS[kind].from_yaml(made.to_yaml(), minor=minor) == made
        else:
            with pytest.raises(InvalidObject, match=f"{AVAILABILITY.component} {minor} does not have it"):
                KINDS[kind].from_dict(values, minor=minor)
    with pytest.raises(InvalidObject, match=rf"read it with minor='{row.until}'"):
        KINDS[kind].from_dict(values)


@pytest.mark.parametrize(("kind", "row"), REMOVED, ids=lambda each: each if isinstance(each, str) else each.path)
def test_what_it_holds_is_checked(kind: str, row: Field) -> None:
    assert row.content is not None
    wrong: list[object] = [object(), 1.5, [[]]]
    for value in wrong:
        with pytest.raises(InvalidObject, match=row.path.split(".")[-1]):
            KINDS[kind].from_dict(holding(KINDS[kind], row.path, value), minor=had(row)[-1])


JOB = """\
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata:
  name: mnist
spec:
  runtimeRef:
    name: torch-distributed
  trainer:
    numNodes: 2
    numProcPerNode: auto
  podTemplateOverrides:
  - targetJobs:
    - name: node
    spec:
      nodeSelector:
        pool: a
      containers:
      - name: node
        env:
        - name: A
          value: b
"""


def test_an_object_of_an_older_minor_goes_back_as_it_came() -> None:
    job = TrainJob.from_yaml(JOB, minor="v2.1.3")
    assert job.to_yaml() == JOB
    assert job.spec.trainer is not None
    assert job.spec.trainer.num_nodes == 2
    assert TrainJob.from_server(job.to_dict()) == job


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nodeSelector", "nodeSelectr", "podTemplateOverrides[0].spec: spec has no field 'nodeSelectr'. Did you mean"),
        ("name: node\n    spec", "nam: node\n    spec", "targetJobs[0].name is required"),
        ("value: b", "valu: b", "EnvVar has no field 'valu'. Did you mean 'value'?"),
        ("value: b", "value: 1.10", 'YAML reads 1.10 as a number; quote it: "1.10" (line 21)'),
        ("pool: a", "pool: on", 'YAML reads on as a boolean; quote it: "on" (line 16)'),
        ("  trainer:", "  trainr:", "TrainJobSpec has no field 'trainr'. Did you mean 'trainer'?"),
        ("auto", "[1]", "numProcPerNode must be a valid integer, not [1]"),
        (
            "spec:\n  run",
            "spec:\n  runtimePatches: []\n  run",
            "spec.runtimePatches: Trainer 2.1 does not have it; it came",
        ),
    ],
)
def test_all_of_it_is_held_against_the_schema_of_that_minor(old: str, new: str, words: str) -> None:
    assert old in JOB
    with pytest.raises(InvalidObject) as error:
        TrainJob.from_yaml(JOB.replace(old, new, 1), minor="2.1")
    assert words in str(error.value)


def test_mistakes_of_both_forms_are_told_at_once() -> None:
    with pytest.raises(InvalidObject) as error:
        TrainJob.from_yaml(JOB.replace("numNodes", "numNode").replace("pool: a", "pool: 1"), minor="2.1")
    assert [mistake.place[-1] for mistake in error.value.mistakes] == ["numNode", "pool"]


def test_a_limit_of_the_newest_minor_alone_does_not_hold_for_older_ones() -> None:
    with pytest.raises(InvalidObject, match=r"not 'auto'\. Trainer 2\.1 takes it: to write for 2\.1, read it with"):
        TrainJob.from_dict({"spec": {"runtimeRef": {"name": "x"}, "trainer": {"numProcPerNode": "auto"}}})
    with pytest.raises(InvalidObject) as error:
        TrainJob.from_dict({"spec": {"runtimeRef": {"name": "x"}, "trainer": {"numNodes": "two"}}})
    assert "minor" not in str(error.value)


def test_constructors_name_the_minors_too() -> None:
    for name in ("numProcPerNode", "num_proc_per_node"):
        with pytest.raises(
            InvalidObject, match=rf"no field '{name}': Trainer 2\.3 does not have it; 2\.1 was the last"
        ):
            TorchMLPolicySource.from_dict({name: 2})
    with pytest.raises(InvalidObject, match=r"in 2\.3 use spec\.runtimePatches"):
        TrainJobSpec.from_dict({"runtimeRef": {"name": "x"}, "podTemplateOverrides": []})
    with pytest.raises(InvalidObject) as error:
        Trainer.from_dict({"podTemplateOverrides": []})  # no Trainer ever had it
    assert "was the last" not in str(error.value)


def test_a_minor_that_is_not_known_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match=r"'1\.0' is not known here; known are 2\.0, .*" + NEWEST.replace(".", r"\.")
    ):
        TrainJob.from_yaml(JOB, minor="1.0")
    with pytest.raises(InvalidInput, match="expected a mapping"):
        TrainingRuntime.from_dict(cast(Any, []), minor="2.1")


def test_components_with_one_minor_have_no_table() -> None:
    from kubeflow_api.katib.v1beta1 import Experiment

    assert table_of(Experiment) is None
    with pytest.raises(InvalidInput, match="Leave the minor out"):
        Experiment.from_dict({"spec": {}}, minor="0.19")
    assert table_of(TrainJob) is AVAILABILITY


def test_a_builder_builds_for_a_minor() -> None:
    builder = TrainJobBuilder("mnist").runtime_ref(name="torch-distributed").trainer(num_nodes=2)
    assert builder.build(minor="2.0") == builder.build()
    builder.runtime_patch("acme.io/team").replicated_job("node").pod_spec().node_selector(pool="a")
    with pytest.raises(InvalidObject, match=r"in 2\.1 use spec\.podTemplateOverrides"):
        builder.build(minor="2.1")
    assert check(builder.build(minor="2.2"), "2.2") == []
