"""What statements of the user's module did to other modules and to the interpreter: the job does it, too.

`np.set_printoptions(...)`, `logging.basicConfig(...)`, `json.dumps = dumps`, `os.environ["X"] = ...`,
`random.seed(42)`: no name of the user's module holds what they did, and what runs there would differ without them.
Only what the standard library or a package that the job uses is told counts.
"""

from __future__ import annotations

import random
import struct
import sys
from collections import ChainMap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import cast

from kubeflow.core.stdlib import ast, os, re
from kubeflow.packaging.capture.called_functions import CalledFunctions, Scope, last_name, ran_before, running_line
from kubeflow.packaging.capture.interpreter_settings import InterpreterSettings
from kubeflow.packaging.capture.lost_settings import LostSettings
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.patched_places import ANY, patched_places
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.repeated_text import NOT_FOR_CHILDREN, RepeatedText
from kubeflow.packaging.capture.static_values import UNKNOWN, literal, static_value
from kubeflow.packaging.source.definitions import Origin, bound_names, statements
from kubeflow.packaging.source.free_names import free_names

# A call of one of these names sets something. What else is called at module level may write files, or train.
_SETS = re.compile(
    r"set|enable|disable|use(_|$)|register|(simple|reset|filter)(filter|warnings)|(basic|dict)Config|captureWarnings|"
    r"config(ure)?$|add(Handler|Filter|LevelName)|update$"
)
_OWN_SETS = re.compile(r"(set|config|init|enable|disable)\w*(logg|warning|precision|determinis)", re.IGNORECASE)
_SEEDS = re.compile(r"seed", re.IGNORECASE)
# Streams, paths, users and handlers belong to the process; a device may not be there.
_SETS_ONLY = re.compile(r"set|enable|disable|use_")  # what else gives something back may have been called for that
_BLOCKS = (ast.If, ast.For, ast.Match, ast.Try, ast.While, ast.With)
_OF_THE_PROCESS = frozenset({"sys", "os", "atexit", "signal"})
_OF_DEVICES = frozenset({"set_device", "set_visible_devices"})
_OF_COPYREG = frozenset({"pickle", "constructor", "add_extension"})
# What names a place, a device or a rank of this machine; and credentials, which a job gets otherwise.
_OF_THIS_MACHINE = re.compile(
    r"CUDA_VISIBLE_DEVICES|HOME|USER|TMPDIR|\w*PATH|PYTHON\w*|VIRTUAL_ENV|JPY_\w+|KUBE\w*|(LOCAL_|GROUP_)?RANK|"
    r"(LOCAL_)?WORLD_SIZE|MASTER_(ADDR|PORT)|PET_\w+|(\w+_)?(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?|AUTH)(_\w+)?"
)


