"""The errors of the model registry, one family whatever the registry is. Each says what to do.

What the caller gave and cannot work is an `InvalidInput`, as everywhere in this SDK; it is raised before anything is
sent or stored.
"""

from __future__ import annotations

from kubeflow.core.errors import KubeflowError


class RegistryError(KubeflowError):
    """Base of all errors of a model registry.

    Remedy:
        Catch this type for whatever goes wrong between here and a registry.
    """


class ModelNotFound(RegistryError, ValueError):
    """The registry has no such model or version. Also a `ValueError`, which the published SDK raises.

    Remedy:
        Use a name of `list_models()`, and a version of `list_model_versions(name)`.
    """


class ModelConflict(RegistryError):
    """The registry has something else under this name, or the name is archived.

    Remedy:
        Choose another version, or bring the archived one back with `restore_model`.
    """


class IncompleteVersion(RegistryError):
    """A version has no model artifact, because a registration was interrupted: nothing says where its files are.

    Remedy:
        Register the version again with the same call: it adds what is missing.
    """


class RegistryDenied(RegistryError):
    """The registry does not accept the credentials, or they lack the right.

    Remedy:
        Give a valid token (`user_token=`, or `KUBEFLOW_MODEL_REGISTRY_TOKEN`), or ask for the right.
    """


class RegistryRefused(RegistryError):
    """The registry does not accept what was sent: a filter that it does not know, for one.

    Remedy:
        Correct what the message names: a filter, an order, a field.
    """


class RegistryUnavailable(RegistryError):
    """The registry does not answer, or failed; of a local one: its files cannot be used. Calls can be repeated.

    Remedy:
        Make the call again; check the address of `KUBEFLOW_MODEL_REGISTRY`, or the files that the message names.
    """


class RegistryVersionMismatch(RegistryError):
    """The server serves another version of the REST API, or is no model registry.

    Remedy:
        Give the address of a model registry that serves v1 or v1alpha3.
    """
