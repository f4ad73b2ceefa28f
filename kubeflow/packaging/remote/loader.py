# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH101, PTH102, PTH103, PTH109, PTH118, PTH120, PTH123
"""The fixed first program of every job: rebuild the bundle, check it, install what it needs, hand over.

It is sent as text in front of the payload and needs nothing but Python 3.8 and its standard library.
Whatever goes wrong before the user's code starts ends here: as words on stderr and in the rank's outcome
file.
"""

from __future__ import annotations

import binascii
import os
import sys
import zlib

# `base64`, `json`, `hashlib` and `typing` load regular expressions, OpenSSL and more, which took half of the start-up
# time. Each is imported where nothing leaner will do.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What precedes the loader itself: one line, no single quote, no `$`, no backslash, so that bash, Kubernetes
# and Katib pass it on as it is. It also speaks to interpreters that could not even parse the loader.
STAGE_0 = (
    'import sys,zlib,binascii;sys.version_info>=(3,8)or sys.exit("kubeflow: this job cannot start: it needs '
    'Python 3.8 or newer in the image");exec(zlib.decompress(binascii.a2b_base64(sys.argv[1])))'
)
ENV_PIECE = "KUBEFLOW_BUNDLE_"
OUTPUT_DIR = "KUBEFLOW_OUTPUT_DIR"  # names the directory for the ranks' outcome files
RUN_ID = "KUBEFLOW_RUN_ID"  # the same for all ranks of one run: those of a node share one installation by it
RUNTIME = ".kubeflow"
EXIT_CODE = 78  # EX_CONFIG of sysexits.h: the job was wrong before the user's code began


class Stop(Exception):
    """The job cannot start. The text is for the user."""


def main(argv: list[str]) -> None:
    """Start the job. Ends with `exec` or exit.

    Args:
        argv: `[_, loader, header, piece, ...]`, each but the first in base64.
    """
    try:
        header = parse(decode_text(argv[2] if len(argv) > 2 else "", "header").decode("ascii"))
        pieces = [os.environ.pop(ENV_PIECE + str(i), "") for i in range(header["env"])] or argv[3:]
        os.environ.update(header["environ"])
        if header["fanout"]:
            fan_out(header, argv[1], pieces)
        document = unpack(header, pieces)
        root = private_directory()
        write_files(document, root)
        overlay = install(document, header, root) if header["install"] and document["requirements"] else ""
        hand_over(header["launcher"], root, overlay)
    except Stop as stop:
        report(str(stop))
        print("kubeflow: this job cannot start: " + str(stop), file=sys.stderr)
        sys.exit(EXIT_CODE)


def decode_text(text: str, what: str) -> bytes:
    """Return the bytes behind base64 `text`, or stop in words."""
    data = b""
    try:
        data = binascii.a2b_base64(text)
        # a2b_base64 skips what is no base64, so the data must give the same text again.
        is_base64 = data != b"" and binascii.b2a_base64(data, newline=False) == text.encode("ascii")
    except ValueError:
        is_base64 = False
    if not is_base64:
        raise Stop(
            "the " + what + " of its bundle is missing or damaged: something changed the command on its way. Submit "
            "the job again, and compare the command of the pod with the one that was submitted"
        )
    return data


def parse(text: str) -> Any:
    """Return the value of JSON `text`."""
    value: Any = None
    try:
        # The scanner behind `json.loads`, without the regular expressions of its fallback in Python.
        from _json import make_scanner

        scan: Any = make_scanner
        value, end = scan(Scanning)(text, 0)
    except Exception:  # noqa: BLE001  (`_json` is private: where it is another one, and for bad text, `json` decides)
        end = -1
    if end == len(text):
        return value
    import json

    return json.loads(text)


class Scanning:
    """How JSON is read: the settings of `json.JSONDecoder`."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def sha256(data: bytes) -> str:
    """Return the digest in hexadecimal."""
    for module in ("_sha2", "_sha256", "hashlib"):  # Python 3.12, Python 3.8, and builds that have neither
        try:
            return str(__import__(module).sha256(data).hexdigest())
        except ImportError:  # the `random` module of the standard library goes round OpenSSL in the same way
            continue
    raise Stop("its Python has no hashlib: use an image with another one")


def unpack(header: dict[str, Any], pieces: list[str]) -> dict[str, Any]:
    """Return the bundle's document after comparing it with the digest in the header."""
    text = "".join(pieces)
    if len(text) != header["size"]:
        raise Stop(
            "its bundle has " + str(len(text)) + " characters where " + str(header["size"]) + " were sent: an argument "
            "was cut or lost on its way. Submit again, and compare the pod's command with the one sent"
        )
    try:
        content = zlib.decompress(decode_text(text, "content"))
    except zlib.error:
        content = b""
    found = sha256(content)
    if found != header["digest"]:
        raise Stop(
            "its bundle is not the one that was submitted: sha256 "
            + found
            + ", expected "
            + header["digest"]
            + ". Nothing of it was run. Submit the job again"
        )
    document: dict[str, Any] = parse(content.decode("utf-8"))
    return document


