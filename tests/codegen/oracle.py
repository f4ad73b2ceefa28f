"""The oracle for CEL: an independent implementation beside ours, and one verdict form for both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from cel_expr_python import cel as reference

from codegen.cel.lower import lower
from codegen.schema.jsontypes import Object
from kubeflow.core import cel

Verdict = tuple[Literal["value", "error"], Any]
ERROR: Verdict = ("error", None)


@cache
def _environment() -> Any:
    dynamic = reference.Type.DYN
    return reference.NewEnv(variables={"self": dynamic, "oldSelf": dynamic})


@cache
def _compiled(text: str) -> Any:
    # Unchecked: a checked expression would be refused where types disagree, which is decided at run time here.
    return _environment().compile(text, disable_check=True)


def theirs(text: str, this: object = None, old: object = None) -> Verdict:
    """Return what the reference implementation makes of `text`."""
    result = _compiled(text).eval(data={"self": this, "oldSelf": old})
    return ERROR if result.type() == reference.Type.ERROR else ("value", result.plain_value())


@cache
def _function(source: str) -> Any:
    return eval(f"lambda this, old: {source}", {"cel": cel})


def ours(
    text: str,
    this: object = None,
    old: object = None,
    schema: Object | None = None,
    definitions: Mapping[str, Object] | None = None,
    root: bool = False,
) -> Verdict:
    """Return what the lowered `text` evaluates to."""
    source = lower(text, schema or {}, definitions or {}, root=root).source
    try:
        return ("value", _function(source)(this, old))
    except cel.CelError:
        return ERROR


def alike(one: Verdict, other: Verdict) -> bool:
    """Return whether two verdicts are the same, types included: `1`, `1.0` and `true` are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
