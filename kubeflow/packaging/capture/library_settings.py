"""What statements of the user's module did to other modules and to the interpreter: the job does it, too.

`np.set_printoptions(...)`, `logging.basicConfig(...)`, `json.dumps = dumps`, `os.environ["X"] = ...`,
`random.seed(42)`: no name of the user's module holds what they did, and what runs there would differ without them.
Only what the standard library or a package that the job uses is told counts.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator, Sequence
from types import FunctionType, ModuleType

from kubeflow.core.stdlib import ast, inspect, os, re
from kubeflow.packaging.capture.module_steps import Ref
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.static_values import UNKNOWN, literal, static_value
from kubeflow.packaging.source.definitions import Origin, statements
from kubeflow.packaging.source.free_names import free_names

# A call of one of these names sets something. What else is called at module level may write files, or train.
_SETS = re.compile(
    r"set|enable|disable|use(_|$)|register|(simple|reset|filter)(filter|warnings)|(basic|dict)Config|captureWarnings|"
    r"config(ure)?$|add(Handler|Filter|LevelName)|update$"
)
_OWN_SETS = re.compile(r"(set|config|init|enable|disable)\w*(logg|warning|precision|determinis)", re.IGNORECASE)
_SEEDS = re.compile(r"seed", re.IGNORECASE)
# Streams, paths, users and handlers belong to the process; a device may not be there.
_OF_THE_PROCESS = frozenset({"sys", "os", "atexit", "signal"})
_OF_SYS = frozenset({"setrecursionlimit", "setswitchinterval", "set_int_max_str_digits"})
_OF_DEVICES = frozenset({"set_device", "set_visible_devices"})
_OF_COPYREG = frozenset({"pickle", "constructor", "add_extension"})
_NOT_FOR_CHILDREN = "set_start_method"  # a process that the job spawns has its method already
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

    def environment(self) -> None:
        """Provide the environment variables that the module has set. Those that the job is given stay.

        They come first: libraries read some of them while they are imported.
        """
        found: dict[str, tuple[Origin, ast.stmt]] = {}
        for origin, node in self._statements():
            for name in self._variables(node):
                if name in os.environ and not _OF_THIS_MACHINE.fullmatch(name):
                    found[name] = origin, node
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
        yield from (name for key in keys if isinstance(name := self._static(key), str))

    def _is_environ(self, node: ast.expr) -> bool:
        return self._static(node) is os.environ

    def others(self) -> None:
        """Provide everything else, after the definitions: it may name them."""
        seeds: tuple[Origin, ast.stmt] | None = None
        for origin, node in self._statements():
            called = _called(node)
            if called is not None and _SEEDS.search(_last_name(called)):
                seeds = origin, node
            elif (called is not None and self._sets(called)) or self._sets_in_loop(node):
                text = ast.get_source_segment(origin.text, node) or ast.unparse(node)
                if called is not None and _last_name(called) == _NOT_FOR_CHILDREN:
                    text = f'if __name__ == "__main__": {text}'
                self._carry_out(origin, node, text)
            else:
                for target in _targets(node):
                    self._attribute(origin, node, target)
        if seeds is not None:
            for text, values in self._generators():
                self._carry_out(*seeds, text, values)

    def original(self, value: object) -> str | None:
        """Return `module:name` of what a statement put something else in place of, as `np.mean` of `np.mean = mine`.

        In the job it is there under that name until the statement is carried out.
        """
        if self._replaced is None:
            holders = [(self._static(t.value), t.attr) for t in self._all_targets() if isinstance(t, ast.Attribute)]
            self._replaced = {f"{holder.__name__}:{name}" for holder, name in holders if isinstance(holder, ModuleType)}
            classes = [(holder, name) for holder, name in holders if isinstance(holder, type)]
            self._replaced |= {f"{cls.__module__}:{cls.__qualname__}.{name}" for cls, name in classes}
        path = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
        return path if path in self._replaced and not path.startswith("__main__:") else None

    def _all_targets(self) -> Iterator[ast.expr]:
        for _, node in self._statements():
            yield from _targets(node)

    # -- statements ------------------------------------------------------------------------------------------

    def _statements(self) -> Iterator[tuple[Origin, ast.stmt]]:
        for origin in self._provider.origins.all():
            for node in origin.tree.body:
                yield origin, node
                for called_origin, inner in self._called_statements(node):
                    yield called_origin, inner
                if isinstance(node, ast.If) and _is_main_guard(node):
                    for inner in statements(node.body):
                        yield origin, inner

    def _called_statements(self, node: ast.stmt) -> Iterator[tuple[Origin, ast.stmt]]:
        """Yield what a function of the module did that a statement calls: what it always does, with global names."""
        called = _called(node)
        function = self._provider.namespace.get(called.id) if isinstance(called, ast.Name) else None
        if not isinstance(called, ast.Name) or not isinstance(function, FunctionType) or self._sets(called):
            return
        binding = next(iter(self._provider.origins.bindings(called.id)), None)
        if binding is None or not isinstance(binding.node, ast.FunctionDef) or _is_running(function):
            return
        if binding.node.decorator_list or not binding.origin.has(function.__code__):
            return
        own = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
        for inner in binding.node.body:
            if any(isinstance(part, ast.Return | ast.Raise | ast.Yield | ast.YieldFrom) for part in ast.walk(inner)):
                return
            if not own & {part.id for part in ast.walk(inner) if isinstance(part, ast.Name)}:
                yield binding.origin, inner

    def _sets(self, called: ast.expr) -> bool:
        name = _last_name(called)
        if (root := _root(called)) is None:
            return False
        module = self._module(root)
        if module is None:
            own = self._provider.namespace.get(root)
            return isinstance(called, ast.Name) and callable(own) and bool(_OWN_SETS.search(name))
        if module in _OF_THE_PROCESS:
            return module == "sys" and name in _OF_SYS
        if module == "copyreg":
            return name in _OF_COPYREG
        return bool(_SETS.match(name)) and name not in _OF_DEVICES and self._is_used(module)

    def _sets_in_loop(self, node: ast.stmt) -> bool:
        """Say whether a statement is a loop that does nothing but set something."""
        if not isinstance(node, ast.For) or node.orelse or any(isinstance(n, ast.Call) for n in ast.walk(node.iter)):
            return False
        calls = [_called(inner) for inner in node.body]
        return all(called is not None and self._sets(called) for called in calls)

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
        last = node.lineno + text.count("\n")
        self._record.statement(number, origin, node.lineno, last, text=text)
        self._provider.names_of_text(number, free_names(text, origin.filename), origin, node.lineno - 1)

    # -- what statements are about -------------------------------------------------------------------------------

    def _static(self, node: ast.expr) -> object:
        return static_value(node, self._provider.namespace)

    def _module(self, root: str) -> str | None:
        """Return the module, not the user's own, that a name was imported from, or that it means."""
        value = self._provider.namespace.get(root)
        name: str | None = None
        if isinstance(value, ModuleType):
            name = value.__name__
        else:
            for binding in self._provider.origins.bindings(root):
                if isinstance(binding.node, ast.ImportFrom) and binding.alias is not None and not binding.node.level:
                    name = binding.node.module
                break
        return None if name is None or self._provider.graph.locate(name) is not None else name

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


def _is_running(function: FunctionType) -> bool:
    """Say whether a function is being called now, by the thread that makes the bundle."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None


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


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
