"""From what the user gave (a function, a script, a module) to the entry of a bundle. Collects findings;
raises none.
"""

from __future__ import annotations

import functools
import inspect
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MethodType
from typing import cast

from kubeflow.packaging.capture.closure import Closure
from kubeflow.packaging.capture.signature import binding_findings, coercion
from kubeflow.packaging.capture.values import encode_argument
from kubeflow.packaging.errors import Finding
from kubeflow.packaging.remote import MAIN
from kubeflow.packaging.source.definitions import Origins, first_line
from kubeflow.packaging.source.free_names import BUILTINS, free_names
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.source.modules import ModuleGraph

Entry = dict[str, object]


@dataclass(slots=True)
class Plan:
    """A bundle in the making. `entry` is what the runner reads; `external` are packages that the image must
    have.
    """

    name: str
    entry: Entry = field(default_factory=dict[str, object])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    executable: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])
    external: set[str] = field(default_factory=set[str])


def plan_function(
    target: Callable[..., object],
    args: Mapping[str, object],
    later: Sequence[str],
    serializer: str,
    workspace: Path | None,
) -> Plan:
    """Plan a callable: function, method, partial, lambda, class or object with `__call__`.

    Args:
        target: The callable.
        args: Its arguments by name.
        later: The names of hyperparameters, filled in when the job starts.
        serializer: "source" or "cloudpickle".
        workspace: A folder that is shipped anyway and may hold the function's module.
    """
    positional: tuple[object, ...] = ()
    keywords: dict[str, object] = {}
    function: Callable[..., object] = target
    while isinstance(function, functools.partial):
        positional = function.args + positional
        keywords = {**function.keywords, **keywords}
        function = function.func
    keywords = {**keywords, **args}
    name = _name(function)
    plan = Plan(name)
    _check_kind(function, plan)
    signature = _signature(function)
    if signature is not None:
        plan.findings += binding_findings(signature, positional, keywords, later, name)
    graph = ModuleGraph([workspace] if workspace else [])
    bare = function if not isinstance(function, MethodType) else function.__func__
    bare_globals: dict[str, object] = getattr(inspect.unwrap(bare), "__globals__", {})
    home = (
        bare_globals
        if not is_importable(str(bare_globals.get("__name__", "builtins"))) and bare_globals
        else vars(sys.modules["__main__"])
    )
    closure = Closure(home, graph)
    if serializer == "cloudpickle":
        _pickled(function, plan)
    else:
        _entered(function, plan, closure, graph)
    encoded: list[object] = []
    for i, value in enumerate(positional):
        item, finding = encode_argument(f"#{i + 1} of the partial", value, closure.refer)
        encoded.append(item)
        plan.findings += [finding] if finding else []
    named: dict[str, object] = {}
    for key, value in keywords.items():
        named[key], finding = encode_argument(key, value, closure.refer)
        plan.findings += [finding] if finding else []
    specs: dict[str, object] = {}
    for key in later:
        parameter = signature.parameters.get(key) if signature is not None else None
        spec = coercion(parameter, bare_globals, closure.refer)
        if isinstance(spec, str):
            plan.findings.append(Finding(f"hyperparameter {key}", spec, "Annotate it with one of these"))
        specs[key] = spec
    plan.files |= closure.files()
    _add_modules(plan, graph)
    plan.findings += closure.findings
    plan.entry |= {"args": encoded, "kwargs": named, "hyperparameters": specs}
    return plan


def plan_script(path: Path, argv: Sequence[str], later: Sequence[str], workspace: Path | None) -> Plan:
    """Plan a script file, with the user's modules that it imports. It runs as `__main__`."""
    plan = Plan(path.name)
    if not path.is_file():
        plan.findings.append(Finding(f"script {path}", "there is no such file", "Correct the path"))
        return plan
    folder = workspace.resolve() if workspace else path.parent.resolve()
    graph = ModuleGraph([path.parent.resolve(), *([folder] if workspace else [])])
    try:
        inside = path.resolve().relative_to(folder).as_posix()
    except ValueError:
        plan.findings.append(Finding(f"script {path}", f"it lies outside of code_dir {folder}", "Move it inside"))
        return plan
    content = path.read_bytes()
    plan.files[inside] = content
    try:
        graph.ship_imports(content.decode("utf-8-sig"), path.name)
    except (SyntaxError, UnicodeDecodeError) as error:
        plan.findings.append(Finding(f"script {path}", f"it is not valid Python: {error}", "Correct it"))
    _add_modules(plan, graph)
    plan.entry = {
        "kind": "script",
        "path": inside,
        "argv": list(argv),
        "hyperparameters": {name: {} for name in later},
    }
    return plan


def plan_module(name: str, argv: Sequence[str], later: Sequence[str], workspace: Path | None) -> Plan:
    """Plan `python -m name`, with the module and what it imports when it is the user's own."""
    plan = Plan(name)
    graph = ModuleGraph([workspace.resolve()] if workspace else [Path.cwd()])
    own = graph.ship(name)
    located = graph.locate(name)
    if located is not None and located.is_package:
        graph.ship(f"{name}.__main__")
        if graph.locate(f"{name}.__main__") is None:
            plan.findings.append(
                Finding(f"module {name}", "it is a package without __main__.py", "Name a module inside it")
            )
    elif own and located is None:
        plan.findings.append(Finding(f"module {name}", "there is no such module in its package", "Correct the name"))
    _add_modules(plan, graph)
    plan.entry = {
        "kind": "module",
        "module": name,
        "argv": list(argv),
        "hyperparameters": {name: {} for name in later},
    }
    return plan


