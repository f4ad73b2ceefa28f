"""Whether a path names a Python script that a job can run, and what to write where it does not."""

from __future__ import annotations

import difflib
from pathlib import Path

from kubeflow.core.errors import Finding
from kubeflow.core.paths import working_directory

_NOT_PYTHON = (".sh", ".bash", ".zsh", ".yaml", ".yml", ".toml", ".json", ".pyc", ".so")


def script_finding(path: Path) -> Finding | None:
    """Return why `path` is no script, `None` when it is one. Relative paths are those of the working directory."""
    what = f"script {path}"
    if path.suffix == ".ipynb":
        remedy = (
            f"Save its code with `jupyter nbconvert --to script {path.name}` and give {path.stem}.py, or give a "
            "function of the notebook"
        )
        return Finding(what, "it is a notebook, and a script is Python text", remedy)
    if path.is_dir():
        remedy = "Name the script in it"
        if (path / "__main__.py").is_file():
            remedy = f"Name its script {path / '__main__.py'}, or run the package with module={path.name!r}"
        return Finding(what, "it is a folder", remedy)
    if path.is_file():
        if path.suffix in _NOT_PYTHON:
            return Finding(what, "it is no Python text", "Give a Python script, which may start it with subprocess.run")
        return None
    return Finding(what, _missing(path), _instead(path))


def _missing(path: Path) -> str:
    return "there is no such file" if path.is_absolute() else f"there is no such file in {working_directory()}"


def _instead(path: Path) -> str:
    text = str(path)
    words = text.split()
    if len(words) > 1 and words[0] in ("python", "python3", "torchrun"):
        words = words[1:]
    if len(words) > 1 and Path(words[0]).is_file():
        return f"It holds more than a path: give {words[0]!r}, and args={words[1:]!r}"
    if not path.suffix and Path(f"{text}.py").is_file():
        return f"Write {text + '.py'!r}"
    if "." in text and all(part.isidentifier() for part in text.split(".")) and path.suffix != ".py":
        return f"If it is a module, write module={text!r}; else correct the path"
    folder = path.parent
    scripts = sorted(file.name for file in folder.glob("*.py")) if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, scripts, n=1)
    return f"Did you mean {str(folder / close[0])!r}?" if close else "Correct the path"
