"""Where a cluster is and what to log in with: a kubeconfig, a pod's service account, or what the user configured.

Nothing here is global: every call reads anew, into a `Configuration` of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from kubeflow.cluster.errors import NotConfigured
from kubeflow.cluster.kubeconfig import LOCALLY, MOUNTED, Login, log_in
from kubeflow.cluster.proxies import is_exempt, proxy_of_environment, with_scheme
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """What it takes to talk to one cluster.

    Attributes:
        configuration: Address and certificates for the official client's pool.
        authorization: The header's value, `None` without a token.
        namespace: That of the context or service account, `None` where neither says.
        context: Name of the kubeconfig context, `None` without a kubeconfig.
        origin: The credentials in words, like `"context 'prod' of ~/.kube/config"`.
        proxy: The URL of the proxy on the way, `None` for none.
        fresh_until: `time.time()` at which to read all of this again; `None`: when the server refuses it.
    """

    configuration: Configuration
    authorization: str | None = field(repr=False)
    namespace: str | None
    context: str | None
    origin: str
    proxy: str | None = None
    fresh_until: float | None = None

    __repr__ = repr_of_fields


Source: TypeAlias = Callable[[], Access]


def source(
    config_file: str | os.PathLike[str] | None, context: str | None, client_configuration: object | None
) -> Source:
    """Return what reads the access that a user's arguments mean; see `Cluster.connect`.

    Raises:
        InvalidInput: The arguments exclude each other, or are no texts.
        NotConfigured: There is neither a kubeconfig nor a service account.
    """
    if client_configuration is not None:
        if config_file is not None or context is not None:
            raise InvalidInput("give either client_configuration, or config_file and context, not both")
        return lambda: given(client_configuration)
    if context is not None and not isinstance(context, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"context= is the name of a context of the kubeconfig, not {context!r}.")
    if config_file is not None:
        if not isinstance(config_file, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput(f"config_file= is the path of a kubeconfig, not {config_file!r}.")
        return lambda: kubeconfig(os.fspath(config_file), context)
    files = os.environ.get("KUBECONFIG") or "~/.kube/config"
    if any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file):
        return lambda: kubeconfig(files, context)
    if context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster
    wanted = "" if context is None else f" with a context {context!r}"
    raise NotConfigured(
        f"There is no kubeconfig{wanted} ({files} does not exist) and this is no pod of a cluster. Set KUBECONFIG to a "
        f"kubeconfig file, or give config_file=. {LOCALLY}"
    )


def given(configuration: object) -> Access:
    """Return the access of a `kubernetes.client.Configuration` that the user made."""
    for name in ("host", "auth_settings", "ssl_ca_cert"):
        if not hasattr(configuration, name):
            raise InvalidInput(
                f"client_configuration must be a kubernetes.client.Configuration, not a {type(configuration).__name__}"
            )
    own = cast("Configuration", configuration)
    namespace = _namespace_of(SERVICE_ACCOUNT)
    # Asked before every request: its refresh hook decides by itself when a token is too old.
    origin = "the given client_configuration"
    return Access(own, _authorization(own), namespace, None, origin, _given_proxy(own), 0.0)


def _given_proxy(configuration: Configuration) -> str | None:
    proxy, no_proxy = (str(getattr(configuration, name, None) or "") for name in ("proxy", "no_proxy"))
    server = str(configuration.host)
    # Some releases fill these in from the environment, without what NO_PROXY says.
    if not proxy or proxy in os.environ.values():
        return proxy_of_environment(server)
    return None if no_proxy and is_exempt(server, no_proxy) else with_scheme(proxy)


def in_cluster(folder: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access of the pod that this process runs in.

    Args:
        folder: Where the token, the authority and the namespace of its service account are mounted.

    Raises:
        NotConfigured: One of them is missing.
    """
    from kubernetes.client.configuration import Configuration
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    try:
        loader = InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), try_refresh_token=False)
        loader.load_and_set(configuration)  # pyright: ignore[reportUnknownMemberType]
    except (ConfigException, OSError) as error:
        raise NotConfigured(
            f"This looks like a pod of a cluster, but its service account cannot be used: {error} Let the pod mount "
            f"its service account token (automountServiceAccountToken), or give config_file=. {LOCALLY}"
        ) from error
    origin = "the pod's service account"
    authorization = _authorization(configuration)
    configuration.proxy = configuration.no_proxy = None
    proxy = proxy_of_environment(str(configuration.host))
    return Access(configuration, authorization, _namespace_of(folder), None, origin, proxy, time.time() + MOUNTED)


def kubeconfig(files: str, context: str | None) -> Access:
    """Return the access of a context of a kubeconfig.

    Args:
        files: One path, or several as in `$KUBECONFIG`.
        context: Its name; default: the current one.

    Raises:
        NotConfigured: No such file or context, or one that is not complete; a credentials plugin that fails.
    """
    login: Login = log_in(files, context)
    return Access(
        login.configuration,
        _authorization(login.configuration),
        login.namespace,
        login.context,
        f"context {login.context!r} of {files}",
        with_scheme(login.proxy) if login.proxy else proxy_of_environment(str(login.configuration.host)),
        login.fresh_until,
    )


def _authorization(configuration: Configuration) -> str | None:
    settings = cast("Mapping[str, Mapping[str, str | None]]", configuration.auth_settings())
    value = (settings.get("BearerToken", {}).get("value") or "").strip()
    if not (value.isascii() and value.isprintable()):
        raise NotConfigured("The token has line breaks or other characters that no token has. Log in again.")
    return value or None


def _namespace_of(folder: Path) -> str | None:
    try:
        return (folder / "namespace").read_text("utf-8").strip() or None
    except OSError:
        return None
