"""How packages get into a new environment: with uv where it does the right thing, else with venv and pip."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from kubeflow.core.stdlib import ast, re
from kubeflow.local.environments.errors import REQUIREMENTS, EnvironmentFailed
from kubeflow.local.environments.requirements import below_paths, missing_from
from kubeflow.local.environments.sources import filled_in
from kubeflow.local.job.plan import EnvironmentPlan
from kubeflow.packaging.remote.installer import UV_ON, UV_OPTIONS
from kubeflow.packaging.requirements.index_urls import masked
from kubeflow.packaging.requirements.requirement_lines import parse_line

_LAST_LINES = 12
_LINE = 300  # characters
_POLL = 0.05  # seconds
_GRACE = 2.0  # seconds between TERM and KILL
_OTHER_PYTHON = "Correct python= of LocalProcessBackendConfig, or install that Python,"
_OLDEST_UV = (0, 5)  # UV_DEFAULT_INDEX and UV_INDEX came in 0.4.23
# What pip is configured with -> the environment variable by which uv takes the same.
_FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


class Install:
    """One environment in the making.

    Args:
        plan: What it is for.
        directory: Where it is made; empty.
        output: Gets what the installers say.
        stop: Asked every now and then whether to give up.
        log: The file behind `output`, for errors.
    """

    def __init__(
        self, plan: EnvironmentPlan, directory: Path, output: IO[str], stop: Callable[[], bool], log: Path
    ) -> None:
        self._plan = plan
        self._directory = directory
        self._output = output
        self._stop = stop
        self._log = log
        self._python = str(directory / "bin" / "python")
        self.packages = _purelib(directory)
        """Where the environment's own packages are."""
        self.version = ".".join(map(str, sys.version_info[:3]))
        """Of its Python; known after `run`."""

    def run(self) -> None:
        """Make the environment.

        Raises:
            EnvironmentFailed: With the installer's own last words.
        """
        if self._plan.python is None:
            self._overlay()
        else:
            self._separate(self._plan.python)

    def _overlay(self) -> None:
        overlay(self._directory)
        if not self._plan.requirements:
            return
        # uv is asked by names, and answers with names: for all else pip, which sees what lies below by itself.
        uv = _uv() if _is_simple() and _are_names(self._plan.requirements) else None
        said = None if uv is None else self._with_uv_above(uv)
        if uv is None or said is not None:
            self._with_pip_above(said)

    def _with_uv_above(self, uv: str) -> str | None:
        """Install only what is missing; return what uv said when that was not possible.

        uv does not count what lies below an environment as installed, and would fetch torch again. It is asked what it
        would add to this interpreter, and that goes into the environment as it is.
        """
        environ = self._uv_environ()
        ask = [uv, "pip", "install", "--dry-run", "--break-system-packages", "--python", sys.executable]
        code, said = self._capture([*ask, "--", *self._plan.requirements], environ)
        if code:
            return said
        additions = [_pinned(line) for line in said.splitlines() if line.startswith(" + ")]
        if additions:
            install = [uv, "pip", "install", "--no-deps", "--python", self._python, "--", *additions]
            code, said = self._run(install, environ)
            if code:
                return said
        # What uv says is for people. If we read it wrongly, pip does it again.
        return said if missing_from([str(self.packages), *below_paths()], self._plan.requirements) else None

    def _with_pip_above(self, uv_said: str | None) -> None:
        if importlib.util.find_spec("pip") is None:
            if importlib.util.find_spec("ensurepip") is None:
                raise EnvironmentFailed(
                    _words(uv_said)
                    if uv_said is not None
                    else f"{sys.executable} has neither pip nor ensurepip, and uv is not to be had for it: install pip "
                    "there (`uv pip install pip`), or install the packages yourself.",
                    self._log,
                )
            self._must([self._python, "-m", "ensurepip", "--upgrade", "--default-pip"], os.environ)
        # pip counts what lies below as installed.
        self._must([self._python, "-m", "pip", "install", "-r", self._file()], self._pip_environ())

    def _separate(self, python: str) -> None:
        """An environment of another Python, which sees nothing of this one."""
        uv = _uv()
        if uv is not None:
            environ = self._uv_environ()
            self._must([uv, "venv", "--python", python, str(self._directory)], environ, _OTHER_PYTHON)
            if self._plan.requirements:
                # uv takes a folder for unchanged while its pyproject.toml is.
                refresh = ["--refresh"] if self._plan.contents else []
                install = [uv, "pip", "install", *refresh, "--python", self._python, "-r", self._file(for_uv=True)]
                self._must(install, environ | self._uv_options())
        else:
            found = python if os.sep in python else shutil.which(f"python{python}") or shutil.which(python)
            if found is None or not Path(found).exists():
                raise EnvironmentFailed(
                    f"there is no Python {python} here.",
                    self._log,
                    f"Install uv, which fetches it, or: {_OTHER_PYTHON}",
                )
            self._must([found, "-m", "venv", str(self._directory)], os.environ, _OTHER_PYTHON)
            if self._plan.requirements:
                self._must([self._python, "-m", "pip", "install", "-r", self._file()], self._pip_environ())
        code, said = self._capture(
            [self._python, "-c", "import platform; print(platform.python_version())"], os.environ
        )
        if code:
            raise EnvironmentFailed(_words(said) or f"{self._python} does not start.", self._log)
        self.version = said.strip()

    def _file(self, *, for_uv: bool = False) -> str:
        """Write the requirements into a file, and return its path. Variables in it are the installer's to fill in."""
        lines: list[str] = []
        constraints: list[str] = []
        for line in self._plan.requirements:
            option, _, rest = line.partition(" ")
            if option == "-c":
                constraints.append(rest)
            elif not (for_uv and option in UV_OPTIONS):
                lines.append(line)
        (self._directory / "constraints.txt").write_text("\n".join(constraints) + "\n")
        file = self._directory / "requirements.txt"
        file.write_text("\n".join(["-c constraints.txt", *lines]) + "\n")
        return str(file)

    def _uv_options(self) -> dict[str, str]:
        pairs = (line.partition(" ")[::2] for line in self._plan.requirements)
        return {UV_OPTIONS[option]: value or UV_ON.get(option, "1") for option, value in pairs if option in UV_OPTIONS}

    def _environ(self) -> dict[str, str]:
        return {**os.environ, **self._plan.variables}

    def _indexes(self) -> tuple[str, str]:
        """Return the main index and the others, as one text."""
        main, *others = (filled_in(url, self._environ()) for url in self._plan.index_urls or ("",))
        return main, " ".join(others)

    def _pip_environ(self) -> dict[str, str]:
        # By environment, not by option: an index URL may hold a password, and anybody can read command lines.
        main, others = self._indexes()
        given = {"PIP_INDEX_URL": main, "PIP_EXTRA_INDEX_URL": others}
        return {
            **self._environ(),
            **{name: value for name, value in given.items() if value},
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
        }

    def _uv_environ(self) -> dict[str, str]:
        main, others = self._indexes()
        given = {"UV_DEFAULT_INDEX": main, "UV_INDEX": others}
        return {
            # pip_index_urls means what it means to pip: the best version of all indexes.
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            **self._from_pip(),
            **self._environ(),
            **{name: value for name, value in given.items() if value},
            "UV_NO_PROGRESS": "1",
        }

    def _from_pip(self) -> dict[str, str]:
        """What pip is configured with, for uv, which does not read it; nothing where uv has a configuration itself."""
        if importlib.util.find_spec("pip") is None or any(
            name.startswith("UV_") and "INDEX" in name for name in self._environ()
        ):
            return {}
        _, said = self._capture([sys.executable, "-P", "-m", "pip", "config", "list"], self._environ(), quiet=True)
        found: dict[str, str] = {}
        # Sections come in this order, and what comes later counts.
        for section in ("global", "install", ":env:"):
            for match in re.finditer(rf"^{section}\.([\w-]+)=('.*'|\".*\")$", said, re.MULTILINE):
                if match[1] in _FROM_PIP:
                    words = str(ast.literal_eval(match[2])).split()
                    found[_FROM_PIP[match[1]]] = ("," if match[1] == "find-links" else " ").join(words)
        return found

    def _must(self, command: Sequence[str], environ: Mapping[str, str], remedy: str = REQUIREMENTS) -> None:
        code, said = self._run(command, environ)
        if code:
            raise EnvironmentFailed(_words(said) or f"{command[0]} ended with exit code {code}.", self._log, remedy)

    def _run(self, command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
        """Run a program with its output in the log, and return its exit code and that output."""
        self._output.flush()
        start = self._log.stat().st_size
        code = self._wait(command, environ, self._output)
        with self._log.open("rb") as log:
            log.seek(start)
            return code, log.read().decode(errors="replace")

    def _capture(self, command: Sequence[str], environ: Mapping[str, str], *, quiet: bool = False) -> tuple[int, str]:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as answer:
            code = self._wait(command, environ, answer)
            answer.seek(0)
            said = answer.read()
        if not quiet:
            self._output.write(said)
            self._output.flush()
        return code, said

    def _wait(self, command: Sequence[str], environ: Mapping[str, str], output: IO[str]) -> int:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=self._directory,  # a file of the user's that is called random.py must not shadow the library
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFailed(f"{command[0]} cannot be started: {error.strerror or error}.", self._log) from error
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL)
            if self._stop():
                _end(process)
                raise EnvironmentFailed("it was stopped.", self._log)


