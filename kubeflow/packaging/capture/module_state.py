# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""What was done to the user's modules after their import, and to attributes of libraries.

A module of the user's is imported in the job from its text. What its text computes, the job computes anew: devices,
paths, times, loggers, locks and connections are those of the job. What was changed since is sent. Three signs tell it:

1. A literal in the text differs from the live value, or a definition from what its name means.
2. The text of the notebook or script assigns to it: `config.LR = 3e-4`, `config.cfg["lr"] = 3e-4`, `json.dumps = mine`.
3. A container that the text makes empty holds functions or classes: other modules have registered them.

Sign 1 does not count for plain data in a container that code touches which runs on import: that code may have put it
there.
"""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import cast

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.library_objects import is_library_object
from kubeflow.packaging.capture.made_attributes import NAMESPACES, made_attributes
from kubeflow.packaging.capture.module_objects import ModuleObjects
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.object_state import state_of
from kubeflow.packaging.capture.patched_places import ANY, patched_places
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, is_atom, is_data, same, static_value
from kubeflow.packaging.source.definitions import bound_names, first_line, raw_functions, statements
from kubeflow.packaging.source.importable import import_path
from kubeflow.packaging.source.module_text import Chain, ModuleText, changes
from kubeflow.packaging.source.modules import LoadedModule

_CONTAINERS = (list, dict, set, deque, OrderedDict, defaultdict, Counter)
_NOT_PATCHED = frozenset({"sys", "os", "builtins"})  # their attributes are of the process, not of the code
_OF_THE_IMPORT = frozenset({"__name__", "__file__", "__path__", "__spec__", "__loader__", "__package__", "__cached__",
                            "__builtins__", "__annotations__"})  # fmt: skip
_MADE_BY_PYTHON = ("__", "_abc_", "_member_", "_is_protocol", "_is_runtime_protocol", "_sunder_")


class ModuleStates:
    """Sends what shipped modules have become since their import."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._done: set[str] = set()
        self._patches: set[tuple[int, str]] = set()
        self._changed: dict[tuple[str, str], set[Chain]] = {}
        """By module and name: what the notebook or script changed there; the chain goes on inside the value."""

    def send(self) -> None:
        """Compare all shipped modules that are loaded, also those that the differences themselves bring along."""
        self._provider.graph.complete()
        loaded = self._provider.graph.loaded()
        self._read_changes()
        while fresh := [name for name in loaded if name not in self._done]:
            for name in fresh:
                self._done.add(name)
                _ComparedModule(self._provider, loaded[name], self._changed).compare()
            self._provider.graph.complete()
            loaded = self._provider.graph.loaded()

    # -- what the notebook or script changed -----------------------------------------------------------------------

    def _read_changes(self) -> None:
        namespace = self._provider.namespace
        loaded = self._provider.graph.loaded()
        modules = {id(found.module): name for name, found in loaded.items()}
        for origin in self._provider.origins.all():
            for chain, line in changes(origin.tree):
                if chain[0] in namespace:
                    self._note(namespace[chain[0]], chain[1:], modules, f"{origin.label}:{line}")
            for holder, name, line in patched_places(origin.tree, namespace):
                names = _users_functions(holder, namespace) if name == ANY else [name]
                for each in names:
                    self._note(holder, (each,), modules, f"{origin.label}:{line}")
        for name, found in loaded.items():
            for chain, line in changes(found.tree):
                owner = vars(found.module).get(chain[0])
                if isinstance(owner, ModuleType) and id(owner) not in modules:
                    self._patched(owner, chain[1:], f"{found.label}:{line}", only_of=name)

    def _note(self, owner: object, chain: Chain, modules: Mapping[int, str], where: str) -> None:
        while isinstance(owner, ModuleType) and chain and isinstance(vars(owner).get(chain[0]), ModuleType):
            owner, chain = vars(owner)[chain[0]], chain[1:]
        if isinstance(owner, ModuleType) and chain:
            if id(owner) in modules:
                self._changed.setdefault((modules[id(owner)], chain[0]), set()).add(chain[1:])
            else:
                self._patched(owner, chain, where)
            return
        if isinstance(owner, type) and owner.__module__ not in modules.values() and import_path(owner) is not None:
            self._patched(owner, chain, where)
        if is_atom(owner):
            return
        for name, found in self._provider.graph.loaded().items():  # `from config import cfg`
            for attribute, value in vars(found.module).items():
                if value is owner and not isinstance(value, ModuleType):
                    self._changed.setdefault((name, attribute), set()).add(chain)

    def _patched(self, owner: object, chain: Chain, where: str, only_of: str = "") -> None:
        """Send what a module or class of a library has in place of its own attribute."""
        path = [owner.__module__, owner.__qualname__] if isinstance(owner, type) else []
        path = [owner.__name__] if isinstance(owner, ModuleType) else path
        while len(chain) > 1 and chain[1] != "[]" and isinstance(inner := vars(owner).get(chain[0]), type | ModuleType):
            path = [inner.__name__] if isinstance(inner, ModuleType) else [*path, chain[0]]
            owner, chain = inner, chain[1:]
        is_library = bool(path) and self._provider.graph.locate(path[0]) is None
        if len(chain) != 1 or chain[0] == "[]" or not is_library or path[0] in (*_NOT_PATCHED, "__main__"):
            return
        is_module = isinstance(owner, ModuleType)  # one may compute attributes, as those of `torch.backends` do
        value = vars(owner).get(chain[0], UNKNOWN) if is_module else inspect.getattr_static(owner, chain[0], UNKNOWN)
        if (
            (id(owner), chain[0]) in self._patches
            or value is UNKNOWN
            or (only_of and getattr(value, "__module__", "") != only_of)
        ):
            return
        self._patches.add((id(owner), chain[0]))
        place = {"path": f"{path[0]}:{'.'.join(path[1:])}" if len(path) > 1 else path[0]}
        found = self._provider.quietly(value)
        what = ".".join([*path, chain[0]])
        if found is None:
            self._provider.record.find(
                what,
                "it was replaced here, and what replaces it cannot be sent",
                "Replace it inside the function",
                where,
            )
        elif found.operand != {"path": f"{path[0]}:{'.'.join([*path[1:], chain[0]])}"}:
            step: dict[str, object] = {"do": "set", "of": place, "attrs": {chain[0]: found.operand}}
            self._provider.record.late(step, found)


