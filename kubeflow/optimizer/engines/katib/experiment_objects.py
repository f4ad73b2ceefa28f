"""Experiments, Trials and Suggestions of a cluster: how they are read, in few requests, and created."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kubeflow_api.k8s.meta.v1 import ObjectMeta
from kubeflow_api.katib.v1beta1 import Experiment, Experiments
from kubeflow_api.trainer.v1alpha1 import TrainJob as TrainJobModel

from kubeflow.cluster import wire
from kubeflow.cluster.errors import AlreadyExists, ApiError, ControlPlaneMissing, Forbidden, Invalid, NotFound
from kubeflow.cluster.readings import Found, Reading, reading
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import Finding, InvalidInput
from kubeflow.core.resource import Request
from kubeflow.optimizer.constants import constants
from kubeflow.optimizer.errors import EngineRefuses, OptimizationExists, OptimizationNotFound
from kubeflow.trainer.backends.kubernetes.connection.connection import Connection
from kubeflow.trainer.backends.kubernetes.jobs.lookup import jobs_path
from kubeflow.trainer.backends.kubernetes.jobs.views import shown
from kubeflow.trainer.types.jobs import TrainJob

INJECTION_LABEL = "katib.kubeflow.org/metrics-collector-injection"
"""Of a namespace, with the value `enabled`: Katib puts its metrics collector into the pods of trials."""
_CLIENT = "Take OptimizerClient(engine='client'), which needs no Katib"


@dataclass(frozen=True)
class SearchObjects:
    """What belongs to one search, as the server sent it.

    Attributes:
        experiment: The Experiment.
        trials: Its Trials.
        jobs: TrainJobs of trials, by name.
        suggestion: The Suggestion, where it was asked for and found.
    """

    experiment: Json
    trials: list[Json]
    jobs: Mapping[str, TrainJob]
    suggestion: Json | None = None


def katib_path(namespace: str, plural: str, name: str | None = None) -> str:
    """Return the path of a collection of Katib's kinds, or of one object in it."""
    path = f"/apis/{constants.API_VERSION}/namespaces/{quote(namespace, safe='')}/{plural}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def get_experiment(connection: Connection, name: str) -> Json:
    """Return one Experiment: one request, and one more when there is none.

    Raises:
        OptimizationNotFound: With names like it.
        ControlPlaneMissing: The cluster does not have Katib.
    """
    path = katib_path(connection.namespace, constants.EXPERIMENT_PLURAL, name)
    try:
        return connection.transport.send(Request("GET", path))
    except NotFound:
        raise OptimizationNotFound(
            name, experiment_names(connection), where=f"in namespace {connection.namespace!r}"
        ) from None


def list_experiments(connection: Connection) -> list[Json]:
    """Return the Experiments of the namespace: one request, and one for each further page.

    Raises:
        ControlPlaneMissing: The cluster does not have Katib.
    """
    path = katib_path(connection.namespace, constants.EXPERIMENT_PLURAL)
    try:
        return list(wire.listed(connection.transport, path))
    except NotFound as error:
        raise ControlPlaneMissing(f"This cluster does not have Katib. {_CLIENT}.") from error


def experiment_names(connection: Connection) -> list[str]:
    """Return the names of the Experiments of the namespace; none where they may not be listed."""
    with contextlib.suppress(Forbidden):
        return [wire.text(item, "metadata", "name") for item in list_experiments(connection)]
    return []


def list_trials(connection: Connection, experiment: str | None = None) -> list[Json]:
    """Return the Trials of an Experiment, or of all: one request, and one for each further page."""
    selector = constants.EXPERIMENT_LABEL + ("" if experiment is None else f"={experiment}")
    path = katib_path(connection.namespace, constants.TRIAL_PLURAL)
    return list(wire.listed(connection.transport, path, {"labelSelector": selector}))


def list_trainjobs(connection: Connection, experiment: Json) -> dict[str, TrainJob]:
    """Return the TrainJobs of trials by name: one request; none where the template has no label to find them by.

    Their pods are not looked at, so that the number of requests does not grow with that of trials.
    """
    name = wire.text(experiment, "metadata", "name")
    labels = wire.strings(experiment, "spec", "trialTemplate", "trialSpec", "metadata", "labels")
    if labels.get(constants.OPTIMIZATION_LABEL) != name:
        return {}
    query = {"labelSelector": f"{constants.OPTIMIZATION_LABEL}={name}"}
    found: dict[str, TrainJob] = {}
    with contextlib.suppress(
        Forbidden
    ):  # Katib's own roles do not have TrainJobs: what came of trials is in the Trials
        for item in wire.listed(connection.transport, jobs_path(connection.namespace), query):
            found[wire.text(item, "metadata", "name")] = shown(connection, TrainJobModel.from_server(item), None)
    return found


