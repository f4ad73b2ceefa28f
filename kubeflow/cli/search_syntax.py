"""Search spaces, algorithms and rules as words of a command line: `loguniform(1e-4, 1e-1)`, `choice(16, 32)`, `tpe`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from kubeflow.core.errors import InvalidInput, did_you_mean

if TYPE_CHECKING:
    from kubeflow.optimizer import BaseAlgorithm, EarlyStopping, Objective

_WORDS = {"true": True, "false": False, "none": None, "null": None, "inf": float("inf")}


def search_space(given: Sequence[str]) -> dict[str, object]:
    """Return `NAME=SPACE` texts as search spaces by name.

    The spaces are the methods of `kubeflow.optimizer.Search`: `uniform(0, 1)`, `uniform(0, 1, step=0.1)`,
    `loguniform(1e-4, 1e-1)`, `normal(0, 1)`, `lognormal(0, 1)`, `int(1, 10)`, `choice(adam, sgd)`.

    Raises:
        InvalidInput: A text is none, or its space holds no value.
    """
    from kubeflow.optimizer import Search

    makers: dict[str, Callable[..., object]] = {
        "uniform": Search.uniform,
        "loguniform": Search.loguniform,
        "normal": Search.normal,
        "lognormal": Search.lognormal,
        "int": Search.int,
        "choice": _choice,
    }
    found: dict[str, object] = {}
    for text in given:
        name, equals, space = text.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(f"--space takes name=space, like lr=loguniform(1e-4,1e-1), not {text!r}.")
        if name in found:
            raise InvalidInput(f"--space gives {name!r} twice.")
        found[name.strip()] = _made(f"--space {name.strip()}", space.strip(), makers, "space")
    return found


def algorithm(text: str, seed: int | None = None) -> BaseAlgorithm:
    """Return the algorithm of a word like `tpe`, or with settings like `tpe(n_startup_trials=5)`.

    Args:
        text: The word.
        seed: The `random_state`, where the text has none.

    Raises:
        InvalidInput: There is no such algorithm or setting.
    """
    from kubeflow.optimizer import (
        CMAES,
        NSGAII,
        PBT,
        TPE,
        BayesianOptimization,
        GridSearch,
        Hyperband,
        RandomSearch,
        Sobol,
    )

    classes: dict[str, Callable[..., object]] = {
        "random": RandomSearch,
        "grid": GridSearch,
        "tpe": TPE,
        "bayesian": BayesianOptimization,
        "cmaes": CMAES,
        "sobol": Sobol,
        "nsgaii": NSGAII,
        "hyperband": Hyperband,
        "pbt": PBT,
    }
    seeded = {} if seed is None else {"random_state": seed}
    return cast("BaseAlgorithm", _made("--algorithm", text, classes, "algorithm", seeded))


def early_stopping(text: str) -> EarlyStopping:
    """Return the rule of a word like `median`, or with settings like `percentile(25, start_step=2)`.

    Raises:
        InvalidInput: There is no such rule or setting.
    """
    from kubeflow.optimizer import ASHA, MedianStop, PercentileStop

    rules: dict[str, Callable[..., object]] = {"median": MedianStop, "percentile": PercentileStop, "asha": ASHA}
    return cast("EarlyStopping", _made("--early-stopping", text, rules, "rule"))


def objectives(metrics: Sequence[str], direction: str, goal: float | None) -> list[Objective]:
    """Return `--metric loss`, or `--metric accuracy:maximize`, as objectives; the first one ranks trials.

    Args:
        metrics: The metrics; none is `loss`.
        direction: Of those that have none of their own.
        goal: The value of the first at which a search ends.

    Raises:
        InvalidInput: For another direction.
    """
    from kubeflow.optimizer import Direction, Objective

    found: list[Objective] = []
    for text in metrics or ("loss",):
        name, _, own = text.partition(":")
        found.append(Objective(name, cast("Direction", own or direction), None if found else goal))
    return found


def _choice(*values: object) -> object:
    from kubeflow.optimizer import Search

    return Search.choice(values)


def _made(
    option: str,
    text: str,
    makers: Mapping[str, Callable[..., object]],
    what: str,
    further: Mapping[str, object] | None = None,
) -> object:
    """Return what a text like `name`, `name(1, 2)` or `name(a, step=2)` makes."""
    name, positional, named = _call(option, text)
    if name.lower() not in makers:
        raise InvalidInput(
            f"{option}: there is no {what} {name!r}.{did_you_mean(name.lower(), makers)} "
            f"There are: {', '.join(makers)}."
        )
    make = makers[name.lower()]
    try:
        return make(*positional, **{**(further or {}), **named})
    except TypeError as error:
        takes = ", ".join(str(each).partition(":")[0] for each in inspect.signature(make).parameters.values())
        raise InvalidInput(f"{option}: {text!r} does not fit: {name.lower()}({takes}). {error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{option}: {error}") from error


def _call(option: str, text: str) -> tuple[str, list[object], dict[str, object]]:
    hint = f"{option} takes a word, or a word with values like choice(16, 32), not {text!r}."
    try:
        node: ast.expr = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise InvalidInput(f"{hint} A text with other characters than letters stands in quotes.") from error
    if isinstance(node, ast.Name):
        return node.id, [], {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise InvalidInput(hint)
    positional = [_value(option, each) for each in node.args]
    named = {str(each.arg): _value(option, each.value) for each in node.keywords}
    return node.func.id, positional, named


def _value(option: str, node: ast.expr) -> object:
    """Return a number, a text, a truth value, or a list of them; a bare word is a text."""
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    try:
        return cast("object", ast.literal_eval(node))
    except ValueError as error:
        raise InvalidInput(
            f"{option}: {ast.unparse(node)!r} is no value: write numbers and words, other texts in quotes."
        ) from error
