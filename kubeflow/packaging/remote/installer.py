# Must run on Python 3.8.
# ruff: noqa: PTH102, PTH103, PTH110, PTH111, PTH112, PTH118, PTH119, PTH123, PTH211, UP006, UP035, B905
"""Installs the requirements of a bundle where it runs: once per node, with uv or pip, before the launcher starts.

Only bundles with requirements bring this module.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from typing import List, Tuple

from . import RUN_ID

# What uv does not take from a requirements file, and the variable by which it does.
UV_OPTIONS = {
    "--pre": "UV_PRERELEASE",
    "--require-hashes": "UV_REQUIRE_HASHES",
    "--trusted-host": "UV_INSECURE_HOST",
    "--prefer-binary": "UV_PREFER_BINARY",
}
UV_ON = {"--pre": "allow"}
# What a Secret may set for pip, for uv, which reads its own names.
UV_VARIABLES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
}
UV_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")


class InstallError(Exception):
    """The requirements cannot be installed. The text is for the user."""


def install(requirements: List[str], index_urls: List[str], digest: str, roots: List[str]) -> str:
    """Install the requirements once per node. Returns a directory for the module path, or "" when in place.

    Args:
        requirements: Lines of a requirements file; "-c X" stands for the constraint X itself.
        index_urls: Package indexes, the main one first; none means the installer's own default.
        digest: The bundle's: the ranks of a node that run it share one installation.
        roots: Where temporary files may go, best first.

    Raises:
        InstallError: When there is no installer, or it failed.
    """
    bound = any(r.startswith("-c ") for r in requirements)
    if all((r.startswith("-") and not r.startswith("-e ")) or (present(r) and not bound) for r in requirements):
        return ""
    missing = [r for r in requirements if r.startswith("-") or bound or not present(r)]
    lines = [*map(" ".join, zip(["--index-url"] + ["--extra-index-url"] * 99, index_urls)), *missing]
    unset = {n for line in lines for n in re.findall(r"\$\{([A-Z0-9_]+)\}", line) if n not in os.environ}
    if unset:
        raise InstallError(
            "its requirements name " + ", ".join(sorted(unset)) + ", and no such environment variable is set: give the "
            "job options.SecretEnv(...) with it"
        )
    shared = shared_directory(roots)
    run = os.environ.get(RUN_ID) or os.environ.get("PMIX_NAMESPACE") or os.urandom(8).hex()
    place = os.path.join(shared, hashlib.sha256((digest + run).encode("utf-8")).hexdigest()[:20])
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(shared, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # also held off: another job's installation into the same environment
        answer = os.path.join(place, "answer.json")
        if not os.path.exists(answer):
            try:
                result = {"overlay": run_installer(lines, place), "error": ""}
            except InstallError as stop:
                result = {"overlay": "", "error": str(stop)}
            with open(answer, "w", encoding="utf-8") as stream:
                json.dump(result, stream)
        with open(answer, encoding="utf-8") as stream:
            result = json.load(stream)
    if result["error"]:
        raise InstallError(result["error"])
    return str(result["overlay"])


def present(requirement: str) -> bool:
    """Say whether a plain `name` or `name==version` is there already; anything more is left to the
    installer.
    """
    match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==\s*([A-Za-z0-9.!+_-]+))?$", requirement.strip())
    if not match:
        return False
    try:
        version = metadata.version(match.group(1))
    except metadata.PackageNotFoundError:
        return False
    return match.group(2) in (None, version)


def shared_directory(roots: List[str]) -> str:
    """Return this user's directory that all ranks of a node agree on; never one that another user
    prepared.
    """
    for root in roots:
        path = os.path.join(root, "kubeflow-of-" + str(os.getuid()))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            found = os.lstat(path)
            if found.st_uid != os.getuid() or found.st_mode & 0o170077 != 0o040000:
                raise InstallError(
                    path + " belongs to someone else or is open to others: remove it, or set TMPDIR"
                ) from None
        except OSError:
            continue
        return path
    raise InstallError("no temporary directory is writable: mount a volume of type emptyDir at /tmp, or set TMPDIR")


def run_installer(lines: List[str], place: str) -> str:
    """Install into this environment where it is writable, else into a private one laid over it."""
    packages = ", ".join(line for line in lines if not line.startswith("-") or line.startswith("-e "))
    python, overlay = sys.executable, ""
    if not os.access(sysconfig.get_path("purelib"), os.W_OK):
        python, overlay = overlay_environment(place)
    uv = shutil.which("uv")
    has_pip = subprocess.call([python, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    # uv sees one folder of packages. Where an environment has more, it would fetch torch again; pip sees all.
    if uv and not (has_pip and (overlay or sees_more())):
        command = [uv, "pip", "install", "--python", python]
        if not overlay:
            command.append("--break-system-packages")
    elif has_pip:
        command = [python, "-m", "pip", "install"]
    else:
        raise InstallError(
            "it needs " + packages + ", and its image has neither uv nor pip. Use an image that has one of "
            "them, or that has these packages"
        )
    files = {"constraints.txt": [], "requirements.txt": ["-c constraints.txt"]}
    environ = dict(os.environ)
    for line in lines:
        option, _, value = line.partition(" ")
        if uv and option in UV_OPTIONS and command[0] == uv:
            environ.setdefault(UV_OPTIONS[option], value or UV_ON.get(option, "1"))
        else:
            files["constraints.txt" if option == "-c" else "requirements.txt"].append(value if option == "-c" else line)
    for name, content in files.items():
        with open(os.path.join(place, name), "w", encoding="utf-8") as stream:
            stream.write("\n".join(content) + "\n")
    command += ["-r", os.path.join(place, "requirements.txt")]
    main = any(line.startswith("--index-url") for line in lines)
    for name, other in UV_VARIABLES.items():
        if (
            name in environ
            and not any(key in os.environ for key in UV_INDEXES)
            and not (main and name == "PIP_INDEX_URL")
        ):
            environ[other] = ("," if name == "PIP_FIND_LINKS" else " ").join(environ[name].split())
    environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # the best version of all indexes, as for pip
    environ.update(
        PIP_BREAK_SYSTEM_PACKAGES="1",  # the image belongs to this job alone
        PIP_ROOT_USER_ACTION="ignore",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
    )
    if not os.access(os.path.expanduser("~"), os.W_OK):
        environ.setdefault("UV_CACHE_DIR", os.path.join(place, "cache"))
        environ.setdefault("PIP_NO_CACHE_DIR", "1")
    code = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=2, env=environ)
    if code:
        raise InstallError(
            "installing " + packages + " failed (exit code " + str(code) + "): the lines above say why. "
            "Command: " + " ".join(command)
        )
    return overlay


def sees_more() -> bool:
    """Say whether this interpreter has packages outside its own environment: below a virtual environment, or
    beside it.
    """
    own = [os.path.realpath(sysconfig.get_path(key)) for key in ("purelib", "platlib")]
    found = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages") and os.path.isdir(p)]
    return any(os.path.realpath(p) not in own for p in found)


def overlay_environment(place: str) -> Tuple[str, str]:
    """Make an environment that sees everything this interpreter sees. Returns its python and site-packages.

    Unlike `pip --target`, it lets pip count what is installed below; unlike `pip --user`, it works inside a
    virtual environment and needs no home directory.
    """
    import venv  # of its own package in some images

    root = os.path.join(place, "overlay")
    venv.EnvBuilder(with_pip=False, symlinks=True, clear=True).create(root)
    python = os.path.join(root, "bin", "python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.check_output([python, "-I", "-c", ask]).decode("utf-8").strip()
    with open(os.path.join(site, "below.pth"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(p for p in sys.path if p and os.path.isdir(p)) + "\n")
    link = os.path.join(place, "site")  # beside `bin`, so that one path names both
    os.symlink(site, link)
    os.symlink(os.path.join(root, "bin"), os.path.join(place, "bin"))
    return python, link
