# Must run on Python 3.8, and pathlib would cost start-up time.
# ruff: noqa: PTH101, PTH102, PTH103, PTH109, PTH110, PTH111, PTH112, PTH118, PTH119, PTH120, PTH123, PTH211, B905
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
        overlay = install(document, header) if header["install"] and document["requirements"] else ""
        hand_over(header["launcher"], root, overlay)
    except Stop as stop:
        report(str(stop))
        print("kubeflow: this job cannot start: " + str(stop), file=sys.stderr)
        sys.exit(EXIT_CODE)


def decode_text(text: str, what: str) -> bytes:
    """Return the bytes behind base64 `text`, or stop in words."""
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


def install(document: dict[str, Any], header: dict[str, Any]) -> str:
    """Install the requirements once per node. Returns a directory for the module path, or "" when in
    place.
    """
    missing = [r for r in document["requirements"] if not present(r)]
    if not missing:
        return ""
    import fcntl
    import json

    shared = shared_directory()
    run = os.environ.get(RUN_ID) or os.environ.get("PMIX_NAMESPACE") or os.urandom(8).hex()
    place = os.path.join(shared, sha256((header["digest"] + run).encode("utf-8"))[:20])
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(shared, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # also held off: another job's installation into the same environment
        answer = os.path.join(place, "answer.json")
        if not os.path.exists(answer):
            try:
                result = {"overlay": run_installer(document, missing, place), "error": ""}
            except Stop as stop:
                result = {"overlay": "", "error": str(stop)}
            with open(answer, "w", encoding="utf-8") as stream:
                json.dump(result, stream)
        with open(answer, encoding="utf-8") as stream:
            result = json.load(stream)
    if result["error"]:
        raise Stop(result["error"])
    return str(result["overlay"])


def present(requirement: str) -> bool:
    """Say whether a plain `name` or `name==version` is there already; anything more is left to the
    installer.
    """
    import re
    from importlib import metadata

    match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==\s*([A-Za-z0-9.!+_-]+))?$", requirement.strip())
    if not match:
        return False
    try:
        version = metadata.version(match.group(1))
    except metadata.PackageNotFoundError:
        return False
    return match.group(2) in (None, version)


def shared_directory() -> str:
    """Return this user's directory that all ranks of a node agree on; never one that another user
    prepared.
    """
    for root in temporary_roots():
        path = os.path.join(root, "kubeflow-of-" + str(os.getuid()))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            found = os.lstat(path)
            if found.st_uid != os.getuid() or found.st_mode & 0o170077 != 0o040000:
                raise Stop(path + " belongs to someone else or is open to others: remove it, or set TMPDIR") from None
        except OSError:
            continue
        return path
    raise Stop("no temporary directory is writable: mount a volume of type emptyDir at /tmp, or set TMPDIR")


def run_installer(document: dict[str, Any], missing: list[str], place: str) -> str:
    """Install into this environment where it is writable, else into a private one laid over it."""
    import shutil
    import subprocess
    import sysconfig

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
        raise Stop(
            "it needs " + ", ".join(missing) + ", and its image has neither uv nor pip. Use an image that has one of "
            "them, or that has these packages"
        )
    for option, url in zip(["--index-url"] + ["--extra-index-url"] * 99, document["index_urls"]):
        command += [option, url]
    environ = dict(os.environ)
    environ.update(
        PIP_BREAK_SYSTEM_PACKAGES="1",  # the image belongs to this job alone
        PIP_ROOT_USER_ACTION="ignore",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
    )
    if not os.access(os.path.expanduser("~"), os.W_OK):
        environ.setdefault("UV_CACHE_DIR", os.path.join(place, "cache"))
        environ.setdefault("PIP_NO_CACHE_DIR", "1")
    code = subprocess.call(command + missing, stdin=subprocess.DEVNULL, stdout=2, env=environ)
    if code:
        raise Stop(
            "installing " + ", ".join(missing) + " failed (exit code " + str(code) + "): the lines above say why. "
            "Command: " + " ".join(command + missing)
        )
    return overlay


def sees_more() -> bool:
    """Say whether this interpreter has packages outside its own environment: below a virtual environment, or
    beside it.
    """
    import sysconfig

    own = [os.path.realpath(sysconfig.get_path(key)) for key in ("purelib", "platlib")]
    found = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages") and os.path.isdir(p)]
    return any(os.path.realpath(p) not in own for p in found)


def overlay_environment(place: str) -> tuple[str, str]:
    """Make an environment that sees everything this interpreter sees. Returns its python and site-packages.

    Unlike `pip --target`, it lets pip count what is installed below; unlike `pip --user`, it works inside a
    virtual environment and needs no home directory.
    """
    import subprocess
    import venv

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


if __name__ == "__main__":
    main(sys.argv)
