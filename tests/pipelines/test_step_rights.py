"""The rights that are printed for a step are enough for its call, and without one of them it fails: a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubeflow.cluster import Forbidden
from kubeflow.pipelines import component_runs, rights
from kubeflow.pipelines.access_rights import CALL_RULES, remember_rules
from kubeflow.trainer import Artifact
from tests.cluster.rights import until_allowed
from tests.cluster.scenarios import REAL
from tests.cluster.stage import MINORS, MISSING, REASON
from tests.pipelines.step_functions import where
from tests.trainer.kubernetes.fences import HOME, RBAC, Fenced, fenced

pytestmark = pytest.mark.skipif(MISSING, reason=REASON)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    with ExitStack() as stack:
        found = fenced(tmp_path_factory.mktemp("fenced"), MINORS[-1], stack)
        found.cluster.controller.default = REAL
        yield found


class Step:
    """Stands for a component of kfp, which is only a key."""


class Output:
    """An artifact of kfp, as a component sees it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.metadata: dict[str, Any] = {}


def test_a_train_step_runs_with_the_rights_that_are_printed_for_it(
    there: Fenced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step()
    remember_rules(step, CALL_RULES["train"])
    config = there.config("limited", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(config.config_file))
    monkeypatch.delenv("KUBEFLOW_BACKEND", raising=False)
    output = Output("s3://pipelines/run-7/output")

    with pytest.raises(Forbidden):
        component_runs.run_train(where, {"place": "at"}, {}, makes="model", output=output)
    roles: list[tuple[list[dict[str, Any]], str | None]] = []
    for document in yaml.safe_load_all(rights(step, namespace=HOME)):
        for subject in document.get("subjects", ()):  # tests have tokens of users
            subject.clear()
            subject |= {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "limited"}
        scope = f"namespaces/{HOME}/" if "namespace" in document["metadata"] else ""
        there.cluster.wire.send("POST", f"{RBAC}/{scope}{document['kind'].lower()}s", document)
        if "rules" in document:
            roles.append((document["rules"], HOME if scope else None))
    for rules, place in roles:
        until_allowed(there.cluster.wire, "limited", rules, place)

    result = component_runs.run_train(where, {"place": "at"}, {}, makes="model", output=output)

    assert result == "at s3://pipelines/run-7/output"
    job = output.metadata["job"]
    made = there.cluster.wire.send("GET", f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{HOME}/trainjobs/{job}")
    assert output.metadata["job_uid"] == made["metadata"]["uid"]
    received = component_runs.received(output, "model")
    assert received == Artifact("s3://pipelines/run-7/output", "model", None, received.metadata)
