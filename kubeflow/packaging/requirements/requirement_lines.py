"""Requirements as a list of lines, each of which may stand in a requirements file, and what each line asks for.

Files that `-r` and `-c` name are read here, so that the lines are complete by themselves. A constraint is the line
`-c requirement`. Paths are absolute.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from kubeflow.core.errors import Finding
from kubeflow.core.paths import whole_path
from kubeflow.core.stdlib import re
from kubeflow.packaging.requirements.index_urls import VARIABLE, masked, url_finding
from kubeflow.packaging.requirements.requirement_files import logical_lines, read_text
from kubeflow.packaging.requirements.written_instead import ARCHIVES, COMMAND, URL, remedy, repository_page, split_text

LineKind = Literal["package", "url", "path", "option", "constraint"]

_URLS = {
    **dict.fromkeys(("-i", "--index-url", "--pypi-url"), "--index-url"),
    "--extra-index-url": "--extra-index-url",
    **dict.fromkeys(("-f", "--find-links"), "--find-links"),
}
_FLAGS = ("--pre", "--no-index", "--prefer-binary", "--require-hashes")
_WITH_VALUE = ("--no-binary", "--only-binary", "--trusted-host")
_FILES = {"-r": "-r", "--requirement": "-r", "-c": "-c", "--constraint": "-c"}
_EDITABLE = ("-e", "--editable")
_LOCAL = (*_FILES, *_EDITABLE)
# https://pip.pypa.io/en/stable/topics/vcs-support/
_SCHEME = re.compile(r"https?|ftp|file|git\+(https?|ssh|git|file)|hg\+(https?|ssh|static-http|file)|svn\+\w+|bzr\+\w+")
_SCP = re.compile(r"(?:git\+)?(?:ssh://)?(\w+@[\w.-]+):(?!/|\d+/)(\S+)")
_HASH = re.compile(r"--hash[=\s]\s*\w+:[0-9a-f]+")
_SHORT_OPTIONS = {"-U": "UPGRADE", "-I": "IGNORE_INSTALLED", "-q": "QUIET", "-v": "VERBOSE"}
_PROJECT = ("pyproject.toml", "setup.py")
# What may follow a path or URL: extras, a marker, hashes.
_AFTER_PATH = re.compile(r"(\[[\w,\s.-]*\])?(\s*;.*|\s+--.*)?$")


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """One line of requirements.

    Attributes:
        text: The line.
        kind: What it is. A `path` is a file or folder of this machine, as a package or as a place to look for some.
        name: Of a `package` or `constraint`, or of a URL that is named: the project, normalised; else empty.
        requirement: Of a `package`, `constraint` or named URL: the requirement alone, in the notation of PEP 508.
        path: Of a `path`.
        editable: True when a path is installed in place.
    """

    text: str
    kind: LineKind
    name: str = ""
    requirement: str = ""
    path: Path | None = None
    editable: bool = False


@dataclass(slots=True)
class RequirementList:
    """Requirements that have been read, and what is wrong with them."""

    lines: list[str] = field(default_factory=list[str])
    findings: list[Finding] = field(default_factory=list[Finding])


def read_requirements(given: Sequence[str], folder: Path | None = None) -> RequirementList:
    """Read requirements as they are given in a list: each entry as on a line of a requirements file.

    Args:
        given: The entries. One of several lines is read as a file; an option and its value may be two entries.
        folder: What paths are relative to. Default: the working directory.
    """
    found = RequirementList()
    reader = _LineReader(found, folder or Path())
    entries = list(given)
    while entries:
        entry = entries.pop(0)
        if entry.strip() in (*_URLS, *_WITH_VALUE, *_FILES, *_EDITABLE) and entries:
            entry = f"{entry.strip()} {entries.pop(0)}"
        for line in logical_lines(entry):
            reader.read(line, reader.folder)
    found.lines = list(dict.fromkeys(found.lines))
    if all(parse_line(line).kind in ("option", "constraint") for line in found.lines):
        found.lines = []
    return found


def parse_line(line: str) -> RequirementLine:
    """Return what a line that `read_requirements` gave asks for.

    Raises:
        InvalidRequirement: When it is no such line. (`packaging.requirements.InvalidRequirement`)
    """
    option, _, rest = line.partition(" ")
    if option == "-e":
        inner = parse_line(rest)
        return RequirementLine(line, inner.kind, inner.name, inner.requirement, inner.path, editable=True)
    if option == "-c":
        inner = parse_line(rest)
        return RequirementLine(line, "constraint", inner.name, inner.requirement, inner.path)
    if option == "--find-links" and rest.startswith(("/", "file:")):
        return RequirementLine(line, "path", path=_kind_of_url(rest)[1] or Path(rest))
    if line.startswith("-"):
        return RequirementLine(line, "option")
    if line.startswith("/"):
        return RequirementLine(line, "path", path=_bare_path(line))
    if URL.match(line):
        return RequirementLine(line, *_of_url(line.split(maxsplit=1)[0]))
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    bare = re.split(r"\s--", line, maxsplit=1)[0].strip()
    requirement = Requirement(bare)
    kind, path = ("package", None) if requirement.url is None else _kind_of_url(requirement.url)
    return RequirementLine(line, kind, canonicalize_name(requirement.name), bare, path)


def _of_url(url: str) -> tuple[LineKind, str, str, Path | None]:
    kind, path = _kind_of_url(url)
    egg = re.search(r"[#&]egg=([A-Za-z0-9][\w.-]*)", url)
    return kind, egg[1].lower().replace("_", "-") if egg else "", "", path


def _kind_of_url(url: str) -> tuple[LineKind, Path | None]:
    if not url.lower().startswith("file:"):
        return "url", None
    return "path", Path(unquote(urlsplit(url).path))


def _bare_path(text: str) -> Path:
    whole = Path(text)
    return whole if whole.exists() else Path(_AFTER_PATH.sub("", text))


class _LineReader:
    """Reads lines one by one into a `RequirementList`."""

    def __init__(self, found: RequirementList, folder: Path) -> None:
        self._found = found
        self.folder = folder
        self._files: list[Path] = []
        self._constraints = 0

    def read(self, line: str, folder: Path) -> None:
        """Read one line; files that it names are relative to `folder`, packages to the working directory."""
        if not URL.search(line) and (line.startswith(_LOCAL) or self._looks_like_path(line)):
            unset = [name for name in VARIABLE.findall(line) if name not in os.environ]
            if unset:
                self._refuse(line, f"the variable {unset[0]} is not set here", "Set it, or write what it stands for")
                return
            line = VARIABLE.sub(lambda found: os.environ[found[1]], line)
        if line.startswith("-"):
            parts = re.fullmatch(r"(--[\w-]+|-[a-zA-Z])?[\s=]*(.*)", line, re.DOTALL)
            assert parts is not None  # it matches anything
            self._option(line, parts[1] or line, parts[2].strip().strip("'\""), folder)
        elif command := COMMAND.match(line):
            rest = line[command.end() :]
            self._refuse(line, "it is a command", f"Write what follows as entries: {split_text(rest)!r}")
        elif URL.match(line) or _SCP.fullmatch(line):
            self._url(line)
        elif self._looks_like_path(line):
            self._path(line)
        else:
            self._package(line)

    def _option(self, line: str, option: str, value: str, folder: Path) -> None:
        if option in _FILES:
            self._file(line, _FILES[option], value, folder)
        elif option in _EDITABLE:
            self._editable(line, value)
        elif option in _URLS:
            self._place(line, _URLS[option], value, folder)
        elif not re.match(r"-[a-zA-Z]|--\w", option):
            self._refuse(line, "it is not a requirement", "Take it out")
        elif (option in _FLAGS and not value) or (option in _WITH_VALUE and value):
            self._add(f"{option} {value}".strip())
        elif option in _FLAGS or option in _WITH_VALUE:
            self._refuse(line, "its value is missing" if option in _WITH_VALUE else "it takes no value", "Correct it")
        elif option == "--hash":
            remedy = "Write it behind its requirement, with a backslash at the end of each line but the last"
            self._refuse(line, "it stands on a line of its own, or a comment stands before it", remedy)
        elif option not in _SHORT_OPTIONS and not option.startswith("--"):
            self._refuse(line, "no requirements file takes this option of pip", "Take it out")
        else:
            variable = f"PIP_{_SHORT_OPTIONS.get(option) or option[2:].upper().replace('-', '_')}"
            self._refuse(
                line,
                "no requirements file takes this option of pip",
                f"Set its variable in the environment of the job instead: {variable}",
            )

    def _file(self, line: str, option: str, value: str, folder: Path) -> None:
        path = whole_path(folder / Path(value).expanduser())
        if not value:
            self._refuse(line, "its value is missing", "Write the path of the file behind it")
        elif URL.match(value):
            self._refuse(line, "it is on another machine", "Download it, and give the path of the file")
        elif path in self._files:
            self._refuse(line, f"{path} names itself", "Take it out of the file")
        elif not path.is_file():
            self._refuse(line, f"there is no file {path}", "Correct the path")
        else:
            self._files.append(path)
            self._constraints += option == "-c"
            for inner in logical_lines(read_text(path)):
                self.read(inner, path.parent)
            self._constraints -= option == "-c"
            self._files.pop()

    def _editable(self, line: str, value: str) -> None:
        before = len(self._found.lines)
        if self._constraints:
            self._refuse(line, "a constraint is not installed in place", "Leave -e out, and name the project")
        elif URL.match(value) or _SCP.fullmatch(value):
            self._url(value)
        else:
            self._path(value or ".")
        added = self._found.lines[before:]
        self._found.lines[before:] = [f"-e {text}" for text in added]
        if added and (path := parse_line(added[0]).path) is not None and path.is_file():
            self._found.lines[before:] = []
            self._refuse(line, "only a folder can be installed in place", "Leave -e out")

    def _place(self, line: str, option: str, value: str, folder: Path) -> None:
        if not value:
            self._refuse(line, "its value is missing", "Write the URL behind it")
        elif URL.match(value):
            if len(words := value.split()) > 1:
                write = [f"{option} {masked(word)}" for word in words]
                self._refuse(line, "it holds blanks", f"Give each URL as an entry of its own: {write!r}")
            elif (finding := url_finding(f"requirement {masked(line)!r}", value)) is not None:
                self._found.findings.append(finding)
            else:
                self._add(f"{option} {value}")
        elif VARIABLE.fullmatch(value):
            self._add(f"{option} {value}")
        elif option == "--find-links" and (places := self._existing(value, folder)):
            self._add(f"{option} {places[0]}")
        else:
            self._refuse(
                line, "it is no URL" if option != "--find-links" else "it is no URL and no folder", "Correct it"
            )

    def _existing(self, value: str, folder: Path) -> list[Path]:
        """Return where `value` is: beside the file that names it, or below the working directory."""
        places = [whole_path(start / Path(value).expanduser()) for start in (folder, self.folder)]
        return [place for place in places if place.exists()]

    def _url(self, line: str) -> None:
        if scp := _SCP.fullmatch(line):
            self._refuse(line, "it is no URL", f"Write git+ssh://{scp[1]}/{scp[2]}")
            return
        url, after = [*line.split(maxsplit=1), ""][:2]
        if (finding := url_finding(f"requirement {masked(line)!r}", url)) is not None:
            self._found.findings.append(finding)
            return
        parts = urlsplit(re.sub(r"#.*", "", url))
        if not self._takes(line, f" {after}"):
            return
        if not _SCHEME.fullmatch(parts.scheme):
            names = {"git": "git+https", "ssh": "git+ssh"}
            write = names.get(parts.scheme)
            remedy = (
                f"Write {write}{line[len(parts.scheme) :]}" if write else "Download it, and give the path of the file"
            )
            self._refuse(line, f"pip takes no URL that begins with {parts.scheme}", remedy)
        elif not parts.netloc and "file" not in parts.scheme:
            self._refuse(line, "it names no host", "Correct it")
        elif page := repository_page(parts.scheme, parts.path):
            self._refuse(
                line, "it is the page of a repository, and no archive", f"Write git+{url.replace(parts.path, page, 1)}"
            )
        elif extras := re.search(r"\[[\w,.-]*\]$", parts.path):
            write = f"Write 'name{extras[0]} @ {url.replace(extras[0], '', 1)}'"
            self._refuse(line, "extras stand behind the name of a project", write)
        elif parts.scheme == "file":
            self._installable(line, Path(unquote(parts.path)), line)
        elif self._constraints and "egg=" not in url:
            self._refuse(line, "a constraint needs a name", f"Write name @ {line}")
        else:
            self._add(line)

    def _takes(self, line: str, after: str) -> bool:
        """Return whether what follows a URL or a path is a marker and hashes; refuse the line if it is not."""
        from packaging.markers import InvalidMarker, Marker

        marker, *options = re.split(r"\s(?=--)", after)
        if odd := [text.strip() for text in options if not _HASH.fullmatch(text.strip())]:
            why = "only pip takes it for one requirement, and uv may install"
            if odd[0].startswith("--hash"):
                why = "it is no hash: an algorithm, a colon and lower-case hexadecimal digits"
            self._refuse(line, f"{odd[0]!r}: {why}", "Correct it" if "hash:" in why else "Take it out")
            return False
        if not marker.strip():
            return True
        try:
            Marker(marker.strip().removeprefix(";") if marker.lstrip().startswith(";") else "")
        except InvalidMarker:
            remedy = "Write a marker as in `; python_version > '3.8'`, and %20 for a blank of the URL"
            self._refuse(line, f"{marker.strip()!r} behind it is no marker", remedy)
            return False
        return True

    def _looks_like_path(self, line: str) -> bool:
        if line.startswith((".", "/", "~")):
            return True
        first = re.split(r"[\s;@\[]", line, maxsplit=1)[0]
        if "/" in first or first.startswith("file:") or first.lower().endswith(ARCHIVES):
            return True
        return ("/" in line or line.lower().endswith(ARCHIVES)) and (self.folder / line).exists()

    def _path(self, line: str) -> None:
        bare = re.sub(r"^file:", "", line)
        text = str(Path(bare).expanduser()) if bare.startswith("~") else bare
        whole = whole_path(self.folder / text).resolve()
        extras, rest = ("", "") if whole.exists() else _last_match(text)
        after = extras + rest
        path = whole_path(self.folder / text.removesuffix(after)).resolve() if after else whole
        if not self._takes(line, rest):
            return
        if " " in str(path) and extras and path.exists():
            write = f"'name{extras} @ {path.as_uri()}'"
            self._refuse(line, "its path has blanks and extras follow it", f"Write the name of the project: {write}")
        elif not path.exists() and re.match(r"(www\.)?(github|gitlab|bitbucket)\.\w+/", line):
            self._refuse(line, "it is no URL", f"Write git+https://{line}")
        else:
            self._installable(line, path, f"{path.as_uri() if ' ' in str(path) else path}{after}")

    def _installable(self, line: str, path: Path, written: str) -> None:
        if path.is_dir() and not any((path / name).is_file() for name in _PROJECT):
            remedy = "Send your own code with code_dir=, or name the folder of the project"
            self._refuse(line, f"the folder {path} is no project: it has neither pyproject.toml nor setup.py", remedy)
        elif path.is_file() and not path.name.lower().endswith(ARCHIVES):
            remedy = f"Write '-r {line}'" if path.suffix == ".txt" else "Give a wheel, an archive or a folder"
            self._refuse(line, "it is no wheel, archive or folder", remedy)
        elif not path.exists():
            self._refuse(line, f"there is no file or folder {path}", "Correct the path")
        elif self._constraints and not re.match(r"[\w.-]+\s*(\[[^]]*\])?\s*@", written):
            self._refuse(line, "a constraint needs a name", f"Write name @ {path.as_uri()}")
        else:
            self._add(written)

    def _package(self, line: str) -> None:
        from packaging.requirements import InvalidRequirement, Requirement

        bare, *hashes = re.split(r"\s(?=--)", line)
        try:
            requirement = Requirement(bare.strip())
        except InvalidRequirement as error:
            self._refuse(line, f"it is not a requirement: {str(error).splitlines()[0]}", remedy(bare.strip()))
            return
        if bare.endswith(".txt") and (self.folder / bare).is_file():
            self._refuse(line, "it is a file of requirements", f"Write '-r {bare}'")
            return
        if not self._takes(line, "".join(f" {text}" for text in hashes)):
            return
        if self._constraints and requirement.extras:
            self._refuse(line, "a constraint has no extras", "Leave them out")
        elif requirement.url is None:
            self._add(line)
        elif (finding := url_finding(f"requirement {requirement.name}", requirement.url)) is not None:
            self._found.findings.append(finding)
        elif not URL.match(requirement.url):
            text = requirement.url.removeprefix("file:")
            path = whole_path(
                self.folder / Path(unquote(text) if text != requirement.url else text).expanduser()
            ).resolve()
            if not path.exists() and not re.search(r"[/\\]|\.whl$", text):
                self._refuse(line, f"{text!r} is no URL and no path", remedy(bare.strip()))
                return
            name, _, after = line.partition("@")
            self._installable(line, path, f"{name}@{after.replace(requirement.url, path.as_uri(), 1)}")
        elif requirement.url.lower().startswith("file:"):
            self._installable(line, Path(unquote(urlsplit(requirement.url).path)), line)
        else:
            self._add(line)

    def _add(self, text: str) -> None:
        self._found.lines.append(f"-c {text}" if self._constraints and not text.startswith("-") else text)

    def _refuse(self, line: str, why: str, remedy: str) -> None:
        self._found.findings.append(Finding(f"requirement {masked(line)!r}", masked(why), masked(remedy)))


def _last_match(text: str) -> tuple[str, str]:
    found = _AFTER_PATH.search(text)
    return (found[1] or "", found[2] or "") if found else ("", "")
