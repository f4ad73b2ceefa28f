"""A bundle as a container's command, and back. Every piece is base64: nothing in it means anything to bash,
to Kubernetes' `$(VAR)` expansion, or to Katib's templates and command rewriting.

The document is JSON (names, requirements, files), compressed with zlib, which unlike lzma every Python has.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import re
import shlex
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath

from kubeflow.core.errors import InvalidInput
from kubeflow.packaging.remote.loader import ENV_PIECE, STAGE_0

# Trainer 2.2 refuses a command or args item over 64 KiB (2.3: 1 MiB); Linux refuses one over 128 KiB
# (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h). A little is left for what callers put around a piece.
PIECE_LIMIT = 60 * 1024
LINE_LIMIT = 120 * 1024
# Kubernetes objects live in etcd, whose requests end at 1.5 MiB, and a trial carries its job's spec twice.
PAYLOAD_LIMIT = 700 * 1024
_RUN = b"""\
from _kubeflow_remote import filenames

filenames.install()  # in processes that a job spawns, too
if __name__ == "__main__":
    from _kubeflow_remote.runner import main

    main()
"""
_FAN_OUT = frozenset({"mpirun", "mpiexec", "orterun", "prterun", "srun"})


class DamagedBundle(InvalidInput):
    """A command does not hold a bundle of this SDK, or holds one that was changed."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A bundle's document, encoded. `digest` is the sha256 of the document before compression."""

    digest: str
    text: str

    def pieces(self, limit: int = PIECE_LIMIT) -> list[str]:
        """Return the text in pieces of at most `limit` characters, in order."""
        return [self.text[i : i + limit] for i in range(0, len(self.text), limit)]


def encode_document(
    *,
    files: Mapping[str, bytes],
    executable: Sequence[str] = (),
    requirements: Sequence[str] = (),
    index_urls: Sequence[str] = (),
    name: str = "",
) -> Payload:
    """Encode what the loader unpacks. The same input gives the same text in every process.

    Args:
        files: Content by path, relative, with forward slashes.
        executable: The paths that get the executable bit.
        requirements: What the loader installs, in pip's notation.
        index_urls: Package indexes, the main one first; none means the installer's own default.
        name: What the user calls the code; for people who look inside.
    """
    document = {
        "format": 1,
        "name": name,
        "requirements": list(requirements),
        "index_urls": list(index_urls),
        "executable": sorted(executable),
        "files": {path: _readable(files[path]) for path in sorted(files)},
    }
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Payload(hashlib.sha256(content).hexdigest(), base64.b64encode(zlib.compress(content, 9)).decode("ascii"))


def _readable(content: bytes) -> str | dict[str, str]:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}


@functools.cache
def loader_text() -> str:
    """Return the fixed loader as one base64 argument."""
    return base64.b64encode(zlib.compress(_remote_module("loader"), 9)).decode("ascii")


def runtime_files(*, assembled: bool, tuned: bool, installs: bool) -> dict[str, bytes]:
    """Return the modules that run beside the user's code, by their path in the bundle.

    Args:
        assembled: Whether the job rebuilds a module from pieces.
        tuned: Whether it takes hyperparameters.
        installs: Whether it has requirements.
    """
    needed = {"__init__": True, "assemble": assembled, "codec": True, "coercion": tuned}
    needed |= {"installer": installs, "filenames": True, "outcome": True, "runner": True}
    modules = (module for module, is_needed in needed.items() if is_needed)
    return {
        ".kubeflow/run.py": _RUN,
        **{f".kubeflow/_kubeflow_remote/{module}.py": _remote_module(module) for module in modules},
    }


@functools.cache
def _remote_module(name: str) -> bytes:
    """Return a module without what is for its maintainers, a quarter of its size; each line keeps its number."""
    text = resources.files("kubeflow.packaging.remote").joinpath(f"{name}.py").read_text("utf-8")
    text = re.sub(r'^( *)"""(.*?)"""$', lambda found: f'{found[1]}""' + "\n" * found[2].count("\n"), text, flags=_LINES)
    return re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE).encode("utf-8")


_LINES = re.MULTILINE | re.DOTALL


