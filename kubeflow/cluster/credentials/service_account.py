"""The service account of the pod that this process runs in."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kubeflow.cluster.access import Access
from kubeflow.cluster.credentials.kubeconfig import LOCALLY
from kubeflow.cluster.credentials.users import RELOAD, bearer
from kubeflow.cluster.errors import NotConfigured
from kubeflow.cluster.proxies import proxy_of_environment
from kubeflow.cluster.tls import Tls

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_pod() -> bool:
    """True when this process runs in a pod of a cluster."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST") and os.environ.get("KUBERNETES_SERVICE_PORT"))


def is_mounted(folder: Path = MOUNTED) -> bool:
    """True when this process runs in a pod that has the token of its service account."""
    return in_pod() and (folder / "token").is_file()


def in_cluster(folder: Path = MOUNTED) -> Access:
    """Return the access of the pod that this process runs in.

    Args:
        folder: Where the token, the authority and the namespace of its service account are mounted.

    Raises:
        NotConfigured: One of them is missing.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "")
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        token = (folder / "token").read_text("utf-8").strip()
        authority = (folder / "ca.crt").read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(str(error)) from error
    if not token:
        raise _unusable(f"{folder / 'token'} is empty.")
    origin = "the pod's service account"
    return Access(
        server,
        namespace_of(folder),
        None,
        origin,
        Tls(authority),
        proxy_of_environment(server),
        (("Authorization", bearer(token, origin)),),
        time.time() + RELOAD,
    )


def namespace_of(folder: Path = MOUNTED) -> str | None:
    """Return the namespace of the pod that this process runs in; `None` where there is none."""
    try:
        return (folder / "namespace").read_text("utf-8").strip() or None
    except OSError:
        return None


def _unusable(why: str) -> NotConfigured:
    return NotConfigured(
        f"This looks like a pod of a cluster, but its service account cannot be used: {why.rstrip('.')}. Let the pod "
        f"mount its service account token (automountServiceAccountToken), or give config_file=. {LOCALLY}"
    )
