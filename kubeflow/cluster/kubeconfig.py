"""Reads one context of a kubeconfig, by the official client's parts: its merger, its plugins, its loader.

The official loader is not used alone because it takes the wrong current context of several files, and goes on without
credentials when a plugin fails.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import did_you_mean

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

LOCALLY = (
    "To run on this machine without a cluster: TrainerClient(LocalProcessBackendConfig()), or set "
    "KUBEFLOW_BACKEND=localprocess."
)
# Seconds between two looks at a mounted token: it is replaced well before it expires. client-go takes a minute as well.
MOUNTED = 60.0
# The official client keeps certificates in files that all its users share; it does not lock.
_loading = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)


@dataclass(frozen=True, slots=True)
class Login:
    """One context, read.

    Attributes:
        configuration: For the official client; without a proxy.
        context: Its name.
        namespace: That it names.
        proxy: Its `proxy-url`.
        fresh_until: A `time.time()`, `None` for credentials that say no end.
    """

    configuration: Configuration
    context: str
    namespace: str | None
    proxy: str | None
    fresh_until: float | None

    __repr__ = repr_of_fields


class _Entry(Protocol):
    """A named cluster, context or user as the official merger returns it; `path` is the file that it stands in."""

    value: Mapping[str, object]
    path: str


def log_in(files: str, context: str | None) -> Login:
    """Return what is needed to use a context, running its credentials plugin if it has one.

    Args:
        files: One path, or several as in `$KUBECONFIG`.
        context: Its name; default: the current one.

    Raises:
        NotConfigured: No such file or context, or one that is not complete; a plugin that fails.
    """
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger
    from yaml import YAMLError

    try:
        merger = KubeConfigMerger(files)
        contexts = _entries(merger.config, "contexts")
        name = _chosen(context, _current(merger), sorted(contexts), files)
        details = _part(contexts[name], "context")
        user = _part(_entries(merger.config, "users").get(str(details.get("user"))), "user")
        cluster = _entries(merger.config, "clusters").get(str(details.get("cluster")))
        until = _run_plugin(user, cluster, name, files) if cluster else None
        configuration = Configuration()
        loader = KubeConfigLoader(
            merger.config,
            active_context=name,
            config_base_path=None,  # pyright: ignore[reportArgumentType]
            # Only the old providers, like OIDC, change a kubeconfig: their refresh tokens serve once.
            config_persister=merger.save_changes if "auth-provider" in user else None,
        )
        with _loading:
            loader.load_and_set(configuration)  # pyright: ignore[reportUnknownMemberType]
    except (ConfigException, YAMLError, OSError, TypeError, AttributeError, LookupError, ValueError) as error:
        raise NotConfigured(f"The kubeconfig {files} cannot be used: {error}. Correct it. {LOCALLY}") from error
    proxy = _part(cluster, "cluster").get("proxy-url")
    configuration.proxy = configuration.no_proxy = None  # what a release of the official client made of them
    configuration.refresh_api_key_hook = None  # read again by us, under our lock
    namespace = details.get("namespace")
    return Login(configuration, name, str(namespace) if namespace else None, str(proxy) if proxy else None, until)


class _Merger(Protocol):
    paths: list[str]
    config_files: dict[str, dict[str, object]]


def _entries(merged: object, kind: str) -> dict[str, _Entry]:
    """Return the clusters, contexts or users by name; the first file that has a name wins, as for kubectl."""
    found = cast("Mapping[str, list[_Entry]]", getattr(merged, "value", None) or {})
    return {str(entry.value["name"]): entry for entry in found.get(kind) or []}


def _part(entry: _Entry | None, kind: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", (entry.value.get(kind) if entry else None) or {})


def _current(merger: object) -> str | None:
    # Of several files, the first that says wins, as for kubectl; the official client takes the last.
    files = cast("_Merger", merger)
    found = (files.config_files[path].get("current-context") for path in files.paths)
    return next((str(name) for name in found if name), None)


def _chosen(context: str | None, current: str | None, names: list[str], files: str) -> str:
    if not any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file):
        raise NotConfigured(f"There is no kubeconfig {files}. Correct config_file= or KUBECONFIG. {LOCALLY}")
    listed = ", ".join(names) or "none"
    name = current if context is None else context
    if name is None:
        raise NotConfigured(
            f"The kubeconfig {files} has no current context. Give context=, or run `kubectl config use-context NAME`. "
            f"Contexts: {listed}. {LOCALLY}"
        )
    if name not in names:
        raise NotConfigured(
            f"The kubeconfig {files} has no context {name!r}.{did_you_mean(name, names)} Contexts: {listed}. {LOCALLY}"
        )
    return name


def _run_plugin(user: Mapping[str, object], cluster: _Entry, context: str, files: str) -> float | None:
    """Put what the plugin says into `user` in its stead, and return until when the credentials are fresh."""
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.exec_provider import ExecProvider
    from kubernetes.config.kube_config import ConfigNode

    if "auth-provider" in user or "token" in user:
        return None
    if "tokenFile" in user:
        return time.time() + MOUNTED
    if "exec" not in user:
        return None
    plugin = cast("Mapping[str, object]", user["exec"])
    folder = str(Path(cluster.path).absolute().parent)
    try:
        told: list[object] = [ConfigNode("exec", plugin), folder]
        if "cluster" in signature(ExecProvider).parameters:  # kubernetes 31 and later tell it of the cluster
            told.append(ConfigNode("cluster", _part(cluster, "cluster"), cluster.path))
        status = _credentials(ExecProvider(*told).run())  # pyright: ignore[reportUnknownMemberType]
    except (ConfigException, OSError) as error:
        remedy = "Log in to the cluster again, so that kubectl works with this context."
        if isinstance(error, FileNotFoundError):
            remedy = f"{str(plugin.get('installHint') or 'Install it, or correct its path').strip().rstrip('.')}."
        raise NotConfigured(
            f"The credentials plugin {plugin.get('command')!r} of context {context!r} in {files} failed: {error}. "
            f"{remedy} {LOCALLY}"
        ) from error
    values = cast("dict[str, object]", user)
    del values["exec"]
    if status.get("token"):
        values["token"] = status["token"]
    for key, found in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
        if status.get(found):
            values[key] = base64.b64encode(status[found].encode()).decode()
    expires = status.get("expirationTimestamp")
    return _before(datetime.fromisoformat(expires)) if expires else None


def _credentials(status: Mapping[str, str]) -> Mapping[str, str]:
    from kubernetes.config.config_exception import ConfigException

    if not status.get("token") and not (status.get("clientCertificateData") and status.get("clientKeyData")):
        raise ConfigException("it returned neither a token nor a certificate with its key")
    return status


def _before(expiry: datetime) -> float:
    """Return when to renew: a minute before the end, but not in the first half of the time that is left."""
    now = time.time()
    end = expiry.replace(tzinfo=expiry.tzinfo or UTC).timestamp()
    return max(end - 60, now + (end - now) / 2)
