"""From what the user gave (a function, a script, a module) to the entry of a bundle. Collects findings;
raises none.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, MethodType
from typing import cast

from kubeflow.core.errors import Finding
from kubeflow.core.paths import working_directory
from kubeflow.core.stdlib import inspect, os, re, shlex
from kubeflow.packaging.capture import packed_function
from kubeflow.packaging.capture.bundle_plan import Plan
from kubeflow.packaging.capture.closure import Closure
from kubeflow.packaging.capture.edited_files import edited_findings
from kubeflow.packaging.capture.hyperparameters import Hyperparameter, Hyperparameters, given_types, script_specs
from kubeflow.packaging.capture.interpreter_settings import trace_findings
from kubeflow.packaging.capture.script_file import script_finding
from kubeflow.packaging.capture.signature import binding_findings, coercion
from kubeflow.packaging.capture.undefined_names import UndefinedNames
from kubeflow.packaging.capture.values import Given, Values
from kubeflow.packaging.remote import MAIN
from kubeflow.packaging.source.definitions import first_line
from kubeflow.packaging.source.free_names import free_names
from kubeflow.packaging.source.importable import import_path, is_importable
from kubeflow.packaging.source.modules import ModuleGraph
from kubeflow.packaging.source.origins import Origins


def plan_function(
    target: Callable[..., object],
    args: Mapping[str, object],
    later: Hyperparameters,
    serializer: str,
    workspace: Path | None,
    *,
    same_python: bool = False,
    session: str | None = None,
) -> Plan:
    """Plan a callable: function, method, partial, lambda, class or object with `__call__`.

    Args:
        target: The callable.
        args: Its arguments by name.
        later: Hyperparameters, filled in when the job starts.
        serializer: "source" or "cloudpickle".
        workspace: A folder that is shipped anyway and may hold the function's module.
        same_python: True when the job runs under this very Python, and can read pickles. Then cloudpickle packs what
            has no text, also without being asked for.
        session: The argument that is a session of Spark, made when the job starts.
    """
    if findings := trace_findings():
        return Plan(_name(target), findings=findings)
    plan = _planned(target, args, later, serializer, workspace, same_python=same_python, session=session)
    if serializer == "cloudpickle" or not packed_function.helps(plan.findings):
        return plan
    if not packed_function.is_installed():
        plan.findings = packed_function.with_install(plan.findings, same_python=same_python)
    elif same_python:
        packed = _planned(target, args, later, "cloudpickle", workspace, same_python=True, session=session)
        return plan if packed.findings else packed
    return plan


def _planned(
    target: Callable[..., object],
    args: Mapping[str, object],
    later: Hyperparameters,
    serializer: str,
    workspace: Path | None,
    *,
    same_python: bool,
    session: str | None,
    bind: bool = False,
) -> Plan:
    """Plan a callable by one serializer; with `bind`, cloudpickle packs the arguments with it."""
    function, positional, keywords = _unwrapped(target)
    keywords |= args
    name = _name(function)
    plan = Plan(name)
    _check_kind(function, plan)
    signature = _signature(function)
    if signature is not None:
        filled = (*later, *([] if session is None else [session]))
        plan.findings += binding_findings(signature, positional, keywords, filled, name)
    graph = ModuleGraph([workspace] if workspace else [])
    bare = function if not isinstance(function, MethodType) else function.__func__
    bare_globals: dict[str, object] = getattr(inspect.unwrap(bare), "__globals__", {})
    home = _home(bare_globals)
    closure = Closure(home, graph)
    values = Values(closure.walk, graph, same_python=same_python or serializer == "cloudpickle")
    closure.walk.pickles = values
    given = [Given(f"argument #{i + 1} of the partial", value) for i, value in enumerate(positional)]
    given += [Given(f"argument {key}", value) for key, value in keywords.items()]
    if serializer == "cloudpickle":
        given = [] if bind else given
        if home is bare_globals:
            closure.surround()
        packed_function.pack(packed_function.bound(function, positional, keywords) if bind else function, plan, graph)
    else:
        given += _entered(function, plan, closure, graph)
    types = given_types(later)
    choices = [Given(f"choice of {name}", choice) for name, kind in types.items() for choice in kind.choices]
    encoded, shared = values.encode([*given, *choices])
    encoded, encoded_choices = encoded[: len(given)], iter(encoded[len(given) :])
    count = 0 if bind else len(positional)
    named = dict(zip(keywords, encoded[count:], strict=False)) if given else {}
    plan.entry |= {"self": encoded[-1]} if "method" in plan.entry else {}
    plan.entry |= {"shared": shared} if shared else {}
    specs = {
        name: _spec(types[name], encoded_choices)
        if name in types
        else _coercion(name, signature, bare_globals, closure, plan)
        for name in later
    }
    if serializer == "cloudpickle" and (given or choices) and not bind and (values.findings or closure.files()):
        # An argument is, or holds, something of the user's module that the function may hold, too.
        return _planned(target, args, later, serializer, workspace, same_python=same_python, session=session, bind=True)
    plan.files |= closure.files() | values.files()
    plan.findings += values.findings
    if graph.computed:
        graph.ship_words(_words([encoded, named, specs, *closure.files().values()]))
    plan.has_objects = closure.has_objects()
    plan.add_modules(graph)
    plan.findings += closure.findings + edited_findings(graph.loaded())
    plan.told += closure.told
    plan.written = closure.written
    plan.entry |= {"args": encoded[:count], "kwargs": named}
    if specs:
        plan.entry["hyperparameters"] = specs
    if session is not None:
        plan.entry["session"] = session
    return plan


def plan_script(path: Path, argv: Sequence[str], later: Hyperparameters, workspace: Path | None) -> Plan:
    """Plan a script file, with the user's modules that it imports. It runs as `__main__`."""
    plan = Plan(path.name)
    if (finding := script_finding(path)) is not None:
        plan.findings.append(finding)
        return plan
    folder = workspace.resolve() if workspace else path.parent.resolve()
    graph = ModuleGraph([path.parent.resolve(), *([folder] if workspace else [])], fresh=True)
    try:
        inside = path.resolve().relative_to(folder).as_posix()
    except ValueError:
        plan.findings.append(Finding(f"script {path}", f"it lies outside of code_dir {folder}", "Move it inside"))
        return plan
    content = path.read_bytes()
    plan.files[inside] = content
    plan.needed.add(inside)
    try:
        text = content.decode("utf-8-sig")
        graph.ship_imports(text, path.name, file=path.resolve(), root=folder)
    except (SyntaxError, UnicodeDecodeError) as error:
        plan.findings.append(Finding(f"script {path}", f"it is not valid Python: {error}", "Correct it"))
    graph.ship_words(argv if graph.computed else ())
    plan.add_modules(graph)
    plan.entry |= {
        "kind": "script",
        "path": inside,
        "argv": list(argv),
        **({"hyperparameters": script_specs(later)} if later else {}),
    }
    return plan


