"""What is wrong with the URI of a model, or with what lets a pod read it: found before a pod fails on it minutes later.

Schemes are those of KServe's storage initializer, 0.15 to 0.20 (https://github.com/kserve/kserve, python/storage).
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from kubeflow.cluster import wire
from kubeflow.cluster.errors import ClusterError
from kubeflow.cluster.readings import Absent, Found, NotServed, reading
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.stdlib import re
from kubeflow.core.transport import Request, Transport
from kubeflow.kserve.service_spec import ServiceSpec

logger = logging.getLogger(__name__)

SCHEMES = ("s3", "gs", "hf", "pvc", "oci", "oci+native", "https", "http", "hdfs", "webhdfs")
"""Schemes that the storage initializer fetches from."""

_CREDENTIALED = ("s3", "gs", "hdfs", "webhdfs")
# Schemes that people write for one of them.
_ALIASES = {
    "s3a": "s3",
    "s3n": "s3",
    "minio": "s3",
    "gcs": "gs",
    "huggingface": "hf",
    "docker": "oci",
    "azure": "https",
}
_STORAGE_CONFIG = "storage-config"


def check_scheme(uri: str) -> str:
    """Return the scheme of a model's URI, in lower case; one that is not KServe's own is for the cluster to know.

    Raises:
        InvalidInput: No pod can fetch it, with what to do instead.
    """
    scheme, _, rest = uri.partition("://")
    scheme = scheme.lower()
    if scheme == "file":
        raise InvalidInput(
            f"The model is at {urlsplit(uri).path} on this machine, which pods of a cluster cannot read. Copy it to a "
            "bucket or a volume and give that URI ('s3://bucket/model', 'pvc://claim/folder'), or serve it on this "
            "machine: KServeClient(LocalProcessBackendConfig())."
        )
    if scheme in _ALIASES:
        meant = _ALIASES[scheme]
        azure = " (https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER)" if scheme == "azure" else ""
        raise InvalidInput(f"KServe knows no {scheme}://: write {meant}://{rest if not azure else '...'}{azure}.")
    if not rest.strip("/"):
        raise InvalidInput(f"model={uri!r} names no bucket, repository, claim or host: write '{scheme}://NAME/PATH'.")
    if scheme == "hf" and not re.fullmatch(r"[^/\s]+/[^/\s]+", rest.strip("/").partition("@")[0]):
        raise InvalidInput(f"model={uri!r} is no repository of the Hugging Face Hub: write 'hf://ORGANISATION/NAME'.")
    return scheme


def check_storage(transport: Transport, namespace: str, spec: ServiceSpec) -> None:
    """Refuse a model that pods cannot fetch; log what its user should know where it cannot be found out.

    At most three requests. What these credentials may not see is not known to be missing.

    Raises:
        InvalidInput: No part of the cluster fetches from that scheme; its claim, service account or secret is missing.
    """
    uri = spec.model.uri
    if spec.service_account is not None:
        path = wire.core_path(namespace, "serviceaccounts", spec.service_account)
        if reading(lambda: transport.send(Request("GET", path))) == Absent():
            raise InvalidInput(
                f"There is no service account {spec.service_account!r} in namespace {namespace!r}: make it, or name "
                "one that is there (kubectl get serviceaccounts)."
            )
    if uri is None:
        return
    scheme = check_scheme(uri)
    if spec.storage_key is not None:
        _check_key(transport, namespace, spec.storage_key)
    elif scheme == "pvc":
        _check_claim(transport, namespace, uri)
    elif scheme not in SCHEMES:
        _check_container(transport, uri, scheme)
    elif scheme in _CREDENTIALED and spec.service_account is None:
        _look_at_default_account(transport, namespace, uri, spec.name)


def _check_claim(transport: Transport, namespace: str, uri: str) -> None:
    claim = uri.partition("://")[2].partition("/")[0]
    path = wire.core_path(namespace, "persistentvolumeclaims", claim)
    if reading(lambda: transport.send(Request("GET", path))) == Absent():
        raise InvalidInput(
            f"There is no PersistentVolumeClaim {claim!r} in namespace {namespace!r}, which {uri} names: make it, or "
            "name one that is there (kubectl get pvc)."
        )


def _check_key(transport: Transport, namespace: str, key: str) -> None:
    path = wire.core_path(namespace, "secrets", _STORAGE_CONFIG)
    secret = reading(lambda: transport.send(Request("GET", path)))
    if secret == Absent():
        raise InvalidInput(
            f"There is no Secret {_STORAGE_CONFIG!r} in namespace {namespace!r}, in which entry {key!r} is to be: make "
            "it (https://kserve.github.io/website, storage secrets), or use StorageCredentials(service_account=...)."
        )
    if isinstance(secret, Found) and key not in (keys := wire.mapping(secret.value, "data")):
        raise InvalidInput(
            f"Secret {_STORAGE_CONFIG!r} in namespace {namespace!r} has no entry {key!r}.{did_you_mean(key, keys)} "
            f"It has: {', '.join(sorted(keys)) or 'none'}."
        )


def _check_container(transport: Transport, uri: str, scheme: str) -> None:
    path = "/apis/serving.kserve.io/v1alpha1/clusterstoragecontainers"
    containers = reading(lambda: list(wire.listed(transport, path)))
    if not isinstance(containers, Found | Absent | NotServed):  # a KServe may come without that kind
        logger.warning(
            "whether the cluster fetches models from %s:// is not known, as its ClusterStorageContainers cannot be "
            "listed; KServe itself fetches from %s",
            *(scheme, ", ".join(SCHEMES)),
        )
        return
    for container in containers.value if isinstance(containers, Found) else ():
        for form in wire.objects(container, "spec", "supportedUriFormats"):
            prefix, regex = wire.text(form, "prefix"), wire.text(form, "regex")
            if (prefix and uri.startswith(prefix)) or (regex and _matches(regex, uri)):
                return
    raise InvalidInput(
        f"Nothing on this cluster fetches a model from {scheme}://.{did_you_mean(scheme, SCHEMES)} KServe itself "
        f"fetches from {', '.join(SCHEMES)}; others need a ClusterStorageContainer, made by who runs the cluster."
    )


def _matches(regex: str, uri: str) -> bool:
    try:
        return re.match(regex, uri) is not None
    except re.error:  # Go's syntax, which Python does not know: not for us to judge
        return True


def _look_at_default_account(transport: Transport, namespace: str, uri: str, service: str) -> None:
    path = wire.core_path(namespace, "serviceaccounts", "default")
    try:
        account = transport.send(Request("GET", path))
    except ClusterError as error:
        logger.debug("the service account of service %s is not known: %s", service, error)
        return
    annotations = wire.strings(account, "metadata", "annotations")
    federated = any("iam" in key or "workload" in key or "role" in key for key in annotations)
    if not wire.objects(account, "secrets") and not federated:
        logger.warning(
            "service %s reads %s with the service account 'default' of namespace %s, which has no credentials: unless "
            "it is public, give options=[StorageCredentials(service_account=...)] or StorageCredentials(key=...)",
            *(service, uri, namespace),
        )