class LibrarySettings:
    """Finds such statements in the texts of the user's module, and lets the job carry them out in their order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._record = provider.record
        self._replaced: set[str] | None = None
        self._functions = CalledFunctions(provider, _may_set)
        self._repeated = RepeatedText(provider, self._functions, self._sets, self._name_of)
        self._lost = LostSettings(provider, self._carry_out, self._module)
        self._interpreter = InterpreterSettings(provider)
        self._seeds: tuple[Origin, ast.stmt] | None = None

    def environment(self) -> None:
        """Provide the environment variables that the module has set. Those that the job is given stay.

        They come first: libraries read some of them while they are imported.
        """
        found: dict[str, tuple[Origin, ast.stmt]] = {}
        for origin, node in self._ran_here():
            for inner, scope in self._functions.ran(node, Scope(origin)):
                for name in self._variables(inner):
                    if name in os.environ and not _OF_THIS_MACHINE.fullmatch(name):
                        found[name] = scope.origin, inner
        for name, (origin, node) in found.items():
            text = f"__import__('os').environ.setdefault({name!r}, {os.environ[name]!r})"
            self._carry_out(origin, node, text)

    def _variables(self, node: ast.stmt) -> Iterator[str]:
        """Yield the environment variables that a statement names: it sets, updates or deletes some."""
        keys = [t.slice for t in _targets(node) if isinstance(t, ast.Subscript) and self._is_environ(t.value)]
        called = _called(node)
        if isinstance(called, ast.Attribute) and self._is_environ(called.value):
            call = node.value if isinstance(node, ast.Expr) else None
            for argument in call.args[:1] if isinstance(call, ast.Call) else ():
                keys += [key for key in argument.keys if key] if isinstance(argument, ast.Dict) else [argument]
            yield from (word.arg for word in call.keywords if word.arg) if isinstance(call, ast.Call) else ()
        for key in keys:
            value = self._static(key)
            found = list(cast("dict[object, object]", value)) if isinstance(value, dict) else [value]
            yield from (name for name in found if isinstance(name, str))

    def _is_environ(self, node: ast.expr) -> bool:
        return self._static(node) is os.environ

    def others(self) -> None:
        """Provide everything else, after the definitions: it may name them."""
        for origin, node in self._ran_here():
            self._statement(origin, node)
            for inner, scope in self._functions.ran(node, Scope(origin)):
                self._interpreter.at_exit(scope.origin, inner)
        self._interpreter.provide()
        if self._seeds is not None:
            for text, values in self._generators():
                self._carry_out(*self._seeds, text, values)

    def _statement(self, origin: Origin, node: ast.stmt) -> None:
        scope = Scope(origin)
        if self._sets(node, scope):
            value = node.value if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) else None
            made = value if isinstance(value, ast.Call) else node
            text = ast.get_source_segment(origin.text, made) or ast.unparse(made)
            if isinstance(value, ast.Call) and last_name(value.func) == NOT_FOR_CHILDREN:
                text = f'if __name__ == "__main__": {text}'
            self._carry_out(origin, node, text)
        elif isinstance(node, _BLOCKS) or self._functions.called(node, scope) is not None:
            if self._functions.may_set(node):
                self._block(origin, node)
        else:
            for target in _targets(node):
                self._attribute(origin, node, target)

    def _block(self, origin: Origin, node: ast.stmt) -> None:
        """Provide what a block has set, or a call of a function of the user's."""
        if text := self._repeated.of(origin, node):
            self._carry_out(origin, node, text)
        for lost in list(self._repeated.lost.values()):
            self._lost.provide(lost)

    def original(self, value: object) -> str | None:
        """Return `module:name` of what a statement put something else in place of, as `np.mean` of `np.mean = mine`.

        In the job it is there under that name until the statement is carried out.
        """
        if self._replaced is None:
            self._replaced = set()
            for origin in self._provider.origins.all():
                for holder, name, _ in patched_places(origin.tree, self._provider.namespace):
                    path = f"{holder.__module__}:{holder.__qualname__}." if isinstance(holder, type) else ""
                    self._replaced.add(f"{path or f'{holder.__name__}:'}{name}")
        path = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
        is_replaced = path in self._replaced or re.sub(r"[^.:]*$", ANY, path) in self._replaced
        return path if is_replaced and not path.startswith("__main__:") else None

    # -- statements ------------------------------------------------------------------------------------------

    def _ran_here(self) -> Iterator[tuple[Origin, ast.stmt]]:
        """Yield the statements of the module's top level that have run. Those after a call of the SDK have not yet."""
        for origin in self._provider.origins.all():
            line = running_line(origin, self._provider.namespace)
            for node in origin.tree.body if line is None else ran_before(origin.tree.body, line):
                if isinstance(node, ast.If) and _is_main_guard(node):
                    yield from ((origin, inner) for inner in node.body)
                else:
                    yield origin, node

    def _sets(self, node: ast.stmt, scope: Scope) -> bool:
        """Say whether a statement sets something that the job is to set as well. Notes seeds."""
        value = node.value if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Call):
            name = last_name(value.func)
            if _SEEDS.search(name):
                self._seeds = scope.origin, node
                return False
            return self._call_sets(value.func, scope) and (isinstance(node, ast.Expr) or bool(_SETS_ONLY.match(name)))
        return bool(scope.label or scope.is_block) and any(self._is_opaque(t, scope) for t in _targets(node))

    def _call_sets(self, called: ast.expr, scope: Scope) -> bool:
        name = last_name(called)
        if (root := _root(called)) is None:
            return False
        module = self._module(root, scope)
        if module is None:
            own = self._provider.namespace.get(root)
            if root in scope.local:
                return bool(_SETS.match(name)) and self._is_of_logging(root, scope)
            return isinstance(called, ast.Name) and callable(own) and bool(_OWN_SETS.search(name))
        if module in _OF_THE_PROCESS:
            return False
        if module == "copyreg":
            return name in _OF_COPYREG
        return bool(_SETS.match(name)) and name not in _OF_DEVICES and self._is_used(module)

    def _is_of_logging(self, name: str, scope: Scope) -> bool:
        """Say whether a variable of a function holds a logger or a handler: what is set in one counts everywhere."""
        body = scope.node.body if scope.node is not None else []
        for node in statements(body):
            if isinstance(node, ast.Assign) and any(bound == name for bound, _ in bound_names(node)):
                root = _root(node.value)
                if root is not None and self._module(root, scope) in ("logging", "logging.handlers"):
                    return True
        return False

    def _is_opaque(self, target: ast.expr, scope: Scope) -> bool:
        """Say whether a target belongs to a library that does not show what it holds: `torch.backends.x.y`, an item."""
        root = _root(target)
        module = None if root is None else self._module(root, scope)
        if module is None or module in _OF_THE_PROCESS or not self._is_used(module):
            return False
        if isinstance(target, ast.Subscript):
            return True
        imported: dict[str, object] = {name: sys.modules.get(path) for name, path in scope.all_modules().items()}
        names = ChainMap(imported, self._provider.namespace)
        holder = static_value(target.value, names) if isinstance(target, ast.Attribute) else UNKNOWN
        return isinstance(target, ast.Attribute) and not (
            isinstance(holder, ModuleType | type) and target.attr in vars(holder)
        )

    def _attribute(self, origin: Origin, node: ast.stmt, target: ast.expr) -> None:
        """Provide `np.mean = loud_mean`: what the attribute is now, or the statement where only it tells of what."""
        root = _root(target)
        module = None if root is None else self._module(root)
        if module is None or module in _OF_THE_PROCESS or not self._is_used(module):
            return
        if not isinstance(target, ast.Attribute | ast.Subscript):
            return
        holder = self._static(target.value)
        value: object = UNKNOWN
        if isinstance(target, ast.Attribute) and isinstance(holder, ModuleType):
            value = vars(holder).get(target.attr, UNKNOWN)
        if value is UNKNOWN:
            self._carry_out(origin, node, ast.get_source_segment(origin.text, node) or ast.unparse(node))
            return
        written = ast.unparse(target)
        if (text := literal(value)) is not None:
            self._carry_out(origin, node, f"{written} = {text}")
        elif (ref := self._provider.ref(value, written, f"{origin.label}:{node.lineno}")) is not None:
            self._carry_out(origin, node, f"{written} = {self._provider.name_for(ref)}", (ref,))

    def _carry_out(self, origin: Origin, node: ast.stmt, text: str, reads: Sequence[Ref] = ()) -> None:
        number = self._record.reserve()
        self._record.nodes[number].runs_code = True
        self._record.nodes[number].reads(*reads)
        self._record.statement(number, origin, node.lineno, node.end_lineno or node.lineno, text=text)
        names = free_names(text, origin.filename)  # what its functions use is used at once
        names = replace(names, early=names.early | names.late, late=frozenset())
        self._provider.names_of_text(number, names, origin, node.lineno - 1)

    # -- what statements are about -------------------------------------------------------------------------------

    def _static(self, node: ast.expr) -> object:
        return static_value(node, self._provider.namespace)

    def _name_of(self, value: object) -> str | None:
        ref = self._provider.quietly(value)
        return None if ref is None else self._provider.name_for(ref)

    def _module(self, root: str, scope: Scope | None = None) -> str | None:
        """Return the module, not the user's own, that a name was imported from, or that it means."""
        is_local = scope is not None and root in scope.names()
        name = scope.module(root) if scope is not None and is_local else self._module_of_global(root)
        return None if name is None or self._provider.graph.locate(name) is not None else name

    def _module_of_global(self, root: str) -> str | None:
        value = self._provider.namespace.get(root)
        if isinstance(value, ModuleType):
            return value.__name__
        for binding in self._provider.origins.bindings(root):
            if isinstance(binding.node, ast.ImportFrom) and binding.alias is not None and not binding.node.level:
                return binding.node.module
            break
        return None

    def _is_used(self, module: str) -> bool:
        top = module.partition(".")[0]
        return top in sys.stdlib_module_names or top in self._provider.graph.external

    # -- random numbers --------------------------------------------------------------------------------------------

    def _generators(self) -> Iterator[tuple[str, tuple[Ref, ...]]]:
        """Yield texts that set the generators of the libraries in use to where they are now."""
        external = self._provider.graph.external
        if any(value is random for value in self._provider.namespace.values()):
            version, words, following = random.getstate()
            unpacked = f"__import__('struct').unpack('<{len(words)}I', {{}})"
            text = f"__import__('random').setstate(({version}, {unpacked}, {following!r}))"
            yield from self._set(text, struct.pack(f"<{len(words)}I", *words))
        if "numpy" in external and (numpy := sys.modules.get("numpy")) is not None:
            name, keys, *rest = numpy.random.get_state()
            numpy_ = "__import__('numpy')"
            after = ", ".join(map(repr, rest))
            text = f"{numpy_}.random.set_state(({name!r}, {numpy_}.frombuffer({{}}, 'uint32'), {after}))"
            yield from self._set(text, keys.tobytes())
        if "torch" in external and (torch := sys.modules.get("torch")) is not None:
            seed, state = torch.initial_seed(), torch.get_rng_state()
            yield f"__import__('torch').manual_seed({seed})", ()
            fresh = torch.Generator().manual_seed(seed).get_state()
            if not torch.equal(fresh, state):
                torch_ = "__import__('torch')"
                text = f"{torch_}.set_rng_state({torch_}.tensor(list({{}}), dtype={torch_}.uint8))"
                yield from self._set(text, bytes(state.tolist()))

    def _set(self, text: str, state: object) -> Iterator[tuple[str, tuple[Ref, ...]]]:
        ref = self._provider.ref(state, "the state of a random generator", "")
        if ref is not None:
            yield text.format(self._provider.name_for(ref)), (ref,)


def _may_set(node: ast.AST) -> bool:
    """Say whether a part of a text may set something, by its words."""
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return bool(_SETS.match(name) or _SEEDS.search(name) or _OWN_SETS.search(name) or name == "setdefault")
    return isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)


def _is_main_guard(node: ast.If) -> bool:
    test = node.test
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Attribute | ast.Subscript)]
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute | ast.Subscript):
        return [node.target]
    return []


def _called(node: ast.stmt) -> ast.expr | None:
    return node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