def plan_module(name: str, argv: Sequence[str], later: Hyperparameters, workspace: Path | None) -> Plan:
    """Plan `python -m name`, with the module and what it imports when it is the user's own."""
    plan = Plan(name)
    graph = ModuleGraph([workspace.resolve()] if workspace else [working_directory()], fresh=True)
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
    graph.ship_words(argv if graph.computed else ())
    plan.add_modules(graph)
    plan.entry |= {
        "kind": "module",
        "module": name,
        "argv": list(argv),
        **({"hyperparameters": script_specs(later)} if later else {}),
    }
    return plan


def options(args: object) -> list[str]:
    """Turn arguments of a script into its command line.

    A list is taken word by word. A mapping gives `--name=value` in its order; True gives `--name`, False and
    None give nothing, a list or tuple gives `--name` followed by its items.

    Raises:
        TypeError: For anything else, saying what to write.
    """
    if isinstance(args, str):
        raise TypeError(f"a command line is a list of words: write args={shlex.split(args)!r}")
    if not isinstance(args, Mapping):
        if not isinstance(args, Sequence):
            raise TypeError(f"args takes a list of words or a mapping of options, not a {type(args).__name__}")
        return [_word("args", word) for word in cast("Sequence[object]", args)]
    line: list[str] = []
    for name, value in cast("Mapping[object, object]", args).items():
        if not isinstance(name, str) or not name or name.startswith("-"):
            bare = name.lstrip("-") if isinstance(name, str) else "lr"
            raise TypeError(f"{name!r} is no name of an option: leave the dashes out, as in {{{bare!r}: ...}}")
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
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(cast("os.PathLike[str]", value))
    raise TypeError(f"argument {name} of a script is a {type(value).__name__}: a command line takes text and numbers")