def options(args: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Turn arguments of a script into its command line.

    A sequence is taken as it is. A mapping gives `--name=value` in its order; True gives `--name`, False and
    None give nothing, a list or tuple gives `--name` followed by its items.

    Raises:
        TypeError: For a value that is neither text, number, bool, None, path nor a list of these.
    """
    if not isinstance(args, Mapping):
        return [str(a) for a in args]
    line: list[str] = []
    for name, value in args.items():
        if value is None or value is False:
            continue
        if value is True:
            line.append(f"--{name}")
        elif isinstance(value, list | tuple):
            words = cast("Sequence[object]", value)
            line += [f"--{name}", *(_word(name, v) for v in words)]
        else:
            line.append(f"--{name}={_word(name, value)}")
    return line


def _word(name: str, value: object) -> str:
    if isinstance(value, str | int | float | Path):
        return str(value)
    raise TypeError(f"argument {name} of a script is a {type(value).__name__}: a command line takes text and numbers.")


def _name(function: Callable[..., object]) -> str:
    name = getattr(function, "__name__", None) or type(function).__name__
    return str(name)


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None  # builtins written in C need not have one


def _check_kind(function: Callable[..., object], plan: Plan) -> None:
    raw = inspect.unwrap(function)
    if inspect.isgeneratorfunction(raw) or inspect.isasyncgenfunction(raw):
        plan.findings.append(
            Finding(
                f"function {plan.name}",
                "it is a generator: calling it runs none of its code",
                "Consume it in a function of your own, as in `return list(...)`, or return instead of yield",
            )
        )


def _entered(function: Callable[..., object], plan: Plan, closure: Closure, graph: ModuleGraph) -> None:
    """Decide how the job gets at the function: by import, or from the closed-over module."""
    owner = getattr(function, "__self__", None)
    if isinstance(function, MethodType) and not isinstance(owner, type):
        _bound(owner, function.__name__, plan, closure)
        return
    if isinstance(function, MethodType) and isinstance(owner, type):
        path = closure.refer(owner)
        if path is None:
            plan.findings.append(
                Finding(f"class {owner.__qualname__}", "the job cannot import it", "Define it at module level")
            )
            return
        module, _, qualname = path.partition(":")
        plan.entry |= {"kind": "function", "module": module, "qualname": f"{qualname}.{function.__name__}"}
        return
    path = import_path(function)
    if path is not None:
        module, _, qualname = path.partition(":")
        graph.ship(module)
        plan.entry |= {"kind": "function", "module": module, "qualname": qualname}
        if isinstance(function, FunctionType) and graph.locate(module) is not None:
            _check_names(function, plan)
        return
    if isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        plan.entry |= {"kind": "function", "module": MAIN, "qualname": closure.enter(function)}
        return
    if isinstance(function, type):
        path = closure.refer(function)
        if path is not None:
            plan.entry |= {
                "kind": "function",
                "module": path.partition(":")[0],
                "qualname": path.partition(":")[2],
            }
            return
    _bound(function, "__call__", plan, closure)


def _bound(owner: object, method: str, plan: Plan, closure: Closure) -> None:
    encoded, finding = encode_argument(f"the object that {method} belongs to", owner, closure.refer)
    if finding is not None:
        plan.findings.append(finding)
        return
    plan.entry |= {"kind": "function", "self": encoded, "method": method}


def _check_names(function: FunctionType, plan: Plan) -> None:
    """Find names that neither Python nor the module has, in a function and the module's functions it uses."""
    module = inspect.unwrap(function).__globals__
    origins = Origins(module)
    pending: list[object] = [function]
    seen: set[int] = set()
    while pending:
        raw = inspect.unwrap(cast("Callable[..., object]", pending.pop()))
        if not isinstance(raw, FunctionType) or raw.__globals__ is not module or id(raw) in seen:
            continue
        seen.add(id(raw))
        origin = origins.origin(raw.__code__.co_filename)
        node = origin.definition(raw.__code__) if origin is not None else None
        if origin is None or node is None:
            continue
        lead = "if 1:\n" if node.col_offset else ""
        first = first_line(node)
        text = lead + "\n".join(origin.lines[first - 1 : node.end_lineno])
        names = free_names(text, origin.filename, origin.future)
        used = (names.early | names.late) - set(raw.__code__.co_freevars)
        pending += [module[name] for name in sorted(used & module.keys()) if callable(module[name])]
        for name in sorted(used - module.keys() - BUILTINS - names.assigned):
            where = f"{origin.label}:{names.line.get(name, 1) + first - 1 - bool(lead)}"
            remedy = "Define or import it, or pass it as an argument"
            plan.findings.append(Finding(f"name {name}", "it is not defined", remedy, where))


def _pickled(function: Callable[..., object], plan: Plan) -> None:
    import cloudpickle  # type: ignore[import-untyped]

    dumps = cast("Callable[[object, int], bytes]", vars(cloudpickle)["dumps"])
    try:
        plan.files[".kubeflow/function.pkl"] = dumps(function, pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # noqa: BLE001  (user classes may raise anything while they are pickled)
        plan.findings.append(
            Finding(
                f"function {plan.name}",
                f"cloudpickle cannot pack it: {type(error).__name__}: {error}",
                "Create what it names inside the function",
            )
        )
    plan.entry |= {"kind": "pickle", "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}


def _add_modules(plan: Plan, graph: ModuleGraph) -> None:
    for located in graph.shipped.values():
        if located.path is not None:
            plan.files.setdefault(located.shipped_as, located.path.read_bytes())
    plan.findings += graph.findings
    plan.external |= {name for name in graph.external if name not in sys.stdlib_module_names}
