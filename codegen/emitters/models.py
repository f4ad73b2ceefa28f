"""The text of every `models.py`: pins prepared for datamodel-code-generator, which orders the classes, resolves the
references and renders the classes through `templates/models`.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic.alias_generators import to_camel

from codegen.config import Config
from codegen.descriptions.docstrings import OWN, docstrings, update_docstrings
from codegen.emitters.conditions import choices_of_text, is_scalar, takes_null
from codegen.emitters.generated_module import EmitterInput, GeneratedModule
from codegen.emitters.update_types import updates_of
from codegen.errors import CodegenError, SchemaError
from codegen.schema.definitions import (
    CONDITION,
    OPEN,
    REF_PREFIX,
    Definitions,
    is_union,
    members,
    reference,
    tag_of,
)
from codegen.schema.jsontypes import Json, Object
from codegen.schema.naming import attributes, location

# Keywords of a pin, by what becomes of them here. A keyword that stands in neither list fails the generation.
RENDERED = {
    "type", "properties", "required", "items", "additionalProperties", "allOf", "$ref", "enum", "pattern", "nullable",
    "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "minProperties",
    "exclusiveMaximum", "exclusiveMinimum",
}  # fmt: skip
# What a model does not enforce. Defaults are the server's to apply, integer widths the server's to check. CEL and what
# no annotation can say is `validate_rules`' to check (`codegen/emitters/conditions.py`). The rest says how lists and
# maps are merged.
NOT_RENDERED = {
    "default", "format", "maxProperties", "multipleOf", CONDITION, "x-kubernetes-embedded-resource",
    "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-unions", "x-kubernetes-validations",
}  # fmt: skip
_PYTHON = {"boolean": "bool", "integer": "int", "number": "float", "string": "str"}
_FIELD_ARGUMENTS = {
    "maxLength": "max_length", "minLength": "min_length", "maximum": "le", "minimum": "ge",
    "maxItems": "max_length", "minItems": "min_length", "pattern": "pattern",
}  # fmt: skip


_BELOW = "union_below"  # module that names of unions seem to be imported from, until that import is taken out


def emit(source: EmitterInput) -> Iterable[GeneratedModule]:
    """Yield the models of every package: those of the pins, and the update types that are derived from them.

    Raises:
        SchemaError: A definition has what the generator does not know.
        CodegenError: A definition belongs to no configured module.
    """
    definitions, descriptions = source.definitions, source.descriptions
    updates = updates_of(definitions, [kind.definition for kind in source.kinds])
    previews = {name: pin.preview for pin in source.pins for name in pin.previewed}
    texts = {name: docstrings(name, node, descriptions, previews.get(name)) for name, node in definitions.items()}
    texts |= {
        name: update_docstrings(origin, definitions[origin], updates.definitions[name], descriptions)
        for name, origin in updates.origins.items()
    }
    # What several components bring comes from the one that stands first.
    documents = {name: pin.document(name) for pin in reversed(source.pins) for name in pin.definitions}
    documents |= {name: documents[origin] for name, origin in updates.origins.items()}
    modelled = {**definitions, **updates.definitions}
    exports: dict[str, list[str]] = defaultdict(list)
    for name in modelled:
        if name not in source.config.types:
            package, class_name = location(source.config, name)
            exports[package].append(class_name)
    files = _render(source, documents, modelled, texts)
    for path, text in files.items():
        package, _, file = path.rpartition("/")
        package = package.replace("/", ".")
        yield GeneratedModule(package, file, text, exports[package])


def _render(
    source: EmitterInput,
    documents: Mapping[str, str],
    definitions: Mapping[str, Object],
    docstrings: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """Return the text of every `models.py`, by its path below the generated package; not yet formatted.

    Args:
        documents: Name of the pin that each definition is from, for messages.
        definitions: Of all pins, and those derived from them, by upstream's names.
        docstrings: Of each definition, as Python source (see `codegen.descriptions.docstrings`).
    """
    config = source.config
    identity = {
        f"{kind.package}.models.{name}": (kind.api_version, wire)
        for kind in source.kinds
        for name, wire in ((kind.name, kind.kind), (kind.list_name, kind.list_kind))
    }
    schemas: dict[str, Json] = {}
    origins: dict[str, dict[str, object]] = {}
    tags = tags_of(definitions)
    for name, node in definitions.items():
        if name in config.types or is_union(node):
            continue
        package, class_name = location(config, name)
        target = f"{package}.models.{class_name}"
        prepared = _Preparation(config, definitions, documents.get(name, name), ("components", "schemas", name)).node(
            node
        )
        if target in identity:
            _fix_identity(prepared, identity[target])
        schemas[target] = prepared
        origins[target] = {
            "docstrings": docstrings[name],
            "identity": identity.get(target),
            "tag": (attributes(_properties(node))[tags[name][0]], *tags[name]) if name in tags else None,
        }
    text = json.dumps({"openapi": "3.0.3", "info": {"title": "", "version": ""}, "paths": {},
                       "components": {"schemas": schemas}})  # fmt: skip
    bases = dict.fromkeys(identity, "kubeflow.core.model.KubeObject")
    for name in tags:
        package, class_name = location(config, name)
        bases[f"{package}.models.{class_name}"] = "kubeflow.core.tagged_union.TaggedModel"
    for name, node in definitions.items():
        if is_open(config, name, node):
            package, class_name = location(config, name)
            target = f"{package}.models.{class_name}"
            bases[target] = f"kubeflow.core.open_model.Open{'KubeObject' if target in identity else 'Model'}"
    files = _run(text, origins, bases, source.root / "templates" / "models")
    return {path: module + _unions(source, path, definitions, docstrings) for path, module in files.items()}


def tags_of(definitions: Definitions) -> dict[str, tuple[str, str]]:
    """Return what tells each member of a union from the others: a field and its value.

    Raises:
        CodegenError: Two unions tell a definition by different fields or values.
    """
    tags: dict[str, tuple[str, str]] = {}
    for union, node in definitions.items():
        if is_union(node):
            for value, member in members(node).items():
                if tags.setdefault(member, (tag_of(node), value)) != (tag_of(node), value):
                    raise CodegenError(f"{union}: {member} is told by another field or value in another union")
    return tags


def _unions(
    source: EmitterInput, path: str, definitions: Definitions, docstrings: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the unions of a module. They stand below its classes, which a module reads late enough."""
    unions: list[dict[str, object]] = []
    for name, node in definitions.items():
        package, class_name = location(source.config, name) if is_union(node) else ("", "")
        if not package or path != f"{package.replace('.', '/')}/models.py":
            continue
        tag = tag_of(node)
        located = {value: location(source.config, member) for value, member in members(node).items()}
        if foreign := [member for member in located.values() if member[0] != package]:
            raise CodegenError(f"{name}: {foreign[0][1]} is of another package")
        first = next(iter(members(node).values()))
        unions.append(
            {
                "name": class_name,
                "attribute": attributes(_properties(definitions[first]))[tag],
                "tag": tag,
                "members": {value: member[1] for value, member in located.items()},
                "docstring": docstrings[name][OWN],
            }
        )
    return source.template("unions.py.jinja", unions=unions) if unions else ""


