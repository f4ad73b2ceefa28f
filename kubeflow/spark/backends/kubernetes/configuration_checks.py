"""What Spark settings the operator refuses, or would run as a part of a shell's command. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

# What Spark Operator 2.5.2 refuses in both kinds, with what says the same. The account and the token of a pod, the
# API server and the image are decided by the object, so that nobody runs as somebody else.
_DENIED = {
    "spark.kubernetes.authenticate.*serviceAccountName": "driver=Driver(service_account=...)",
    "spark.kubernetes.authenticate.*oauthToken": "driver=Driver(service_account=...)",
    "spark.kubernetes.authenticate.*oauthTokenFile": "driver=Driver(service_account=...)",
    "spark.master": "the backend: KubernetesBackendConfig(...)",
    "spark.kubernetes.driver.master": "the backend: KubernetesBackendConfig(...)",
    "spark.kubernetes.container.image": "image=",
    "spark.kubernetes.driver.container.image": "image=",
    "spark.kubernetes.executor.container.image": "image=",
}
_NAMESPACE = "spark.kubernetes.namespace"
# What bash takes for itself. Everything else stands for itself in a word.
_PLAIN = re.compile(r"[-\w.,:/=+@%]*", re.ASCII)


def check_allowed(settings: Mapping[str, str], namespace: str | None) -> None:
    """Refuse settings that the operator's webhook refuses, before anything is sent.

    Args:
        settings: Value by key, as in `spark_conf`.
        namespace: Of the object; `None` when unknown.

    Raises:
        InvalidInput: With the key, and the argument that says the same.
    """
    for key, value in settings.items():
        for pattern, instead in _DENIED.items():
            if fnmatchcase(key, pattern):
                raise InvalidInput(
                    f"spark_conf[{key!r}] is not taken from users by the Spark Operator (2.5.2): leave it out, and say "
                    f"it with {instead}."
                )
        if key == _NAMESPACE and namespace is not None and value != namespace:
            raise InvalidInput(
                f"spark_conf[{key!r}] is {value!r}, and the job is made in namespace {namespace!r}, which the Spark "
                "Operator (2.5.2) wants to be the same: leave it out, and use "
                f"KubernetesBackendConfig(namespace={value!r})."
            )


def check_unquoted(settings: Mapping[str, str], *, version: str) -> None:
    """Refuse settings that a shell would not leave as they are, for operators that paste them into one.

    Args:
        settings: Value by key, as in `spark_conf`.
        version: The operator's version in words.

    Raises:
        InvalidInput: With the key, and what to do.
    """
    for key, value in settings.items():
        if not _PLAIN.fullmatch(f"{key}={value}"):
            odd = sorted(set(re.sub(r"[-\w.,:/=+@%]", "", f"{key}={value}", flags=re.ASCII)))
            raise InvalidInput(
                f"spark_conf[{key!r}] has {' '.join(map(repr, odd))}, and {version} pastes it unquoted into the shell "
                "that starts the Connect server, which would split or run it: set it once the session is there with "
                f"session.spark.conf.set({key!r}, ...), or put it into spark-defaults.conf of the image. Operators "
                "after 2.5.2 quote it."
            )
