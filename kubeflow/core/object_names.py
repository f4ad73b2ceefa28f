"""What may be the name of an object in Kubernetes. TrainJobs have rules of their own, in `kubeflow.trainer.jobs.names`.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LONGEST = 253


def is_label(name: object) -> bool:
    """Return whether `name` may be that of a namespace, a volume or a container (RFC 1123 label)."""
    return isinstance(name, str) and _LABEL.fullmatch(name) is not None


def is_subdomain(name: object) -> bool:
    """Return whether `name` may be that of most other objects, like Secrets and claims (RFC 1123 subdomain)."""
    return isinstance(name, str) and len(name) <= _LONGEST and _SUBDOMAIN.fullmatch(name) is not None


def check_namespace(name: object) -> str:
    """Return `name` when a namespace may be called so.

    Raises:
        InvalidInput: With the syntax.
    """
    if not is_label(name):
        raise InvalidInput(
            f"namespace={name!r} cannot be the name of a namespace: it has at most 63 lower-case letters, digits and "
            "'-', a letter or digit first and last."
        )
    return str(name)
