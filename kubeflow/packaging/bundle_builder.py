"""`bundle(...)`: from a train function, script or module to one deterministic, self-contained `Bundle`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

from kubeflow.core.errors import Finding, InvalidInput, KubeflowError
from kubeflow.core.paths import working_directory
from kubeflow.core.stdlib import inspect, json, os, re
from kubeflow.core.tracebacks import thin_call
from kubeflow.packaging.bundles import encoding
from kubeflow.packaging.bundles.bundle import Bundle
from kubeflow.packaging.bundles.contents import Contents
from kubeflow.packaging.bundles.usage import usage
from kubeflow.packaging.capture.bundle_plan import Plan
from kubeflow.packaging.capture.entry import options, plan_function, plan_module, plan_script
from kubeflow.packaging.capture.foreign_code import foreign_finding
from kubeflow.packaging.capture.hyperparameters import Hyperparameters
from kubeflow.packaging.capture.signature import binding_findings
from kubeflow.packaging.credentials.bundle_check import credential_findings
from kubeflow.packaging.errors import PackagingError
from kubeflow.packaging.requirements.index_urls import index_findings, masked
from kubeflow.packaging.requirements.pins import pin_findings
from kubeflow.packaging.requirements.requirement_lines import read_requirements

if TYPE_CHECKING:
    from os import PathLike

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., object])
_PACKAGE = str(Path(__file__).parents[1])


def _foreign_errors_told(function: F) -> F:
    """Return `function`, which raises PackagingError where code of the user's fails that it has called."""

    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except KubeflowError:
            raise
        except Exception as error:
            finding = foreign_finding(error)
            if finding is None:
                raise
            target = next(iter((*args, *kwargs.values())), None)
            raise PackagingError(getattr(target, "__name__", str(target)), [finding]) from error

    return cast(F, call)


@thin_call
@_foreign_errors_told
def bundle(
    target: Callable[..., object] | str | PathLike[str] | None = None,
    *,
    module: str | None = None,
    args: Mapping[str, object] | Sequence[str | float | PathLike[str]] | None = None,
    hyperparameters: Hyperparameters = (),
    requirements: Sequence[str] = (),
    index_urls: Sequence[str] = (),
    code_dir: str | PathLike[str] | None = None,
    serializer: Literal["source", "cloudpickle"] = "source",
    same_python: bool = False,
    session: str | None = None,
) -> Bundle:
    """Package code so that it runs unchanged in another process, container or pod, or say what is in the way.

    Nothing of the user's is executed: code is read. (cloudpickle is the exception: it asks objects for their
    state.)

    Args:
        target: A function, method, `functools.partial`, or the path of a script.
        module: In place of `target`, a module to run like `python -m`.
        args: Arguments by name. Of a script or module: options, or the command line as a list of words.
        hyperparameters: Names of arguments that are filled in when the job starts, as text in the
            environment, and are turned into the annotated type: int, float, bool, str, Literal, Enum, or one
            of these or None. A mapping to `Hyperparameter` gives the types in place of the annotations.
        requirements: Packages to install first, each entry as on a line of a requirements file; paths are relative to
            the working directory. What `-r` and `-c` name is read now.
        index_urls: Package indexes, the main one first; without any, the installer's own default. `${NAME}` in a URL is
            filled in from the environment of the job, for credentials.
        code_dir: A folder to ship as a whole, less what `.gitignore` and `.kubeflowignore` exclude; it
            becomes the working directory of the job.
        serializer: "source" keeps the user's text and works across Python versions. "cloudpickle" takes
            objects that have no source; the job must run the same minor version of Python and have
            cloudpickle.
        same_python: True when the job runs under this very Python with its packages, as jobs of this machine do: values
            that only pickle can carry (tensors, data frames, models) are taken then.

    Warns of what is set here, and not in the job, where nothing that is sent names it.

    Raises:
        PackagingError: With every finding.
    """
    if (target is None) == (module is None):
        raise InvalidInput("Give either a target (a function or a script path) or module=.")
    workspace = Path(code_dir).expanduser() if code_dir is not None else None
    if workspace is not None and not workspace.is_dir():
        remedy = f"give its folder, {str(workspace.parent)!r}" if workspace.is_file() else "correct the path"
        raise InvalidInput(
            f"code_dir={os.fspath(workspace)!r} is not a folder: {remedy}. (Relative to {working_directory()}.)"
        )
    later = dict(hyperparameters) if isinstance(hyperparameters, Mapping) else tuple(hyperparameters)
    plan = _plan(
        target,
        module,
        args,
        later=later,
        serializer=serializer,
        workspace=workspace,
        same_python=same_python,
        session=session,
    )
    if workspace is not None:
        plan.add_workspace(workspace)
    installed = read_requirements(requirements)
    plan.findings += installed.findings + index_findings(index_urls)
    wanted = tuple(installed.lines)
    if plan.entry.get("kind") == "pickle" and not any(re.match(r"cloudpickle\b", line) for line in wanted):
        wanted += ("cloudpickle",)
    plan.findings += _index_conflict(wanted, index_urls) + pin_findings(wanted)
    plan.findings += _hyperparameter_findings(tuple(hyperparameters))
    plan.findings += credential_findings(plan.files, plan.entry, frozenset(plan.needed), plan.written)
    if plan.findings:
        raise PackagingError(plan.name, plan.findings)
    for told in plan.told:
        _warn(f"The job of {plan.name} lacks something that is set here. {told}")
    if workspace is not None:
        plan.entry["directory"] = True
    plan.note_shadows()
    function = target if callable(target) else None
    uses = usage(plan.entry, plan.files, function, installs=bool(wanted), has_objects=plan.has_objects)
    files = {**plan.files, **encoding.runtime_files(uses)}
    files[".kubeflow/entry.json"] = json.dumps(plan.entry, separators=(",", ":")).encode("ascii")
    document = Contents(plan.name, wanted, tuple(index_urls), files, tuple(sorted(plan.executable)))
    payload = encoding.encode_document(document, uses)
    if len(payload.text) > encoding.PAYLOAD_LIMIT:
        raise PackagingError(plan.name, [_too_large(plan, files, len(payload.text))])
    return Bundle(
        name=plan.name,
        digest=payload.digest,
        requirements=wanted,
        index_urls=tuple(index_urls),
        hyperparameters=tuple(hyperparameters),
        external=tuple(sorted(plan.external)),
        size=len(payload.text),
        _files=MappingProxyType(dict(sorted(files.items()))),
        _payload=payload,
    )


