"""`codegen diff`: what changed between the pinned Trainer releases, and that one edit is one change of its class."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import config
from codegen.__main__ import main
from codegen.comparison import report
from codegen.comparison.change import Change, ChangeClass
from codegen.comparison.contract import Contract, from_file, from_pin, pinned
from codegen.comparison.differ import ApiDiff, diff
from codegen.config import minor
from tests.codegen.conftest import ROOT, released
from tests.codegen.mutations import INVERSE, Edit, Place, edited, fitting
from tests.draws import draws

GOLDEN = Path(__file__).parent / "golden"
STEPS = [("2.0", "2.1"), ("2.1", "2.2"), ("2.2", "2.3")]
TRAINER = config.load(ROOT).component("trainer")
POD = "template.spec.replicatedJobs[].template.spec.template"


@cache
def contract(version: str) -> Contract:
    return pinned(ROOT, TRAINER, version)


@cache
def between(old: str, new: str) -> ApiDiff:
    return diff(contract(old), contract(new))


@cache
def document(version: str = "2.3") -> dict[str, Any]:
    result: dict[str, Any] = json.loads((ROOT / f"schemas/trainer/v{version}.json").read_text("utf-8"))
    return result


def kinds(version: str = "2.3") -> list[str]:
    return [kind["definition"] for kind in document(version)["x-kinds"]]


def found(result: ApiDiff) -> set[tuple[ChangeClass, str]]:
    return {(change.what, f"{change.owner}.{change.at}".rstrip(".")) for change in result.changes}


def one(result: ApiDiff, what: ChangeClass, at: str) -> Change:
    (change,) = [change for change in result.changes if change.what == what and f"{change.owner}.{change.at}" == at]
    return change


def test_from_2_1_to_2_2_is_a_major_step_and_the_page_says_why() -> None:
    result = between("2.1", "2.2")
    assert result.verdict == "major"
    assert {
        ("field-removed", "TrainJobSpec.labels"),
        ("field-removed", "TrainJobSpec.annotations"),
        ("type-narrowed", "Trainer.numProcPerNode"),
        ("immutability-gained", "TrainJobSpec.trainer"),
        ("immutability-gained", "TrainJobSpec.initializer"),
    } <= found(result)
    rename = one(result, "field-renamed", "TrainJobSpec.podTemplateOverrides")
    assert rename.renamed == "runtimePatches"
    assert [(".".join(move.before), ".".join(move.after or ())) for move in rename.moves] == [
        (
            "podTemplateOverrides.[]",
            "runtimePatches.[].trainingRuntimeSpec.template.spec.replicatedJobs.[].template.spec.template",
        ),
        ("podTemplateOverrides.[].targetJobs", ""),
    ]
    narrowed = one(result, "type-narrowed", "Trainer.numProcPerNode")
    assert (narrowed.details[0].before, narrowed.details[0].after) == ("int-or-string", "integer (int32)")
    assert (narrowed.effects.writers, narrowed.effects.readers) == ("breaks", "none")


def test_podSpecOverrides_of_2_0_is_found_again_one_level_deeper() -> None:  # noqa: N802
    rename = one(between("2.0", "2.1"), "field-renamed", "TrainJobSpec.podSpecOverrides")
    assert rename.renamed == "podTemplateOverrides"
    assert rename.moves[0].after == ("podTemplateOverrides", "[]", "spec")
    assert rename.moves[1].before == ("podSpecOverrides", "[]", "targetJobs")
    assert rename.moves[1].after == ("podTemplateOverrides", "[]", "targetJobs")


# What the study of the upstream releases found by hand, line by line.
STUDY: dict[tuple[str, str], set[tuple[ChangeClass, str]]] = {
    ("2.0", "2.1"): {
        ("field-renamed", "TrainJobSpec.podSpecOverrides"),
        ("field-added", "EnvVarSource.fileKeyRef"),
        ("field-added", "Container.restartPolicyRules"),
        ("field-added", "Lifecycle.stopSignal"),
        ("field-added", "PodSpec.hostnameOverride"),
        ("field-added", "VolumeProjection.podCertificate"),
        ("rule-added", "TrainJob"),
        ("bound-tightened", "RuntimeRef.name"),
        ("bound-tightened", "TrainJob.status"),
        ("bound-tightened", "JobStatus.active"),
        ("field-added", "PodGroupPolicy.volcano"),
        ("field-added", "ReplicatedJob.groupName"),
        ("field-added", "FailurePolicyRule.onJobFailureMessagePatterns"),
        ("required-dropped", "TrainingRuntimeSpec.template"),
        ("bound-relaxed", "ReplicatedJob.dependsOn"),
        ("enum-widened", "MPIMLPolicySource.mpiImplementation"),
    },
    ("2.1", "2.2"): {
        ("field-removed", "TrainJobSpec.labels"),
        ("field-removed", "TrainJobSpec.annotations"),
        ("field-renamed", "TrainJobSpec.podTemplateOverrides"),
        ("type-narrowed", "Trainer.numProcPerNode"),
        ("immutability-gained", "TrainJobSpec.trainer"),
        ("immutability-gained", "TrainJobSpec.initializer"),
        ("bound-tightened", "Trainer.args[]"),
        ("bound-tightened", "Trainer.env"),
        ("field-added", "TrainJobSpec.activeDeadlineSeconds"),
        ("field-added", "TrainJobStatus.trainerStatus"),
        ("field-removed", "TorchMLPolicySource.numProcPerNode"),
        ("field-removed", "TorchMLPolicySource.elasticPolicy"),
        ("field-added", "MLPolicy.jax"),
        ("field-added", "MLPolicy.xgboost"),
        ("field-added", "MLPolicy.flux"),
        ("field-added", "JobSetSpec.volumeClaimPolicies"),
        ("enum-widened", "FailurePolicy.restartStrategy"),
        ("field-added", "PodSpec.workloadRef"),
        ("required-dropped", "PodFailurePolicyOnPodConditionsPattern.status"),
        ("field-added", "PodCertificateProjection.userAnnotations"),
        ("message-changed", "TrainJobSpec.runtimeRef"),
        ("message-changed", "TrainJobSpec.managedBy"),
    },
    ("2.2", "2.3"): {
        ("rule-added", "DatasetInitializer.storageUri"),
        ("rule-added", "ModelInitializer.storageUri"),
        ("bound-relaxed", "Trainer.args[]"),
        ("bound-relaxed", "Trainer.command[]"),
        ("field-added", "PodSpecPatch.terminationGracePeriodSeconds"),
        ("field-added", "TorchMLPolicySource.envInjection"),
        ("enum-widened", "FailurePolicyRule.action"),
        ("field-removed", "PodSpec.workloadRef"),
        ("field-added", "PodSpec.schedulingGroup"),
        ("field-added", "ListMeta.shardInfo"),
    },
}


@pytest.mark.parametrize("step", STEPS, ids="-".join)
def test_the_diff_finds_what_the_study_of_upstream_found(step: tuple[str, str]) -> None:
    assert STUDY[step] - found(between(*step)) == set()


def test_a_change_at_many_places_is_one_line_of_its_type() -> None:
    change = one(between("2.0", "2.1"), "field-added", "EnvVarSource.fileKeyRef")
    assert len(change.paths) == 9
    assert f"TrainingRuntime.spec.{POD}.spec.containers[].env[].valueFrom.fileKeyRef" in change.paths


def test_what_only_the_control_plane_writes_breaks_no_writer() -> None:
    bound = one(between("2.0", "2.1"), "bound-tightened", "JobStatus.active")
    assert bound.effects.writers == "none"
    assert one(between("2.0", "2.1"), "bound-tightened", "RuntimeRef.name").effects.writers == "breaks"


@pytest.mark.parametrize("step", STEPS, ids="-".join)
def test_the_page_is_as_it_was_approved(step: tuple[str, str]) -> None:
    path = GOLDEN / f"diff-{'-'.join(step)}.md"
    text = re.sub(r"(v\d+\.\d+)\.\d+", r"\1", report.render(between(*step), "markdown")) + "\n"
    if os.environ.get("KUBEFLOW_WRITE_GOLDENS"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), "changed on purpose? run with KUBEFLOW_WRITE_GOLDENS=1 and read the diff"


# -- properties --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", TRAINER.pinned)
def test_nothing_differs_from_itself(version: str) -> None:
    result = diff(contract(version), contract(version))
    assert result.changes == ()
    assert result.verdict == "patch"
    assert "nothing changed" in report.render(result, "text")


@cache
def chances() -> dict[Edit, list[Place]]:
    return fitting(document(), kinds())


@st.composite
def edits(draw: st.DrawFn) -> tuple[Edit, Place]:
    edit = draw(st.sampled_from(list(chances())))
    return edit, draw(st.sampled_from(chances()[edit]))


@settings(max_examples=draws(20), deadline=None)
@given(edits())
def test_one_edit_is_one_change_of_its_class_at_its_place_and_nothing_else(drawn: tuple[Edit, Place]) -> None:
    edit, place = drawn
    other = from_pin("edited", edited(document(), edit, place), TRAINER.definitions)
    (change,) = diff(contract("2.3"), other).changes
    assert change.what == edit.what
    assert change.owner == place.definition.rpartition(".")[2]
    assert change.at == ("new" if edit.what == "field-added" else place.field)
    (back,) = diff(other, contract("2.3")).changes
    assert back.what == INVERSE.get(edit.what, edit.what)


def test_every_class_of_edit_fits_somewhere() -> None:
    assert all(chances().values())


@pytest.mark.parametrize("step", STEPS, ids="-".join)
def test_the_real_diffs_are_their_own_inverse(step: tuple[str, str]) -> None:
    there, back = between(*step), between(*reversed(step))
    forward = Counter(
        (INVERSE.get(change.what, change.what), change.owner, change.renamed or change.at.rpartition(".")[2])
        for change in there.changes
    )
    backward = Counter((change.what, change.owner, change.at.rpartition(".")[2]) for change in back.changes)
    assert forward == backward


# -- the command -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["diff", "traner", "2.2", "2.3"], f"unknown component 'traner'; pyproject.toml has: {', '.join(sorted(config.load(ROOT).components))}"),
        (["diff", "trainer", "1.9", "2.3"], f"trainer 1.9 is not pinned; schemas/lock.toml has: {', '.join(TRAINER.pinned)}"),
        (["diff", "trainer", "2.2", "2.3", "--kind", "Job"], "no kind 'Job'; it has: ClusterTrainingRuntime, TrainJob, TrainingRuntime"),
        (["diff", "trainer", "2.2"], "say what to compare with"),
        (["diff", "trainer", "2.2", "2.3", "--cluster"], "say what to compare with"),
        (["diff", "trainer", "2.2", "--file", "/nowhere.yaml"], "cannot read /nowhere.yaml"),
        (["diff", "trainer", "2.2", "--file", str(ROOT / "pyproject.toml")], "not YAML"),
        (["diff", "trainer", "2.2", "--file", str(ROOT / ".github")], "cannot read"),
        (["diff", "katib", "0.19", "--file", str(ROOT / "schemas/trainer/v2.3.json")], "a pin of another component"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_with_what_there_is(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(arguments) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["2.1", "2.2"], 3),
        ([TRAINER.versions[-1], minor(TRAINER.versions[-1])], 0),
        (["2.2", "2.3", "--kind", "TrainJob"], 3),
        (["2.3", "2.2", "--kind", "TrainJob"], 3),
    ],
)
def test_the_exit_code_says_whether_anything_breaks(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(["diff", "trainer", *arguments]) == code
    capsys.readouterr()


def test_json_carries_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "trainer", "2.1", "2.2", "--format", "json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == "major"
    (rename,) = [change for change in result["changes"] if change["class"] == "field-renamed"]
    assert rename["renamed"] == "runtimePatches"
    assert rename["paths"] == ["TrainJob.spec.podTemplateOverrides"]
    assert {"before": "podTemplateOverrides[].targetJobs", "after": None} in rename["moves"]


def test_a_pin_elsewhere_is_compared_like_one_in_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document("2.2")), "utf-8")
    assert found(diff(contract("2.1"), from_file(path, TRAINER))) == found(between("2.1", "2.2"))


def crd(schema: dict[str, Any]) -> str:
    return json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"group": TRAINER.group, "scope": "Namespaced", "names": {"kind": "TrainJob", "plural": "trainjobs"},
                 "versions": [{"name": "v1alpha1", "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]},
    })  # fmt: skip


def test_an_opaque_crd_is_reported_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "crd.yaml"
    path.write_text(crd({"type": "object", "x-kubernetes-preserve-unknown-fields": True}), "utf-8")
    assert main(["diff", "trainer", "2.3", "--file", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "TrainJob was not compared" in printed
    assert "removed" not in printed


def test_a_rule_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    hostile = "self != '`\n\n# Not a heading'"
    schemas = json.loads(json.dumps(document()))
    spec = schemas["components"]["schemas"]["trainer.v1alpha1.TrainJobSpec"]
    spec["properties"]["suspend"]["x-kubernetes-validations"] = [{"rule": hostile, "message": "|"}]
    page = report.render(diff(contract("2.3"), from_pin("x", schemas, TRAINER.definitions)), "markdown")
    assert "\n# Not" not in page
    assert page.count("`") % 2 == 0


UPSTREAM = os.environ.get("KUBEFLOW_TEST_UPSTREAM")


@pytest.mark.skipif(not UPSTREAM, reason="KUBEFLOW_TEST_UPSTREAM names no folder with the control planes' releases")
@pytest.mark.parametrize("version", TRAINER.pinned)
def test_a_pin_and_the_crds_that_it_was_made_from_do_not_differ(version: str, tmp_path: Path) -> None:
    folder = released(TRAINER, version) / "manifests/base/crds"
    path = tmp_path / "all.yaml"
    path.write_text("\n---\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*_*.yaml"))), "utf-8")
    result = diff(contract(version), from_file(path, TRAINER))
    assert found(result) == set()
    assert result.compared == tuple(sorted(kind.kind for kind in TRAINER.kinds_in(version)))
