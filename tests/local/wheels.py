"""Wheels of one module, and package indexes made of them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def add_wheel(index: Path, name: str, text: str = "", *, version: str = "1.0", requires: str = "") -> Path:
    """Add a wheel of a module that holds `TEXT` to the package index in a directory, and return its file."""
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": f"TEXT = {text!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        for path, content in files.items()
    }
    record = "".join(f"{path},sha256={digest},{len(files[path])}\n" for path, digest in digests.items())
    project = index / name.replace("_", "-")
    project.mkdir(parents=True, exist_ok=True)
    wheel = project / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(file, content)
    links = (f'<a href="{file.name}">{file.name}</a>' for file in sorted(project.glob("*.whl")))
    (project / "index.html").write_text("\n".join(links))
    return wheel


# Builds a wheel of one module without any package from elsewhere, so that no test needs a network.
_BACKEND = """
import os, zipfile
NAME = {name!r}
def _wheel(directory, files):
    info = NAME + "-1.0.dist-info"
    files = dict(files)
    files[info + "/METADATA"] = "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: 1.0\\n"
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "/RECORD"] = "".join(file + ",,\\n" for file in [*files, info + "/RECORD"])
    name = NAME + "-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return name
def build_wheel(directory, config_settings=None, metadata_directory=None):
    return _wheel(directory, {{NAME + ".py": open(NAME + ".py").read()}})
def build_editable(directory, config_settings=None, metadata_directory=None):
    return _wheel(directory, {{"_" + NAME + ".pth": os.getcwd() + "\\n"}})
"""


def add_project(folder: Path, name: str, text: str) -> Path:
    """Make a project of one module that holds `TEXT`, or change its text, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(f"TEXT = {text!r}\n")
    if not (folder / "pyproject.toml").exists():
        (folder / "backend.py").write_text(_BACKEND.format(name=name))
        (folder / "pyproject.toml").write_text(
            f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "{name}"\n'
            'version = "1.0"\n'
        )
    return folder