def write_files(document: dict[str, Any], root: str) -> None:
    """Write the bundle's files below `root`."""
    made: set[str] = set()
    for name, content in document["files"].items():
        parts = name.split("/")
        if "\0" in name or any(part in ("", ".", "..") for part in parts):
            raise Stop("its bundle holds a file name that leads out of it: " + repr(name))
        path = os.path.join(root, *parts)
        parent = os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        data = content.encode("utf-8") if isinstance(content, str) else binascii.a2b_base64(content["base64"])
        with open(path, "wb") as stream:
            stream.write(data)
    for name in document["executable"]:
        os.chmod(os.path.join(root, *name.split("/")), 0o700)


def temporary_roots() -> list[str]:
    """Return where files may go, best first. `tempfile` would cost a third of the start-up time."""
    named = [os.environ[n] for n in ("TMPDIR", "TEMP", "TMP") if os.environ.get(n)]
    return [*named, "/tmp", "/var/tmp", "/dev/shm", os.getcwd()]


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
        "no directory is writable, neither of " + ", ".join(temporary_roots()) + ". Mount a volume of type emptyDir "
        "at /tmp, or set TMPDIR to a writable directory"
    )


def fan_out(header: dict[str, Any], loader: str, pieces: list[str]) -> None:
    """Let mpirun start this loader once per rank: the ranks are on other nodes, which see none of our
    files.
    """
    import json

    inner = dict(header, fanout=[], env=0)
    # mpirun forwards no environment of ours; the run id lets the ranks of one node share one installation.
    inner["environ"] = {k: v for k, v in os.environ.items() if k.startswith("KUBEFLOW_")}
    inner["environ"].setdefault(RUN_ID, os.urandom(8).hex())
    text = binascii.b2a_base64(json.dumps(inner).encode("ascii"), newline=False).decode("ascii")
    execute([*header["fanout"], sys.executable, "-c", STAGE_0, loader, text, *pieces])


def install(document: dict[str, Any], header: dict[str, Any], root: str) -> str:
    """Install the requirements with the bundle's own installer. Returns a directory for the module path, or ""."""
    sys.path.insert(0, os.path.join(root, RUNTIME))
    if TYPE_CHECKING:
        from kubeflow.packaging.remote import installer
    else:
        from _kubeflow_remote import installer
    del sys.path[0]
    given = document["requirements"], document["index_urls"], header["digest"], temporary_roots()
    try:
        return str(installer.install(*given))
    except installer.InstallError as error:
        raise Stop(str(error)) from None


def hand_over(launcher: list[str], root: str, overlay: str) -> None:
    """Become the launcher. What it runs finds the bundle's modules first, then what was installed for it."""
    command = list(launcher)
    if command[0] in ("python", "python3"):
        command[0] = sys.executable  # the interpreter that was checked and installed into, not another one on PATH
    elif command[0] == "torchrun":
        from importlib.util import find_spec

        if find_spec("torch") is not None:
            command[:1] = [sys.executable, "-m", "torch.distributed.run"]
    paths = [root, os.path.join(root, RUNTIME)]
    if overlay:
        paths.append(overlay)
        os.environ["PATH"] = os.path.join(os.path.dirname(overlay), "bin") + os.pathsep + os.environ.get("PATH", "")
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(paths + ([inherited] if inherited else []))
    execute([*command, os.path.join(root, RUNTIME, "run.py")])


def execute(command: list[str]) -> None:
    """Replace this process, so that signals and the exit code are those of the command."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Stop(
            "it is to be started by "
            + repr(command[0])
            + ", and that failed: "
            + str(error.strerror)
            + ". Use an image that has it, or another launcher"
        ) from None


def report(message: str) -> None:
    """Write the outcome of a rank that did not start, in the format of the runner."""
    import json

    directory = os.environ.get(OUTPUT_DIR)
    ranks = [
        os.environ.get(n, "") for n in ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "PET_NODE_RANK")
    ]
    rank = next((int(r) for r in ranks if r.isdigit()), 0)
    error: dict[str, object] = {"type": "StartError", "message": message, "traceback": "", "frames": []}
    text = json.dumps({"version": 1, "rank": rank, "status": "failed", "error": error})
    targets = [os.path.join(directory, "rank-" + str(rank) + ".json")] if directory else []
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        targets.append(os.environ.get("KUBEFLOW_TERMINATION_LOG") or "/dev/termination-log")
    for target in targets:
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="ascii") as stream:
                stream.write(text)
        except OSError as problem:
            print("kubeflow: cannot write " + target + ": " + str(problem), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv)
