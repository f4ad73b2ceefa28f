"""Steps of the job that call something, or set attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeflow.packaging.capture.module_steps import Record, Ref, Step


class Calls:
    """Adds such steps to a record. An argument that is None has a finding already: then there is no step."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def call(
        self, path: str, args: Sequence[Ref | None], keywords: Mapping[str, Ref | None] | None = None
    ) -> Ref | None:
        """Return what a call of `module:qualname` makes."""
        return self.call_of(Ref({"path": path}), args, keywords)

    def call_of(
        self, func: Ref | None, args: Sequence[Ref | None], keywords: Mapping[str, Ref | None] | None = None
    ) -> Ref | None:
        """Return what a call of anything makes."""
        step = _step(func, args, keywords or {})
        return None if step is None else self._record.make(self._record.reserve(), step[0], *step[1])

    def late(self, func: Ref | None, args: Sequence[Ref | None]) -> None:
        """Call something at the end."""
        step = _step(func, args, {})
        if step is not None:
            self._record.late(step[0], *step[1])

    def set(self, ref: Ref, attributes: Mapping[str, Ref | None]) -> None:
        """Set attributes at the end, those that can be sent."""
        known = {name: value for name, value in attributes.items() if value is not None}
        if known:
            step: Step = {"do": "set", "of": ref.operand, "attrs": {n: value.operand for n, value in known.items()}}
            self._record.late(step, ref, *known.values())


def items(refs: Sequence[Ref | None]) -> Ref | None:
    """Return a list of objects; None if one of them has a finding."""
    known = [ref for ref in refs if ref is not None]
    if len(known) < len(refs):
        return None
    return Ref({"items": [ref.operand for ref in known]}, tuple(n for ref in known for n in ref.needs))


def _step(
    func: Ref | None, args: Sequence[Ref | None], keywords: Mapping[str, Ref | None]
) -> tuple[Step, list[Ref]] | None:
    given = [arg for arg in args if arg is not None]
    named = {name: ref for name, ref in keywords.items() if ref is not None}
    if func is None or len(given) < len(args) or len(named) < len(keywords):
        return None
    step: Step = {"do": "call", "func": func.operand, "args": [arg.operand for arg in given]}
    step |= {"keywords": {name: ref.operand for name, ref in named.items()}} if named else {}
    return step, [func, *given, *named.values()]
