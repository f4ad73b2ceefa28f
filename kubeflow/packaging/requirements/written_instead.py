"""What to write in place of a text that is no requirement."""

from __future__ import annotations

from kubeflow.core.stdlib import re

COMMAND = re.compile(
    r"[!%]?\s*(?:(?:python[\d.]*\s+-m\s+|uv\s+|sudo\s+)?pip[\d.]*\s+install"
    r"|(?:conda|mamba)\s+install|(?:uv|poetry|pdm)\s+add)\s+"
)
"""A command that installs packages, up to the packages."""

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


def split_text(text: str) -> list[str]:
    """Return the list that one text was meant to be, as in `"torch numpy"`."""
    if "\n" in text:
        return [line.strip() for line in text.splitlines() if line.strip()]
    if text.lstrip().startswith("-") or URL.match(text) or _is_requirement(text):
        return [text.strip()]
    return [word for word in re.split(r"[\s,]+", COMMAND.sub("", text.strip(), count=1)) if word]


def remedy(text: str) -> str:
    """Return what to write in place of `text`, which is no requirement."""
    words = split_text(text)
    if "${" in text:
        return "Write the value of the variable: variables are filled in in URLs and paths alone"
    if len(words) > 1 and all(map(_is_requirement, words)):
        return f"Write each as an entry of its own: {words!r}"
    if (bare := text.strip("'\"")) != text and _is_requirement(bare):
        return f"Leave the quotes in it out: {bare!r}"
    if pin := re.fullmatch(r"([\w.-]+)\s*=\s*([\w.*]+)", text):
        return f"Write '{pin[1]}=={pin[2]}'"
    if version := re.fullmatch(r"([\w.-]+(?:\[[\w,. -]*\])?)\s*(@|\^|~=|~)\s*v?(\d[\w.]*)", text):
        operator = "==" if version[2] == "@" else "~="
        number = version[3] if operator == "==" or "." in version[3] else f"{version[3]}.0"
        return f"Write '{version[1]}{operator}{number}'"
    if marker := re.fullmatch(r"(.*;\s*\w+\s*[<>=!~]+\s*)([\w.]+)", text):
        return f"Put the value of the marker into quotes: {marker[1]}'{marker[2]}'"
    return "Write one like `name>=1.2`, or `name @ https://...`"


def repository_page(scheme: str, path: str) -> str:
    """Return the path of the repository whose page in a browser `path` is, with its branch; else ""."""
    if scheme not in ("http", "https") or path.lower().endswith(ARCHIVES):
        return ""
    found = re.fullmatch(r"(/[^/]+/[^/]+?)(?:/(?:-/)?(?:tree|blob)/([^/]+).*)?/?", path)
    if found is None:
        return path if re.search(r"\.git(@|$)", path) else ""
    return f"{found[1]}@{found[2]}" if found[2] else found[1]


def _is_requirement(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True
