"""Which file of a folder is the model. Chosen as KServe's own model servers choose; nothing is loaded.

sklearnserver, xgbserver and lgbserver take the one file of the folder, and not of a folder below it, that has an
extension of their format (https://github.com/kserve/kserve, python/*/model.py). Triton takes a repository: a folder
`<model>/<version>/` with `model.onnx` or `model.pt`, of which the highest version counts
(https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_repository.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.core.display import repr_of_fields
from kubeflow.kserve.errors import ModelRejected
from kubeflow.kserve.types.model_formats import MODEL_FORMATS

SERVED_HERE = ("sklearn", "xgboost", "lightgbm", "onnx", "pytorch")
"""The formats that the server of this machine loads."""

_TRITON: Mapping[str, str] = {"onnx": "model.onnx", "pytorch": "model.pt"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that is a model.

    Attributes:
        path: Where it is.
        format: Its format, by KServe's name.
        version: That of a Triton repository; empty for any other.
    """

    path: Path
    format: str
    version: str = ""

    __repr__ = repr_of_fields


def find_model_file(place: Path, model_format: str | None, *, said: str = "") -> ModelFile:
    """Return the file that is the model at `place`.

    Args:
        place: A file, or a folder with one.
        model_format: Its format; `None` where the extension says it.
        said: What the user calls the place, for messages. Default: its path.

    Raises:
        ModelRejected: There is no such file, there are several, its format cannot be told, or nothing here serves it.
    """
    named = said or str(place)
    if model_format is not None and model_format not in SERVED_HERE:
        raise ModelRejected(
            named,
            f"no server of this machine loads format {model_format!r}",
            f"Here there are: {', '.join(SERVED_HERE)}; anything else can be served as a function that loads it.",
        )
    formats = SERVED_HERE if model_format is None else (model_format,)
    if place.is_file():
        return _of_file(place, formats, named)
    if not place.is_dir():
        raise ModelRejected(named, "there is no such file or folder", "Correct the path.")
    fitting = [path for path in sorted(place.iterdir()) if path.is_file() and _formats_of(path, formats)]
    if not fitting:
        found = _in_repository(place, formats, named)
        if found is not None:
            return found
    if len(fitting) != 1:
        wanted = ", ".join(sorted({end for name in formats for end in MODEL_FORMATS[name].extensions}))
        if not fitting:
            names = ", ".join(sorted(path.name for path in place.iterdir())[:10]) or "nothing"
            raise ModelRejected(
                named,
                f"its folder has no file with {wanted}, but {names}",
                "Save the model under such a name, directly in the folder.",
            )
        raise ModelRejected(
            named,
            f"its folder has {len(fitting)} model files ({', '.join(path.name for path in fitting)}), and a model "
            "server takes exactly one",
            "Leave one of them there, or give the path of the file.",
        )
    return _of_file(fitting[0], formats, named)


def _of_file(path: Path, formats: Sequence[str], named: str) -> ModelFile:
    found = _formats_of(path, formats)
    if len(found) == 1:
        return ModelFile(path, found[0])
    if found:
        raise ModelRejected(
            named,
            f"{path.name} may be of format {' or '.join(map(repr, found))}",
            f"Give model_format={found[0]!r}, or the other.",
        )
    if len(formats) == 1:
        ends = ", ".join(MODEL_FORMATS[formats[0]].extensions)
        raise ModelRejected(
            named,
            f"{path.name} has none of the extensions that model servers take for format {formats[0]!r}",
            f"Rename it, or save it under a name with {ends}.",
        )
    ends = ", ".join(f"{name} ({', '.join(MODEL_FORMATS[name].extensions)})" for name in formats)
    raise ModelRejected(named, f"the name of {path.name} does not tell its format", f"Formats served here: {ends}.")


def _formats_of(path: Path, formats: Sequence[str]) -> list[str]:
    return [name for name in formats if path.name.endswith(MODEL_FORMATS[name].extensions)]


def _in_repository(place: Path, formats: Sequence[str], named: str) -> ModelFile | None:
    """Return the model in the newest version of a Triton repository; `None` when the folder is none."""
    found: list[ModelFile] = []
    for folder in (place, *sorted(path for path in place.iterdir() if path.is_dir() and not path.name.isdigit())):
        versions = sorted((path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()), key=_number)
        for name in formats:
            file = versions[-1] / _TRITON[name] if versions and name in _TRITON else None
            if file is not None and file.is_file():
                found.append(ModelFile(file, name, versions[-1].name))
    if len(found) > 1:
        raise ModelRejected(
            named,
            f"it is a repository of {len(found)} models ({', '.join(str(each.path.parent.parent) for each in found)})",
            "Give the folder of one of them.",
        )
    return found[0] if found else None


def _number(path: Path) -> int:
    return int(path.name)