def get_suggestion(connection: Connection, name: str) -> Reading[Json]:
    """Return the Suggestion of an Experiment: one request."""
    path = katib_path(connection.namespace, "suggestions", name)
    return reading(lambda: connection.transport.send(Request("GET", path)))


def is_served(connection: Connection) -> bool:
    """Return False where the cluster does not have Katib's Experiments: one request."""
    try:
        found = connection.transport.send(Request("GET", f"/apis/{constants.API_VERSION}"))
    except (NotFound, ControlPlaneMissing):
        return False
    except Forbidden:
        return True  # nobody knows: asking for them will tell
    return any(
        wire.text(resource, "name") == constants.EXPERIMENT_PLURAL for resource in wire.objects(found, "resources")
    )


def namespace_label(connection: Connection) -> Reading[bool]:
    """Return whether Katib collects metrics in the namespace: one request, which many users may not send."""

    def labelled() -> bool:
        path = f"/api/v1/namespaces/{quote(connection.namespace, safe='')}"
        found = connection.transport.send(Request("GET", path))
        return wire.strings(found, "metadata", "labels").get(INJECTION_LABEL) == "enabled"

    return reading(labelled)


def cluster_findings(connection: Connection) -> list[Finding]:
    """Return what in the cluster is in the way of every search with Katib: two requests."""
    if not is_served(connection):
        return [Finding("Katib", "this cluster does not have it", _CLIENT)]
    match namespace_label(connection):
        case Found(False):
            return [unlabelled(connection.namespace)]
        case _:  # it has the label, or may not be read: Katib's webhook says so then
            return []


def unlabelled(namespace: str) -> Finding:
    """Return the finding for a namespace whose trials Katib collects no metrics of."""
    return Finding(
        f"namespace {namespace!r}",
        f"it lacks the label {INJECTION_LABEL}=enabled, without which Katib takes no Experiment",
        f"Have it set: kubectl label namespace {namespace} {INJECTION_LABEL}=enabled. {_CLIENT}",
    )


def create_experiment(connection: Connection, experiment: Experiment) -> None:
    """Create an Experiment after the server has judged it: two requests.

    Raises:
        OptimizationExists: The name is taken.
        EngineRefuses: Katib refuses it: the namespace lacks its label, or it is too old for TrainJobs.
        InvalidInput: Katib refuses it otherwise, in its own words.
        ClusterError: As the transport does.
    """
    experiments = Experiments(connection.transport, connection.namespace)
    metadata = experiment.metadata or ObjectMeta()
    name = str(metadata.name)
    try:
        judged = experiments.create(experiment, dry_run=True)
        _check_defaults(name, judged)
        experiments.create(experiment)
    except AlreadyExists:
        raise OptimizationExists(name) from None
    except NotFound as error:
        raise ControlPlaneMissing(f"This cluster does not have Katib. {_CLIENT}.") from error
    except (Invalid, Forbidden) as error:
        raise _refusal(connection, experiment, name, error) from error


def _check_defaults(name: str, judged: Experiment) -> None:
    template = judged.spec.trial_template
    if template.trial_spec is not None and not template.success_condition:
        raise EngineRefuses(
            "katib",
            name,
            [
                Finding(
                    "Katib",
                    "its webhook did not look at the search, so that nobody would run it",
                    f"Ask who runs the cluster whether katib-controller is installed and runs. {_CLIENT}",
                )
            ],
        )


def _refusal(connection: Connection, experiment: Experiment, name: str, error: ApiError) -> Exception:
    said = error.server_message
    if INJECTION_LABEL in said:
        return EngineRefuses("katib", name, [unlabelled(connection.namespace)])
    kind = wire.text(experiment.spec.trial_template.trial_spec, "kind")
    if "successCondition and failureCondition" in said and kind == "TrainJob":
        finding = Finding(
            "Katib",
            "the one of this cluster is older than 0.19, and does not know TrainJobs as trials",
            f"Have Katib upgraded to 0.19 or later. {_CLIENT}",
        )
        return EngineRefuses("katib", name, [finding])
    if isinstance(error, Forbidden):
        return error
    return InvalidInput(f"Katib refuses the search {name!r}: {said}")