def _properties(node: Object) -> Mapping[str, Object]:
    return cast("Mapping[str, Object]", node.get("properties", {}))


def is_open(config: Config, name: str, node: Object) -> bool:
    """Return True when objects of a definition may have fields that it does not name.

    Where an OpenAPI document describes what a CRD leaves open, that document counts.
    """
    crds_only = {
        prefix for each in config.components.values() if each.openapi is None for prefix in each.api_versions.values()
    }
    return node.get(OPEN) is True and name not in config.types and name.rpartition(".")[0] in crds_only


def _fix_identity(node: dict[str, Json], identity: tuple[str, str]) -> None:
    properties = cast("dict[str, dict[str, Json]]", node["properties"])
    for key, value in zip(("api_version", "kind"), identity, strict=True):
        properties.setdefault(key, {"type": "string"})["enum"] = [value]


@dataclass(frozen=True, slots=True)
class _Preparation:
    """Turns one definition of a pin into what datamodel-code-generator renders as we want it."""

    config: Config
    definitions: Definitions
    document: str
    path: tuple[str, ...]

    def node(self, node: Object) -> dict[str, Json]:
        if unknown := set(node) - RENDERED - NOT_RENDERED:
            keyword = min(unknown)
            raise SchemaError(self.document, (*self.path, keyword), f"the generator cannot render {keyword!r}")
        if target := reference(node):
            return self._reference(node, target)
        if self._is_definition and _arguments(node):
            raise SchemaError(
                self.document, self.path, "constraints belong to the fields of this type, not to the type"
            )
        result: dict[str, Json] = {"type": node["type"]} if "type" in node else {}
        fields = cast("Mapping[str, Object]", node.get("properties", {}))
        called = attributes(fields)
        # The server fills in a default, also where the schema requires the field.
        if required := [
            called[name]
            for name in cast("list[str]", node.get("required", []))
            if name in fields and "default" not in fields[name]
        ]:
            result["required"] = required
        if choices_of_text(node):
            result["enum"] = node["enum"]
        if not self._is_definition:
            result.update(self._metadata(node))
        if "properties" in node:
            result["properties"] = self._properties(fields)
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
        return _Preparation(self.config, self.definitions, self.document, (*self.path, *steps))

    def _reference(self, node: Object, target: str) -> dict[str, Json]:
        metadata = self._metadata(node)
        if hand_written := self.config.types.get(target):
            return {"type": "string", "customTypePath": hand_written, **metadata}
        package, name = location(self.config, target)
        if is_union(self.definitions[target]):
            # Imported from nowhere: it stands below in the same module.
            return {"type": "string", "customTypePath": f"{_BELOW}.{name}", **metadata}
        link: dict[str, Json] = {"$ref": f"{REF_PREFIX}{package}.models.{name}"}
        return {"allOf": [link], **metadata} if metadata else link

    def _is_filled_in(self, node: Object) -> bool:
        """Return True when the server puts defaults into the object before it counts the entries: a model cannot."""
        target = reference(node)
        if target is None:
            return False
        fields = cast("Mapping[str, Object]", self.definitions[target].get("properties", {}))
        return any("default" in child for child in fields.values())

    def _properties(self, properties: Mapping[str, Object]) -> dict[str, Json]:
        result: dict[str, Json] = {}
        called = attributes(properties)
        for name, node in properties.items():
            python = called[name]
            prepared = self._below("properties", name).node(node)
            if node.get("nullable") and takes_null(node):
                prepared["x-nullable"] = True
            if to_camel(python) != name:  # what the model base would derive
                prepared["x-field"] = {"alias": name, **cast("dict[str, Json]", prepared.get("x-field", {}))}
            result[python] = prepared
        return result

    def _metadata(self, node: Object) -> dict[str, Json]:
        """Return constraints in the form that the class template renders, as extra keys of the property."""
        result: dict[str, Json] = {}
        if reference(node) is None and (arguments := _arguments(node)):
            result["x-field"] = arguments
        if "minProperties" in node and not self._is_filled_in(node):
            result["x-min-properties"] = node["minProperties"]
        closing = _closing(node)
        if " | None]" in closing:
            result["x-nulls"] = {"depth": len(closing), "closing": "".join(closing)}
        for keyword in ("items", "additionalProperties"):
            below = node.get(keyword)
            if isinstance(below, Mapping) and is_scalar(below) and (inner := _arguments(below)):
                result["x-below"] = {"type": _PYTHON[str(below["type"])], "arguments": inner}
        return result


