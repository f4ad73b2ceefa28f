"""`python -m codegen crds COMPONENT VERSION --out DIR`: writes the CRD manifests of a pin."""

from __future__ import annotations

from pathlib import Path

from codegen import lock, overlay
from codegen.config import Component, minor
from codegen.errors import CodegenError
from codegen.jsontypes import Object, as_object, parse_json
from codegen.manifests import manifests, render


def write(root: Path, component: Component, version: str, out: Path) -> str:
    """Write the manifests to the folder `out` and return a line that says what was written.

    Raises:
        CodegenError: The version is not pinned, or the pin cannot be expressed as CRDs.
    """
    found = crds(root, component, version)
    out.mkdir(parents=True, exist_ok=True)
    for name, manifest in found.items():
        (out / name).write_text(render(manifest), "utf-8")
    return f"{out}: {', '.join(found)}"


def crds(root: Path, component: Component, version: str) -> dict[str, Object]:
    """Return the manifests of one pin of `component` by file name, with the fix-ups that its models have.

    Raises:
        CodegenError: The version is not pinned; lists those that are.
    """
    wanted = "v" + version.removeprefix("v")
    pins = {pin.version: pin for pin in lock.read(root / "schemas") if pin.component == component.name}
    release = next((each for each in pins if wanted in (each, minor(each))), None)
    if release is None:
        known = ", ".join(pins) or "no version"
        raise CodegenError(f"{component.name} {version} is not pinned; schemas/lock.toml has: {known}")
    file = pins[release].file
    pin = as_object(parse_json((root / "schemas" / file).read_bytes(), file), file, ())
    if release == component.versions[-1]:  # fix-ups are written for what the models are generated from
        patches = overlay.of_component(root / "schemas", component.name)
        components = as_object(pin["components"], file, ("components",))
        definitions = as_object(components["schemas"], file, ("components", "schemas"))
        patched = overlay.apply({name: as_object(node, file, ()) for name, node in definitions.items()}, patches)
        pin = {**pin, "components": {"schemas": patched}}
    return manifests(f"schemas/{file}", pin)
