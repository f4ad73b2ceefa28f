"""Kubeconfig files: parsed, merged as kubectl merges them, and their fields read with a type.

The rules of merging: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kubeflow.cluster.errors import NotConfigured
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import did_you_mean
from kubeflow.core.stdlib import base64, json

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

LOCALLY = (
    "To run on this machine without a cluster: TrainerClient(LocalProcessBackendConfig()), or set "
    "KUBEFLOW_BACKEND=localprocess."
)
_KINDS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A named cluster, context or user of a kubeconfig, or a part of one.

    Attributes:
        name: What it is called in messages, such as `"user 'ann'"`.
        file: The file that it stands in. Relative paths start at the folder of this file.
        values: Its fields.
    """

    name: str
    file: Path
    values: Mapping[str, object] = field(repr=False)

    __repr__ = repr_of_fields

    def __str__(self) -> str:
        return f"{self.name} in {self.file}"

    def unusable(self, what: str) -> NotConfigured:
        """Return the error that says what is wrong with this entry, without the full stop."""
        return NotConfigured(f"The kubeconfig {self.file} cannot be used: {self.name} {what}. {LOCALLY}")

    def text(self, key: str) -> str:
        """Return a text; an empty one where there is none.

        Raises:
            NotConfigured: It is a number or something else that is no text.
        """
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.unusable(f"has a {key} that is no text but a {type(value).__name__}: put it in quotes")
        return value

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; an empty one where there is none."""
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self.unusable(f"has a {key} that is no list of texts: put each in quotes")
        return cast("list[str]", values)

    def flag(self, key: str) -> bool:
        """Return a truth value; False where there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.unusable(f"has a {key} that is neither true nor false")
        return bool(value)

    def part(self, key: str) -> Entry | None:
        """Return an object in this one; `None` where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.unusable(f"has a {key} that is no object with fields")
        return Entry(f"{key} of {self.name}", self.file, cast("Mapping[str, object]", value))

    def parts(self, key: str) -> Iterator[Entry]:
        """Yield the objects of a list."""
        for number, value in enumerate(self._list(key)):
            yield Entry(f"{key}[{number}] of {self.name}", self.file, _object(value, f"{key}[{number}]", self.file))

    def _list(self, key: str) -> list[object]:
        values = self.values.get(key)
        if values is not None and not isinstance(values, list):
            raise self.unusable(f"has a {key} that is no list")
        return cast("list[object]", values or [])

    def path(self, key: str) -> Path | None:
        """Return a path, relative to the folder of the file; `None` where there is none."""
        text = self.text(key)
        return self.file.parent / text if text else None

    def content(self, key: str) -> bytes | None:
        """Return the bytes of the file at `key`, or those that `<key>-data` has in base64; `None` for neither.

        Raises:
            NotConfigured: There are both, the file cannot be read, or the data is no base64.
        """
        data, path = self.text(f"{key}-data"), self.path(key)
        if data and path:
            raise self.unusable(f"has both {key} and {key}-data: leave one of them")
        if data:
            try:
                return base64.b64decode("".join(data.split()), validate=True)
            except ValueError:
                raise self.unusable(f"has a {key}-data that is no base64") from None
        return self.read(key, path) if path else None

    def read(self, key: str, path: Path) -> bytes:
        """Return the bytes of the file that the field `key` names."""
        try:
            return path.read_bytes()
        except OSError as error:
            raise self.unusable(f"has a {key} that cannot be read: {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One or several kubeconfig files, merged.

    Attributes:
        files: Their paths, as given.
        current: Name of the current context; `None` where no file names one.
        clusters: By name; so are `contexts` and `users`.
    """

    files: str
    current: str | None
    clusters: Mapping[str, Entry]
    contexts: Mapping[str, Entry]
    users: Mapping[str, Entry]

    __repr__ = repr_of_fields

    def chosen(self, context: str | None) -> Entry:
        """Return a context by its name, or the current one.

        Raises:
            NotConfigured: There is no such context; the message lists those that there are.
        """
        listed = ", ".join(sorted(self.contexts)) or "none"
        name = self.current if context is None else context
        if name is None:
            raise NotConfigured(
                f"The kubeconfig {self.files} has no current context. Give context=, or run `kubectl config "
                f"use-context NAME`. Contexts: {listed}. {LOCALLY}"
            )
        if name not in self.contexts:
            raise NotConfigured(
                f"The kubeconfig {self.files} has no context {name!r}.{did_you_mean(name, sorted(self.contexts))} "
                f"Contexts: {listed}. {LOCALLY}"
            )
        return self.contexts[name]


