"""Argument values and captured constants as tagged JSON, with findings instead of exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from kubeflow.core.errors import Finding
from kubeflow.packaging.capture.content_views import view_of
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.module_walk import ModuleWalk
from kubeflow.packaging.capture.pickles import NAMELESS, Pickles, is_code
from kubeflow.packaging.capture.substitutes import of_user, remedy
from kubeflow.packaging.remote import MAIN, codec
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.source.modules import ModuleGraph
from kubeflow.packaging.tagged_json.encoder import Encoder, plain


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a user gives, and what findings call it."""

    label: str
    value: object


class _Reported(codec.CodecError):
    """A value is refused, and a finding says so."""


class Values:
    """The values that a bundle has beside its code: arguments, and objects that methods belong to.

    Data becomes tagged JSON. Functions, classes and what the user's module holds are provided by the walk, which
    knows under which names the job has them. What only pickle can carry is pickled where the job runs under this very
    Python. What two values share stays one object.
    """

    def __init__(self, walk: ModuleWalk, graph: ModuleGraph, *, same_python: bool) -> None:
        """`graph` has the user's modules that are shipped; `same_python` is True when the job can read pickles."""
        self.findings: list[Finding] = []
        self._walk = walk
        self._graph = graph
        self._pickles = Pickles(self._named) if same_python else None
        self._encoder = Encoder(self._refer, self._outside)
        self._label = ""
        self._reads: list[Ref] = []

    def encode(self, given: Sequence[Given]) -> tuple[list[object], dict[str, object]]:
        """Encode values, once for a bundle.

        Returns:
            Their JSON, in their order, and the table of what several of them refer to. A value that is refused has a
            finding, and null in the list.
        """
        encoded: list[object] = [None] * len(given)
        refused: dict[int, codec.CodecError] = {}
        self._provide_views(given)
        for i, item in enumerate(given):
            self._label = item.label
            try:
                encoded[i] = self._encoder.encode(item.value)
            except _Reported:
                continue
            except codec.CodecError as problem:
                refused[i] = problem
        for i, error in refused.items():  # last: pickles refer to data that was encoded, and never the other way round
            node = self.pickled(given[i].value, given[i].label, "", error)
            encoded[i] = None if node is None else node.operand["value"]
        values: list[object] = plain(encoded)
        shared: dict[str, object] = plain(self._encoder.shared())
        return values, shared

    def _provide_views(self, given: Sequence[Given]) -> None:
        """Let arguments that show the content of others go on doing so."""
        known = {id(item.value) for item in given}
        for item in given:
            view = view_of(item.value, lambda value: id(value) in known)
            for value in (*view.args, item.value) if view is not None else ():
                self._walk.ref(value, item.label, "")

    def pickled(self, value: object, label: str, where: str, error: codec.CodecError) -> Ref | None:
        """Pickle a value that is no data, as `error` says, or add a finding and return None."""
        self._label = label
        if self._pickles is not None and not _is_secret(error):
            try:
                node = self._pickles.node(value)
            except _Reported:
                return None
            except codec.CodecError as problem:
                error = problem if "cannot be pickled" not in problem.reason else error
            else:
                return Ref({"value": node}, tuple(number for ref in self._reads for number in ref.needs))
        error = of_user(error)
        self.findings.append(
            Finding(
                f"{label}{error.path}", f"it {error.reason}", remedy(error, no_pickles=self._pickles is None), where
            )
        )
        return None

    def files(self) -> dict[str, bytes]:
        """Return the file of pickles, if there are any."""
        return self._pickles.files() if self._pickles is not None else {}

    def holds(self, value: object) -> bool:
        """Say whether a value is part of what has been pickled, and must come from there."""
        return self._pickles is not None and self._pickles.holds(value)

    def _refer(self, target: object) -> str:
        """Return how the job finds a class or function."""
        path = import_path(target)
        if path is not None:
            self._graph.ship(path.partition(":")[0])
            return path
        if isinstance(target, ModuleType) and is_importable(target.__name__):
            self._graph.ship(target.__name__)
            return target.__name__
        return self._name_of(self._walk.ref(target, self._label, ""))

    def _name_of(self, ref: Ref | None) -> str:
        if ref is None:
            raise _Reported("", "is refused")
        name = self._walk.name_for(ref)
        self._reads += [ref, self._walk.ref_of_name(name) or ref]
        return f"{MAIN}:{name}"

    def _outside(self, value: object, path: str) -> object:
        """Return JSON for what the user's module holds, which is the same object for the function and its arguments."""
        if isinstance(value, bytes):
            self._walk.read_bytes(value)
            return None
        if self.holds(value):
            raise codec.OnlyPickle(path, "is part of what only pickle can carry", value)
        known = self._walk.known(value)
        return None if known is None else {codec.TAG: "name", "c": self._name_of(known)}

    def _named(self, value: object) -> str | int | None:
        if is_code(value):
            return None if value in NAMELESS else self._refer(value)
        known = self._walk.known(value)
        return self._encoder.again(value) if known is None else self._name_of(known)


def _is_secret(error: codec.CodecError) -> bool:
    return "is a secret" in error.reason
