"""What `model=` of `serve` and `update` takes, and what is made of it: a URI or a packed function, and a format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

from kubeflow.core.display import repr_of_fields, short
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import re
from kubeflow.kserve.types.model_formats import MODEL_FORMATS, check_model_format
from kubeflow.trainer.types.job_name import JobName
from kubeflow.trainer.types.jobs import TrainJob

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@runtime_checkable
class ModelLocation(Protocol):
    """Anything that says where a model is: an artifact, or a version of a registered model.

    Where it has them, `format` or `model_format_name` is the model's format, and `metadata` what is told of it.
    """

    @property
    def uri(self) -> str | None:
        """Where the model is, with its scheme."""
        ...


class PredictingObject(Protocol):
    """An object with a method that predicts, such as an estimator of scikit-learn. It is packed as a function is.

    `load()`, if it has one, is called once where it serves, before the first request.
    """

    def predict(self, inputs: Any, /) -> object:
        """Return what it predicts."""
        ...


ModelSource: TypeAlias = (
    "str | os.PathLike[str] | ModelLocation | TrainJob | JobName | Callable[..., object] | PredictingObject"
)
"""What `model=` takes: a URI or a path, an artifact or a registered version, a train job, or a function, a class or an
object that predicts."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as a service gets it.

    Attributes:
        uri: Where it is, with its scheme; `None` for a function. Paths of this machine are `file://` URIs.
        format: Its format by KServe's name; `None` when neither the caller nor its URI says it.
        bundle: A packed function, with what serves it; its command is a server. `None` for a URI.
        function_name: What the user calls the function; empty for a URI.
        origin: Facts about where it comes from, such as the job and its uid.
        trusted: True when its user has said that a file may be loaded which executes code, as a pickle does.
    """

    uri: str | None = None
    format: str | None = None
    bundle: Bundle | None = None
    function_name: str = ""
    origin: Mapping[str, str] = field(default_factory=dict[str, str])
    trusted: bool = False

    __repr__ = repr_of_fields

    @property
    def path(self) -> Path | None:
        """The path on this machine; `None` for what is elsewhere."""
        if self.uri is None or not self.uri.startswith("file://"):
            return None
        from urllib.parse import unquote, urlsplit

        return Path(unquote(urlsplit(self.uri).path))

    def __str__(self) -> str:
        """Return the URI, or the function in words."""
        return self.uri if self.uri is not None else f"function {self.function_name}"


def located_model(model: object, model_format: str | None) -> ServedModel:
    """Return the model that a URI, a path, an artifact or a registered version stands for.

    Args:
        model: What the user gave; train jobs and functions are not for here.
        model_format: What the user gave beside it.

    Raises:
        InvalidInput: It is none of these, or two formats are said.
    """
    if model_format is not None:
        check_model_format(model_format)
    origin: dict[str, str] = {}
    said: str | None = None
    if isinstance(model, str | os.PathLike):
        uri = _uri(os.fspath(cast("str | os.PathLike[str]", model)))
    elif isinstance(model, ModelLocation) and isinstance(model.uri, str) and model.uri:
        uri = _uri(model.uri)
        said = _text(model, "format") or _text(model, "model_format_name")
        origin = _origin(model)
        if getattr(model, "kind", "model") == "dataset":
            raise InvalidInput(f"model= takes a model, and {uri} is a dataset.")
    elif isinstance(model, ModelLocation):
        raise InvalidInput(f"model={short(model)} does not say where the model is: its uri is empty. Give its URI.")
    else:
        raise InvalidInput(
            "model= takes a URI such as 's3://bucket/model', a path, an artifact, a registered version, a train job or "
            f"a function, not {short(model)}."
        )
    if said is not None and model_format is not None and said != model_format:
        raise InvalidInput(
            f"model_format={model_format!r}, and what model= was given says {said!r}: leave one of them out."
        )
    return ServedModel(uri, model_format or said or format_of(uri), origin=origin)


def format_of(uri: str) -> str | None:
    """Return the format that the end of a URI tells; `None` when it tells none, or could be several."""
    if uri.startswith("hf://"):
        return "huggingface"
    name = uri.rpartition("/")[2].lower()
    fitting = [each.name for each in MODEL_FORMATS.values() if name.endswith(each.extensions)] if "." in name else []
    return fitting[0] if len(fitting) == 1 else None


def _uri(text: str) -> str:
    if not text.strip() or text != text.strip():
        raise InvalidInput(f"model={text!r} is no URI: write 's3://bucket/model', or a path.")
    if _SCHEME.match(text):
        if re.search(r"://[^/?#]*:[^/?#]*@", text):
            raise InvalidInput("The URI of model= holds a password, which everyone who sees the service could read.")
        return text
    return Path(text).expanduser().absolute().as_uri()


def _text(model: object, attribute: str) -> str | None:
    value = getattr(model, attribute, None)
    return value if isinstance(value, str) and value else None


def _origin(model: object) -> dict[str, str]:
    metadata = getattr(model, "metadata", None)
    if not isinstance(metadata, Mapping):
        return {}
    facts = cast("Mapping[object, object]", metadata)
    return {str(key): str(value) for key, value in facts.items() if isinstance(value, str | int | float | bool)}
