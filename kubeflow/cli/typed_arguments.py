"""`--arg name=value`: text from a command line as the type that a function's signature asks for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints

from kubeflow.core.errors import InvalidInput, did_you_mean

_ANY = (inspect.Parameter.empty, object, Any)


def pairs(given: Sequence[str], option: str, *, alone: str | None = None) -> dict[str, str]:
    """Return `name=value` texts as a mapping.

    Args:
        given: The texts.
        option: The option; errors name it.
        alone: The value of a name without `=`. Default: it is refused.

    Raises:
        InvalidInput: One has no `=`, or no name; a name comes twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or (not equals and alone is None):
            raise InvalidInput(f"{option} takes name=value, not {text!r}.")
        if name in found:
            raise InvalidInput(f"{option} gives {name!r} twice: {found[name]!r} and {value!r}.")
        found[name] = value if equals else str(alone)
    return found


def script_arguments(given: Sequence[str]) -> dict[str, object]:
    """Return `--arg` for a script or a module: text by name, and True for a name without `=`, which is `--name`."""
    without_value = {text for text in given if "=" not in text}
    return {name: name in without_value or value for name, value in pairs(given, "--arg", alone="").items()}


def typed_arguments(function: Callable[..., object], given: Sequence[str]) -> dict[str, object]:
    """Return `--arg` texts as the arguments of a function, by name.

    An annotated parameter gets the type that it asks for; lists, mappings and dataclasses are written as JSON. For one
    without an annotation the type of its default counts. Else a value is what JSON reads (numbers, `true`, `null`), or
    text. A name without `=` is `true`.

    Raises:
        InvalidInput: There is no such parameter, or the text is not of its type.
    """
    texts = pairs(given, "--arg", alone="true")
    if not texts:
        return {}
    try:
        signature = inspect.signature(function)
        hints = get_type_hints(function)
    except (NameError, TypeError, ValueError):  # annotations that only a type checker can read; no Python function
        signature, hints = inspect.signature(function), {}
    parameters = signature.parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    starred = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    by_name = {name: parameter for name, parameter in parameters.items() if parameter.kind not in starred}
    values: dict[str, object] = {}
    for name, text in texts.items():
        if name in by_name:
            values[name] = _value(name, text, hints.get(name, inspect.Parameter.empty), by_name[name].default)
        elif takes_any:
            values[name] = _guessed(text)
        else:
            called = getattr(function, "__qualname__", repr(function))
            raise InvalidInput(
                f"--arg {name}: {called}() has no parameter {name!r}.{did_you_mean(name, by_name)} It takes: "
                f"{', '.join(by_name) or 'none'}."
            )
    return values


def _value(name: str, text: str, annotation: Any, default: object) -> object:
    if annotation in _ANY:
        if default is None or default is inspect.Parameter.empty:
            return _guessed(text)
        annotation = type(default)
    if annotation is str:
        return text
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError):  # a class of the user's that pydantic cannot make
        return _guessed(text)
    reasons: list[str] = []
    # JSON first, so that `1` for `int | str` is a number. What is no JSON is text in the form of the type.
    readings: tuple[Callable[[str], object], ...] = (adapter.validate_json, adapter.validate_strings)
    for read in readings:
        try:
            return read(text)
        except ValidationError as error:
            reasons = [f"{detail['msg'][:1].lower()}{detail['msg'][1:]}" for detail in error.errors()]
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
    raise InvalidInput(f"--arg {name}={text}: not a value of type {shown}: {'; '.join(dict.fromkeys(reasons))}.")


def _guessed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def resources_of(given: Sequence[str]) -> Mapping[str, str]:
    """Return `--resources cpu=4,memory=16Gi --resources gpu=1` as amounts by name.

    Raises:
        InvalidInput: As `pairs`.
    """
    return pairs([part.strip() for text in given for part in text.split(",")], "--resources")
