"""A function, or an object with state, as a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import inspect
from kubeflow.kserve.server.loaded_models import ModelCall, check_names

_TABLES = ("DataFrame",)
_MAPPINGS = ("dict", "Dict", "Mapping")
_LISTS = ("list", "List", "Sequence")


class FunctionModel:
    """A function that is called with what requests have.

    Args:
        function: What `serve` was given: a function, or an object with `predict` or `__call__`. A class is instantiated
            here, once. An object's `load()`, if it has one, is called before the first request.

    A function with one parameter gets the only tensor as an array of numpy; several tensors as a dict of arrays, and a
    table as a data frame where pandas is installed. An annotation of that parameter decides: `dict` always gets the
    tensors by name, `pd.DataFrame` a data frame, `list` nested lists. A function with several parameters gets the
    tensors by name. It is called by one thread at a time; an `async` function as often as there are requests.

    What it returns is an array, lists or a scalar (one output), a dict (outputs by name), a tuple (several), or a data
    frame (an output for each column). When it raises `kubeflow.core.errors.InvalidInput`, the request is answered with
    400, after any other exception with 500.
    """

    def __init__(self, function: object) -> None:
        made: Any = function() if isinstance(function, type) else function
        if callable(load := getattr(made, "load", None)) and not inspect.isfunction(made):
            load()
        named: object = getattr(made, "predict", None)
        self._function = cast("Callable[..., object]", named if callable(named) else made)
        if not callable(self._function):
            raise InvalidInput(f"A {type(made).__name__} has neither predict() nor __call__(): give it one of them.")
        self.platform = "python"
        self.inputs = ()
        self.outputs = ()
        is_async = inspect.iscoroutinefunction(self._function) or inspect.iscoroutinefunction(
            getattr(self._function, "__call__", None)  # noqa: B004 - an object's own
        )
        self.threads = 0 if is_async else 1
        self._parameters = _parameters(self._function)

    def predict(self, call: ModelCall) -> object:
        """Call the function."""
        positional, named = self._arguments(call)
        return self._function(*positional, **named)

    def _arguments(self, call: ModelCall) -> tuple[list[object], dict[str, object]]:
        tensors = dict(call.tensors)
        if len(self._parameters) == 1:
            wants = self._parameters[0].annotation
            return [_given(call, _name(wants))], {}
        if call.table:
            return [call.frame()], {}
        names = [each.name for each in self._parameters]
        open_ended = any(each.kind is each.VAR_KEYWORD for each in self._parameters)
        needed = [
            each.name for each in self._parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD
        ]
        check_names("the function takes tensors called", names, needed, tensors, any_other=open_ended)
        return [], dict(tensors)


def _given(call: ModelCall, wants: str) -> object:
    if wants in _TABLES:
        return call.frame()
    if wants in _MAPPINGS:
        return dict(call.tensors)
    if wants in _LISTS:
        if len(call.tensors) != 1:
            raise InvalidInput(f"the function takes one list, and there are {len(call.tensors)} tensors")
        return cast(object, next(iter(call.tensors.values())).tolist())
    if call.table:
        return call.frame()
    return next(iter(call.tensors.values())) if len(call.tensors) == 1 else dict(call.tensors)


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters that tensors can fill; those with a default beside a single one without are settings."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of a library in C, which gets one array
        return [inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_ONLY)]
    taken = [each for each in parameters if each.kind is not each.VAR_POSITIONAL]
    needed = [each for each in taken if _is_needed(each)]
    if not taken:
        raise InvalidInput("The function takes no arguments, so that it could not see its input: give it a parameter.")
    return needed if len(needed) == 1 and not any(each.kind is each.VAR_KEYWORD for each in taken) else taken


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD


def _name(annotation: object) -> str:
    """Return the name of an annotated class, without its module and what it holds."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__qualname__", "") or str(annotation)
    return text.partition("[")[0].rpartition(".")[2]


def by_name(found: object) -> Mapping[str, object] | None:
    """Return outputs that a model has named itself; `None` for a single one without a name."""
    if isinstance(found, Mapping):
        return {str(name): value for name, value in cast("Mapping[object, object]", found).items()}
    if hasattr(found, "columns") and hasattr(found, "iloc"):
        frame = cast("Any", found)
        return {str(name): frame.iloc[:, number].to_numpy() for number, name in enumerate(frame.columns)}
    return None
