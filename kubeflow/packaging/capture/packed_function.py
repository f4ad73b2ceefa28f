"""A function that cloudpickle has packed, for functions and classes whose text nobody kept.

The job must run the Python that packed it: bytecode does not move between minor versions.
"""

from __future__ import annotations

import functools
import importlib.util
import pickletools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import pickle
from kubeflow.packaging.capture.bundle_plan import Plan
from kubeflow.packaging.source.modules import ModuleGraph

USE = 'use serializer="cloudpickle"'
"""What the remedy of a finding says that cloudpickle can help."""
INSTALL = 'pip install "kubeflow[cloudpickle]"'
_FILE = ".kubeflow/function.pkl"


def is_installed() -> bool:
    """Return True when cloudpickle can be imported here."""
    return importlib.util.find_spec("cloudpickle") is not None


def helps(findings: Sequence[Finding]) -> bool:
    """Return True when cloudpickle can do something about each of the findings."""
    return bool(findings) and all(USE in finding.remedy for finding in findings)


def with_install(findings: Iterable[Finding], *, same_python: bool) -> list[Finding]:
    """Return findings whose remedy says how cloudpickle, which is not here, is installed."""
    here = f"install cloudpickle, which jobs of this machine use by themselves then: {INSTALL}"
    remedy = here if same_python else f"{USE} ({INSTALL})"
    return [replace(finding, remedy=finding.remedy.replace(USE, remedy)) for finding in findings]


def bound(
    function: Callable[..., object], positional: Sequence[object], keywords: Mapping[str, object]
) -> Callable[..., object]:
    """Return a function that has its arguments: they are packed with it, and what both refer to stays one object."""
    return functools.partial(function, *positional, **keywords) if positional or keywords else function


def pack(function: Callable[..., object], plan: Plan, graph: ModuleGraph) -> None:
    """Let a plan have a function that cloudpickle packs, and the user's modules that it names.

    Findings say why it cannot: cloudpickle is not installed, or refuses.
    """
    plan.entry |= {"kind": "pickle", "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    if not is_installed():
        plan.findings.append(Finding('serializer="cloudpickle"', "cloudpickle is not installed", f"Run {INSTALL}"))
        return
    import cloudpickle  # type: ignore[import-untyped]

    dumps = cast("Callable[[object, int], bytes]", vars(cloudpickle)["dumps"])
    try:
        packed = dumps(function, pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # noqa: BLE001  (user classes may raise anything while they are pickled)
        why = f"cloudpickle cannot pack it: {type(error).__name__}: {error}"
        plan.findings.append(Finding(f"function {plan.name}", why, "Create what it names inside the function"))
        return
    plan.files[_FILE] = packed
    words = {word for _, argument, _ in pickletools.genops(packed) for word in str(argument).split(" ")[:1]}
    for name in sorted(words & sys.modules.keys() - {"__main__"}):
        graph.ship(name)