def arguments(payload: Payload, launcher: Sequence[str], *, install: bool, environment: int = 0) -> list[str]:
    """Return what follows `python -c STAGE_0`: the loader, the header and the pieces.

    Args:
        payload: The encoded bundle.
        launcher: What the loader becomes; it appends the entry script. For mpirun and its kin, which start
            processes on other nodes, the loader itself is what they start, once a rank.
        install: Whether the loader installs the requirements.
        environment: Number of pieces that travel as environment variables instead; 0 for none.
    """
    outer, inner = _split_launcher(launcher)
    header: dict[str, object] = {
        "digest": payload.digest,
        "size": len(payload.text),
        "launcher": inner,
        "fanout": outer,
        "install": install,
        "env": environment,
        "environ": {},
    }
    encoded = base64.b64encode(json.dumps(header, separators=(",", ":")).encode("ascii")).decode("ascii")
    return [loader_text(), encoded, *([] if environment else payload.pieces())]


def _split_launcher(launcher: Sequence[str]) -> tuple[list[str], list[str]]:
    if not launcher:
        raise InvalidInput('launcher is empty: give at least ("python",).')
    if PurePosixPath(launcher[0]).name not in _FAN_OUT:
        return [], list(launcher)
    for i, word in enumerate(launcher[1:], 1):
        if PurePosixPath(word).name.startswith(("python", "torchrun")):
            return list(launcher[:i]), list(launcher[i:])
    return list(launcher), ["python"]


def argv(python: str, args: Sequence[str]) -> list[str]:
    """Return the plain form: one list, which no shell sees."""
    _check_python(python)
    return [python, "-c", STAGE_0, *args]


def shell_line(python: str, args: Sequence[str]) -> str:
    """Return the one-line form: a single command, without `exec` and without a newline at its end.

    Katib appends ` 1>FILE 2>&1 && echo completed > PID` to the line: the redirection takes hold of the last
    command only, and a shell that was replaced could not write the mark (Katib 0.19,
    pkg/webhook/v1beta1/pod).
    """
    _check_python(python)
    # The words of `args` are base64: they need no quoting, and `shlex.quote` would quote some for their "=".
    return " ".join([shlex.quote(python), "-c", f"'{STAGE_0}'", *args])


def _check_python(python: str) -> None:
    if not python or any(c in python for c in "$`'\"\\\n\0"):
        raise InvalidInput(
            f"python={python!r} is not the path of an interpreter: leave out quotes, `$` and backslashes."
        )


def environment_pieces(payload: Payload) -> dict[str, str]:
    """Return the payload as environment variables, for a line that would be too long for one argument."""
    return {f"{ENV_PIECE}{i}": piece for i, piece in enumerate(payload.pieces(LINE_LIMIT))}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a command carries: its document's parts, checked against the digest."""

    name: str
    digest: str
    launcher: tuple[str, ...]
    requirements: tuple[str, ...]
    index_urls: tuple[str, ...]
    files: Mapping[str, bytes]
    executable: tuple[str, ...]


def decode_command(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Unpacked:
    """Take the bundle out of a container's command, in either form.

    Args:
        command: `command` and `args` of the container, joined.
        environ: The container's environment, where a long shell form keeps its pieces.

    Raises:
        DamagedBundle: When there is no bundle in it, or its content does not match its digest. Nothing is
            executed.
    """
    words = list(command)
    if STAGE_0 not in words:
        words = _shell_words(words)
    if STAGE_0 not in words:
        raise DamagedBundle("The command holds no bundle: it was not written by this SDK, or it was changed since.")
    args = words[words.index(STAGE_0) + 1 :]
    try:
        header = json.loads(base64.b64decode(args[1], validate=True))
        pieces = args[2:]
        if header["env"]:
            pieces = [(environ or {}).get(f"{ENV_PIECE}{i}", "") for i in range(header["env"])]
        text = "".join(pieces)[: header["size"]]
        content = zlib.decompress(base64.b64decode(text, validate=True))
        if hashlib.sha256(content).hexdigest() != header["digest"]:
            raise DamagedBundle(
                "The bundle in the command does not match its digest: it was changed since it was made."
            )
        document = json.loads(content)
        files = {
            path: body.encode("utf-8") if isinstance(body, str) else base64.b64decode(body["base64"])
            for path, body in document["files"].items()
        }
    except (IndexError, KeyError, TypeError, binascii.Error, zlib.error, ValueError) as error:
        if isinstance(error, DamagedBundle):
            raise
        raise DamagedBundle(f"The bundle in the command cannot be read: {error}.") from error
    return Unpacked(
        name=document["name"],
        digest=header["digest"],
        launcher=(*header["fanout"], *header["launcher"]),
        requirements=tuple(document["requirements"]),
        index_urls=tuple(document["index_urls"]),
        files=files,
        executable=tuple(document["executable"]),
    )


def _shell_words(words: Sequence[str]) -> list[str]:
    found: list[str] = []
    for word in words:
        if STAGE_0 in word:
            try:
                found.extend(shlex.split(word))
            except ValueError:
                continue
    return found
