"""`Bundle`: code, arguments and requirements in one piece, and the commands that run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.stdlib import json
from kubeflow.packaging.bundles import encoding
from kubeflow.packaging.remote import MAIN_FILE
from kubeflow.packaging.remote.loader import RUNTIME

OURS = (".kubeflow/", MAIN_FILE)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Code, arguments and requirements of a job in one piece, the same bytes for the same input.

    Attributes:
        name: What the user calls the code: the function, the script's file, the module.
        digest: sha256 of the content, in hexadecimal; the job refuses content that does not match.
        requirements: What is installed before the code starts, in pip's notation.
        index_urls: Package indexes for that, the main one first; empty means the installer's default.
        hyperparameters: Arguments that are filled in when the job starts, see `hyperparameter_env`.
        size: Characters that the bundle adds to a container's command.
    """

    name: str
    digest: str
    requirements: tuple[str, ...]
    index_urls: tuple[str, ...]
    hyperparameters: tuple[str, ...]
    external: tuple[str, ...]
    size: int
    _files: Mapping[str, bytes] = field(repr=False)
    _payload: encoding.Payload = field(repr=False)

    __repr__ = repr_of_fields

    def files(self) -> Mapping[str, bytes]:
        """Return everything that the job finds on its disk, by relative path.

        Ours are below `.kubeflow/`, and `kubeflow_main.py`.
        """
        return self._files

    def describe(self) -> str:
        """Return what is inside, for people: files with their bytes, requirements, what the image must have."""
        files = {path: content for path, content in self._files.items() if not path.startswith(OURS)}
        lines = [
            f"{self.name}: {len(files)} files, {sum(map(len, files.values())):,} bytes,"
            f" {self.size:,} characters of command",
            f"digest sha256:{self.digest}",
        ]
        if self.requirements:
            lines.append("installs first: " + ", ".join(self.requirements))
        if self.hyperparameters:
            lines.append("filled in at the start: " + ", ".join(self.hyperparameters))
        if self.external:
            lines.append("the image must have: " + ", ".join(self.external))
        lines += [f"{len(content):>10,}  {path}" for path, content in files.items()]
        return "\n".join(lines)

    @property
    def has_folder(self) -> bool:
        """True when it has a copy of a whole folder, with the permissions of its files; the job begins in it."""
        return bool(json.loads(self._files[f"{RUNTIME}/entry.json"]).get("directory"))

    def program(self, directory: str) -> tuple[str, str]:
        """Return what runs the code where `files()` lie in a directory already, and nothing is left to install.

        That is a program for the interpreter, and a folder that goes before `PYTHONPATH`.
        """
        return f"{directory}/{MAIN_FILE}", f"{directory}/{RUNTIME}"

    def command(
        self, launcher: Sequence[str] = ("python",), *, python: str = "python", install: bool = True
    ) -> list[str]:
        """Return a container's command as a list that no shell sees.

        Args:
            launcher: What runs the code; the entry script is appended. `python` and `torchrun` mean those of
                the interpreter `python`. With mpirun (mpiexec, srun) first, every rank rebuilds the bundle
                on its node.
            python: The interpreter in the image that starts the job.
            install: Whether the job installs `requirements`; a backend that prepared the environment says
                False.
        """
        return encoding.argv(python, encoding.arguments(self._payload, launcher, install=install))

    def shell_command(
        self, launcher: Sequence[str] = ("python",), *, python: str = "python", install: bool = True
    ) -> list[str]:
        """Return `["bash", "-c", line]`: one line with one command, which Katib's collector can rewrite.

        A bundle whose line is longer than one argument may be travels in the environment: add
        `shell_environment()` to the container's variables. Arguments as for `command`.
        """
        pieces = len(self.shell_environment())
        args = encoding.arguments(self._payload, launcher, install=install, environment=pieces)
        line = encoding.shell_line(python, args)
        if len(line) > encoding.LINE_LIMIT:
            raise InvalidInput(
                f"With its launcher the command has {len(line)} characters; Linux takes 131,072. Shorten it."
            )
        return ["bash", "-c", line]

    def shell_environment(self) -> dict[str, str]:
        """Return the environment variables that `shell_command()` needs; bundles below about 50 KiB need none."""
        if self.size <= encoding.PIECE_LIMIT - 10 * 1024:
            return {}
        return encoding.environment_pieces(self._payload)
