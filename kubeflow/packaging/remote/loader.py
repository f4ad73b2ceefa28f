# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH101, PTH102, PTH103, PTH109, PTH118, PTH120, PTH123, UP006, UP035
"""The first program of every job: rebuild the bundle, check it, install what it needs, hand over.

It is sent as text in front of the payload and needs nothing but Python 3.8 and its standard library.
Whatever goes wrong before the user's code starts ends here: as words on stderr and in the rank's outcome
file. The format of its arguments is that of `bundles/contents.py`.
"""

from __future__ import annotations

import binascii
import os
import sys
import zlib

from . import MAIN_FILE, uses
from .outcome import report

# `base64`, `json`, `hashlib` and `typing` load regular expressions, OpenSSL and more, which took half of the start-up
# time. Each is imported where nothing leaner will do.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

# What precedes the loader itself: one line, no single quote, no `$`, no backslash, so that bash, Kubernetes
# and Katib pass it on as it is. It also speaks to interpreters that could not even parse the loader.
STAGE_0 = (
    'import sys,zlib,binascii as b;sys.version_info>=(3,8)or sys.exit("kubeflow: this job cannot start: it needs '
    'Python 3.8 or newer in the image");exec(zlib.decompress(b.a2b_base64(sys.argv[1])))'
)
ENV_PIECE = "KUBEFLOW_BUNDLE_"
RUNTIME = ".kubeflow"
EXIT_CODE = 78  # EX_CONFIG of sysexits.h: the job was wrong before the user's code began


class Stop(Exception):
    """The job cannot start. The text is for the user."""


def main(argv: List[str]) -> None:
    """Start the job. Ends with `exec` or exit.

    Args:
        argv: `[_, loader, header, piece, ...]`, each but the first in base64.
    """
    try:
        try:
            header = binascii.a2b_base64(argv[2])
            size, variables, before, installs, *launcher = header[32:].decode("utf-8").split("\0")
            pieces = [os.environ.pop(ENV_PIECE + str(i), "") for i in range(int(variables))] or argv[3:]
        except (IndexError, ValueError):
            raise changed("its header is missing or damaged") from None
        exec(before, {"ours": (argv, header, pieces, execute)})  # what is rare, and not in the text of every loader
        head, body = unpack(argv[1], header[:32].hex(), int(size), "".join(pieces))
        root = private_directory()
        write_files(head, body, root)
        overlay = ""
        if uses.INSTALLER and installs:
            overlay = install(head, header[:32].hex(), root)
        hand_over(launcher, root, overlay)
    except Stop as stop:
        error: Dict[str, object] = {"type": "StartError", "message": str(stop), "traceback": "", "frames": []}
        report({"status": "failed", "error": error}, os.environ)
        print("kubeflow: this job cannot start: " + str(stop), file=sys.stderr)
        sys.exit(EXIT_CODE)


def changed(how: str) -> Stop:
    """Return the error for a command that is not as it was sent."""
    return Stop(
        f"its bundle was changed on its way: {how}. Submit the job again, and compare the pod's command with what was "
        "sent"
    )


def sha256(data: bytes) -> str:
    """Return the digest in hexadecimal."""
    for module in ("_sha2", "_sha256", "hashlib"):  # Python 3.12, Python 3.8, and builds that have neither
        try:
            return str(__import__(module).sha256(data).hexdigest())
        except ImportError:  # the `random` module of the standard library goes round OpenSSL in the same way
            continue
    return "unknown as this Python has no hashlib"


def unpack(loader: str, digest: str, size: int, text: str) -> Tuple[List[str], bytes]:
    """Return the bundle's head and body after comparing both with the digest in the header."""
    if len(text) != size:
        raise changed(f"it has {len(text)} characters where {size} were sent, so an argument was cut or lost")
    content = b""
    try:
        # What a bundle has in common with the loader refers to the loader's text.
        inflate = zlib.decompressobj(-15, zlib.decompress(binascii.a2b_base64(loader)))
        content = inflate.decompress(binascii.a2b_base64(text))
    except (ValueError, zlib.error):
        pass  # the digest says so
    found = sha256(content)
    if found != digest:
        raise changed(f"it is not the one that was submitted: sha256 {found}, expected {digest}")
    support, head, rest = content.split(b"\0\0", 2)
    return head.decode("utf-8").split("\0"), support + rest


def write_files(head: List[str], body: bytes, root: str) -> None:
    """Write the bundle's files below `root`."""
    end = 0
    for item in head:
        if item[0] in "fx":
            size, _, name = item[1:].partition(" ")
            if not {"", ".", ".."}.isdisjoint(name.split("/")):
                raise Stop(f"its bundle holds a file name that leads out of it: {name!r}")
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            start, end = end, end + int(size)
            with open(path, "wb") as stream:
                stream.write(body[start:end])
            if item[0] == "x":
                os.chmod(path, 0o700)


def temporary_roots() -> List[str]:
    """Return where files may go, best first. `tempfile` would cost a third of the start-up time."""
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    return [*filter(None, named), "/tmp", "/var/tmp", "/dev/shm", os.getcwd()]


def private_directory() -> str:
    """Make and return a new directory that only this user can read."""
    for root in temporary_roots():
        path = os.path.join(root, "kubeflow-" + os.urandom(8).hex())
        try:
            os.mkdir(path, 0o700)
        except OSError:
            continue
        return path
    raise Stop(
        f"no directory of {temporary_roots()} is writable. Mount a volume of type emptyDir at /tmp, or set TMPDIR"
    )


def install(head: List[str], digest: str, root: str) -> str:
    """Install the requirements with the bundle's own installer. Returns a directory for the module path, or ""."""
    sys.path.insert(0, os.path.join(root, RUNTIME))
    if TYPE_CHECKING:
        from kubeflow.packaging.remote import installer
    else:
        import _kubeflow_installer as installer
    del sys.path[0]
    given = [[item[1:] for item in head if item[0] == kind] for kind in "ri"]
    try:
        return str(installer.install(given[0], given[1], digest, temporary_roots()))
    except installer.InstallError as error:
        raise Stop(str(error)) from None


def hand_over(launcher: List[str], root: str, overlay: str) -> None:
    """Become the launcher. What it runs finds ours and what was installed for it; the runner adds the bundle's own."""
    if launcher[0] in ("python", "python3"):
        launcher[0] = sys.executable  # the interpreter that was checked and installed into, not another one on PATH
    elif launcher[0] == "torchrun":
        from importlib.util import find_spec

        if find_spec("torch") is not None:
            launcher[:1] = [sys.executable, "-m", "torch.distributed.run"]
    # The launcher is not to find modules of the user's that are called like its own: the runner adds `root`.
    paths = [os.path.join(root, RUNTIME)]
    if uses.INSTALLER and overlay:
        paths.append(overlay)
        os.environ["PATH"] = os.path.join(os.path.dirname(overlay), "bin") + os.pathsep + os.environ.get("PATH", "")
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    execute([*launcher, os.path.join(root, MAIN_FILE)])


def execute(command: List[str]) -> None:
    """Replace this process, so that signals and the exit code are those of the command."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Stop(
            f"{command[0]!r}, which is to start it, cannot run: {error.strerror}. Use an image that has it, or another "
            "launcher"
        ) from None


if __name__ == "__main__":
    main(sys.argv)
