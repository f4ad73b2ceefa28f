"""The connection that the verbs of the cluster's backend share: transport, namespace, client, minor, default mode."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, cast

from kubeflow_api.kserve.v1beta1 import InferenceServices

from kubeflow.cluster import wire
from kubeflow.cluster.call_budget import CallBudget
from kubeflow.cluster.errors import ApiError, ClusterError, ControlPlaneMissing, Forbidden, NotFound
from kubeflow.cluster.repeating import Repeating
from kubeflow.cluster.wire import Json
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.core.transport import Request, Transport
from kubeflow.kserve.backends.cluster import serving_names as names
from kubeflow.kserve.backends.cluster.serving_minor import serving_minor
from kubeflow.kserve.errors import ServiceNotFound
from kubeflow.kserve.types.services import DeploymentModeName
from kubeflow.trainer.backends.kubernetes.config import KubernetesBackendConfig, cluster_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeflow.cluster import Cluster

logger = logging.getLogger(__name__)

# Where the controller's settings are: the namespace of the shipped manifests, and that of Kubeflow's.
_CONFIG_NAMESPACES = ("kserve", "kubeflow")
_CONFIG_MAP = "inferenceservice-config"
_LOOKED_AT = 500


class ServingConnection:
    """What the verbs of the backend share. Making one sends one request, which shows that the cluster has KServe.

    Attributes:
        cluster: The cluster; tunnels go through it.
        transport: The cluster, with what was put between.
        namespace: Where the services are.
        services: The typed client of InferenceServices; it repeats requests whose answers got lost.

    Args:
        config: Where the cluster is.
        wrap: Put between client and cluster; default: nothing.

    Raises:
        NotConfigured: There is no usable kubeconfig, and this is no pod of a cluster.
        ControlPlaneMissing: The cluster has no KServe.
        ClusterError: It cannot be reached, or does not let these credentials in.
    """

    def __init__(self, config: KubernetesBackendConfig, wrap: Callable[[Transport], Transport] | None = None) -> None:
        self.cluster: Cluster = cluster_of(config)
        self.transport: Transport = wrap(self.cluster) if wrap is not None else self.cluster
        self.namespace: str = self.cluster.namespace
        self.services = InferenceServices(Repeating(self.transport), self.namespace)
        self._finding_out = threading.Lock()
        self._minor: str | None = None
        self._minor_known = False
        self._default_mode: DeploymentModeName | None = None
        self._mode_known = False
        self._check_served()

    def _check_served(self) -> None:
        try:
            self.transport.send(Request("GET", f"/apis/{names.API_VERSION}"))
        except (ControlPlaneMissing, NotFound) as error:
            raise ControlPlaneMissing(
                f"{self.cluster} has no KServe: it does not serve {names.API_VERSION}. Ask who runs it to install "
                "KServe (https://kserve.github.io), or serve on this machine: "
                "KServeClient(LocalProcessBackendConfig())."
            ) from error
        except Forbidden as error:  # which APIs there are is hidden: requests for services will tell
            logger.debug("the APIs of %s are not told: %s", self.cluster, error)

    @property
    def minor(self) -> str | None:
        """The minor of KServe, like `"0.18"`, by the schema that the cluster serves; asked for when it is first needed.

        `None` when the schema does not tell, as with the minimal CRDs.
        """
        with self._finding_out:
            if not self._minor_known:
                self._minor_known = True
                self._minor = self._found_minor()
            return self._minor

    def _found_minor(self) -> str | None:
        try:
            minor = serving_minor(CallBudget(self.transport))
        except ClusterError as error:
            logger.warning("the minor of KServe cannot be found out, so that fields are not checked by it: %s", error)
            return None
        if minor is None:
            logger.debug("the schema of InferenceServices does not say what is in them")
        return minor

    @property
    def default_mode(self) -> DeploymentModeName | None:
        """How the cluster runs services that do not say how; `None` when these credentials may not read it."""
        with self._finding_out:
            if not self._mode_known:
                self._mode_known = True
                self._default_mode = self._found_mode()
            return self._default_mode

    def _found_mode(self) -> DeploymentModeName | None:
        for namespace in _CONFIG_NAMESPACES:
            try:
                answer = self.transport.send(Request("GET", wire.core_path(namespace, "configmaps", _CONFIG_MAP)))
            except ApiError as error:
                logger.debug("the settings of KServe are not in namespace %s: %s", namespace, error)
                continue
            try:
                settings: object = json.loads(wire.text(answer, "data", "deploy") or "{}")
            except ValueError:
                settings = {}
            # The controller's own default, where its settings say nothing.
            mode = wire.text(settings, "defaultDeploymentMode") or "Standard"
            return cast("DeploymentModeName | None", names.MODES.get(mode))
        return None

    def find(self, name: str) -> Json:
        """Return the InferenceService called `name` as JSON: one request, and one more when there is none.

        Raises:
            ServiceNotFound: With the names that there are.
            InvalidInput: When `name` is no text.
        """
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"name must be the name of a service, as text, not {name!r}.")
        try:
            return self.services.get(name).to_dict()
        except (NotFound, InvalidInput) as error:  # or a name that no object can have
            raise self.not_found(name) from error

    def not_found(self, name: str) -> ServiceNotFound:
        """Return the error for a service that does not exist; it names others, if they can be listed."""
        where = f"in namespace {self.namespace!r}"
        try:
            others = list(islice(self.services.list(), _LOOKED_AT))
            if not others and self.namespace_missing():
                where += ", because there is no such namespace"
        except ClusterError as error:  # what matters is said without the list
            return ServiceNotFound(name, (), where=where, unseen=str(error))
        return ServiceNotFound(name, [wire.text(other.to_dict(), "metadata", "name") for other in others], where=where)

    def namespace_missing(self) -> bool:
        """True when the server says that there is no such namespace; it takes a missing one for an empty one."""
        with suppress(Forbidden):  # whoever may only look into the namespace is told nothing of it
            try:
                self.transport.send(Request("GET", f"/api/v1/namespaces/{self.namespace}"))
            except NotFound:
                return True
        return False

    def after_fork(self) -> None:
        """Hold no lock that a thread of the parent process held; called in the child."""
        self._finding_out = threading.Lock()
