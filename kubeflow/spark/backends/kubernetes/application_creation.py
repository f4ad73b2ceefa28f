"""Creates what stands for a Spark job: an application and the ConfigMap with its code, both or none."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Mapping

from kubeflow_api.spark.v1beta2 import ScheduledSparkApplication, SparkApplication

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import AlreadyExists, ClusterError, Conflict, NotFound, ServerFault
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.core.resource import MERGE_PATCH, REQUEST_ID, Interruption, Request
from kubeflow.spark.backends.kubernetes.application_rendering import (
    RenderedApplication,
    RenderedJob,
    render_application,
)
from kubeflow.spark.backends.kubernetes.application_with_code import code_object
from kubeflow.spark.backends.kubernetes.spark_connection import SparkConnection
from kubeflow.spark.errors import SparkJobExists
from kubeflow.spark.jobs.spark_spec import SparkSpec

logger = logging.getLogger(__name__)


def submit_application(connection: SparkConnection, spec: SparkSpec) -> None:
    """Create what stands for a job: one request, and two more where it brings code. Before the first, up to seven more.

    Raises:
        InvalidInput: The operator would refuse it or not look at it, or its driver could not make executors.
        SparkJobExists: The name is taken.
        ClusterError: The server refuses it, or does not answer; nothing is left behind then.
    """
    check_watched(connection)
    account = connection.account(spec.service_account)
    rendered = render_application(spec, namespace=connection.namespace, account=account)
    create_rendered(connection, rendered)


def check_watched(connection: SparkConnection) -> None:
    """Refuse a namespace that the operator is known not to look at: what is made there is ignored without a word.

    Raises:
        InvalidInput: With the namespaces that it looks at.
    """
    settings = connection.settings
    if settings.watches(connection.namespace) is False:
        namespaces = settings.namespaces or ()
        raise InvalidInput(
            f"The Spark Operator does not look at namespace {connection.namespace!r}, so that nothing would ever "
            f"happen there: it looks at {', '.join(namespaces) or 'none'}. Use KubernetesBackendConfig(namespace=...) "
            "with one of them, or ask who runs the cluster to add the namespace to spark.jobNamespaces."
        )


def create_rendered(connection: SparkConnection, rendered: RenderedJob) -> None:
    """Create both objects of a job, or leave none behind.

    Raises:
        SparkJobExists: The name is taken.
        ClusterError: As the transport does.
    """
    mark = uuid.uuid4().hex
    name = str(rendered.application.metadata.name)
    try:
        if rendered.code:
            _create_code(connection, rendered, mark)
        created = _create(connection, rendered.application)
    except (Interruption, ServerFault):
        # Nobody knows whether the application was made. If it was, its code must stay.
        found = _made_unseen(connection, rendered)
        if found is None:
            if rendered.code:
                _discard_code(connection, rendered.code_name, mark)
            raise
        created = found
    except BaseException:
        if rendered.code:
            _discard_code(connection, rendered.code_name, mark)
        raise
    if rendered.code:
        _hand_over(connection, rendered.code_name, created)
    logger.debug("Spark job %s was made in namespace %s", name, connection.namespace)


def _create(connection: SparkConnection, application: RenderedApplication) -> RenderedApplication:
    name = str(application.metadata.name)
    try:
        if isinstance(application, ScheduledSparkApplication):
            return connection.schedules.create(application, namespace=connection.namespace)
        return connection.applications.create(application, namespace=connection.namespace)
    except AlreadyExists as error:
        raise SparkJobExists(name) from error


def _made_unseen(connection: SparkConnection, rendered: RenderedJob) -> RenderedApplication | None:
    """Return the application of a request whose answer got lost, `None` when there is none.

    Raises:
        ClusterError: The cluster does not say: what it has of the job is named in the log.
    """
    name = str(rendered.application.metadata.name)
    scheduled = isinstance(rendered.application, ScheduledSparkApplication)
    kind = connection.schedules if scheduled else connection.applications
    try:
        return kind.get(name)
    except NotFound:
        return None
    except ClusterError:
        logger.warning(
            "it is not known whether Spark job %s was made in namespace %s; ConfigMap %s with its code may be left",
            *(name, connection.namespace, rendered.code_name),
        )
        raise


def _create_code(connection: SparkConnection, rendered: RenderedJob, mark: str, *, again: bool = True) -> None:
    body = code_object(rendered, connection.namespace, {REQUEST_ID: mark})
    path = wire.core_path(connection.namespace, "configmaps")
    try:
        connection.transport.send(Request("POST", path, {"fieldValidation": "Strict"}, body, repeatable=True))
    except AlreadyExists:
        there: Json = wire.NOTHING
        with contextlib.suppress(ClusterError):
            there = connection.transport.send(Request("GET", f"{path}/{rendered.code_name}"))
        if wire.strings(there, "metadata", "labels").get(REQUEST_ID) == mark:
            return  # sent twice, because the first answer got lost
        if _application_exists(connection, rendered.application):
            raise SparkJobExists(str(rendered.application.metadata.name)) from None
        if not again or not _is_left(connection, there):
            raise
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": wire.identity_of(there)}}
        with contextlib.suppress(NotFound, Conflict):  # the cluster was first
            connection.transport.send(Request("DELETE", f"{path}/{rendered.code_name}", {}, options))
        _create_code(connection, rendered, mark, again=False)


def _is_left(connection: SparkConnection, code: Json) -> bool:
    """Return True for code whose job is known to be deleted: the cluster deletes it as well, and may take a while."""
    owners = wire.objects(code, "metadata", "ownerReferences")
    return bool(owners) and not any(_may_live(connection, owner) for owner in owners)


def _may_live(connection: SparkConnection, owner: Json) -> bool:
    kinds: Mapping[str, Callable[[str], RenderedApplication]] = {
        "SparkApplication": connection.applications.get,
        "ScheduledSparkApplication": connection.schedules.get,
    }
    find = kinds.get(wire.text(owner, "kind"))
    try:
        return find is None or find(wire.text(owner, "name")).metadata.uid == wire.text(owner, "uid")
    except NotFound:
        return False
    except ClusterError:
        return True


def _application_exists(connection: SparkConnection, application: RenderedApplication) -> bool:
    kind = connection.schedules if isinstance(application, ScheduledSparkApplication) else connection.applications
    try:
        kind.get(str(application.metadata.name))
    except ClusterError:
        return False
    return True


def _discard_code(connection: SparkConnection, name: str, mark: str) -> None:
    aftermath = CallBudget(connection.transport)
    path = wire.core_path(connection.namespace, "configmaps", name)
    try:
        found = aftermath.send(Request("GET", path))
        if wire.strings(found, "metadata", "labels").get(REQUEST_ID) == mark:
            aftermath.send(Request("DELETE", path, repeatable=True))
    except NotFound:
        return
    except ClusterError as error:
        logger.warning(
            "ConfigMap %s of a Spark job that was not made may be left in namespace %s: %s",
            *(name, connection.namespace, error),
        )


def _hand_over(connection: SparkConnection, name: str, application: RenderedApplication) -> None:
    """Make the application the owner of its code, so that the cluster deletes the one with the other."""
    metadata = application.metadata
    kind = "SparkApplication" if isinstance(application, SparkApplication) else "ScheduledSparkApplication"
    owner = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": kind, "name": metadata.name, "uid": metadata.uid}
    path = wire.core_path(connection.namespace, "configmaps", name)
    patch = {"metadata": {"ownerReferences": [owner]}}
    try:
        CallBudget(connection.transport).send(Request("PATCH", path, {}, patch, MERGE_PATCH, repeatable=True))
    except ClusterError as error:  # the job runs; only its end will leave something behind
        logger.warning(
            "ConfigMap %s stays when Spark job %s is deleted; delete it by hand: %s", name, metadata.name, error
        )
