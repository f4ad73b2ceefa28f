"""The text of a component: the user's function, and the call of a client that runs it. Needs nothing of kfp."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType
from typing import get_origin, get_type_hints

from kubeflow.core.artifact import ArtifactKind
from kubeflow.core.display import HIDDEN, repr_of_fields, short
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.stdlib import ast, inspect, textwrap

TYPES: Mapping[type, str] = {str: "str", int: "int", float: "float", bool: "bool", list: "list", dict: "dict"}
"""The types that a value of a pipeline has, with their names."""

_HOMES = ("kubeflow.trainer", "kubeflow.trainer.options", "kubeflow.optimizer", "kubeflow.kserve", "datetime")
_RUNS = "kubeflow.pipelines.component_runs"


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A function of the user's that a component carries.

    Attributes:
        name: Its name.
        text: Its text, from the first column.
        inputs: Its parameters that the pipeline gives, each as it is written in a signature.
        names: Their names.
        returns: The type of what it returns, as it is written; `""` for what is no value of a pipeline.
    """

    name: str
    text: str
    inputs: tuple[str, ...]
    names: tuple[str, ...]
    returns: str

    __repr__ = repr_of_fields


def step_function(func: object, *, leaves_out: Sequence[str] = ()) -> StepFunction:
    """Read a function that can travel as its own text.

    Args:
        func: The function.
        leaves_out: Parameters that the pipeline does not give.

    Raises:
        InvalidInput: It is no plain function, uses what stands outside of it, or has parameters without a type.
    """
    if not isinstance(func, FunctionType) or func.__name__ == "<lambda>":
        raise InvalidInput(f"A component takes a function that `def` makes, not {func!r}.")
    if outside := sorted(_outside(func)):
        raise InvalidInput(
            f"A component carries the text of {func.__name__} alone, and it uses {', '.join(outside)} from outside: "
            "import inside the function, and give values as arguments."
        )
    try:
        text = textwrap.dedent(inspect.getsource(func))
    except (OSError, TypeError) as error:
        raise InvalidInput(f"The text of {func.__name__} is not known: write it in a file or a notebook.") from error
    if text.startswith("@"):
        raise InvalidInput(
            f"{func.__name__} is decorated, and a component carries it without: give the plain function."
        )
    hints = get_type_hints(func)
    inputs: list[str] = []
    names: list[str] = []
    for parameter in inspect.signature(func).parameters.values():
        if parameter.name in leaves_out:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            star = str(parameter).partition(":")[0]
            raise InvalidInput(f"{func.__name__} takes {star}: a component needs parameters that have names.")
        named = _type_name(hints.get(parameter.name))
        if not named:
            raise InvalidInput(
                f"The parameter {parameter.name} of {func.__name__} becomes an input of the component, and those have "
                f"a type: write {parameter.name}: {' or '.join(TYPES.values())}."
            )
        default = "" if parameter.default is parameter.empty else f" = {code_of(parameter.default, parameter.name)}"
        inputs.append(f"{parameter.name}: {named}{default}")
        names.append(parameter.name)
    returns = _type_name(hints.get("return"))
    return StepFunction(func.__name__, text, tuple(inputs), tuple(names), returns)


def code_of(value: object, argument: str) -> str:
    """Return code that makes a value again: plain data, and objects of this package whose `repr` is such code.

    Raises:
        InvalidInput: There is none, as for what holds a secret.
    """
    text = repr(value)
    if HIDDEN in short(value):  # who may read the pipeline could read it
        raise _no_code(argument, value)
    try:
        again: object = eval(text, {"__builtins__": {}}, names_in(text))  # its own repr, in names of this package
    except Exception as error:
        raise _no_code(argument, value) from error
    if again != value:
        raise _no_code(argument, value)
    return text


def names_in(text: str) -> dict[str, object]:
    """Return the names of this package that code uses, with what they are."""
    found: dict[str, object] = {}
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, ast.Name):
            home = next((home for home in _HOMES if hasattr(import_module(home), node.id)), None)
            if home is not None:
                found[node.id] = getattr(import_module(home), node.id)
    return found