def _are_names(requirements: Sequence[str]) -> bool:
    return all(parse_line(line).kind == "package" and "--hash" not in line for line in requirements)


def overlay(directory: Path) -> Path:
    """Make an environment without pip that sees all packages of this interpreter, and return its python.

    What is installed into it stays in it.
    """
    venv.EnvBuilder(with_pip=False, symlinks=True).create(directory)
    # `addsitedir`, not bare paths: an editable install below is itself found through a .pth file.
    lines = [f"import site; site.addsitedir({path!r})" for path in below_paths()]
    (_purelib(directory) / "below.pth").write_text("\n".join(lines) + "\n")
    return directory / "bin" / "python"


def _purelib(directory: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(directory)}))


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)  # not reaped yet, so the number is still its own
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _uv() -> str | None:
    """Return a uv that is new enough, on the path or beside this interpreter."""
    found = shutil.which("uv") or shutil.which("uv", path=sysconfig.get_path("scripts"))
    if found is None:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"uv (\d+)\.(\d+)", answer.stdout)
    return found if match and (int(match[1]), int(match[2])) >= _OLDEST_UV else None


def _is_simple() -> bool:
    """Return whether all packages of this interpreter are in its own directory: uv sees no other."""
    own = {os.path.realpath(sysconfig.get_path(key)) for key in ("purelib", "platlib")}
    return {os.path.realpath(path) for path in below_paths() if any(Path(path).iterdir())} <= own and not any(
        path
        for path in sys.path
        if Path(path).name in ("site-packages", "dist-packages") and os.path.realpath(path) not in own
    )


def _pinned(line: str) -> str:
    """Return ` + name==1.0 (from file:///...)` as a requirement."""
    name, _, rest = line.removeprefix(" + ").strip().partition("==")
    source = re.search(r"\(from ([^)]+)\)$", rest)
    return f"{name} @ {source[1]}" if source else f"{name}=={rest}"


def _words(said: str) -> str:
    """Return the last words of an installer: its error where it marks one, else its last lines."""
    lines = [
        line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(("WARNING", "warning"))
    ]
    marked = [
        index for index, line in enumerate(lines) if re.match("\\s*(ERROR|error|\N{MULTIPLICATION SIGN})[: ]", line)
    ]
    chosen = lines[marked[0] :] if marked else lines
    return masked("\n".join(map(_short, chosen[-_LAST_LINES:])))


def _short(line: str) -> str:
    """Shorten a line in its middle: pip lists every version that there ever was."""
    return line if len(line) <= _LINE else f"{line[: _LINE // 2]} ... {line[-_LINE // 2 :]}"
