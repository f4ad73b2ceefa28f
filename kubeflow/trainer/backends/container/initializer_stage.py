"""What a job in containers fetches before it trains: the control plane's initializer images, with what they read.

What their variables are called is a fact of the initializer images of Trainer 2.0 to 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from kubeflow.core.errors import InvalidInput
from kubeflow.trainer.constants import constants
from kubeflow.trainer.errors import Unsupported
from kubeflow.trainer.types.initializers import (
    BaseInitializer,
    DataCacheInitializer,
    HuggingFaceDatasetInitializer,
    HuggingFaceModelInitializer,
    Initializer,
    S3DatasetInitializer,
    S3ModelInitializer,
)

_HUB = (HuggingFaceDatasetInitializer, HuggingFaceModelInitializer)
_S3 = (S3DatasetInitializer, S3ModelInitializer)
STEPS = {"dataset": constants.DATASET_INITIALIZER, "model": constants.MODEL_INITIALIZER}
"""Step by what it fetches."""


def sources(initializer: Initializer | None) -> Mapping[str, BaseInitializer]:
    """Return what is fetched, by `"dataset"` and `"model"`."""
    if initializer is None:
        return {}
    found = {"dataset": initializer.dataset, "model": initializer.model}
    return {kind: source for kind, source in found.items() if source is not None}


def local_path(source: BaseInitializer) -> Path | None:
    """Return the path of this machine that a source is; `None` for what is fetched.

    Raises:
        InvalidInput: It is not there, or files of it are to be left out.
        Unsupported: It is a data cache.
    """
    if isinstance(source, DataCacheInitializer):
        raise Unsupported(
            "A data cache is made of pods that serve the nodes of a cluster, and there is none here: give the data "
            "itself, with HuggingFaceDatasetInitializer or S3DatasetInitializer."
        )
    scheme, _, rest = source.storage_uri.partition("://")
    if scheme != "file":
        return None
    path = Path(unquote(rest))
    if not path.exists():
        raise InvalidInput(f"There is no {path}, which storage_uri={source.storage_uri!r} names.")
    if isinstance(source, _HUB + _S3) and source.ignore_patterns and not _are_defaults(source):
        raise InvalidInput(
            f"ignore_patterns leaves out files of {path}, which containers see as it is: leave it out, or copy the "
            "files that are wanted."
        )
    return path


def _are_defaults(source: BaseInitializer) -> bool:
    given = getattr(source, "ignore_patterns", None) or ()
    return tuple(given) == tuple(constants.INITIALIZER_DEFAULT_IGNORE_PATTERNS)


def variables(source: BaseInitializer, secret: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the image that fetches a source, credentials included.

    Args:
        source: What is fetched.
        secret: The values of the Secret that it names; empty when it names none.

    Raises:
        InvalidInput: A pattern has a comma, which the image takes for the end of the pattern.
    """
    given: dict[str, str | None] = {"STORAGE_URI": source.storage_uri}
    if isinstance(source, _HUB + _S3):
        given["IGNORE_PATTERNS"] = _patterns(source.ignore_patterns or ())
    if isinstance(source, _HUB):
        given["ACCESS_TOKEN"] = source.access_token
    elif isinstance(source, _S3):
        given |= {
            "ENDPOINT": source.endpoint,
            "ACCESS_KEY_ID": source.access_key_id,
            "SECRET_ACCESS_KEY": source.secret_access_key,
            "REGION": source.region,
            "ROLE_ARN": source.role_arn,
        }
    own = {name: value for name, value in given.items() if value is not None}
    return {"PYTHONUNBUFFERED": "1", **(source.env or {}), **secret, **own}


def _patterns(patterns: Sequence[str]) -> str | None:
    if bad := [pattern for pattern in patterns if "," in pattern]:
        raise InvalidInput(
            f"ignore_patterns reaches the initializer as one list with commas, so a pattern cannot have one: "
            f"{bad[0]!r}. Write it as several patterns."
        )
    return ",".join(patterns) or None