def _warn(text: str) -> None:
    """Warn at the line of the user's that asked for the bundle."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def call_arguments(
    func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> tuple[Callable[..., R], dict[str, object]]:
    """Turn a call that type checkers understand into a function and its arguments by name.

    Args:
        func: The function.
        args: As in a call of it; what has no name (`*args`, positional-only) is bound by a partial.
        kwargs: As in a call of it.

    Returns:
        What `bundle(target, args=...)` takes.

    Raises:
        PackagingError: When the arguments do not bind.
    """
    name = getattr(func, "__name__", type(func).__name__)
    try:
        signature = inspect.signature(func)
    except ValueError as error:
        finding = Finding(name, "Python does not know its signature", "Call it inside a function of your own")
        raise PackagingError(name, [finding]) from error
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        findings = binding_findings(signature, args, kwargs, (), name)
        raise PackagingError(name, findings or [Finding(f"call of {name}", str(error), "Correct it")]) from error
    taken = list(signature.parameters.values())[: len(args)]
    if len(taken) == len(args) and all(p.kind is p.POSITIONAL_OR_KEYWORD for p in taken):
        return func, {**dict(zip((p.name for p in taken), args, strict=True)), **kwargs}
    return functools.partial(func, *args), dict(kwargs)


def _plan(
    target: Callable[..., object] | str | PathLike[str] | None,
    module: str | None,
    args: Mapping[str, object] | Sequence[str | float | PathLike[str]] | None,
    *,
    later: Hyperparameters,
    serializer: str,
    workspace: Path | None,
    same_python: bool,
    session: str | None,
) -> Plan:
    if callable(target):
        if args is not None and not isinstance(args, Mapping):
            raise InvalidInput("The arguments of a function are given by name: a mapping.")
        return plan_function(target, args or {}, later, serializer, workspace, same_python=same_python, session=session)
    try:
        argv = options(args or ())
    except TypeError as error:
        raise PackagingError(str(module or target), [Finding("args", str(error), "Pass plain values")]) from error
    if module is not None:
        return plan_module(module, argv, later, workspace)
    if not isinstance(target, str | os.PathLike):
        raise InvalidInput(f"A {type(target).__name__} is neither a function nor the path of a script.")
    path = Path(target).expanduser()
    if workspace is not None and not path.is_absolute() and not path.is_file():
        path = workspace / path
    return plan_script(path, argv, later, workspace)


def _index_conflict(lines: Sequence[str], index_urls: Sequence[str]) -> list[Finding]:
    given = {line.partition(" ")[2] for line in lines if line.startswith("--index-url ")}
    if len(given | set(index_urls[:1])) < 2:
        return []
    named = ", ".join(map(masked, sorted(given | set(index_urls[:1]))))
    return [Finding("requirements", f"they name several main indexes: {named}", "Leave all but one out")]


def _hyperparameter_findings(names: Sequence[str]) -> list[Finding]:
    bad = [n for n in names if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", n)]
    remedy = "Use letters of the English alphabet, digits and underscores"
    return [
        Finding(f"hyperparameter {n!r}", "its name cannot be part of an environment variable's", remedy) for n in bad
    ]


def _too_large(plan: Plan, files: Mapping[str, bytes], size: int) -> Finding:
    from kubeflow.core.stdlib import zlib

    parts = sorted(((len(zlib.compress(content)) * 4 // 3, path) for path, content in files.items()), reverse=True)[:5]
    largest = ", ".join(f"{path} ({part // 1024} KiB)" for part, path in parts)
    return Finding(
        f"bundle of {plan.name}",
        f"it takes {size // 1024} KiB of the job's command, and the limit is "
        f"{encoding.PAYLOAD_LIMIT // 1024} KiB; "
        f"the largest parts, compressed: {largest}",
        "Exclude files in .kubeflowignore, put data into a volume or an object store, or build the code into the image",
    )
