"""What the job repeats of a block, and of functions that the user has called: the statements that set something, with
the conditions, loops and variables that they need. All else of the text is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kubeflow.core.stdlib import ast
from kubeflow.packaging.capture.called_functions import (
    CalledFunction,
    CalledFunctions,
    Scope,
    bound_in,
    last_name,
)
from kubeflow.packaging.capture.provider import Provider
from kubeflow.packaging.capture.repeatable import Repeatable
from kubeflow.packaging.source.definitions import Origin, bound_names, statements

# Context managers that put back what is set inside of them.
_UNDO = frozenset({"catch_warnings", "errstate", "printoptions", "localcontext", "option_context", "rc_context"})
NOT_FOR_CHILDREN = "set_start_method"
"""Sets what a process that the job spawns has already."""
_NAME = "kubeflow_settings"
_INNER = "kubeflow_inner"  # what is left of a function inside of another one


class NotRepeatableError(Exception):
    """A setting needs what is not known any more; the text says what."""


@dataclass(frozen=True)
class LostSetting:
    """A statement that set something, in `scope`, and `why` the job cannot repeat it."""

    node: ast.stmt
    scope: Scope
    why: str


Sets = Callable[[ast.stmt, Scope], bool]


class RepeatedText:
    """Reads statements that ran here.

    Args:
        provider: Of the job.
        functions: What the user's functions are that statements call.
        sets: Says of a statement that it sets something, which the job is to repeat.
        name_of: Returns the name that the job has for a live value; None where it cannot be sent.
    """

    def __init__(
        self, provider: Provider, functions: CalledFunctions, sets: Sets, name_of: Callable[[object], str | None]
    ) -> None:
        self._sets = sets
        self._name_of = name_of
        self._functions = functions
        self._repeatable = Repeatable(provider)
        self._definitions: list[ast.FunctionDef] = []
        # By id: statements that set something, with the user's, and calls of what is left of functions.
        self._settings: dict[int, tuple[ast.stmt, ast.stmt, Scope]] = {}
        self.lost: dict[int, LostSetting] = {}
        """What is left out, by the `id` of the statement."""

    def of(self, origin: Origin, node: ast.stmt) -> str:
        """Return text for the job that sets what a statement of the module's top level set; "" for nothing."""
        self._definitions, self._settings, self.lost = [], {}, {}
        loops = [each for each in statements([node]) if isinstance(each, ast.For)]
        kept = self._body([node], Scope(origin, local=frozenset(bound_in(loops)), is_block=True))
        if not kept:
            return ""
        made = ast.parse(f"def {_NAME}(): pass\n{_NAME}()")
        assert isinstance(made.body[0], ast.FunctionDef)
        made.body[0].body = [*self._outer_definitions(kept), *kept]
        return ast.unparse(ast.fix_missing_locations(made))

    def _outer_definitions(self, kept: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the definitions that statements need, directly or not."""
        named = {each.name: each for each in self._definitions}
        pending, found = list(kept), dict[str, ast.stmt]()
        while pending:
            names = {part.id for part in ast.walk(pending.pop()) if isinstance(part, ast.Name)}
            more = {name: named[name] for name in sorted(names & named.keys() - found.keys())}
            found |= more
            pending += more.values()
        return [each for name, each in found.items() if not name.startswith(_INNER)]

    # -- statements --------------------------------------------------------------------------------------------------

    def _body(self, body: Sequence[ast.stmt], scope: Scope) -> list[ast.stmt]:
        """Return what is left of the statements of a function, with the variables that this needs."""
        mark = len(self._definitions)
        while True:
            before = len(scope.needed), len(scope.lost)
            try:
                kept = self._kept(body, scope, followed=False)
            except NotRepeatableError as error:
                self._lose_all(body, scope, str(error))
                kept = []
            given = {name: value for name in scope.needed & scope.live.keys() if (value := self._live(name, scope))}
            if not self._set_something(kept):
                del self._definitions[mark:]
                return []
            known = bound_in(kept) | scope.parameters | given.keys() | scope.functions.keys() | scope.modules.keys()
            if before[0] == len(scope.needed):
                missing = (scope.needed & scope.local) - known - scope.lost.keys()
                scope.lost |= {name: f"{name} in {scope.label or 'a loop'}" for name in missing}
            if before == (len(scope.needed), len(scope.lost)):
                return [*(given[name] for name in sorted(given.keys() - bound_in(kept))), *kept]
            del self._definitions[mark:]  # again, with what gives the variables that are needed

    def _live(self, name: str, scope: Scope) -> ast.stmt | None:
        """Return the statement that gives the job a live variable; None where it cannot be sent."""
        known = self._name_of(scope.live[name])
        if known is None:
            scope.lost[name] = f"{name} in {scope.label}"
            return None
        return ast.Assign([ast.Name(name, ast.Store())], ast.Name(known, ast.Load()), lineno=1)

    def _lose_all(self, body: Iterable[ast.stmt], scope: Scope, why: str) -> None:
        """Note that nothing of some statements can be repeated."""
        for node in statements(list(body)):
            if self._sets(node, scope):
                self.lost[id(node)] = LostSetting(node, scope, why)
            elif (function := self._functions.called(node, scope)) is not None:
                self._lose_all(function.ran, function.scope, why)

    def _set_something(self, kept: Iterable[ast.stmt]) -> bool:
        return any(id(part) in self._settings for node in kept for part in ast.walk(node))

    def _kept(self, body: Sequence[ast.stmt], scope: Scope, *, followed: bool) -> list[ast.stmt]:
        """Return what is left of statements. `followed` is True when something is set after them in the function."""
        kept: list[ast.stmt] = []
        for node in reversed(body):
            kept = [*self._statement(node, scope, followed=followed), *kept]
            followed = followed or self._set_something(kept)
        return kept

    def _statement(self, node: ast.stmt, scope: Scope, *, followed: bool) -> list[ast.stmt]:
        if isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue):
            left = ast.Return(None) if isinstance(node, ast.Return | ast.Raise) else node
            return [left] if followed and (scope.label or isinstance(node, ast.Break | ast.Continue)) else []
        if isinstance(node, ast.If):
            body = self._kept(node.body, scope, followed=followed)
            orelse = self._kept(node.orelse, scope, followed=followed)
            if not body and not orelse:
                return []
            if self._is_lost(node.test, [*body, *orelse], [*node.body, *node.orelse], scope):
                return []
            return [ast.If(node.test, body or [ast.Pass()], orelse)]
        if isinstance(node, ast.Match):
            return self._match(node, scope, followed=followed)
        if isinstance(node, ast.For | ast.While):
            return self._loop(node, scope, followed=followed)
        if isinstance(node, ast.Try):
            return self._try(node, scope, followed=followed)
        if isinstance(node, ast.With):
            undone = any(last_name(item.context_expr) in _UNDO for item in node.items)
            return [] if undone else self._kept(node.body, scope, followed=followed)
        if isinstance(node, ast.Import | ast.ImportFrom):
            return [node] if scope.label and scope.needed & {name for name, _ in bound_names(node)} else []
        return self._plain(node, scope)

    def _is_lost(self, condition: ast.expr, kept: Sequence[ast.stmt], body: Sequence[ast.stmt], scope: Scope) -> bool:
        """Say whether a block is left out because nobody can tell the job its condition.

        Raises:
            NotRepeatableError: When the condition decides about what comes after the block.
        """
        try:
            self._check(condition, scope)
        except NotRepeatableError as error:
            if not self._set_something(kept):
                raise
            self._lose_all(body, scope, str(error))
            return True
        return False

    def _plain(self, node: ast.stmt, scope: Scope) -> list[ast.stmt]:
        value = node.value if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) else None
        if self._sets(node, scope):
            made: ast.stmt = ast.Expr(value) if isinstance(value, ast.Call) else node
            parts: list[ast.AST] = [made]
            if isinstance(value, ast.Call):  # the function that sets something is one to be called again
                holder = value.func.value if isinstance(value.func, ast.Attribute) else value.func
                parts = [holder, *value.args, *(word.value for word in value.keywords)]
            try:
                for part in parts:
                    self._check(part, scope)
            except NotRepeatableError as error:
                self.lost[id(node)] = LostSetting(node, scope, str(error))
                return []
            kept = self._setting(made, node, scope)
            if isinstance(value, ast.Call) and last_name(value.func) == NOT_FOR_CHILDREN:
                kept = ast.If(ast.parse("__name__ == '__main__'", mode="eval").body, [kept], [])
            return [kept]
        function = self._functions.called(node, scope)
        if function is not None and isinstance(value, ast.Call) and (called := self._call(function, value, scope)):
            return called
        names = {name for name, _ in bound_names(node)} & scope.needed
        if isinstance(node, ast.FunctionDef | ast.ClassDef) or names & (scope.live.keys() | scope.lost.keys()):
            return []
        if (root := _changed_object(node)) in scope.needed and root not in scope.live:
            scope.lost[root] = f"{root} in {scope.label or 'a loop'}"
        if not names:
            return []
        if not scope.label and isinstance(node, ast.AugAssign):
            scope.lost |= dict.fromkeys(names, f"{min(names)} in a loop")
            return []
        try:
            self._check(node, scope)
        except NotRepeatableError as error:
            scope.lost |= dict.fromkeys(names, str(error))
            return []
        return [node]

    def _setting(self, made: ast.stmt, node: ast.stmt, scope: Scope) -> ast.stmt:
        self._settings[id(made)] = made, node, scope
        return made

    def _match(self, node: ast.Match, scope: Scope, *, followed: bool) -> list[ast.stmt]:
        bodies = [self._kept(case.body, scope, followed=followed) for case in node.cases]
        kept = [each for body in bodies for each in body]
        if not kept or self._is_lost(node.subject, kept, [each for case in node.cases for each in case.body], scope):
            return []
        cases = [
            ast.match_case(case.pattern, case.guard, body or [ast.Pass()])
            for case, body in zip(node.cases, bodies, strict=True)
        ]
        return [ast.Match(node.subject, cases)]

    def _loop(self, node: ast.For | ast.While, scope: Scope, *, followed: bool) -> list[ast.stmt]:
        body = self._kept(node.body, scope, followed=followed)
        if not followed and self._set_something(body):
            body = self._kept(node.body, scope, followed=True)  # the next round follows
        body += self._kept(node.orelse, scope, followed=followed)
        if not body:
            return []
        if isinstance(node, ast.While) or node.orelse:
            raise NotRepeatableError("how often a loop ran")
        if self._is_lost(node.iter, body, node.body, scope):
            return []
        return [ast.For(node.target, node.iter, body, [], lineno=1)]

    def _try(self, node: ast.Try, scope: Scope, *, followed: bool) -> list[ast.stmt]:
        final = self._kept(node.finalbody, scope, followed=followed)
        followed = followed or self._set_something(final)
        orelse = self._kept(node.orelse, scope, followed=followed)
        after = followed or self._set_something(orelse)
        left = [self._kept(handler.body, scope, followed=followed) for handler in node.handlers]
        body = self._kept(node.body, scope, followed=after)
        imports: list[ast.stmt] = [each for each in node.body if isinstance(each, ast.Import | ast.ImportFrom)]
        if not body and imports == node.body[: len(imports)] and left != [[] for _ in left]:
            body = imports  # whether they fail is the job's own affair
        if not body:
            if self._set_something(each for handler in left for each in handler):
                # What was tried is left out, so nobody knows whether it failed.
                raise NotRepeatableError("whether an error was caught")
            return [*orelse, *final]
        kept = [
            ast.ExceptHandler(handler.type, handler.name, inner or [ast.Pass()])
            for handler, inner in zip(node.handlers, left, strict=True)
        ]
        return [ast.Try(body, kept, orelse if kept else [], final)] if kept or final else [*body, *orelse]

    # -- calls -------------------------------------------------------------------------------------------------------

    def _call(self, function: CalledFunction, call: ast.Call, scope: Scope) -> list[ast.stmt]:
        """Return the definition and the call of what is left of a function; nothing when it sets nothing."""
        inner = function.scope
        while True:
            kept = self._body(function.ran, inner)
            taken = sorted((inner.needed & inner.parameters) - inner.live.keys()) if kept else []
            words: list[ast.keyword] = []
            for each in taken:
                try:
                    words.append(ast.keyword(each, self._argument(function.node, call, each, scope)))
                except NotRepeatableError as error:
                    inner.lost[each] = str(error)
            if len(words) == len(taken):
                break
        if not kept:
            return []
        name = f"{_INNER if function.is_inner else _NAME}_{len(self._definitions)}"
        parameters = ast.arguments([], [], None, [ast.arg(each) for each in taken], [None for _ in taken], None, [])
        definition = ast.FunctionDef(name, parameters, kept, [], lineno=1)
        self._definitions.append(definition)
        made = ast.Expr(ast.Call(ast.Name(name, ast.Load()), [], words))
        if not function.is_inner:
            return [self._setting(made, made, scope)]
        return [definition, self._setting(made, made, scope)]

    def _argument(self, node: ast.FunctionDef, call: ast.Call, name: str, scope: Scope) -> ast.expr:
        """Return what a call gives a parameter."""
        arguments = node.args
        places = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        given = {word.arg: word.value for word in call.keywords if word.arg is not None}
        if any(isinstance(each, ast.Starred) for each in call.args) or len(given) < len(call.keywords):
            raise NotRepeatableError(f"{name} in {node.name}()")
        given |= dict(zip(places, call.args, strict=False))
        defaults = dict(zip(reversed(places), reversed(arguments.defaults), strict=False))
        pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        defaults |= {each.arg: default for each, default in pairs if default is not None}
        value = given.get(name, defaults.get(name))
        if value is None:
            raise NotRepeatableError(f"{name} in {node.name}()")
        self._check(value, scope if name in given else Scope(scope.origin))
        return value

    def _check(self, node: ast.AST, scope: Scope) -> None:
        """Note the variables that an expression needs, and refuse what may give something else in the job."""
        problem = self._repeatable.problem(node, scope.names())
        if problem:
            raise NotRepeatableError(f"{problem} in {scope.label}" if scope.label else problem)
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if lost := sorted(names & scope.lost.keys()):
            raise NotRepeatableError(scope.lost[lost[0]])
        around: Scope | None = scope
        while around is not None:
            around.needed |= names & around.local
            names -= around.local
            around = around.outer


def _changed_object(node: ast.stmt) -> str:
    """Return the name of the object that a statement may change: by a method, or by setting something in it."""
    targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign | ast.Delete) else []
    targets = [node.target] if isinstance(node, ast.AugAssign) else targets
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    part: ast.expr | None = next((each for each in targets if isinstance(each, ast.Attribute | ast.Subscript)), None)
    while isinstance(part, ast.Attribute | ast.Subscript):
        part = part.value
    return part.id if isinstance(part, ast.Name) else ""
