"""`python -m codegen verify`: compares the hashes of `schemas/`, `generated/` and `docs/reference/` with those in the
lock and the manifest, and lists the classes and fields that had no description when `generated/` was written.

Offline, and with the standard library only. That the generator still writes the same bytes is what CI checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from codegen import config
from codegen.config import KindName
from codegen.emitters import manifest
from codegen.errors import CodegenError
from codegen.pins import lock
from codegen.pins.patches import upstream as upstream_patches


def verify(root: Path, *, described: bool = True) -> str:
    """Check the checkout at `root` and return a line that says what was checked.

    Args:
        described: True when a missing or stale description is a finding too.

    Raises:
        CodegenError: Lists every file that was edited, added, lost, or generated from other inputs.
    """
    configuration = config.load(root)
    recorded = manifest.read(root / "generated")
    pins = lock.read(root / "schemas")
    findings = [*_pins(root / "schemas", configuration, pins)]
    if recorded.configuration != configuration.digest:
        findings.append("pyproject.toml: [tool.codegen] changed since generated/ was written; run `make generate`")
    advice = "changed since generated/ was written; run `make generate`"
    findings += _differences(recorded.inputs, manifest.inputs(root, configuration), advice)
    advice = "was edited by hand; change schemas/ or templates/ and run `make generate`"
    actual = {f"generated/{name}": digest for name, digest in manifest.tree(root / "generated").items()}
    findings += _differences({f"generated/{name}": digest for name, digest in recorded.outputs.items()}, actual, advice)
    findings += _pages(root, recorded.pages)
    findings += recorded.undescribed if described else ()
    if findings:
        raise CodegenError("\n  ".join([f"{len(findings)} finding(s)", *findings]))
    written = len(recorded.outputs) + len(recorded.pages)
    return f"{len(pins)} pin(s), {len(recorded.inputs)} inputs and {written} generated files are as written"


def _pins(schemas: Path, configuration: config.Config, pins: list[lock.Pin]) -> list[str]:
    findings: list[str] = []
    for pin in pins:
        path = schemas / pin.file
        if not path.is_file():
            findings.append(f"schemas/{pin.file}: is in lock.toml but missing")
        elif lock.sha256(path.read_bytes()) != pin.sha256:
            findings.append(f"schemas/{pin.file}: differs from its hash in lock.toml; pin it again")
        patches = {patch.place: patch.effect for patch in upstream_patches(schemas, pin.component, pin.version)}
        if patches != pin.patches:
            place = min(place for place, _ in patches.items() ^ pin.patches.items())
            findings.append(
                f"schemas/patches.toml: the upstream patch at {place!r} is not the one in lock.toml; pin again"
            )
    locked = {(pin.component, pin.version) for pin in pins}
    wanted = {
        (component.name, version) for component in configuration.components.values() for version in component.pinned
    }
    findings += [
        f"schemas/lock.toml: no pin of {name} {version}, which pyproject.toml names"
        for name, version in sorted(wanted - locked)
    ]
    findings += [
        f"schemas/lock.toml: {name} {version} is pinned, but pyproject.toml does not name it"
        for name, version in sorted(locked - wanted)
    ]
    findings += _kinds(schemas, configuration, pins)
    files = {path.relative_to(schemas).as_posix() for path in schemas.rglob("*.json")}
    findings += [f"schemas/{name}: is not in lock.toml" for name in sorted(files - {pin.file for pin in pins})]
    return findings


def _kinds(schemas: Path, configuration: config.Config, pins: list[lock.Pin]) -> list[str]:
    """Return the kinds that pyproject.toml and a pin do not both name."""
    findings: list[str] = []
    for component in configuration.components.values():
        for release in component.pinned:
            file = component.pin_file(release)
            path = schemas / file
            if not path.is_file() or not any(pin.file == file for pin in pins):
                continue
            entries = json.loads(path.read_bytes()).get("x-kinds", [])
            kinds = (KindName(entry["group"], entry["version"], entry["kind"]) for entry in entries)
            pinned = set(map(component.written, kinds))
            named = set(map(component.written, component.kinds_in(release)))
            findings += [
                f"schemas/{file}: has no {kind}, which pyproject.toml names; pin it again, or give its first minor in "
                f"`since` of {component.name}"
                for kind in sorted(named - pinned)
            ]
            findings += [
                f"schemas/{file}: has {kind}, which pyproject.toml does not name for it; pin it again"
                for kind in sorted(pinned - named)
            ]
    return findings


def _pages(root: Path, recorded: Mapping[str, str]) -> list[str]:
    """Return which pages of the API reference are not as they were written."""
    files = {path.relative_to(root).as_posix(): path for path in (root / "docs" / "reference").rglob("*.md")}
    actual = {name: lock.sha256(path.read_bytes()) for name, path in files.items()}
    return _differences(recorded, actual, "was edited by hand; change schemas/docs/ and run `make generate`")


def _differences(recorded: Mapping[str, str], actual: Mapping[str, str], changed: str) -> list[str]:
    result = [
        f"{name}: {changed}" for name in sorted(recorded.keys() & actual.keys()) if recorded[name] != actual[name]
    ]
    result += [f"{name}: is missing; run `make generate`" for name in sorted(recorded.keys() - actual.keys())]
    result += [f"{name}: is not part of what was generated" for name in sorted(actual.keys() - recorded.keys())]
    return result
