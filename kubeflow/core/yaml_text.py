"""Objects as YAML text: read strictly, with the line of what is wrong, and written as people write it.

Reads YAML 1.1, with libyaml where PyYAML was built with it. YAML reads `on`, `0123`, `1.10` and dates as something else
than the text that stands there. In a field of text that is an error which says to quote it: the API server would refuse
the value, or store another text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from kubeflow.core.errors import InvalidInput, InvalidObject, Mistake

if TYPE_CHECKING:
    from yaml import SafeDumper as _BaseDumper
    from yaml import SafeLoader as _BaseLoader
else:  # PyYAML may be built without libyaml: the same result, slower
    _BaseDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

T = TypeVar("T")

_TAG = "tag:yaml.org,2002:"
_READ_AS = {
    f"{_TAG}bool": "a boolean", f"{_TAG}int": "a number", f"{_TAG}float": "a number", f"{_TAG}null": "nothing",
    f"{_TAG}timestamp": "a time",
}  # fmt: skip
_SHORT = 60  # characters of a value that is shown


def read_object(text: str, name: str, take: Callable[[Mapping[str, object]], T]) -> T:
    """Return what `take` makes of the one mapping that `text` holds.

    Args:
        text: One YAML (or JSON) document.
        name: What it should be, for messages: `"TrainJob"`.
        take: Makes the object, or raises `InvalidObject`. It is called twice when a time stands in `text`: first with
            a `datetime` for it, which a field of text refuses, then with its text.

    Raises:
        InvalidInput: The text is not one YAML mapping, or has a key twice.
        InvalidObject: As `take`. What YAML does not read as the text that stands there is told with its line.
    """
    if not isinstance(cast(object, text), str):
        raise InvalidInput(f"{name}: expected the text of a YAML document, not {type(text).__name__}")
    loader = _ObjectLoader(text)
    values = _loaded(loader, name)
    if not isinstance(values, dict):
        raise InvalidInput(
            f"{name}: a YAML mapping is wanted, and this is {_shown(values)}. Give the text, not the path, of one."
        )
    try:
        made = take(cast("dict[str, object]", values))
    except InvalidObject as error:
        root = cast("yaml.Node", yaml.compose(text, Loader=_BaseLoader))
        raise InvalidObject(error.model, [_quoted(mistake, root) for mistake in error.mistakes]) from None
    if not loader.met_time:
        return made
    loader = _ObjectLoader(text)
    loader.keep_times = True
    return take(cast("dict[str, object]", _loaded(loader, name)))


def write(value: object) -> str:
    """Return plain JSON data as a YAML document: keys in their order, a text of several lines as a block."""
    return yaml.dump(  # pyright: ignore[reportUnknownMemberType]  # types-PyYAML's `width` names a type it lacks
        value, Dumper=_ObjectDumper, sort_keys=False, allow_unicode=True, width=1 << 20
    )


# -- reading -----------------------------------------------------------------------------------------------------


class _ObjectLoader(_BaseLoader):
    """Makes JSON values and times. Refuses a key that stands twice, and what is no JSON.

    Attributes:
        keep_times: True when a time becomes the text that stands there, not a `datetime`.
        met_time: True when there was one.
    """

    keep_times = False
    met_time = False

    def mapping(self, node: yaml.MappingNode) -> dict[Hashable, object]:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                continue
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                first = lines[key.tag, key.value]
                where = "in the same line" if first == line else f"first in line {first}"
                raise _Refused(problem=f"the key {key.value!r} is there twice, {where}; keep one", node=key)
            lines[key.tag, key.value] = line
        return self.construct_mapping(node, deep=True)

    def sequence(self, node: yaml.SequenceNode) -> list[object]:
        return cast("list[object]", self.construct_sequence(node, deep=True))

    def number(self, node: yaml.ScalarNode) -> float:
        number = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise _Refused(problem=f"{node.value} is no number that JSON has; quote it if it is a text", node=node)
        return number

    def time(self, node: yaml.ScalarNode) -> object:
        self.met_time = True
        try:
            return node.value if self.keep_times else self.construct_yaml_timestamp(node)
        except ValueError:  # the form of a date, and no day of the calendar
            return node.value

    def refused(self, node: yaml.Node) -> object:
        tag = node.tag.replace(_TAG, "!!")
        raise _Refused(problem=f"the tag {tag} stands for what no API takes; write text, a number, a list…", node=node)


class _Refused(ConstructorError):
    """YAML that PyYAML would read, and that is a mistake in an object of an API."""

    def __init__(self, *, problem: str, node: yaml.Node) -> None:
        super().__init__(None, None, problem, node.start_mark)


_ObjectLoader.add_constructor(f"{_TAG}map", _ObjectLoader.mapping)
_ObjectLoader.add_constructor(f"{_TAG}seq", _ObjectLoader.sequence)
_ObjectLoader.add_constructor(f"{_TAG}float", _ObjectLoader.number)
_ObjectLoader.add_constructor(f"{_TAG}timestamp", _ObjectLoader.time)
for _tag in ("binary", "set", "omap", "pairs"):
    _ObjectLoader.add_constructor(f"{_TAG}{_tag}", _ObjectLoader.refused)
_ObjectLoader.add_constructor(None, _ObjectLoader.refused)


def _loaded(loader: _ObjectLoader, name: str) -> object:
    try:
        return cast(object, loader.get_single_data())
    except yaml.YAMLError as error:
        raise InvalidInput(f"{name}: {_in_words(error)}") from None
    except RecursionError:
        raise InvalidInput(f"{name}: the YAML is nested too deeply") from None
    finally:
        loader.dispose()


def _in_words(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"not one YAML document: {' '.join(str(error).split())}"
    mark = error.problem_mark or error.context_mark
    line = f"line {mark.line + 1}: " if mark else ""
    if isinstance(error, _Refused):
        return f"{line}{error.problem}"
    if isinstance(error, ComposerError) and "another document" in str(error.problem):
        return f"not one YAML document: {line}another document begins here; read them one by one"
    problem = " ".join(part for part in (error.context, error.problem) if part)
    return f"not one YAML document: {line}{problem}"


def _quoted(mistake: Mistake, root: yaml.Node) -> Mistake:
    """Return `mistake`; of a text that YAML reads as something else, with the text that stands there and its line."""
    if mistake.kind not in ("string_type", "literal_error", "invalid_key"):
        return mistake
    node = _node(root, mistake)
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _READ_AS or not node.value:
        return mistake
    if mistake.kind == "literal_error" and f"'{node.value}'" not in mistake.message:
        return mistake
    start = "must have strings as keys" if mistake.message.startswith("must have") else "must be a string"
    line = node.start_mark.line + 1
    words = f'{start}, and YAML reads {node.value} as {_READ_AS[node.tag]}; quote it: "{node.value}" (line {line})'
    return replace(mistake, message=words)


def _node(root: yaml.Node, mistake: Mistake) -> yaml.Node | None:
    """Return the scalar that `mistake` is about: a value, or one of the keys of a mapping."""
    node: yaml.Node | None = root
    for step in mistake.place:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    if isinstance(node, yaml.MappingNode):
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag in _READ_AS]
        return keys[0] if keys else None
    return node


def _shown(value: object) -> str:
    text = repr(value)
    short = text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
    return "nothing" if value is None else f"{type(value).__name__} {short}"


# -- writing -----------------------------------------------------------------------------------------------------


class _ObjectDumper(_BaseDumper):
    """Writes a text of several lines as a block, as people do, and repeats values rather than naming anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _ObjectDumper, value: str) -> yaml.ScalarNode:
    # YAML 1.1 reads these as line ends wherever they are not escaped, and PyYAML only escapes them within quotes.
    escaped = any(char in value for char in "\x85\u2028\u2029")
    style = '"' if escaped else "|" if "\n" in value else None
    return yaml.ScalarNode(f"{_TAG}str", value, style=style)


_ObjectDumper.add_representer(str, _text)
