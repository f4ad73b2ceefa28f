"""What the engine that drives searches from this machine cannot do of one, each with the nearest that it can."""

from __future__ import annotations

from kubeflow.core.errors import Finding
from kubeflow.optimizer.algorithms.searchers import searcher_findings
from kubeflow.optimizer.optimization_spec import OptimizationSpec
from kubeflow.optimizer.trial_jobs import longest_job_name, trial_name
from kubeflow.optimizer.types.algorithm_types import PBT
from kubeflow.trainer.backends.base import Backend
from kubeflow.trainer.backends.localprocess.types import LocalProcessBackendConfig
from kubeflow.trainer.backends.machine.backend import MachineBackend


def study_findings(spec: OptimizationSpec, backend: Backend, config: object) -> list[Finding]:
    """Return what is in the way of a search.

    Args:
        spec: The search.
        backend: Where its trials would run.
        config: The configuration that the backend was made of.
    """
    findings = searcher_findings(spec)
    on_cluster = not isinstance(backend, MachineBackend)
    if isinstance(spec.algorithm, PBT) and not isinstance(config, LocalProcessBackendConfig):
        findings.append(
            Finding(
                "algorithm=PBT()",
                "its trials share checkpoint folders of this machine, and those of this client run "
                f"{'on a cluster' if on_cluster else 'in containers'}",
                "Take OptimizerClient(engine='katib'), or LocalProcessBackendConfig()"
                if on_cluster
                else "Take LocalProcessBackendConfig()",
            )
        )
    room = longest_job_name(spec.trial) - len(trial_name("", spec.config.num_trials - 1))
    if on_cluster and len(spec.name) > room:
        findings.append(
            Finding(
                f"name {spec.name!r}",
                f"trials are called {trial_name('<name>', 0)}, and on a cluster the pods of their jobs need room",
                f"Give name= at most {room} characters",
            )
        )
    return findings
