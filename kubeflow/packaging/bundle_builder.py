"""`bundle(...)`: from a train function, script or module to one deterministic, self-contained `Bundle`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from kubeflow.core.errors import InvalidInput
from kubeflow.core.tracebacks import thin_call
from kubeflow.packaging.bundles import encoding
from kubeflow.packaging.bundles.bundle import Bundle
from kubeflow.packaging.capture.entry import Plan, options, plan_function, plan_module, plan_script
from kubeflow.packaging.errors import Finding, PackagingError
from kubeflow.packaging.remote import MAIN

if TYPE_CHECKING:
    from os import PathLike

PARAMETER_PREFIX = "KUBEFLOW_PARAMETER_"
_CREDENTIALS_IN_URL = re.compile(r"^[a-z+]+://[^/@\s]+@")


@thin_call
def bundle(
    target: Callable[..., object] | str | PathLike[str] | None = None,
    *,
    module: str | None = None,
    args: Mapping[str, object] | Sequence[str] | None = None,
    hyperparameters: Sequence[str] = (),
    requirements: Sequence[str] = (),
    index_urls: Sequence[str] = (),
    code_dir: str | PathLike[str] | None = None,
    serializer: Literal["source", "cloudpickle"] = "source",
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
            of these or None.
        requirements: Packages to install first, in pip's notation.
        index_urls: Package indexes, the main one first; without any, the installer's own default.
        code_dir: A folder to ship as a whole, less what `.gitignore` and `.kubeflowignore` exclude; it
            becomes the working directory of the job.
        serializer: "source" keeps the user's text and works across Python versions. "cloudpickle" takes
            objects that have no source; the job must run the same minor version of Python and have
            cloudpickle.

    Raises:
        PackagingError: With every finding.
    """
    if (target is None) == (module is None):
        raise InvalidInput("Give either a target (a function or a script path) or module=.")
    workspace = Path(code_dir) if code_dir is not None else None
    if workspace is not None and not workspace.is_dir():
        raise InvalidInput(f"code_dir {str(code_dir)!r} is not a folder.")
    later = tuple(hyperparameters)
    plan = _plan(target, module, args, later=later, serializer=serializer, workspace=workspace)
    if workspace is not None:
        _add_workspace(plan, workspace)
    wanted = tuple(requirements)
    if serializer == "cloudpickle" and not any(re.match(r"cloudpickle\b", r) for r in wanted):
        wanted += ("cloudpickle",)
    plan.findings += _requirement_findings(wanted) + _index_findings(index_urls)
    plan.findings += _hyperparameter_findings(hyperparameters)
    if plan.findings:
        raise PackagingError(plan.name, plan.findings)
    plan.entry["directory"] = workspace is not None
    assembled = f"{MAIN}/__init__.py" in plan.files
    runtime = encoding.runtime_files(assembled=assembled, tuned=bool(hyperparameters), installs=bool(wanted))
    files = {**plan.files, **runtime}
    files[".kubeflow/entry.json"] = json.dumps(plan.entry, indent=1).encode("ascii")
    payload = encoding.encode_document(
        files=files, executable=plan.executable, requirements=wanted, index_urls=index_urls, name=plan.name
    )
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


def hyperparameter_env(values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that carry hyperparameters, as text, into a job.

    Args:
        values: Text by name; for Katib the text is a placeholder such as `${trialParameters.lr}`.
    """
    return {PARAMETER_PREFIX + name: text for name, text in values.items()}


def _plan(
    target: Callable[..., object] | str | PathLike[str] | None,
    module: str | None,
    args: Mapping[str, object] | Sequence[str] | None,
    *,
    later: tuple[str, ...],
    serializer: str,
    workspace: Path | None,
) -> Plan:
    if callable(target):
        if args is not None and not isinstance(args, Mapping):
            raise InvalidInput("The arguments of a function are given by name: a mapping.")
        return plan_function(target, args or {}, later, serializer, workspace)
    try:
        argv = options(args or ())
    except TypeError as error:
        raise PackagingError(str(module or target), [Finding("arguments", str(error), "Pass plain values")]) from error
    if module is not None:
        return plan_module(module, argv, later, workspace)
    if not isinstance(target, str | os.PathLike):
        raise InvalidInput(f"A {type(target).__name__} is neither a function nor the path of a script.")
    path = Path(target)
    if workspace is not None and not path.is_absolute() and not path.is_file():
        path = workspace / path
    return plan_script(path, argv, later, workspace)


def _add_workspace(plan: Plan, folder: Path) -> None:
    from kubeflow.packaging.source.workspace import Workspace

    workspace = Workspace(folder)
    plan.files = {**plan.files, **workspace.files}
    plan.executable += workspace.executable
    plan.findings += workspace.findings


def _requirement_findings(requirements: Sequence[str]) -> list[Finding]:
    from packaging.requirements import InvalidRequirement, Requirement

    findings: list[Finding] = []
    for text in requirements:
        try:
            url = Requirement(text).url or ""
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            findings.append(
                Finding(
                    f"requirement {text!r}",
                    f"it is not a requirement: {reason}",
                    "Write one like `name>=1.2`, or `name @ https://...`",
                )
            )
            continue
        if url.startswith("file:"):
            findings.append(
                Finding(f"requirement {text!r}", "it is a path on this machine", "Use code_dir= for your own code")
            )
        elif _CREDENTIALS_IN_URL.match(url):
            findings.append(_credentials(f"requirement {text.partition('@')[0].strip()}"))
    return findings


def _index_findings(index_urls: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    for number, url in enumerate(index_urls, 1):
        if _CREDENTIALS_IN_URL.match(url):
            findings.append(_credentials(f"index URL #{number}"))
        elif not re.match(r"(https?|file)://", url):
            findings.append(Finding(f"index URL {url!r}", "it is no http, https or file URL", "Correct it"))
    return findings


def _credentials(what: str) -> Finding:
    return Finding(
        what,
        "it holds a user name or a password, and everyone who may read the job could read it",
        "Set PIP_INDEX_URL (UV_INDEX_URL) in the job from a Kubernetes Secret",
    )


def _hyperparameter_findings(names: Sequence[str]) -> list[Finding]:
    bad = [n for n in names if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", n)]
    remedy = "Use letters of the English alphabet, digits and underscores"
    return [
        Finding(f"hyperparameter {n!r}", "its name cannot be part of an environment variable's", remedy) for n in bad
    ]


def _too_large(plan: Plan, files: Mapping[str, bytes], size: int) -> Finding:
    import zlib

    parts = sorted(((len(zlib.compress(content)) * 4 // 3, path) for path, content in files.items()), reverse=True)[:5]
    largest = ", ".join(f"{path} ({part // 1024} KiB)" for part, path in parts)
    return Finding(
        f"bundle of {plan.name}",
        f"it takes {size // 1024} KiB of the job's command, and the limit is "
        f"{encoding.PAYLOAD_LIMIT // 1024} KiB; "
        f"the largest parts, compressed: {largest}",
        "Exclude files in .kubeflowignore, put data into a volume or an object store, or build the code into the image",
    )