def _unwrapped(target: Callable[..., object]) -> tuple[Callable[..., object], tuple[object, ...], dict[str, object]]:
    """Return the function within partials, and the arguments that they bind."""
    positional: tuple[object, ...] = ()
    keywords: dict[str, object] = {}
    while isinstance(target, functools.partial):
        positional = target.args + positional
        keywords = {**target.keywords, **keywords}
        target = target.func
    return target, positional, keywords


def _coercion(
    name: str, signature: inspect.Signature | None, module: dict[str, object], closure: Closure, plan: Plan
) -> object:
    """Return how the job turns the text of a hyperparameter into the type that the signature has."""
    parameter = signature.parameters.get(name) if signature is not None else None
    spec = coercion(parameter, module, closure.refer)
    if isinstance(spec, str):
        plan.findings.append(Finding(f"hyperparameter {name}", spec, "Annotate it with one of these"))
    return spec


def _home(own: dict[str, object]) -> dict[str, object]:
    """Return the globals that are `__main__`'s in the job, for a function with these globals."""
    return own if own and not is_importable(str(own.get("__name__", "builtins"))) else vars(sys.modules["__main__"])


def _spec(kind: Hyperparameter, encoded: Iterator[object]) -> dict[str, object]:
    values = {"values": [next(encoded) for _ in kind.choices]} if kind.kind == "choice" else {}
    return {"kind": kind.kind, "required": True, **values}


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


def _entered(function: Callable[..., object], plan: Plan, closure: Closure, graph: ModuleGraph) -> list[Given]:
    """Decide how the job gets at the function: by import, from the closed-over module, or as the method of an object,
    which is returned.
    """
    owner = getattr(function, "__self__", None)
    if isinstance(function, MethodType) and not isinstance(owner, type):
        return _bound(owner, function.__name__, plan)
    if isinstance(function, MethodType) and isinstance(owner, type):
        path = closure.refer(owner)
        if path is None:
            plan.findings.append(
                Finding(f"class {owner.__qualname__}", "the job cannot import it", "Define it at module level")
            )
            return []
        module, _, qualname = path.partition(":")
        plan.entry |= {"kind": "function", "module": module, "qualname": f"{qualname}.{function.__name__}"}
        return []
    path = import_path(function)
    if path is not None:
        module, _, qualname = path.partition(":")
        graph.ship(module)
        plan.entry |= {"kind": "function", "module": module, "qualname": qualname}
        if isinstance(function, FunctionType) and graph.locate(module) is not None:
            _check_names(function, plan)
        return []
    if isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        plan.entry |= {"kind": "function", "module": MAIN, "qualname": closure.enter(function)}
        return []
    if isinstance(function, type):
        path = closure.refer(function)
        if path is not None:
            plan.entry |= {
                "kind": "function",
                "module": path.partition(":")[0],
                "qualname": path.partition(":")[2],
            }
            return []
    return _bound(function, "__call__", plan)


def _bound(owner: object, method: str, plan: Plan) -> list[Given]:
    plan.entry |= {"kind": "function", "method": method}
    return [Given(f"the object that {method} belongs to", owner)]


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
        origin = origins.of(raw.__code__)
        node = origin.definition(raw.__code__) if origin is not None else None
        if origin is None or node is None:
            continue
        lead = "if 1:\n" if node.col_offset else ""
        first = first_line(node)
        text = lead + "\n".join(origin.lines[first - 1 : node.end_lineno])
        names = free_names(text, origin.filename, origin.future)
        used = (names.early | names.late) - set(raw.__code__.co_freevars)
        pending += [module[name] for name in sorted(used & module.keys()) if callable(module[name])]
        undefined = UndefinedNames.of_module(module, origin)
        undefined.check(names, used, origin, first - 1 - bool(lead))
        plan.findings += undefined.findings()


def _words(data: object) -> set[str]:
    """Return every string in arguments and in files of the job."""
    if isinstance(data, str):
        return {data}
    if isinstance(data, bytes):
        return set(re.findall(r"[A-Za-z_][\w.]*", data.decode("utf-8", "replace")))
    parts: list[object] = []
    if isinstance(data, dict):
        parts = list(cast("dict[str, object]", data).values())
    elif isinstance(data, list):
        parts = cast("list[object]", data)
    return {word for part in parts for word in _words(part)}
