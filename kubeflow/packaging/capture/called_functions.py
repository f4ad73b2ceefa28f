"""Functions of the user's that statements of the notebook or script have called, and what of them ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, FunctionType

from kubeflow.core.stdlib import ast, inspect
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.source.definitions import Origin, bound_names, statements


@dataclass
class Scope:
    """The function whose statements are read, or the module.

    `label` is how findings call the function; the module has none. `local` are its own names, `needed` those of them
    that the job needs, `lost` those whose value nobody can tell the job, with the reason. `live` are variables of a
    function that is running, and were bound once. `modules` are the modules that its imports bind names to.
    """

    origin: Origin
    label: str = ""
    node: ast.FunctionDef | None = None
    local: frozenset[str] = frozenset()
    live: Mapping[str, object] = field(default_factory=dict[str, object])
    modules: dict[str, str] = field(default_factory=dict[str, str])
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict[str, ast.FunctionDef])
    needed: set[str] = field(default_factory=set[str])
    lost: dict[str, str] = field(default_factory=dict[str, str])
    is_block: bool = False
    callers: tuple[int, ...] = ()
    outer: Scope | None = None

    def module(self, name: str) -> str | None:
        """Return the module that an import of the function, or of one around it, binds a name to."""
        return self.modules.get(name) or (self.outer.module(name) if self.outer is not None else None)

    @property
    def parameters(self) -> set[str]:
        """The names of the parameters of the function."""
        return parameters(self.node) if self.node is not None else set()

    def all_modules(self) -> dict[str, str]:
        """Return the modules that imports of the function, and of those around it, bind names to."""
        return {**(self.outer.all_modules() if self.outer is not None else {}), **self.modules}

    def names(self) -> frozenset[str]:
        """Return the names that are no globals of the module here."""
        return self.local | (self.outer.names() if self.outer is not None else frozenset[str]())


@dataclass(frozen=True)
class CalledFunction:
    """A function of the user's that a statement calls, with what of it ran. An inner one is defined by its caller."""

    node: ast.FunctionDef
    scope: Scope
    ran: Sequence[ast.stmt]
    is_inner: bool


class CalledFunctions:
    """Finds them by the text of the call.

    Args:
        provider: Of the job.
        may_set: Says of a part of a text, by its words, that it may set something.
    """

    def __init__(self, provider: Provider, may_set: Callable[[ast.AST], bool]) -> None:
        self._provider = provider
        self._words_set = may_set
        self._setting: dict[int, bool] = {}

    def called(self, node: ast.stmt, scope: Scope) -> CalledFunction | None:
        """Return the function of the user's that a statement calls by its name, if it may set something.

        Not one that the job has anyway, because it is sent: what that sets, it sets there.
        """
        call = node.value if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        name, holder = call.func.id, scope
        while name not in holder.functions and holder.outer is not None:
            holder = holder.outer
        function = None
        found: ast.stmt | None = holder.functions.get(name)
        origin = scope.origin
        if found is None:
            function = self._provider.namespace.get(name)
            binding = next(iter(self._provider.origins.bindings(name)), None)
            if not isinstance(function, FunctionType) or binding is None or name in scope.names():
                return None
            found, origin = binding.node, binding.origin
            if not origin.has(function.__code__) or self._provider.known(function) is not None:
                return None
        if not isinstance(found, ast.FunctionDef) or found.decorator_list or id(found) in scope.callers:
            return None
        if _yields(found) or not self.may_set(found):
            return None
        inner = Scope(origin, f"{found.name}()", found, local_names(found), callers=(*scope.callers, id(found)))
        inner.outer = scope if function is None else None
        ran: Sequence[ast.stmt] = found.body
        frame = running_frame(origin, found)
        if frame is not None:
            ran = list(ran_before(ran, frame.f_lineno))
            times = Counter(name for each in statements(found.body) for name, _ in bound_names(each))
            times.update(parameters(found))
            inner.live = {name: value for name, value in frame.f_locals.items() if times[name] == 1}
        for each in statements(ran):
            if isinstance(each, ast.Import | ast.ImportFrom):
                inner.modules |= {name: _module_of(each, alias) for name, alias in bound_names(each) if alias}
            elif isinstance(each, ast.FunctionDef):
                inner.functions[each.name] = each
        return CalledFunction(found, inner, ran, is_inner=function is None)

    def ran(self, node: ast.stmt, scope: Scope) -> Iterator[tuple[ast.stmt, Scope]]:
        """Yield a statement, those inside of it, and those of the functions that they call, each with its scope."""
        for each in statements([node]):
            yield each, scope
            if (function := self.called(each, scope)) is not None:
                for inner in function.ran:
                    yield from self.ran(inner, function.scope)

    def may_set(self, node: ast.AST) -> bool:
        """Say whether a text, or a function that it calls, may set something."""
        if id(node) not in self._setting:
            self._setting[id(node)] = False  # it may call itself
            self._setting[id(node)] = any(self._words_set(part) or self._calls(part) for part in ast.walk(node))
        return self._setting[id(node)]

    def _calls(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        binding = next(iter(self._provider.origins.bindings(node.func.id)), None)
        return binding is not None and isinstance(binding.node, ast.FunctionDef) and self.may_set(binding.node)


def local_names(node: ast.FunctionDef) -> frozenset[str]:
    """Return the names that are local to a function."""
    shared = {n for part in statements(node.body) if isinstance(part, ast.Global | ast.Nonlocal) for n in part.names}
    arguments = node.args
    more = {each.arg for each in (arguments.vararg, arguments.kwarg) if each is not None}
    return frozenset((parameters(node) | more | bound_in(node.body)) - shared)


def running_frame(origin: Origin, node: ast.FunctionDef) -> FrameType | None:
    """Return the frame of a function that is being called now, by the thread that makes the bundle."""
    frame = inspect.currentframe()
    wanted = origin.filename, node.name, node.lineno
    while frame is not None:
        code = frame.f_code
        if (code.co_filename, code.co_name, code.co_firstlineno) == wanted:
            return frame
        frame = frame.f_back
    return None


def running_line(origin: Origin, namespace: dict[str, object]) -> int | None:
    """Return the line of a text at which its top level is being executed now; None where it has been executed."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_locals is namespace and frame.f_code.co_filename == origin.filename:
            return frame.f_lineno
        frame = frame.f_back
    return None


def ran_before(body: Sequence[ast.stmt], line: int) -> Iterator[ast.stmt]:
    """Yield the statements that ran before the one at `line`, and that one. The blocks around it are left out."""
    for node in body:
        if (node.end_lineno or node.lineno) < line:
            yield node
            continue
        blocks = [getattr(node, inner, []) for inner in ("body", "orelse", "finalbody")]
        if node.lineno <= line and (not any(blocks) or isinstance(node, ast.FunctionDef | ast.ClassDef)):
            yield node
        elif node.lineno <= line:
            for block in [*blocks, *(handler.body for handler in getattr(node, "handlers", []))]:
                if block and block[0].lineno <= line <= (block[-1].end_lineno or 0):
                    yield from ran_before(block, line)
        return


def bound_in(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements bind, those inside of blocks, too."""
    return {name for node in statements(body) for name, _ in bound_names(node)}


def parameters(node: ast.FunctionDef) -> set[str]:
    """Return the names of the parameters that a call may give one by one."""
    arguments = node.args
    return {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node))


def _module_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    if isinstance(node, ast.ImportFrom):
        return "." * node.level + (node.module or "")
    return alias.name if alias.asname else alias.name.partition(".")[0]


def last_name(node: ast.expr) -> str:
    """Return the last name of a dotted expression, or of the function that a call calls; "" for any other."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
