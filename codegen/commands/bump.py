"""`python -m codegen bump`: configuration, pin, diff, generate and verify for a new release, in one step.

All work is done in a copy of the checkout. The copy is moved in when every step has succeeded.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from codegen import config
from codegen.commands import verify
from codegen.comparison import contract, report
from codegen.comparison.differ import diff
from codegen.config import Component, Config, minor, numeric
from codegen.emitters import manifest
from codegen.errors import CodegenError
from codegen.pins import lock
from codegen.upstream.source import Source, open_source

# What the steps read, and what they write, below the checkout.
_READ = ("pyproject.toml", "schemas", "templates", "codegen", "docs", "generated")
_WRITTEN = ("pyproject.toml", "schemas", "generated", "docs")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Takes up a release: configuration, pin, diff, generate, verify. If a step fails, nothing changes."
    )
    parser.add_argument("component")
    parser.add_argument("version", help="the release tag, such as v2.4.0")
    parser.add_argument("--from", dest="source", required=True, help="folder with the release's files")
    parser.add_argument("--commit", help="full hash of the release's commit, where the folder is no git checkout")
    parser.add_argument(
        "--identical", action="append", default=[], metavar="VERSION=FOLDER", help="a release that has the same types"
    )
    parser.add_argument("--format", choices=("text", "markdown"), default="text", help="of the diff in the summary")


def run(root: Path, configuration: Config, options: argparse.Namespace) -> str:
    """Take up the release that `options` name; see `bump`."""
    others = {version: open_source(folder) for version, _, folder in (o.partition("=") for o in options.identical)}
    component, source = configuration.component(options.component), open_source(options.source)
    return bump(root, component, options.version, source, options.commit, others, options.format)


def bump(
    root: Path,
    component: Component,
    version: str,
    source: Source,
    commit: str | None,
    identical: Mapping[str, Source],
    form: report.Format = "text",
) -> str:
    """Take up one release and return the summary that a maintainer reads.

    A release of a minor that is already pinned takes the place of that pin, and is compared with it; any other is
    compared with the minor before it. All work is done beside the checkout and moved in when all of it is done.

    Raises:
        CodegenError: A step failed; nothing was changed.
    """
    before = predecessor(component.versions, version)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder).resolve()
        for name in _READ:
            _copy(root / name, stage / name)
        try:
            lines = _steps(stage, component.name, version, source, commit, identical)
            if before is None:
                page = "There is no earlier version to compare with."
            else:
                old = contract.pinned(root, component, before)
                page = report.render(diff(old, contract.pinned(stage, component, version)), form)
        except CodegenError as error:
            # The stage is gone when this is read.
            raise CodegenError(str(error).replace(str(stage), str(root))) from error
        for name in _WRITTEN:
            _copy(stage / name, root / name)
    return "\n".join([*(line.replace(f"{stage}/", "") for line in lines), "", page])


def _steps(
    root: Path, name: str, version: str, source: Source, commit: str | None, identical: Mapping[str, Source]
) -> list[str]:
    from codegen.commands.generate import generate
    from codegen.commands.pin import pin
    from codegen.minors import compatibility

    path = root / "pyproject.toml"
    before = config.load(root).component(name)
    versions = with_version(before.versions, version)
    text = with_versions(path.read_text("utf-8"), name, versions)
    lines: list[str] = []
    if before.preview and numeric(minor(before.preview)) <= numeric(minor(version)):
        text = without_preview(text, name)
        lines.append(f"no preview any more: {before.preview}")
        if minor(before.preview) != minor(version):
            lock.remove(root / "schemas", lock.find(root / "schemas", name, before.preview))
    path.write_text(text, "utf-8")
    configuration = config.load(root)
    if configuration.component(name).versions != versions:
        raise CodegenError(f"{path}: `versions` of {name} could not be edited; write it as one list of plain strings")
    written = pin(root, configuration.component(name), version, source, commit, identical)
    lines += [f"pinned: {written}", f"generated: {generate(root, configuration)}"]
    lines += [f"written: {each}" for each in compatibility.write(root, configuration)]
    # What is new cannot be described before it is known: that is left to do, and `verify` insists on it later.
    lines.append(f"verified: {verify.verify(root, described=False)}")
    lines += [f"to do: {each}" for each in manifest.read(root / "generated").undescribed]
    lines += [f"to do: {each}" for each in compatibility.missing(root, configuration)]
    return lines


def with_version(versions: Sequence[str], version: str) -> tuple[str, ...]:
    """Return `versions` with `version` in its place, oldest first; it replaces a release of the same minor."""
    others = [other for other in versions if minor(other) != minor(version)]
    return tuple(sorted([*others, version], key=numeric))


def predecessor(versions: Sequence[str], version: str) -> str | None:
    """Return what `version` is compared with: the pinned release of its minor, else of the minor before it."""
    earlier = [other for other in versions if numeric(minor(other)) <= numeric(minor(version))]
    return max(earlier, key=numeric, default=None)


def with_versions(text: str, component: str, versions: Sequence[str]) -> str:
    """Return the text of a pyproject.toml with the `versions` of one component replaced; all else stays as it is.

    Raises:
        CodegenError: The component has no table of its own with a `versions` list.
    """
    key = _key(text, component, r"^versions\s*=\s*\[[^\]]*\]")
    if key is None:
        raise CodegenError(f"pyproject.toml: no `versions = [...]` below [tool.codegen.components.{component}]")
    listed = ", ".join(json.dumps(version) for version in versions)
    return f"{text[: key.start()]}versions = [{listed}]{text[key.end() :]}"


def without_preview(text: str, component: str) -> str:
    """Return the text of a pyproject.toml without the `preview` of one component; all else stays as it is.

    Raises:
        CodegenError: The component has no table of its own with a line `preview = ...`.
    """
    key = _key(text, component, r"^preview\s*=[^\n]*\n")
    if key is None:
        raise CodegenError(f"pyproject.toml: no line `preview = ...` below [tool.codegen.components.{component}]")
    return text[: key.start()] + text[key.end() :]


def _key(text: str, component: str, pattern: str) -> re.Match[str] | None:
    """Return where `pattern` matches in the table of a component in the text of a pyproject.toml."""
    table = re.search(rf"^\[tool\.codegen\.components\.{re.escape(component)}\][^\n]*\n", text, re.MULTILINE)
    end = re.compile(r"^\[", re.MULTILINE).search(text, table.end()) if table else None
    until = end.start() if end else len(text)
    return re.compile(pattern, re.MULTILINE).search(text, table.end(), until) if table else None


def _copy(source: Path, target: Path) -> None:
    """Make `target` what `source` is: a file, a folder, or nothing."""
    if source.is_dir():
        fresh = target.with_name(f".{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
