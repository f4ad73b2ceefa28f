"""Argument values and captured constants as tagged JSON, with findings instead of exceptions. Credentials
are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from kubeflow.packaging.errors import Finding
from kubeflow.packaging.remote import codec

# The published formats of tokens that turn up in training code: Hugging Face, GitHub, AWS, OpenAI and
# Anthropic, Slack, Weights & Biases' API keys are plain hexadecimal and are caught by their name only.
_TOKEN = re.compile(
    r"hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|api_?key|secret|secret_?key|access_?key|access_?token|auth_?token|hf_?token"
    r"|private_?key|credentials?)$",
    re.IGNORECASE,
)


def encode_argument(name: str, value: object, refer: Callable[[type], str | None]) -> tuple[object, Finding | None]:
    """Encode one argument. Returns the encoded value, or None and what is wrong with the value.

    Args:
        name: How the user calls it.
        value: The value.
        refer: Names classes for the job, see `codec.encode`.
    """
    if (secret := _secret(name, value)) is not None:
        return None, secret
    try:
        return codec.encode(value, refer), None
    except codec.CodecError as error:
        why, _, remedy = error.reason.partition(": ")
        return None, Finding(
            f"argument {name}{error.path}",
            why,
            _sentence(remedy) or "Pass plain data, and build the object inside the function",
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _secret(name: str, value: object) -> Finding | None:
    place = _find_secret(name, name, value, 0)
    if place is None:
        return None
    return Finding(
        f"argument {place}",
        "it looks like a credential, and everyone who may read the job could read it",
        "Give the job an environment variable from a Kubernetes Secret, and read it inside the function",
    )


def _find_secret(path: str, name: str, value: object, depth: int) -> str | None:
    if isinstance(value, str):
        return path if _TOKEN.search(value) or (len(value) >= 8 and _SECRET_NAME.search(name)) else None
    if depth > 8:
        return None
    parts: list[tuple[str, str, object]]
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        parts = [(f"{path}[{k!r}]", str(k), v) for k, v in pairs.items()]
    elif isinstance(value, list | tuple | set | frozenset):
        items = cast("Iterable[object]", value)
        parts = [(f"{path}[{i}]", "", v) for i, v in enumerate(items)]
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        parts = [(f"{path}.{k}", k, v) for k, v in vars(value).items()]
    else:
        return None
    found = (_find_secret(place, name, part, depth + 1) for place, name, part in parts)
    return next((place for place in found if place is not None), None)
