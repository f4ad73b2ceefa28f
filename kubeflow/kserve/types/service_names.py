"""Names of services. KServe's rule, and room for what is derived from a name."""

from __future__ import annotations

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re

# https://github.com/kserve/kserve, pkg/apis/serving/v1beta1/inference_service_validation.go
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_DERIVED = "-predictor"
LONGEST_SERVICE_NAME = 63 - len(_DERIVED)
"""The Deployment, the Service and the route of a predictor are called `<name>-predictor`, a DNS label."""


def check_service_name(name: object) -> str:
    """Return `name` when KServe takes it for a service, whatever its deployment mode.

    Raises:
        InvalidInput: With a name close to it that is taken.
    """
    if not isinstance(name, str):
        raise InvalidInput(f"name must be a string, not {name!r}.")
    if len(name) > LONGEST_SERVICE_NAME or not _NAME.fullmatch(name):
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")
        close = words[:LONGEST_SERVICE_NAME].rstrip("-")
        hint = f" Write {close!r}, for example." if close else ""
        raise InvalidInput(
            f"{name!r} is no name for a service: at most {LONGEST_SERVICE_NAME} lower-case letters, digits and '-', a "
            f"letter first, no '-' last (KServe appends {_DERIVED!r}).{hint}"
        )
    return name