class _ComparedModule:
    """One module: its live names against its text."""

    def __init__(self, provider: Provider, found: LoadedModule, changed: Mapping[tuple[str, str], set[Chain]]) -> None:
        self._provider = provider
        self._name = found.module.__name__
        self._live: dict[str, object] = vars(found.module)
        self._text = ModuleText(found.text, found.tree)
        self._label = found.label
        self._changed = changed
        self._static: dict[str, object] = {}
        self._objects = ModuleObjects(provider, found.tree, self._label)

    def compare(self) -> None:
        """Send what differs."""
        for node in self._text.tree.body:
            self._bind(node)
        attributes: dict[str, object] = {}
        for name, value in list(self._live.items()):
            is_own = not name.startswith("__") or name in self._text.bindings or self._is_assigned(name)
            if is_own and name not in _OF_THE_IMPORT and self._is_other(name, value):
                attributes[name] = value
        self._set(Ref({"path": self._name}), attributes, f"{self._name}.")

    def _bind(self, node: ast.stmt) -> None:
        """Note what a statement binds, in the order of the text."""
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            self._static[target.id] = static_value(node.value, self._static)
            return
        for inner in statements([node]):
            if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Tuple):
                values = static_value(inner.value, self._static)
                names = [element.id for element in inner.targets[0].elts if isinstance(element, ast.Name)]
                if inner is node and isinstance(values, tuple) and len(values) == len(names):
                    self._static |= dict(zip(names, values, strict=True))
                    continue
            names = [name for name, _ in bound_names(inner)]
            is_import = isinstance(inner, ast.Import | ast.ImportFrom) and inner is node
            self._static |= {name: self._live.get(name, UNKNOWN) if is_import else UNKNOWN for name in names}

    def _is_other(self, name: str, value: object) -> bool:
        """Say whether a name must be set; what lies inside its value is sent on the way."""
        nodes = self._text.bindings.get(name)
        was_changed = (self._name, name) in self._changed
        if nodes is None:
            return not isinstance(value, ModuleType) and (was_changed or not self._text.writes_any_name) and (
                name not in self._text.set_by_functions or is_atom(value)
            )  # fmt: skip
        node = nodes[-1]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if self._made(value, node):
                self._function(value, name, name)
                return False
            return not node.decorator_list or self._is_of_main(value) or was_changed
        if isinstance(node, ast.ClassDef):
            if isinstance(value, type) and value.__module__ == self._name:
                self._class(value, node, name)
                return False
            return was_changed or not node.decorator_list
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self._is_of_main(value) or (was_changed and self._is_assigned(name))
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return self._assigned(name, value, node.value)
        return was_changed and self._is_assigned(name)

    def _is_assigned(self, name: str) -> bool:
        """Say whether the notebook or script assigns to the name itself, not only to something inside its value."""
        return () in self._changed.get((self._name, name), ())

    def _assigned(self, name: str, value: object, expression: ast.expr) -> bool:
        place = Ref({"path": f"{self._name}:{name}"})
        if self._is_assigned(name):
            return True
        static = self._static.get(name, UNKNOWN)
        if static is UNKNOWN:
            static = _empty(expression, value)
        if (self._name, name) in self._changed:  # something inside of it
            self._content(value, place, name)
            return False
        if static is UNKNOWN:
            if isinstance(value, FunctionType):
                self._function(value, name, name)
            elif not self._objects.library_object(value, place, f"{self._name}.{name}"):
                self._object(value, expression, place, name)
            return self._is_of_main(value)
        if same(value, static):
            return False
        if isinstance(value, _CONTAINERS) and type(value) is type(static):
            if name not in self._text.used_by_import or _holds_code(value, self._name):
                self._content(value, place, name)
            return False
        # What a function of the module made on first use is made on first use there, if it is no data.
        return name not in self._text.set_by_functions or is_atom(value) or self._is_sent_whole(value)

    def _is_sent_whole(self, value: object) -> bool:
        return self._provider.is_users_object(value) and is_data(list(state_of(value)[0].values()))

    def _function(self, value: object, name: str, path: str) -> None:
        if isinstance(value, FunctionType) and value.__globals__ is self._live:
            chains = self._changed.get((self._name, name), set())
            assigned = {chain[-1] for chain in chains if chain and chain[-2:-1] in ((), (path.rpartition(".")[2],))}
            place = Ref({"path": f"{self._name}:{path}"})
            self._objects.function(value, place, f"{self._name}.{path}", assigned, self._static)

    def _content(self, value: object, place: Ref, name: str) -> None:
        if isinstance(value, type):
            return
        self._provider.link(value, place)
        self._provider.fill(value, place, f"{self._name}.{name}")

    def _object(self, value: object, expression: ast.expr, place: Ref, name: str) -> None:
        """Send attributes that an object has got since it was made by a call whose outcome the text tells."""
        if not isinstance(expression, ast.Call) or is_atom(value) or not hasattr(value, "__dict__"):
            return
        kinds = [kind for kind in type(value).__mro__ if kind is not object]
        if type(value) not in NAMESPACES and not all(map(self._is_users, kinds)):
            return  # a class of a library gives its objects what no text of the user's tells: layers, say
        expected = made_attributes(value, expression, self._static)
        state = cast("dict[str, object]", vars(value)) if expected is not None else {}
        other = {n: v for n, v in state.items() if expected is not None and n not in expected}
        other |= {n: v for n, v in state.items() if n not in other and not _as_good(v, (expected or {})[n])}
        if other:
            self._set(place, other, f"{self._name}.{name}.")

    # -- classes ---------------------------------------------------------------------------------------------------

    def _class(self, cls: type, node: ast.ClassDef, path: str) -> None:
        if isinstance(cls, enum.EnumMeta):
            self._members(cls, node, path)
            return
        chains = {chain[:1] for chain in self._changed.get((self._name, path), ()) if chain}
        bound = {name: s for s in statements(node.body) for name in _names_of(s)}
        plain = type(cls) is type and not node.decorator_list
        place = Ref({"path": f"{self._name}:{path}"})
        attributes: dict[str, object] = {}
        for name, value in vars(cls).items():
            statement = bound.get(name)
            if name.startswith(_MADE_BY_PYTHON) and (name,) not in chains and statement is None:
                continue
            if isinstance(statement, ast.ClassDef) and isinstance(value, type):
                self._class(value, statement, f"{path}.{name}")
            elif self._is_other_member(path, name, value, statement, plain, place) or (
                (name,) in chains and not self._is_method(value, statement)
            ):
                attributes[name] = value
        self._set(place, attributes, f"{self._name}.{path}.")

    def _members(self, cls: type, node: ast.ClassDef, path: str) -> None:
        """Send attributes that members of an enumeration have got: those that its text does not name."""
        written = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
        for name, member in cast("type[enum.Enum]", cls).__members__.items():
            added = {n: v for n, v in vars(member).items() if n not in written and not n.startswith("_")}
            self._set(Ref({"path": f"{self._name}:{path}.{name}"}), added, f"{self._name}.{path}.{name}.")

    def _is_other_member(
        self, path: str, name: str, value: object, node: ast.stmt | None, plain: bool, place: Ref
    ) -> bool:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if self._made(value, node):
                self._function(value, path, f"{path}.{name}")
            return not node.decorator_list and not self._made(value, node)
        if node is None:
            is_data = is_atom(value) or isinstance(value, _CONTAINERS)
            return self._is_of_main(value) or (plain and is_data and name not in self._text.used_by_import)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            return False
        static = static_value(node.value, self._static)
        if static is UNKNOWN:
            self._objects.library_object(value, place.at(("vars", name)), f"{self._name}.{path}.{name}")
            return self._is_of_main(value)
        if same(value, static):
            return self._is_of_main(value)
        if isinstance(value, _CONTAINERS) and type(value) is type(static):
            if name not in self._text.used_by_import or _holds_code(value, self._name):
                inner = place.at(("vars", name))
                self._provider.link(value, inner)
                self._provider.fill(value, inner, f"{self._name}.{name}")
            return False
        is_whole = is_atom(value) or is_library_object(value) or self._is_sent_whole(value)
        return is_whole or self._is_of_main(value)

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _made(self, value: object, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Say whether a definition of this module made a value, however decorated."""
        lines = (first_line(node), node.lineno)
        return any(
            f.__code__.co_name == node.name and f.__module__ == self._name and f.__code__.co_firstlineno in lines
            for f in raw_functions(value)
        ) or (isinstance(value, FunctionType) and value.__module__ == self._name and value.__name__ == node.name)

    def _is_method(self, value: object, node: ast.stmt | None) -> bool:
        return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and self._made(value, node)

    def _is_users(self, kind: type) -> bool:
        return kind.__module__ == "__main__" or self._provider.graph.locate(kind.__module__) is not None

    def _is_of_main(self, value: object) -> bool:
        """Say whether a function or class comes from the notebook or script."""
        return callable(value) and any(f.__globals__ is self._provider.namespace for f in _functions(value))

    def _set(self, ref: Ref, attributes: Mapping[str, object], prefix: str) -> None:
        refs = {name: self._provider.ref(value, f"{prefix}{name}", self._label) for name, value in attributes.items()}
        known = {name: value for name, value in refs.items() if value is not None}
        if known:
            operands = {name: value.operand for name, value in known.items()}
            self._provider.record.late({"do": "set", "of": ref.operand, "attrs": operands}, ref, *known.values())


def _users_functions(holder: ModuleType | type, namespace: dict[str, object]) -> list[str]:
    """Return the names under which a module or class has functions of the notebook or script."""
    return [n for n, v in vars(holder).items() if type(v) is FunctionType and v.__globals__ is namespace]


def _functions(value: object) -> Iterator[FunctionType]:
    if isinstance(value, type):
        for part in vars(value).values():
            if not isinstance(part, type):
                yield from raw_functions(part)
    else:
        yield from raw_functions(value)


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _empty(expression: ast.expr, value: object) -> object:
    """Return the empty container that a call such as `defaultdict(list)` makes, of the type that the value has."""
    if not isinstance(expression, ast.Call) or not isinstance(value, _CONTAINERS):
        return UNKNOWN
    name = expression.func.attr if isinstance(expression.func, ast.Attribute) else getattr(expression.func, "id", "")
    arguments = [a for a in expression.args if not (name == "defaultdict" and isinstance(a, ast.Name | ast.Lambda))]
    if name != type(value).__name__ or arguments or expression.keywords:
        return UNKNOWN
    return type(value)()


def _holds_code(value: object, module: str) -> bool:
    """Say whether a container holds functions, classes or objects of classes of other modules: what these register."""
    kept = list(cast("dict[object, object]", value).values()) if isinstance(value, dict) else []
    for part in kept or list(cast("list[object]", value)):
        if isinstance(part, list | dict | set | tuple):
            if _holds_code(part, module):
                return True
        elif callable(part) or hasattr(part, "__dict__"):
            home = getattr(part, "__module__", module) if callable(part) else type(part).__module__
            if home != module:
                return True
    return False


def _as_good(live: object, expected: object) -> bool:
    return expected is UNKNOWN or same(live, expected) or not (is_atom(live) or isinstance(live, _CONTAINERS))
