# Must run on Python 3.8.
# ruff: noqa: UP006, UP035
"""Turn the text that a tuner fills in into the type that the function's signature asks for."""

from __future__ import annotations

import os

from . import StartError, codec

TYPE_CHECKING = False  # `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

PARAMETER = "KUBEFLOW_PARAMETER_"
OPTIMIZATION_JOB = "KUBEFLOW_TRAINER_OPT_"
"""What stands before the name, in upper case, where the control plane of OptimizationJob fills values in."""
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")
_NONE = ("none", "null", "")


class CoercionError(StartError, ValueError):
    """A hyperparameter's text is not of the annotated type."""


def fill_in(kwargs: Dict[str, Any], specs: Dict[str, Any], decode: Callable[[Any], Any] | None = None) -> None:
    """Add the hyperparameters that the environment holds to the arguments of a function.

    Args:
        kwargs: The arguments.
        specs: How text becomes a value, by name; see `capture/signature.py` and `capture/hyperparameters.py`.
        decode: Decodes a choice; None when all of them are plain JSON.

    Raises:
        StartError: When one has no value, or a text that is not of its type.
    """
    for name, spec in specs.items():
        text = given(name)
        if text is not None:
            kwargs[name] = coerce(name, text, spec, codec.load)
            if decode is not None and spec["kind"] == "choice":
                kwargs[name] = decode(kwargs[name])
        elif name not in kwargs and spec["required"]:
            raise StartError(
                "the hyperparameter "
                + name
                + " has no value: the environment variable "
                + PARAMETER
                + name
                + " is not set"
            )


def options(specs: Dict[str, Any]) -> List[str]:
    """Return the options of a script's command line that the environment holds."""
    found = [(name, given(name), spec) for name, spec in specs.items()]
    return [
        "--" + name + "=" + (str(coerce(name, text, spec, codec.load)) if spec else text)
        for name, text, spec in found
        if text is not None
    ]


def given(name: str) -> str | None:
    """Return the text of a hyperparameter, under its own name or as an OptimizationJob has it."""
    text = os.environ.get(PARAMETER + name)
    return os.environ.get(OPTIMIZATION_JOB + name.upper()) if text is None else text


def coerce(name: str, text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> Any:
    """Return the value that `text` stands for.

    Args:
        name: The hyperparameter, for the error.
        text: What the tuner wrote; whole floats such as `16.0` are accepted as int.
        spec: `kind` is int, float, bool, str, literal, enum or choice; `optional` admits None; see `signature.py` of
            the SDK. The text of a choice is its place in `values`.
        load: Imports a class by `module:qualname`.

    Raises:
        CoercionError: With the name, the text and what was expected.
    """
    if spec.get("optional") and text.strip().lower() in _NONE:
        return None
    try:
        return _KINDS[spec["kind"]](text, spec, load)
    except (ValueError, LookupError, OverflowError):
        raise CoercionError(
            "hyperparameter " + name + "=" + repr(text) + " is not " + spec["kind"] + _choices(spec)
        ) from None


def _choices(spec: Dict[str, Any]) -> str:
    return " of " + ", ".join(repr(v) for v in spec["values"]) if "values" in spec else ""


def _int(text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> int:
    try:
        return int(text)
    except ValueError:
        value = float(text)  # Katib writes whole numbers of a double parameter as 16.000000
        if value != int(value):
            raise
        return int(value)


def _bool(text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> bool:
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(text)
    return word in _TRUE


def _literal(text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> Any:
    for value in spec["values"]:
        if isinstance(value, str) and value == text:
            return value
    for value in spec["values"]:
        if value is None:
            match = text.strip().lower() in _NONE
        elif isinstance(value, bool):
            match = text.strip().lower() in (_TRUE if value else _FALSE)
        elif isinstance(value, int):
            match = _is_int(text, value)
        else:
            match = False
        if match:
            return value
    raise ValueError(text)


def _is_int(text: str, value: int) -> bool:
    try:
        return float(text) == value
    except ValueError:
        return False


def _enum(text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> Any:
    cls = load(spec["class"])
    if text in cls.__members__:
        return cls[text]
    for member in cls:
        if str(member.value) == text:
            return member
    raise ValueError(text)


def _choice(text: str, spec: Dict[str, Any], load: Callable[[str], Any]) -> Any:
    place = _int(text, spec, load)
    if place < 0:
        raise ValueError(text)
    return spec["values"][place]


_KINDS: Dict[str, Callable[[str, Dict[str, Any], Callable[[str], Any]], Any]] = {
    "int": _int,
    "float": lambda text, spec, load: float(text),
    "bool": _bool,
    "str": lambda text, spec, load: text,
    "literal": _literal,
    "enum": _enum,
    "choice": _choice,
}
