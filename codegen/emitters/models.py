"""The text of every `models.py`: pins prepared for datamodel-code-generator, which orders the classes, resolves the
references and renders the classes through `templates/models`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic.alias_generators import to_camel

from codegen.config import Config
from codegen.errors import CodegenError, SchemaError
from codegen.schema.definitions import REF_PREFIX, reference
from codegen.schema.jsontypes import Json, Object
from codegen.schema.kinds import Kind
from codegen.schema.naming import attribute, location

# Keywords of a pin, by what becomes of them here. A keyword that stands in neither list fails the generation.
RENDERED = {
    "type", "properties", "required", "items", "additionalProperties", "allOf", "$ref", "enum", "pattern",
    "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "minProperties",
}  # fmt: skip
# What a model does not enforce: defaults are the server's to apply, integer widths the server's to check, CEL is
# `validate_rules`' to check, and the rest says how lists and maps are merged.
NOT_RENDERED = {
    "default", "format",
    "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-unions", "x-kubernetes-validations",
}  # fmt: skip
_FIELD_ARGUMENTS = {
    "maxLength": "max_length", "minLength": "min_length", "maximum": "le", "minimum": "ge",
    "maxItems": "max_length", "minItems": "min_length", "pattern": "pattern",
}  # fmt: skip


def render(
    config: Config,
    document: str,
    definitions: Mapping[str, Object],
    kinds: Iterable[Kind],
    docstrings: Mapping[str, Mapping[str, str]],
    templates: Path,
) -> dict[str, str]:
    """Return the text of every `models.py`, by its path below the generated package; not yet formatted.

    Args:
        document: Name of the pin, for messages.
        definitions: Of the pin, by upstream's names.
        kinds: Those that get `apiVersion` and `kind` filled in.
        docstrings: Of each definition, as Python source (see `codegen.descriptions.docstrings`).
        templates: Folder with the class template.

    Raises:
        SchemaError: A definition has what the generator does not know, or two of its names collide in Python.
        CodegenError: A definition belongs to no configured module.
    """
    identity = {
        f"{kind.package}.models.{name}": (kind.api_version, name)
        for kind in kinds
        for name in (kind.name, kind.list_name)
    }
    schemas: dict[str, Json] = {}
    aliases: dict[str, str] = {}
    origins: dict[str, dict[str, object]] = {}
    for name, node in definitions.items():
        if name in config.types:
            continue
        package, class_name = location(config, name)
        target = f"{package}.models.{class_name}"
        prepared = _Preparation(config, document, ("components", "schemas", name), aliases).node(node)
        if target in identity:
            _fix_identity(prepared, identity[target])
        schemas[target] = prepared
        origins[target] = {"docstrings": docstrings[name], "identity": identity.get(target)}
    text = json.dumps({"openapi": "3.0.3", "info": {"title": "", "version": ""}, "paths": {},
                       "components": {"schemas": schemas}})  # fmt: skip
    bases = dict.fromkeys(identity, "kubeflow.core.model.KubeObject")
    return _run(text, aliases, origins, bases, templates)


def _fix_identity(node: dict[str, Json], identity: tuple[str, str]) -> None:
    properties = cast("dict[str, dict[str, Json]]", node["properties"])
    for key, value in zip(("apiVersion", "kind"), identity, strict=True):
        properties[key]["enum"] = [value]


@dataclass(frozen=True, slots=True)
class _Preparation:
    """Turns one definition of a pin into what datamodel-code-generator renders as we want it."""

    config: Config
    document: str
    path: tuple[str, ...]
    aliases: dict[str, str]

    def node(self, node: Object) -> dict[str, Json]:
        if unknown := set(node) - RENDERED - NOT_RENDERED:
            keyword = min(unknown)
            raise SchemaError(self.document, (*self.path, keyword), f"the generator cannot render {keyword!r}")
        if target := reference(node):
            return self._reference(node, target)
        if self._is_definition and (_arguments(node) or "minProperties" in node):
            raise SchemaError(
                self.document, self.path, "constraints belong to the fields of this type, not to the type"
            )
        result: dict[str, Json] = {key: node[key] for key in ("type", "required", "enum") if key in node}
        if "enum" in node and not all(isinstance(value, str) for value in cast("list[Json]", node["enum"])):
            raise SchemaError(self.document, (*self.path, "enum"), "only enums of strings are understood")
        result.update(self._metadata(node))
        if "properties" in node:
            result["properties"] = self._properties(cast("Mapping[str, Object]", node["properties"]))
        for keyword in ("items", "additionalProperties"):
            if isinstance(node.get(keyword), Mapping):
                result[keyword] = self._below(keyword).node(cast("Object", node[keyword]))
        free = result.get("type") == "object" and not isinstance(node.get("additionalProperties"), Mapping)
        if free and "properties" not in node and (not self._is_definition or "additionalProperties" in node):
            raise SchemaError(self.document, self.path, "any object: map its definition in [tool.codegen.types]")
        return result

    @property
    def _is_definition(self) -> bool:
        return len(self.path) == 3  # components, schemas, name

    def _below(self, *steps: str) -> _Preparation:
        return _Preparation(self.config, self.document, (*self.path, *steps), self.aliases)

    def _reference(self, node: Object, target: str) -> dict[str, Json]:
        metadata = self._metadata(node)
        if hand_written := self.config.types.get(target):
            return {"type": "string", "customTypePath": hand_written, **metadata}
        package, name = location(self.config, target)
        link: dict[str, Json] = {"$ref": f"{REF_PREFIX}{package}.models.{name}"}
        return {"allOf": [link], **metadata} if metadata else link

    def _properties(self, properties: Mapping[str, Object]) -> dict[str, Json]:
        taken: dict[str, str] = {}
        result: dict[str, Json] = {}
        for name, node in properties.items():
            python = attribute(name)
            if python in taken:
                raise SchemaError(
                    self.document,
                    (*self.path, "properties", name),
                    f"becomes {python!r}, as {taken[python]!r} does",
                )
            taken[python] = name
            self.aliases[name] = python
            prepared = self._below("properties", name).node(node)
            if to_camel(python) != name:  # what the model base would derive
                prepared["x-field"] = {"alias": name, **cast("dict[str, Json]", prepared.get("x-field", {}))}
            result[name] = prepared
        return result

    def _metadata(self, node: Object) -> dict[str, Json]:
        """Return constraints in the form that the class template renders, as extra keys of the property."""
        result: dict[str, Json] = {}
        arguments = _arguments(node)
        if arguments:
            result["x-field"] = arguments
        if "minProperties" in node:
            result["x-min-properties"] = node["minProperties"]
        items = node.get("items")
        if isinstance(items, Mapping) and (inner := _arguments(items)):
            if "$ref" in items or "allOf" in items or items.get("type") in ("array", "object"):
                raise SchemaError(
                    self.document, (*self.path, "items"), "constraints are understood on scalar items only"
                )
            result["x-items"] = inner
        values = node.get("additionalProperties")
        if isinstance(values, Mapping) and _arguments(values):
            raise SchemaError(
                self.document,
                (*self.path, "additionalProperties"),
                "constraints on values are not understood",
            )
        return result


def _arguments(node: Object) -> dict[str, Json]:
    return {argument: node[keyword] for keyword, argument in _FIELD_ARGUMENTS.items() if keyword in node}


def _body(text: str) -> str:
    """Return a rendered module without datamodel-code-generator's header: ours stands above every file."""
    return text[text.index("from __future__ import annotations") :]


