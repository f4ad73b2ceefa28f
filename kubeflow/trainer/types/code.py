"""Which code a `CustomTrainer` runs: a function, a script or a module, each with arguments of its own kind."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Literal, TypeGuard, get_args

from kubeflow.core.errors import InvalidInput

Serializer = Literal["source", "cloudpickle"]
"""How a function is sent."""


def check_code(
    func: object, module: object, func_args: object, args: object, code_dir: object, serializer: object
) -> None:
    """Refuse fields of a `CustomTrainer` that name no code, or more than one, or arguments of another kind of code.

    What the code itself is, as whether a script exists, is looked at when a job is made of it.

    Raises:
        InvalidInput: Naming the field, and what to write.
    """
    if func is None and module is None:
        raise InvalidInput(
            "CustomTrainer needs code to run: a function without calling it, as in func=train, a script, as in "
            "func='train.py', or module='pkg.train'."
        )
    if func is not None and module is not None:
        raise InvalidInput("func= and module= both say what to run: give one of them.")
    if module is not None:
        _check_module(module)
    elif not is_path(func):
        check_function(func)
    elif not os.fspath(func).strip():
        raise InvalidInput("func is an empty text: give a function, or the path of a script, as in func='train.py'.")
    if code_dir is not None and (not is_path(code_dir) or not os.fspath(code_dir).strip()):
        raise InvalidInput(f"code_dir takes the path of a folder, not {code_dir!r}: write code_dir='.' for this one.")
    if serializer not in get_args(Serializer):
        raise InvalidInput(f"serializer is {' or '.join(map(repr, get_args(Serializer)))}, not {serializer!r}.")
    _check_arguments(func, module, func_args, args, serializer)


def is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    """Return True for what names a file: a text or a path."""
    return isinstance(value, str | os.PathLike)


def check_function(func: object) -> None:
    """Refuse what cannot be called.

    Raises:
        InvalidInput: Saying how a function is given.
    """
    if not callable(func):
        raise InvalidInput(
            f"func must be a function, not {func!r}: give its name without calling it, as in func=train, or the path "
            "of a script, as in func='train.py'."
        )


def _check_module(module: object) -> None:
    if isinstance(module, ModuleType):
        raise InvalidInput(f"module takes a name, not a module: write module={module.__name__!r}.")
    if not isinstance(module, str):
        raise InvalidInput(f"module takes the name of a module, as `python -m` does, not {module!r}.")
    if module.endswith(".py") or os.sep in module:
        raise InvalidInput(f"module={module!r} is the path of a script: write func={module!r}.")
    if not all(part.isidentifier() for part in module.split(".")):
        raise InvalidInput(
            f"module={module!r} is no name of a module: write one like module='pkg.train', and what follows it on a "
            "command line as args=[...]."
        )


def _check_arguments(func: object, module: object, func_args: object, args: object, serializer: object) -> None:
    if callable(func):
        if args is not None:
            raise InvalidInput(
                "args= is the command line of a script or module. A function has func_args={...}, or is given with its "
                "arguments: CustomTrainer.call(train, lr=0.1)."
            )
        return
    kind = "script" if module is None else "module"
    if func_args is not None:
        raise InvalidInput(f"func_args= is for functions: give a {kind} the same with args=, as a mapping or a list.")
    if serializer != "source":
        raise InvalidInput(f"serializer={serializer!r} packs functions, and a {kind} is sent as text: leave it out.")