def component_text(
    *,
    name: str,
    runs: str,
    step: StepFunction | None,
    settings: Mapping[str, object],
    reads: Sequence[ArtifactKind] = (),
    makes: ArtifactKind | None = None,
    first: Sequence[str] = (),
    returns: str = "",
    doc: str = "",
) -> str:
    """Return the text of the function that kfp makes a component of.

    Args:
        name: Its name.
        runs: The function of `component_runs` that it calls.
        step: The user's function, `None` for none.
        settings: Further arguments of the client's call.
        reads: Artifacts that it takes.
        makes: The artifact that it leaves.
        first: Parameters that stand before those of the function.
        returns: The type of what it returns, as written.
        doc: What it does, in one line.

    Raises:
        InvalidInput: A setting cannot be written, or a parameter has the name of an artifact.
    """
    inputs = [*first, *(step.inputs if step is not None else ())]
    taken = {"output"} if makes is not None else set[str]()
    if step is not None and (clash := ({*taken, *reads} & set(step.names))):
        raise InvalidInput(
            f"The component has an artifact {clash.pop()!r}, and {step.name} a parameter of that name: rename it."
        )
    required = [each for each in inputs if "=" not in each]
    artifacts = [f"{kind}: dsl.Input[dsl.{kind.capitalize()}]" for kind in reads]
    artifacts += [f"output: dsl.Output[dsl.{makes.capitalize()}]"] if makes is not None else []
    parameters = [*required, *artifacts, *(each for each in inputs if "=" in each)]
    written = {argument: code_of(value, argument) for argument, value in settings.items()}
    lines = [f"def {name}({', '.join(parameters)}){f' -> {returns}' if returns else ''}:"]
    body = [f'"""{doc}"""'] if doc else []
    body += [f"from {home} import {', '.join(names)}" for home, names in _imports(written.values()).items()]
    body += [f"from {_RUNS} import {runs}", ""]
    body += [*step.text.rstrip().splitlines(), ""] if step is not None else []
    body += _call(runs, step, written, reads, makes, returns)
    return "\n".join([*lines, *(f"    {line}" if line else "" for line in body)]) + "\n"


def _call(
    runs: str,
    step: StepFunction | None,
    settings: Mapping[str, str],
    reads: Sequence[ArtifactKind],
    makes: ArtifactKind | None,
    returns: str,
) -> list[str]:
    lines = ["return " * bool(returns) + f"{runs}("]
    if step is None:
        lines += ["    name,", "    model,"]
    else:
        lines += [f"    {step.name},", f"    {_map(step.names)},"]
    lines += ["    {", *(f'        "{name}": {code},' for name, code in settings.items()), "    },"]
    if step is not None and reads:
        lines += [f"    reads={_map(reads)},"]
    if makes is not None:
        lines += [f'    makes="{makes}",', "    output=output,"]
    return [*lines, ")"]


def _map(names: Sequence[str]) -> str:
    entries = ", ".join(f'"{name}": {name}' for name in names)
    return f"{{{entries}}}"


def _imports(codes: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for code in codes:
        for name in names_in(code):
            home = next(home for home in _HOMES if hasattr(import_module(home), name))
            found.setdefault(home, set()).add(name)
    return {home: sorted(names) for home, names in sorted(found.items())}


def check_settings(method: Callable[..., object], settings: Mapping[str, object], taken: Sequence[str]) -> None:
    """Refuse an argument that a client's call does not have, or that the component fills itself.

    Raises:
        InvalidInput: Naming it.
    """
    known = [name for name in inspect.signature(method).parameters if name not in ("self", *taken)]
    for name in settings:
        if name not in known:
            own = " the component fills it itself." if name in taken else did_you_mean(name, known)
            raise InvalidInput(f"{method.__name__}() of a component takes no {name}=.{own}")


def _outside(func: FunctionType) -> set[str]:
    found = set(func.__code__.co_freevars)
    for name in _global_names(func.__code__):
        if not hasattr(builtins, name) and name != func.__name__:
            found.add(name)
    return found


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from set(_global_names(constant)) - _stored(constant)  # a class body loads its own names, too


def _stored(code: CodeType) -> set[str]:
    own = {str(each.argval) for each in dis.get_instructions(code) if each.opname == "STORE_NAME"}
    return own | {"__name__"} if own else own


def _type_name(hint: object) -> str:
    kind = get_origin(hint) or hint
    return TYPES.get(kind, "") if isinstance(kind, type) else ""


def _no_code(argument: str, value: object) -> InvalidInput:
    return InvalidInput(
        f"{argument}={short(value)} cannot be written into the text of a component: give plain data, and leave "
        "credentials to Secrets that the options name."
    )
