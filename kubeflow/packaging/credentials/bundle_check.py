# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# (values of any type are what this module is about)

"""The one check of everything that a bundle holds: sent text, values, arguments, command lines, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import cast

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import json
from kubeflow.packaging.credentials.encoded_values import is_named_secret, secret_places, step_names, strings_of_pickle
from kubeflow.packaging.credentials.formats import is_secret, token_in
from kubeflow.packaging.credentials.text_files import NOT_A_SECRET, names_called_no_secret, secret_lines
from kubeflow.packaging.remote import MAIN_FOLDER
from kubeflow.packaging.remote.pickled import FILE as VALUES_FILE

Written = Callable[[str], tuple[str, str]]
"""Gives, for a global of a notebook or script, where it was assigned and the text of that line."""
_STEPS = f"{MAIN_FOLDER}/steps.json"
_WHY = "it looks like a credential, and everyone who may read the job could read it"
_REMEDY = (
    "Give the job an environment variable from a Kubernetes Secret, and read it inside the function; if it is none, "
    "write `# not a secret` on its line"
)
_FIXTURES = frozenset({"test", "tests", "testdata", "fixtures"})


def credential_findings(
    files: Mapping[str, bytes], entry: Mapping[str, object], needed: frozenset[str], written: Written
) -> list[Finding]:
    """Return a finding for every credential in a bundle. No finding repeats a value.

    Args:
        files: Content by path in the bundle.
        entry: What the runner reads: arguments, the command line.
        needed: Paths of what the job imports. Other files below `tests` or `fixtures` hold no real credentials.
        written: Tells where a global was assigned.
    """
    sources = [content for path, content in files.items() if path.endswith(".py")]
    allowed = {name for content in sources for name in names_called_no_secret(content)}
    findings = [*_of_files(files, needed), *_of_steps(files, allowed, written), *_of_entry(entry, allowed)]
    pickles = {"what cloudpickle packed": files.get(".kubeflow/function.pkl", b"")}
    pickles["a value that is pickled"] = files.get(f".kubeflow/{VALUES_FILE}", b"").partition(b"\n")[2]
    for what, content in pickles.items():
        if _in_pickle(content):
            findings.append(Finding(what, _WHY, _REMEDY.partition(";")[0]))
    return list(dict.fromkeys(findings))


def _of_files(files: Mapping[str, bytes], needed: frozenset[str]) -> Iterator[Finding]:
    labels: dict[str, str] = json.loads(files[_STEPS])["labels"] if _STEPS in files else {}
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        if path == _STEPS or parts[0] == ".kubeflow" or (path not in needed and not _FIXTURES.isdisjoint(parts[:-1])):
            continue
        shown = labels.get(parts[-1], path) if parts[0] == MAIN_FOLDER else path
        for number, name in secret_lines(path, content).items():
            what = f"the value of {name}" if name else "a token or key"
            yield Finding(what, _WHY, _REMEDY, f"{shown}:{number}")


def _of_steps(files: Mapping[str, bytes], allowed: set[str], written: Written) -> Iterator[Finding]:
    steps: list[dict[str, object]] = json.loads(files[_STEPS])["steps"] if _STEPS in files else []
    bound = {step["id"]: str(step["bind"]) for step in steps if "id" in step and "bind" in step}
    for step in steps:
        of = step.get("of")
        owner = bound.get(cast("dict[str, object]", of).get("id"), "") if isinstance(of, dict) else ""
        owner = str(step.get("bind", owner))
        name = owner or _target(step)
        what = f"global {owner}" if owner else f"attribute {name}" if name else "a value that the code uses"
        where, line = written(owner) if owner else ("", "")
        if NOT_A_SECRET.search(line):
            continue
        for key, part in step.items():
            if key in ("text", "lead", "tail", "edits", "file", "do", "bind", "qualname", "module"):
                continue
            names = step_names(step).get(key, [])
            for place, inner in _parts(key, part, names, what, name):
                if inner not in allowed:
                    yield Finding(place, _WHY, _REMEDY, where)


def _parts(key: str, part: object, names: Sequence[str], what: str, name: str) -> Iterator[tuple[str, str]]:
    if key in ("attrs", "keywords", "dict", "slots") and isinstance(part, dict):
        for attribute, operand in cast("dict[str, object]", part).items():
            yield from _operands(operand, (), f"{what}.{attribute}", attribute)
        return
    items = cast("dict[str, object]", part).get("items") if key == "items" and isinstance(part, dict) else None
    if isinstance(items, list):  # of a dictionary, where a value follows its key
        operands = cast("list[object]", items)
        for before, operand in zip([None, *operands], operands, strict=False):
            label = cast("dict[str, object]", before).get("value") if isinstance(before, dict) else None
            if isinstance(label, str):
                yield from _operands(operand, (), f"{what}[{label!r}]", label)
            else:
                yield from _operands(operand, (), what, name)
        return
    yield from _operands(part, names, what, name)


def _operands(part: object, names: Sequence[str], what: str, name: str) -> Iterator[tuple[str, str]]:
    if names and isinstance(part, list):
        for cell, operand in zip(names, cast("list[object]", part), strict=False):
            yield from _operands(operand, (), f"closure variable {cell}", cell)
    elif isinstance(part, dict) and "$" not in part:
        for key, inner in cast("dict[str, object]", part).items():
            if key == "value":
                yield from secret_places(inner, what, name)
            elif key in ("attrs", "keywords", "dict", "slots"):
                for attribute, operand in cast("dict[str, object]", inner).items():
                    yield from _operands(operand, (), f"{what}, {attribute}", attribute)
            elif key == "items" and isinstance(inner, list):  # of a list, or keys and values of a dict in turn
                before = ""
                for operand in cast("list[dict[str, object]]", inner):
                    yield from _operands(operand, (), f"{what}[{before!r}]" if before else what, before or name)
                    key_or_value = operand.get("value")
                    is_key = isinstance(key_or_value, str) and not before and not is_secret(name, key_or_value)
                    before = str(key_or_value) if is_key else ""
            else:
                yield from _operands(inner, (), what, name)
    elif isinstance(part, list):
        for item in cast("list[object]", part):
            yield from _operands(item, (), what, name)
    elif isinstance(part, str) and token_in(part):
        yield what, name


def _target(step: Mapping[str, object]) -> str:
    """Return the name of the place inside an object that a step changes."""
    of = step.get("of")
    at = cast("dict[str, object]", of).get("at") if isinstance(of, dict) else None
    last = cast("list[object]", at)[-1] if isinstance(at, list) and at else None
    return str(cast("list[object]", last)[-1]) if isinstance(last, list) and last else ""


def _of_entry(entry: Mapping[str, object], allowed: set[str]) -> Iterator[Finding]:
    places: list[tuple[str, str]] = []
    for number, value in enumerate(cast("list[object]", entry.get("args", [])), 1):
        places += secret_places(value, f"argument #{number} of the partial", "")
    for name, value in cast("dict[str, object]", entry.get("kwargs", {})).items():
        places += secret_places(value, f"argument {name}", name) if name not in allowed else []
    places += secret_places(entry.get("self"), "the object that the method belongs to", "")
    for value in cast("dict[str, object]", entry.get("shared", {})).values():
        places += secret_places(value, "a value that several arguments hold", "")
    places += _of_words(cast("list[str]", entry.get("argv", [])))
    for place, name in places:
        if name not in allowed:
            yield Finding(place, _WHY, _REMEDY)


def _of_words(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    before = ""
    for number, word in enumerate(words, 1):
        option, sign, value = word.partition("=") if word.startswith("-") else ("", "", word)
        name = (option if sign else before).lstrip("-").replace("-", "_")
        if (option and sign and is_secret(name, value)) or (not option and is_secret(name, word)):
            yield f"option --{name}" if name else f"word {number} of the command line", name
        before = word if word.startswith("-") and not sign else ""


def _in_pickle(data: bytes) -> bool:
    return token_in(data.decode("latin-1")) or any(is_named_secret(pair) for pair in strings_of_pickle(data))
