"""`make lock`: resolve the dependencies of pyproject.toml with uv and write locks/*.txt. Standard library only.

Versions that a lock already names stay while they fit; `make lock UPGRADE=1` takes the newest.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from locks import lockfile
from locks.lockfile import Purpose

ROOT = Path(__file__).resolve().parents[1]
# What torch brings along for GPUs. Which of it is needed, if any, depends on the build of torch that an index has.
_CUDA = re.compile(r"(torch|triton|pytorch-triton|(nvidia|cuda)-.+)==")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all locks, or tell which do not fit."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only tell whether the locks fit; needs no network")
    options = parser.parse_args(arguments)
    known = lockfile.purposes(ROOT)
    try:
        if options.check:
            for purpose in known.values():
                lockfile.read(ROOT, purpose)
            return
        uv = _uv()
        for purpose in known.values():
            text = _compile(uv, purpose, upgrade=options.upgrade)
            lockfile.path(ROOT, purpose.name).write_text(lockfile.header(purpose) + text, "utf-8")
            print(f"locks/{purpose.name}.txt: {len(lockfile.pins(text))} packages")
    except lockfile.LockError as error:
        sys.exit(str(error))


def _uv() -> str:
    """Return uv: the environment's, or another one, or one that is installed for the purpose."""
    own = ROOT / ".venv" / "bin" / "uv"
    if own.exists():
        return str(own)
    if found := shutil.which("uv"):
        return found
    place = ROOT / ".cache" / "uv"
    if not (place / "bin" / "uv").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return str(place / "bin" / "uv")


def _compile(uv: str, purpose: Purpose, *, upgrade: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wanted, held, output = place / "wanted.in", place / "held.txt", place / "lock.txt"
        wanted.write_text("\n".join(purpose.requirements), "utf-8")
        lines = [f"torch=={purpose.torch}"] if purpose.torch else []
        if purpose.shared:
            lines += lockfile.without_hashes(lockfile.path(ROOT, purpose.shared).read_text("utf-8"))
        held.write_text("\n".join(lines), "utf-8")
        before = lockfile.path(ROOT, purpose.name)
        if before.exists() and not upgrade:
            output.write_bytes(before.read_bytes())  # uv keeps to what its output file says
        minimum = purpose.requires_python.removeprefix(">=")
        command = [
            *(uv, "pip", "compile", str(wanted), "--constraint", str(held), "--output-file", str(output)),
            *("--universal", "--python-version", minimum, "--generate-hashes", "--no-header", "--quiet"),
            *("--annotation-style", "line", "--no-emit-index-url", "--no-emit-find-links"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise lockfile.LockError(f"The dependencies of {purpose.name!r} cannot be resolved:\n{done.stderr}")
        return without_cuda(output.read_text("utf-8"))


def without_cuda(text: str) -> str:
    """Return a lock without torch and without what only its builds for GPUs need."""
    # An entry is a line that starts with a name, and the indented lines after it.
    entries = re.findall(r"^\S.*\n(?:\s+.*\n)*", text, re.MULTILINE)
    kept = [re.sub(r"-r \S+/wanted\.in", "pyproject.toml", entry) for entry in entries if not _CUDA.match(entry)]
    return "".join(re.sub(r"(?:-c \S+/held\.txt(?:, )?)|(?:, -c \S+/held\.txt)", "", entry) for entry in kept)


if __name__ == "__main__":
    main()
