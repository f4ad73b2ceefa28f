"""What a field holds that a release removed: no generated model has it, and users of older minors still write it.

The content is a Python literal for `kubeflow.core.availability.Content`: a JSON type, a model that is generated all the
same, a list of one content, or a dict by wire names. A name that ends with `!` is required; `*` stands for any key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from codegen.comparison.tree import Node

Content: TypeAlias = "str | list[Content] | dict[str, Content]"
ModelOf: TypeAlias = Callable[[str], str | None]
"""Returns `package:Class` of the generated model of a definition; None where there is none."""
_ANY = {"open", "any", "recursive"}


def content_of(node: Node, model_of: ModelOf) -> str:
    """Return the literal for what stands at a place."""
    return repr(_content(node, model_of))


def _content(node: Node, model_of: ModelOf) -> Content:
    model = model_of(node.definition) if node.definition and node.type == "object" else None
    if model is not None:
        return model
    if node.type == "array":
        return [_content(node.children["[]"], model_of)] if "[]" in node.children else "any"
    if node.type == "map":
        return {"*": _content(node.children["{}"], model_of)}
    if node.type == "object" and node.children:
        return {
            name + ("!" if name in node.required else ""): _content(child, model_of)
            for name, child in node.children.items()
        }
    return "any" if node.type in _ANY or node.type == "object" else node.type
