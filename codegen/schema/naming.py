"""Python names of properties, kinds and definitions. A name that is no safe Python name is refused."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from codegen.config import Config
from codegen.errors import CodegenError

# Boundaries of words: before a capital after a small letter or digit, before the last capital of an acronym that a
# word follows, and not before the plural `s` of an acronym (`podCIDRs`).
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z](?!(?<=s)(?:[A-Z]|$)))")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


def attribute(name: str) -> str:
    """Return the snake_case attribute for a property: `clusterIPs` -> `cluster_ips`, `continue` -> `continue_`."""
    text = _UNSAFE.sub("_", _WORDS.sub("_", name)).lower().strip("_")
    if not text or text[0].isdigit():
        text = f"field_{text}".rstrip("_")
    shadows = text in _TAKEN or (text.startswith("model_") and hasattr(BaseModel, text))
    return text + "_" if keyword.iskeyword(text) or shadows else text


def attributes(names: Iterable[str]) -> dict[str, str]:
    """Return the attribute of each property of an object.

    Of several properties that would be one attribute (`fooBar`, `foo_bar`), the one that is written so has it: models
    take wire names and attributes alike. Else the one in camelCase has it, or the first in alphabetical order. The
    others get a number: `foo_bar_2`.
    """
    result: dict[str, str] = {}
    ordered = sorted(names, key=lambda name: (attribute(name) != name, to_camel(attribute(name)) != name, name))
    for name in ordered:
        text, number = attribute(name), 2
        while text in result.values():
            text, number = f"{attribute(name).rstrip('_')}_{number}", number + 1
        result[name] = text
    return result


def location(config: Config, definition: str) -> tuple[str, str]:
    """Return package (below the generated one) and class name for a definition: `Literal` -> `LiteralObject`.

    Raises:
        CodegenError: No entry of `[tool.codegen.modules]` covers it, or its name is no class name.
    """
    prefix, _, name = definition.rpartition(".")
    if prefix not in config.modules:
        raise CodegenError(f"{definition}: [tool.codegen.modules] has no entry for {prefix!r}")
    if not _CLASS.fullmatch(name):
        raise CodegenError(f"{definition}: {name!r} is no class name")
    hand_written = {target.rpartition(".")[2] for target in config.types.values()}
    return config.modules[prefix], name + "Object" if name in _TAKEN_CLASSES | hand_written else name


def words(kind: str) -> str:
    """Return a kind's name in snake_case: `TrainJob` -> `train_job`."""
    return _WORDS.sub("_", kind).lower()


def singular(name: str) -> str:
    """Return the name of one item of a list: `tolerations` -> `toleration`, `policies` -> `policy`."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    if re.search(r"(ss|x|ch|sh|ias|tus)es$", name):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith(("ss", "us", "is")) else name


# Names that the model base needs for itself, and those that annotations of other fields use.
_TAKEN = {
    *("bool", "dict", "float", "int", "list", "self", "str"),
    *("construct", "copy", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json"),
    *("update_forward_refs", "validate"),
    *("from_dict", "from_server", "from_yaml", "to_dict", "to_json", "to_yaml"),
}
# Names that generated modules import or define beside the classes of definitions.
_TAKEN_CLASSES = {
    *("False", "None", "True", "K"),
    *("Annotated", "Any", "ClassVar", "Field", "Literal", "Required", "Self", "TypedDict", "TypeVar", "Unpack"),
    *("Callable", "Generator", "Iterator", "Mapping", "Sequence"),
    *("KubeObject", "MinProperties", "Model", "OpenKubeObject", "OpenModel"),
    *("Operations", "RestClient", "TaggedModel", "TaggedUnion", "TypeAlias"),
    *("Builder", "Client", "KindBuilder", "Method", "Propagation", "Resource", "Rule", "Shape", "Table", "Transport"),
    *("Availability", "Limit", "Unavailable", "Violation", "WatchEvent"),
}