def _run(
    document: str,
    aliases: Mapping[str, str],
    origins: Mapping[str, dict[str, object]],
    bases: Mapping[str, str],
    templates: Path,
) -> dict[str, str]:
    from datamodel_code_generator import InputFileType, generate
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import PythonVersion
    from datamodel_code_generator.parser import LiteralType

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        generate(
            document,
            input_file_type=InputFileType.OpenAPI,
            output=out,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            base_class="kubeflow.core.model.Model",
            base_class_map=dict(bases),
            custom_template_dir=templates,
            extra_template_data=cast("dict[str, dict[str, object]]", dict(origins)),  # type: ignore[arg-type]
            aliases=dict(aliases),
            additional_imports=[
                "typing.TYPE_CHECKING",
                "typing.Annotated",
                "typing.ClassVar",
                "pydantic.Field",
                "kubeflow.core.model.MinProperties",
            ],
            field_extra_keys={"x-field", "x-items", "x-min-properties"},
            enum_field_as_literal=LiteralType.All,
            use_annotated=True,
            use_exact_imports=True,
            use_standard_collections=True,
            use_union_operator=True,
            disable_timestamp=True,
            formatters=[],
        )
        files = {path.relative_to(out).as_posix(): _body(path.read_text("utf-8")) for path in out.rglob("models.py")}
    if not files:
        raise CodegenError("datamodel-code-generator wrote nothing")
    return files
