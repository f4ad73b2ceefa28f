"""The admission webhooks of Trainer and JobSet, as the API server of the test cluster asks them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.admission import (
    default_jobset,
    default_trainjob,
    refuse_jobset,
    refuse_jobset_change,
    refuse_trainjob,
)
from tests.cluster.admissionserver import AdmissionServer, Hook, changed, refused
from tests.cluster.wire import Wire

Object = dict[str, Any]

_TRAINER = "/apis/trainer.kubeflow.org/v1alpha1"
_TRAINJOBS, _JOBSETS = ("trainer.kubeflow.org", "v1alpha1", "trainjobs"), ("jobset.x-k8s.io", "v1alpha2", "jobsets")


class Webhooks(AdmissionServer):
    """Serves the webhooks of a Trainer minor and its JobSet to an API server of this machine, until it is stopped.

    Those of Trainer are played for 2.3 alone.
    """

    def __init__(self, wire: Wire, folder: Path, minor: str) -> None:
        self._cluster, self._newest = wire, minor == "2.3"
        both = ("CREATE", "UPDATE")
        of_trainer = [
            Hook("defaulter.trainjob.trainer.kubeflow.org", True, _TRAINJOBS, both, self._default_trainjob),
            Hook("validator.trainjob.trainer.kubeflow.org", False, _TRAINJOBS, both, self._judge_trainjob),
        ]
        of_jobset = [
            Hook("mjobset.kb.io", True, _JOBSETS, ("CREATE",), self._default_jobset),
            Hook("vjobset.kb.io", False, _JOBSETS, both, self._judge_jobset),
        ]
        hooks = [*(of_trainer if self._newest else ()), *of_jobset]
        super().__init__(wire, folder, "trainer.kubeflow.org", hooks)

    def _default_trainjob(self, request: Mapping[str, Any]) -> Object:
        return changed(request["object"], default_trainjob(request["object"], request.get("oldObject")))

    def _default_jobset(self, request: Mapping[str, Any]) -> Object:
        return changed(request["object"], default_jobset(request["object"], retention=self._newest))

    def _judge_jobset(self, request: Mapping[str, Any]) -> Object:
        given, old = request["object"], request.get("oldObject")
        return refused(refuse_jobset_change(old, given) if old else refuse_jobset(given), 422, "Invalid")

    def _judge_trainjob(self, request: Mapping[str, Any]) -> Object:
        return refused(self._refuse_trainjob(request["object"]), 403, "Forbidden")

    def _refuse_trainjob(self, job: Object) -> str:
        if job["metadata"].get("deletionTimestamp"):
            return ""

        def find(name: str) -> Mapping[str, Any] | None:
            path = f"{_TRAINER}/clustertrainingruntimes/{name}"
            if job["spec"]["runtimeRef"].get("kind") == "TrainingRuntime":
                path = f"{_TRAINER}/namespaces/{job['metadata']['namespace']}/trainingruntimes/{name}"
            return self._cluster.find(path)

        return refuse_trainjob(job, find)
