"""`docs/errors.md`: every public error class with cause and remedy, from the docstrings. `make docs` writes it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache

import kubeflow
from docs.site.navigation import ROOT, SiteError
from docs.site.public_names import definition, exported, public_packages
from kubeflow.core.errors import KubeflowError

PAGE = ROOT / "docs" / "errors.md"
_PARTS = (
    ("kubeflow.core.", "All parts"),
    ("kubeflow.trainer.", "Jobs"),
    ("kubeflow.packaging.", "Train functions"),
    ("kubeflow.local.", "This machine and its containers"),
    ("kubeflow.cluster.", "Clusters"),
    ("kubeflow.optimizer.", "Searches"),
    ("kubeflow.spark.", "Spark"),
    ("kubeflow.kserve.", "Services"),
    ("kubeflow.hub.", "Model registry"),
    ("kubeflow.", "Others"),
)
_HEAD = """\
<!-- Written by `make docs` from the docstrings. Do not edit. -->
# Errors

Each error is a type with facts as attributes, and a message with one remedy. All of them are a `KubeflowError`, and so
a `RuntimeError`. What is wrong before anything was sent or started is an `InvalidInput`, and so a `ValueError`.

What goes wrong without an error, or looks like another thing: [troubleshooting](troubleshooting.md).

```
"""


@cache
def error_classes() -> tuple[type[KubeflowError], ...]:
    """Return the public error classes of all modules, by their names."""
    classes: set[type[KubeflowError]] = set()
    for module in pkgutil.walk_packages(kubeflow.__path__, "kubeflow."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and issubclass(value, KubeflowError) and not name.startswith("_"):
                classes.add(value)
    return tuple(sorted(classes, key=lambda error: error.__name__))


def error_page() -> str:
    """Return the text of the page.

    Raises:
        SiteError: A class does not say what helps.
    """
    silent = [f"{error.__module__}.{error.__name__}" for error in error_classes() if not remedy(error)]
    if silent:
        raise SiteError(f"No `Remedy:` in the docstrings of {', '.join(silent)}: say there what a user can do.")
    text = _HEAD + "\n".join(_tree(KubeflowError, 0)) + "\n```\n"
    left = list(error_classes())
    for prefix, title in _PARTS:
        chosen = [error for error in left if error.__module__.startswith(prefix)]
        left = [error for error in left if error not in chosen]
        if chosen:
            text += f"\n## {title}\n" + "".join(_section(error) for error in chosen)
    return text


def cause(error: type[KubeflowError]) -> str:
    """Return what the docstring of a class says first, on one line."""
    return " ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split())


def remedy(error: type[KubeflowError]) -> str:
    """Return what the docstring of a class itself says under `Remedy:`, on one line."""
    match = re.search(r"^Remedy:\n((?:    .*\n?)+)", inspect.cleandoc(error.__doc__ or ""), re.MULTILINE)
    return " ".join(match[1].split()) if match else ""


def import_path(error: type[KubeflowError]) -> str:
    """Return the shortest path that a class is imported from."""
    homes = [
        package
        for package in public_packages()
        if error.__name__ in exported(package)
        and definition(package, error.__name__) == (error.__module__, error.__name__)
    ]
    return f"{min([*homes, error.__module__], key=lambda home: (home.count('.'), len(home)))}.{error.__name__}"


def _tree(error: type[KubeflowError], depth: int) -> Iterator[str]:
    yield "    " * depth + error.__name__
    for child in error_classes():
        if error in child.__bases__:
            yield from _tree(child, depth + 1)


def _section(error: type[KubeflowError]) -> str:
    bases = _listed(f"`{base.__name__}`" for base in error.__bases__)
    return (
        f"\n### {error.__name__}\n\n{cause(error)}\n\n*Remedy:* {remedy(error)}\n\n`{import_path(error)}`, a {bases}.\n"
    )


def _listed(words: Iterable[str]) -> str:
    return " and a ".join(words)
