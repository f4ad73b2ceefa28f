"""What the parts of the capture ask of one another. `module_walk.ModuleWalk` is the one that has it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.module_steps import Record, Ref
from kubeflow.packaging.remote.codec import CodecError
from kubeflow.packaging.source.definitions import Origin
from kubeflow.packaging.source.free_names import FreeNames
from kubeflow.packaging.source.modules import ModuleGraph
from kubeflow.packaging.source.origins import Origins


class PickledValues(Protocol):
    """Pickles values, where the job can read them. `findings` are why it could not."""

    findings: list[Finding]

    def holds(self, value: object) -> bool:
        """Say whether a value is part of what has been pickled, and must come from there."""
        ...

    def pickled(self, value: object, label: str, where: str, error: CodecError) -> Ref | None:
        """Pickle a value that `error` says is no data, or add a finding and return None."""
        ...


class Provider(Protocol):
    """Provides names and objects of the user's module to a job."""

    @property
    def namespace(self) -> dict[str, object]:
        """The live globals of the user's module."""
        ...

    @property
    def record(self) -> Record:
        """The steps so far."""
        ...

    @property
    def graph(self) -> ModuleGraph:
        """The user's modules that are shipped."""
        ...

    @property
    def origins(self) -> Origins:
        """The texts of the user's module."""
        ...

    def need(self, name: str, where: str = "") -> Ref | None:
        """Provide a name of the module; None after a finding, and for builtins."""
        ...

    def ref(self, value: object, what: str, where: str) -> Ref | None:
        """Provide any value; None after a finding."""
        ...

    def ref_made_by(self, value: object, what: str, where: str, initial: ast.expr | None) -> Ref | None:
        """Provide a value that the expression `initial` made first."""
        ...

    def referred(self, cls: type) -> tuple[str | None, Ref | None]:
        """Return the import path of a class, for data that names it, and what must have run before."""
        ...

    def quietly(self, value: object) -> Ref | None:
        """Provide any value if that is possible; None, without a finding, if not."""
        ...

    def attempt(self, action: Callable[[], Ref | None], *, optional: bool = False) -> Ref | None:
        """Return what an action provides; None, without a finding and a step, when it has findings.

        With `optional`, also when it uses a name that nothing binds so far.
        """
        ...

    def path(self, value: object) -> str | None:
        """Return where the job can import a value from, before it carries out what the module did to libraries."""
        ...

    def bind(self, number: int, name: str, ref: Ref | None) -> None:
        """Let node `number` bind a name to what `ref` refers to."""
        ...

    def known(self, value: object) -> Ref | None:
        """Return how an object is referred to that has been provided."""
        ...

    def link(self, value: object, ref: Ref) -> None:
        """Let an object be the one that the job has at `ref`."""
        ...

    def fill(self, value: object, ref: Ref, what: str) -> None:
        """Give the object that the job has at `ref` the content and state that `value` has here, at the end."""
        ...

    def is_users_object(self, value: object) -> bool:
        """Say whether a value is an object of a class of the user's whose state can be read."""
        ...

    def name_for(self, ref: Ref) -> str:
        """Return a name of the module that means what `ref` refers to, to put into text."""
        ...

    def ref_of_name(self, name: str) -> Ref | None:
        """Return what a name of the module stands for that has been provided."""
        ...

    def read_bytes(self, data: bytes) -> None:
        """Provide, at the end, what the user's modules have of the names in data that may hold a pickle."""
        ...

    def names_of_text(self, number: int, names: FreeNames, origin: Origin, offset: int) -> None:
        """Provide what a piece of text uses, and let node `number` depend on that."""
        ...

    def drain(self, first: int = 0) -> None:
        """Do what `afterwards` was given since there were `first` such actions."""
        ...

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do something when no node is in progress."""
        ...
