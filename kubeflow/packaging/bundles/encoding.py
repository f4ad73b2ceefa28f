"""A bundle as a container's command, and back. Every piece is base64: nothing in it means anything to bash,
to Kubernetes' `$(VAR)` expansion, or to Katib's templates and command rewriting.

The document is compressed with deflate, which unlike lzma every Python has.
"""

from __future__ import annotations

import binascii
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import base64, shlex, zlib
from kubeflow.packaging.bundles import format_1
from kubeflow.packaging.bundles.contents import (
    Contents,
    DamagedBundle,
    Header,
    checked,
    compress,
    decompress,
    digest_of,
    parse_document,
    parse_header,
)
from kubeflow.packaging.bundles.shipment import programs, stub
from kubeflow.packaging.remote import MAIN_FILE
from kubeflow.packaging.remote.loader import ENV_PIECE, STAGE_0
from kubeflow.packaging.remote.stand_in import REPORTS

# Trainer 2.2 refuses a command or args item over 64 KiB (2.3: 1 MiB); Linux refuses one over 128 KiB
# (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h). A little is left for what callers put around a piece.
PIECE_LIMIT = 60 * 1024
LINE_LIMIT = 120 * 1024
# Kubernetes objects live in etcd, whose requests end at 1.5 MiB, and a trial carries its job's spec twice.
PAYLOAD_LIMIT = 700 * 1024
_FAN_OUT = frozenset({"mpirun", "mpiexec", "orterun", "prterun", "srun"})


@dataclass(frozen=True, slots=True)
class Payload:
    """A document, encoded for the loader that goes before it. `digest` is the sha256 of the document.

    Attributes:
        digest: In hexadecimal.
        text: The compressed document in base64.
        loader: The text of the loader. It differs with what the bundle uses.
    """

    digest: str
    text: str
    loader: str

    def pieces(self, limit: int = PIECE_LIMIT) -> list[str]:
        """Return the text in pieces of at most `limit` characters, in order."""
        return [self.text[i : i + limit] for i in range(0, len(self.text), limit)]


def encode_document(document: Contents, uses: frozenset[str]) -> Payload:
    """Encode what the loader unpacks, with the run-time support that it needs. The same input gives the same text.

    Args:
        document: Name, requirements and files of the bundle.
        uses: The names in `remote/uses.py` that are True of it.
    """
    content = document.content()
    loader, _ = _runtime(uses)
    return Payload(digest_of(content), _base64(compress(content, loader.encode("utf-8"))), loader)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


@functools.cache
def _runtime(uses: frozenset[str]) -> tuple[str, Mapping[str, bytes]]:
    """Return the loader, and the other programs by their path in the bundle."""
    roots = [("loader", ""), ("runner", "main"), ("runner", "spawned" if "PROCESSES" in uses else "main")]
    if "INSTALLER" in uses:
        roots += [("installer", "install"), ("installer", "InstallError")]
    made = programs(roots, uses)
    if "REPORTS" in uses:
        made |= programs([("reports", name) for name in _REPORTING], uses)
    loader = made.pop("loader")
    files = {f".kubeflow/{_NAMES[name]}.py": text for name, text in made.items()}
    return loader, {path: text.encode("utf-8") for path, text in {MAIN_FILE: stub("__main__", uses), **files}.items()}


_REPORTING = (
    *("report", "step", "metrics", "report_returned"),
    *("update_trainjob_status", "progress_percent", "estimated_remaining_seconds"),
)
"""The functions that user code calls by name, and their arguments, which it names too."""
_NAMES = {"runner": "_kubeflow_remote", "installer": "_kubeflow_installer", "reports": REPORTS}
"""Of the programs, as modules in the job."""


def runtime_files(uses: frozenset[str]) -> dict[str, bytes]:
    """Return the programs that run beside the user's code, by their path in the bundle.

    Args:
        uses: As for `encode_document`.
    """
    _, files = _runtime(uses)
    return dict(files)


@functools.cache
def _loader_argument(loader: str) -> str:
    return _base64(zlib.compress(loader.encode("utf-8"), 9))


def arguments(payload: Payload, launcher: Sequence[str], *, install: bool, environment: int = 0) -> list[str]:
    """Return what follows `python -c STAGE_0`: the loader, the header and the pieces.

    Args:
        payload: The encoded bundle.
        launcher: What the loader becomes; it appends the entry script. For mpirun and its kin, which start
            processes on other nodes, the loader itself is what they start, once a rank.
        install: Whether the loader installs the requirements.
        environment: Number of pieces that travel as environment variables instead; 0 for none.
    """
    words = _starter_words(launcher)
    inner = [] if len(launcher) > words else ["python"]
    header = Header(payload.digest, len(payload.text), environment, _before(words), install, (*launcher, *inner))
    return [_loader_argument(payload.loader), _base64(header.content()), *([] if environment else payload.pieces())]


def _starter_words(launcher: Sequence[str]) -> int:
    """Return how many words of the launcher are mpirun or its kin and their options."""
    if not launcher:
        raise InvalidInput('launcher is empty: give at least ("python",).')
    if PurePosixPath(launcher[0]).name not in _FAN_OUT:
        return 0
    words = (i for i, word in enumerate(launcher) if PurePosixPath(word).name.startswith(("python", "torchrun")))
    return next(words, len(launcher))


@functools.cache
def _before(words: int) -> str:
    """Return the program that lets mpirun start the loader, where its words are the first of the launcher."""
    if not words:
        return ""
    program = programs((("fan_out", "fan_out"),))["fan_out"]
    return f"{program}\nfan_out({words}, {STAGE_0!r}, *ours)"


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
    """Take the bundle out of a container's command, in either form and either format.

    Args:
        command: `command` and `args` of the container, joined.
        environ: The container's environment, where a long shell form keeps its pieces.

    Raises:
        DamagedBundle: When there is no bundle in it, or its content does not match its digest. Nothing is
            executed.
    """
    for stage_0, decode in ((STAGE_0, _decoded), (format_1.STAGE_0, format_1.decoded)):
        words = list(command) if stage_0 in command else _shell_words(command, stage_0)
        if stage_0 not in words:
            continue
        try:
            header, document = decode(words[words.index(stage_0) + 1 :], environ or {})
        except (IndexError, KeyError, TypeError, binascii.Error, zlib.error, ValueError) as error:
            if isinstance(error, DamagedBundle):
                raise
            raise DamagedBundle(f"The bundle in the command cannot be read: {error}.") from error
        return Unpacked(
            name=document.name,
            digest=header.digest,
            launcher=tuple(header.launcher),
            requirements=document.requirements,
            index_urls=document.index_urls,
            files=document.files,
            executable=document.executable,
        )
    raise DamagedBundle("The command holds no bundle: it was not written by this SDK, or it was changed since.")


def _decoded(args: Sequence[str], environ: Mapping[str, str]) -> tuple[Header, Contents]:
    header = parse_header(base64.b64decode(args[1], validate=True))
    pieces = [environ.get(f"{ENV_PIECE}{i}", "") for i in range(header.variables)] or args[2:]
    text = "".join(pieces)[: header.size]
    content = decompress(base64.b64decode(text, validate=True), zlib.decompress(base64.b64decode(args[0])))
    return header, parse_document(checked(content, header.digest))


def _shell_words(words: Sequence[str], stage_0: str) -> list[str]:
    found: list[str] = []
    for word in words:
        if stage_0 in word:
            try:
                found.extend(shlex.split(word))
            except ValueError:
                continue
    return found