def _closing(node: Object) -> list[str]:
    """Return what closes the type hint of a list or map after its innermost type, from inside: `] | None` and `]`."""
    inner = node.get("items", node.get("additionalProperties"))
    if reference(node) or not isinstance(inner, Mapping):
        return []
    return [*_closing(inner), " | None]" if takes_null(inner) else "]"]


def _arguments(node: Object) -> dict[str, Json]:
    arguments: dict[str, Json] = {}
    for keyword, argument in _FIELD_ARGUMENTS.items():
        if keyword in node:
            exclusive = node.get(f"exclusive{keyword[0].upper()}{keyword[1:]}")
            arguments[{"le": "lt", "ge": "gt"}[argument] if exclusive else argument] = node[keyword]
    return arguments


def _body(text: str) -> str:
    """Return a rendered module without datamodel-code-generator's header: ours stands above every file."""
    body = text[text.index("from __future__ import annotations") :]
    return "\n".join(line for line in body.split("\n") if not line.startswith(f"from {_BELOW} import"))


def _run(
    document: str,
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
            additional_imports=[
                "typing.TYPE_CHECKING",
                "typing.Annotated",
                "typing.ClassVar",
                "pydantic.Field",
                "kubeflow.core.model.MinProperties",
                "typing.TypeAlias",
                "kubeflow.core.tagged_union.TaggedUnion",
            ],
            field_extra_keys={"x-field", "x-below", "x-min-properties", "x-nullable", "x-nulls"},
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
