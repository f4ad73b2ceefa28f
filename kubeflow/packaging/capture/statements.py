"""The statement that bound a module-level name, carried out again or replaced by what it made."""

from __future__ import annotations

import functools
from types import FunctionType, ModuleType

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.assignments import is_dotted, reason_not_to_repeat
from kubeflow.packaging.capture.calls import Calls
from kubeflow.packaging.capture.edits import is_structural
from kubeflow.packaging.capture.live_objects import Objects
from kubeflow.packaging.capture.makers import Makers
from kubeflow.packaging.capture.module_steps import Operand, Ref
from kubeflow.packaging.capture.object_state import has_readable_state
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.stale_names import find_stale_names
from kubeflow.packaging.capture.static_values import UNKNOWN, is_atom, static_value
from kubeflow.packaging.source.definitions import Binding, Origin, made_by
from kubeflow.packaging.source.free_names import free_names
from kubeflow.packaging.source.import_statements import import_text
from kubeflow.packaging.source.module_text import changes
from kubeflow.packaging.tagged_json.encoder import encode

_CONTAINERS = (list, tuple, dict, set, frozenset)


class Statements:
    """Provides names of the user's module by the statements that bound them.

    `package` is that of the module.
    """

    def __init__(self, walk: Provider, makers: Makers, values: Objects, package: str) -> None:
        self._walk = walk
        self._makers = makers
        self._values = values
        self._package = package
        self._atoms: dict[str, tuple[int, ast.expr]] = {}

    def provide(self, number: int, name: str, value: object, binding: Binding) -> bool:
        """Provide a name by the statement that bound it. Returns False when that statement did not make this
        value, or when the value is better sent as what it is.
        """
        node = binding.node
        if isinstance(node, ast.Import | ast.ImportFrom) and binding.alias is not None:
            return self._by_import(number, name, value, binding)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if self._walk.known(value) is not None or not made_by(value, node, binding.origin):
                return False
            is_class = isinstance(value, type)
            is_plain = isinstance(value, FunctionType) and value.__code__.co_name == node.name and (
                value.__code__.co_filename == binding.origin.filename and not _is_wrapper(value, node)
            )  # fmt: skip
            if not (is_class or is_plain) and (not node.decorator_list or is_structural(value, self._walk)):
                return False
            if is_class or is_plain:
                self._walk.link(value, Ref({"name": name}, (number,)))
            if isinstance(node, ast.ClassDef):
                self._makers.bound_class(number, name, value, binding.origin, node)
            else:
                self._makers.bound_function(number, name, value, binding.origin, node)
            return True
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return self._by_assignment(number, name, value, binding.origin, node, node.value)
        return False

    def reset(self, assigned: set[str]) -> None:
        """Let the names that functions assign have their first value, where it is text, a number or the like, while
        the module is built: code that runs then sees what it saw here.
        """
        for name, (number, initial) in self._atoms.items():
            step = self._walk.record.nodes[number].step
            if name in assigned and step is not None:
                first = static_value(initial, {})
                before: Operand | None = {"value": encode(first)} if is_atom(first) else None
                self._walk.record.changed(number, before, dict(step))

    def _by_import(self, number: int, name: str, value: object, binding: Binding) -> bool:
        text = import_text(name, value, binding, self._walk.origins.bindings(name), self._package)
        if text is None:
            return False
        self._text(number, binding.origin, binding.node.lineno, binding.node.lineno, text)
        return True

    def _text(self, number: int, origin: Origin, first: int, last: int, text: str) -> None:
        """Let a node execute a piece of text, or come after the node that does so already."""
        known = self._walk.record.text_node(origin, first, last, text)
        if known is None:
            self._walk.record.statement(number, origin, first, last, text=text)
        else:
            self._walk.record.nodes[number].reads(Ref({}, (known,)))

    def _by_assignment(
        self, number: int, name: str, value: object, origin: Origin, node: ast.stmt, right: ast.expr
    ) -> bool:
        """Send the value as data, or repeat an assignment whose value is made the same way anywhere."""
        if isinstance(value, ModuleType | FunctionType | functools.partial) or self._walk.path(value) is not None:
            return False
        if self._walk.known(value) is not None:
            return False
        where = f"{origin.label}:{node.lineno}"
        if not isinstance(value, type) and not callable(value) and not has_readable_state(value):
            ref = self._values.data(value, right)
            if isinstance(ref, Ref):
                self._walk.bind(number, name, ref)
                if is_atom(value):
                    self._atoms[name] = number, right
                return True
        static = static_value(right, self._walk.namespace)
        if is_dotted(right) and static is not value and not (static is UNKNOWN and self._is_of_module(right)):
            return False  # what stands there means something else by now
        if reason_not_to_repeat(value, right):
            self._walk.bind(number, name, self._walk.ref_made_by(value, f"global {name}", where, right))
            return True
        if not is_dotted(right) or self._walk.is_users_object(value):
            if type(value) in _CONTAINERS:
                return False
            # What the expression reads (`table["a"]`) may be filled later in the job.
            made = self._walk.attempt(lambda: self._walk.ref_made_by(value, f"global {name}", where, right))
            if made is not None:
                self._walk.bind(number, name, made)
                return True
        self._repeat(number, name, value, origin, node, right)
        return True

    def _is_of_module(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and isinstance(self._walk.namespace.get(node.id), ModuleType)

    def _repeat(self, number: int, name: str, value: object, origin: Origin, node: ast.stmt, right: ast.expr) -> None:
        """Execute an assignment again."""
        text = ast.get_source_segment(origin.text, node) or ast.unparse(node)
        names = free_names(text, origin.filename, origin.future)
        for needed in sorted(names.early | names.late):
            ref = self._walk.need(needed, f"{origin.label}:{node.lineno}")
            if ref is not None:
                self._walk.record.nodes[number].reads(ref)
        self._walk.link(value, Ref({"name": name}, (number,)))
        self._walk.record.nodes[number].runs_code = any(isinstance(part, ast.Call) for part in ast.walk(node))
        self._text(number, origin, node.lineno, node.end_lineno or node.lineno, text)
        find_stale_names(self._walk, [right], origin, f"the assignment to {name}")
        if not is_dotted(right):
            self._walk.afterwards(lambda: self._changes(name, value, Ref({"name": name}, (number,))))

    def _changes(self, name: str, value: object, made: Ref) -> None:
        """Send what statements of the module did to the object that a repeated assignment makes."""
        chains = {chain for origin in self._walk.origins.all() for chain, _ in changes(origin.tree)}
        for chain in sorted(chain for chain in chains if chain[0] == name and len(chain) > 1 and "[]" not in chain):
            owner, place = value, made
            for part in chain[1:-1]:
                owner, place = inspect.getattr_static(owner, part, None), place.at(("attr", part))
            content: object = inspect.getattr_static(owner, chain[-1], None)
            ref = self._walk.ref(content, ".".join(chain), "")
            Calls(self._walk.record).set(place, {chain[-1]: ref})


def _is_wrapper(function: FunctionType, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Say whether another function of the same name stands for the one that the definition made."""
    lines = (node.lineno, min([node.lineno, *(d.lineno for d in node.decorator_list)]))
    return function.__code__.co_firstlineno not in lines
