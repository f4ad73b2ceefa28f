"""`generated/manifest.json`: the hashes of what the generated tree was made from, and of every file in it.

Standard library only: `verify` must run where the generator's dependencies are not installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from codegen.config import Config
from codegen.errors import CodegenError
from codegen.pins.lock import sha256

NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Hashes, in hex.

    Attributes:
        configuration: Of the `[tool.codegen]` table.
        inputs: Path in the checkout -> SHA-256: pins, lock, templates and the generator itself.
        outputs: Path below `generated/` -> SHA-256.
        tools: Package -> version of what shaped the output.
        pages: Path in the checkout -> SHA-256 of the pages of the API reference.
        undescribed: What `schemas/docs/` lacks, or describes though it is gone; empty in a checkout that is in order.
    """

    configuration: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    tools: Mapping[str, str]
    pages: Mapping[str, str]
    undescribed: Sequence[str]

    def render(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read(folder: Path) -> Manifest:
    """Return the manifest in `folder`.

    Raises:
        CodegenError: There is none, or it is not what `Manifest.render` writes.
    """
    path = folder / NAME
    try:
        return Manifest(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise CodegenError(f"{path} is missing: run `make generate`") from None
    except (ValueError, TypeError) as error:
        raise CodegenError(f"{path} is damaged ({error}): run `make generate`") from error


def inputs(root: Path, configuration: Config) -> dict[str, str]:
    """Return the hashes of everything that generation reads from the checkout at `root`, by path.

    Those are all pins, their fix-ups and descriptions, what replaced their fields, the templates and the generator's
    own modules.
    """
    pins = {
        component.pin_file(version) for component in configuration.components.values() for version in component.pinned
    }
    files = [
        *(root / "schemas" / name for name in pins),
        root / "schemas" / "patches.toml",
        *(root / "schemas" / "docs").glob("*.yaml"),
        root / "schemas" / "replaced.toml",
        *(root / "templates").rglob("*.jinja*"),
        *(root / "codegen").rglob("*.py"),
    ]
    return {path.relative_to(root).as_posix(): sha256(path.read_bytes()) for path in sorted(files) if path.exists()}


def tree(folder: Path) -> dict[str, str]:
    """Return the hash of every file below `folder` by path, without the manifest and byte-code."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files if path != folder / NAME}