def paths(files: str) -> list[Path]:
    """Return the paths of one file, or of several as in `$KUBECONFIG`."""
    whole = Path(files).expanduser()
    if whole.exists():
        return [whole]
    return [Path(file).expanduser() for file in files.split(os.pathsep) if file]


def read(files: str) -> Kubeconfig:
    """Read and merge files; those that are missing or empty are skipped. The first that has a name, or a current
    context, wins.

    Raises:
        NotConfigured: None of them exists, or one cannot be read.
    """
    there = [path for path in paths(files) if path.exists()]
    if not there:
        raise NotConfigured(f"There is no kubeconfig {files}. Correct config_file= or KUBECONFIG. {LOCALLY}")
    merged: dict[str, dict[str, Entry]] = {kinds: {} for kinds in _KINDS}
    current = ""
    for file in there:
        whole = Entry("this file", file.absolute(), _parsed(file))
        current = current or whole.text("current-context")
        for kinds, kind in _KINDS.items():
            for name, entry in _entries(whole, kinds, kind).items():
                merged[kinds].setdefault(name, entry)
    return Kubeconfig(files, current or None, **merged)


def _entries(whole: Entry, kinds: str, kind: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for item in whole.parts(kinds):
        name = item.text("name")
        if not name:
            raise item.unusable("has no name")
        if name in entries:
            raise whole.unusable(f"has two {kinds} with the name {name!r}: kubectl takes neither")
        values = item.part(kind)
        entries[name] = Entry(f"{kind} {name!r}", whole.file, values.values if values else {})
    return entries


def _parsed(file: Path) -> Mapping[str, object]:
    """Return the object in a file; an empty one when the file is empty."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NotConfigured(f"The kubeconfig {file} cannot be read: {error.strerror}. {LOCALLY}") from error
    found = _document(content, file)
    if found is None:
        return {}
    document = _object(found, "it", file)
    if document.get("kind", "Config") != "Config":
        raise NotConfigured(
            f"The kubeconfig {file} cannot be used: it is a {document['kind']}, not a Config. Correct config_file= or "
            f"KUBECONFIG. {LOCALLY}"
        )
    return document


def _document(content: bytes, file: Path) -> object:
    import yaml

    if content.lstrip().startswith(b"{"):  # JSON may be indented by tabs, YAML may not
        try:
            return json.loads(content)
        except ValueError:
            pass
    # The texts of YAML's errors may quote the file, and a kubeconfig has secrets: what may quote is not passed on.
    try:
        return cast("object", yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _no_yaml(file, mark.line if mark else 0, _problem(error, content)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        lines = content[: getattr(error, "position", 0) or 0].count(b"\n")
        raise _no_yaml(file, lines, "a character that no text has") from None


def _problem(error: MarkedYAMLError, content: bytes) -> str:
    problem = error.problem or "it does not parse"
    lines = content.splitlines()
    line = lines[error.problem_mark.line] if error.problem_mark and error.problem_mark.line < len(lines) else b""
    if b"\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab, where YAML takes blanks only"
    if "another document" in problem:
        return "a second document, where a kubeconfig is one"
    if any(word in problem for word in ("alias", "anchor", "tag")):
        return "a value that begins with *, & or ! must stand in quotes"
    return problem


def _no_yaml(file: Path, lines: int, problem: str) -> NotConfigured:
    return NotConfigured(
        f"The kubeconfig {file} cannot be used: it is no YAML: line {lines + 1}: {problem}. Correct it. {LOCALLY}"
    )


def _object(value: object, what: str, file: Path) -> Mapping[str, object]:
    if isinstance(value, dict):
        return cast("Mapping[str, object]", value)
    raise NotConfigured(
        f"The kubeconfig {file} cannot be used: {what} is no object with fields, but a {type(value).__name__}. Correct "
        f"it. {LOCALLY}"
    )
