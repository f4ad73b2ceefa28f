"""`python -m codegen generate`: reads `schemas/`, `templates/` and the configuration, writes `generated/` and
`docs/reference/`. No network is used. The same inputs give the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed
from pathlib import Path

from codegen.config import Config
from codegen.descriptions import reference_pages, texts
from codegen.emitters import manifest, package
from codegen.emitters.generated_module import EmitterInput
from codegen.errors import CodegenError
from codegen.pins import lock, newest

LINE_LENGTH = 120
SHOWN = 10  # findings about descriptions, after a generation
TOOLS = ("datamodel-code-generator", "ruff")  # both pinned exactly in pyproject.toml


def generate(root: Path, config: Config, out: Path | None = None) -> str:
    """Write the generated tree and return a line that says what was written.

    Args:
        root: Of the checkout.
        out: Folder to write to; default `generated/` of the checkout. What stood there before is removed.

    Raises:
        CodegenError: A pin is missing, differs from the lock, or cannot be rendered; nothing is written then.
    """
    target = out or root / "generated"
    pins = newest.load(root, config)
    definitions = newest.together(config, pins)
    descriptions = texts.describe(root / "schemas", config, definitions)
    files = package.render(EmitterInput(root, config, pins, definitions, descriptions))
    pages = reference_pages.pages(root, config, pins, definitions, descriptions)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / config.package
        _write(fresh, files)
        _format(fresh)
        record = manifest.Manifest(
            configuration=config.digest,
            inputs=manifest.inputs(root, config),
            outputs=manifest.tree(Path(folder)),
            tools={name: installed(name) for name in TOOLS},
            pages={path: lock.sha256(text.encode()) for path, text in pages.items()},
            undescribed=descriptions.findings,
        )
        (Path(folder) / manifest.NAME).write_text(record.render(), "utf-8")
        _replace(Path(folder), target, config.package)
    if out is None:
        reference_pages.write(root, pages)
    classes = sum(text.count("\nclass ") for text in files.values())
    summary = f"{target}: {len(record.outputs)} files, {classes} classes from {', '.join(pin.file for pin in pins)}"
    notes = [f"note: {note}" for pin in pins for note in pin.notes]
    return "\n".join([summary, *notes, *_first(descriptions.findings)])


def write_reference(root: Path, config: Config) -> str:
    """Write `docs/reference/` alone and return a line that says what was written.

    Raises:
        CodegenError: A pin is missing or differs from the lock, or a description is malformed.
    """
    pins = newest.load(root, config)
    definitions = newest.together(config, pins)
    descriptions = texts.describe(root / "schemas", config, definitions)
    pages = reference_pages.pages(root, config, pins, definitions, descriptions)
    reference_pages.write(root, pages)
    return "\n".join([f"{root / reference_pages.FOLDER}: {len(pages)} pages", *_first(descriptions.findings)])


def _first(findings: Sequence[str]) -> list[str]:
    """Return as much of what descriptions lack as helps; a component without any has hundreds of findings."""
    more = len(findings) - SHOWN
    return [*findings[:SHOWN], *([f"... and {more} more, which `verify` lists"] if more > 0 else [])]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _format(folder: Path) -> None:
    """Sort and prune the imports, then format: the templates need not care about either."""
    import ruff

    first_party = 'lint.isort.known-first-party=["kubeflow"]'
    line_length = f"line-length={LINE_LENGTH}"
    commands = (
        ["check", "--select", "F401,I,UP037", "--fix", "--quiet", "--config", first_party],
        ["format", "--quiet"],
    )
    for command in commands:
        arguments = [ruff.find_ruff_bin(), *command, "--isolated", "--no-cache", "--target-version", "py311"]
        result = subprocess.run(
            [*arguments, "--config", line_length, str(folder)], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise CodegenError(f"ruff {command[0]} refuses what was generated:\n{result.stdout}{result.stderr}")


def _replace(fresh: Path, target: Path, package: str) -> None:
    """Put the fresh tree in the place of the old one; files that are no longer generated go with it."""
    target.mkdir(parents=True, exist_ok=True)
    retired = target / f".{package}.old"
    shutil.rmtree(retired, ignore_errors=True)
    if (target / package).exists():
        (target / package).rename(retired)
    shutil.copytree(fresh / package, target / package)
    shutil.copyfile(fresh / manifest.NAME, target / manifest.NAME)
    shutil.rmtree(retired, ignore_errors=True)
