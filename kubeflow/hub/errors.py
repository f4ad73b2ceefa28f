"""The errors of the model registry, one family whatever the registry is. Each says what to do.

What the caller gave and cannot work is an `InvalidInput`, as everywhere in this SDK; it is raised before anything is
sent or stored.
"""

from __future__ import annotations

from kubeflow.core.errors import KubeflowError


class RegistryError(KubeflowError):
    """Base of all errors of a model registry."""


class ModelNotFound(RegistryError, ValueError):
    """The registry has no such model or version. Also a `ValueError`, which the published SDK raises."""


class ModelConflict(RegistryError):
    """The registry has something else under this name, or the name is archived."""


class IncompleteVersion(RegistryError):
    """A version has no model artifact, because a registration was interrupted: nothing says where its files are."""


class RegistryDenied(RegistryError):
    """The registry does not accept the credentials, or they lack the right."""


class RegistryRefused(RegistryError):
    """The registry does not accept what was sent: a filter that it does not know, for one."""


class RegistryUnavailable(RegistryError):
    """The registry does not answer, or failed; of a local one: its files cannot be used. Calls can be repeated."""


class RegistryVersionMismatch(RegistryError):
    """The server serves another version of the REST API, or is no model registry."""
