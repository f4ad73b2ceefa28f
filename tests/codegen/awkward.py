"""Structural schemas whose names and nesting are awkward for Python: keywords, builtins, names of the model base, maps
of objects, lists of lists, fields that differ by case or by a dash alone.
"""

from __future__ import annotations

import builtins
import keyword

import pydantic

from codegen.schema.naming import attribute, singular
from tests.codegen.shapes import COUNT, EITHER, OPEN, TEXT, Case, Schema, fields, listed, mapped

POINT = fields("x", x=COUNT, y=COUNT, label=TEXT)
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
NAMED = fields("name", name=TEXT, value=TEXT)
NULL_TEXT: Schema = {**TEXT, "nullable": True}
TIME: Schema = {**TEXT, "format": "date-time"}
QUANTITY: Schema = {
    **EITHER,
    "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
}

# What a schema may call a field, and Python, pydantic, the model base or a builder call something else.
NAMES = sorted(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *(name for name in dir(builtins) if not name.startswith("_")),
        *(name for name in dir(pydantic.BaseModel) if not name.startswith("_")),
        *("apiVersion", "kind", "metadata", "spec", "status", "items", "self", "cls", "fields", "entries", "more"),
        *("Required", "Self", "TypedDict", "Unpack", "Mapping", "Sequence", "Literal", "datetime", "Builder"),
        *("Annotated", "ClassVar", "Field", "TYPE_CHECKING", "MinProperties", "annotations", "typing", "pydantic"),
        *("a-b", "a.b", "a/b", "1st", "_hidden", "__dunder__", "ALLCAPS", "camelCase", "snake_case", "with space"),
        *("build", "edit", "set", "editItems", "name", "namespace", "labels"),
        *("API_VERSION", "KIND", "METHODS", "MODEL", "toDict", "to_dict", "fromYaml", "modelConfig", "model_fields"),
    }
)


def distinct(names: list[str]) -> list[str]:
    """Return those that are an attribute of their own."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(attribute(name), name)
    return list(seen.values())


def with_type(*values: Schema) -> tuple[Schema, ...]:
    """Return `values`: for the type checkers, which cannot tell the type of mixed objects."""
    return values


ALONE = distinct(NAMES)
# The type of a list's items is called after one of them: the same field in singular would be the same type.
LISTED = [name for name in ALONE if singular(name).lower() not in {other.lower() for other in ALONE if other != name}]
CASES = [
    Case("TextsFields", fields(**dict.fromkeys(ALONE, TEXT)), [dict.fromkeys(ALONE, "a")], [{"class": 1}]),
    Case(
        "NestedFields",
        fields(**dict.fromkeys(ALONE, POINT)),
        [{ALONE[0]: {"x": 1}}],
        [{ALONE[0]: {}}],
    ),
    Case("ListsFields", fields(**dict.fromkeys(LISTED, listed(POINT))), [{ALONE[0]: [{"x": 1}]}], [{ALONE[0]: [{}]}]),
    Case("KeyedFields", fields(**dict.fromkeys(LISTED, listed(NAMED, **KEYED))), [{"class": [{"name": "a"}]}], [{"class": [{}]}]),
    Case("MapsFields", fields(**dict.fromkeys(ALONE, mapped(COUNT))), [{"class": {"a": 1}}], [{"class": {"a": "b"}}]),
    Case("OpenFields", {**fields(**dict.fromkeys(ALONE, COUNT)), **OPEN}, [{"class": 1, "z": None}], [{"class": "b"}]),
    Case(
        "Deep",
        fields(
            "points",
            points=mapped(POINT),
            lists=mapped(listed(POINT)),
            grid=listed(listed(COUNT)),
            rows=listed(listed(POINT)),
            maps=listed(mapped(POINT)),
            mapsOfMaps=mapped(mapped(POINT)),
            cube=listed(listed(listed(TEXT))),
            keyedInMap=mapped(fields(items=listed(NAMED, **KEYED))),
            template=fields(metadata={"type": "object"}, spec=fields(metadata=fields(a=TEXT), spec=POINT)),
            metadata=fields(name=TEXT, metadata=fields(name=TEXT)),
            only=fields(metadata=TEXT, spec=POINT),
            onlyList=fields(metadata=fields(metadata=TEXT), names=listed(NAMED)),
            wrapper=fields(metadata=fields(a=TEXT), build=listed(NAMED)),
            wrapper2=fields(metadata=fields(a=TEXT), set=listed(NAMED, **KEYED)),
            wrapper3=fields(metadata=fields(a=TEXT), metadatas2=listed(NAMED, **KEYED)),
            wrapper4=fields(edit=fields(edit=POINT)),
        ),
        [
            {"points": {"a": {"x": 1}}},
            {"points": {}, "lists": {"a": [{"x": 1}]}, "grid": [[1]], "rows": [[{"x": 1}]], "maps": [{"a": {"x": 1}}]},
        ],
        [{}, {"points": {"a": {}}}, {"points": {}, "rows": [[{}]]}, {"points": {}, "grid": [["a"]]}],
    ),
    # Nulls, wherever they may stand.
    Case(
        "Nulls",
        fields(
            "must", "filled",
            must=NULL_TEXT, filled={**TEXT, "default": "x"},
            plain=TEXT, nullable=NULL_TEXT, choice={**NULL_TEXT, "enum": ["a"]}, open=OPEN,
            items=listed(NULL_TEXT), strictItems=listed(TEXT), defaultItems=listed({**TEXT, "default": "x"}),
            values=mapped(NULL_TEXT), strictValues=mapped(TEXT), numbers=mapped(COUNT),
            points=mapped({**POINT, "nullable": True}), strictPoints=mapped(POINT),
            pointItems=listed({**POINT, "nullable": True}), strictPointItems=listed(POINT),
            rows=listed(listed({**COUNT, "nullable": True, "minimum": 1}, nullable=True)),
            quantities=mapped({**QUANTITY, "nullable": True}), times=listed({**TIME, "nullable": True}),
            bounded=listed({**NULL_TEXT, "minLength": 2}), boundedValues=mapped({**NULL_TEXT, "pattern": "^a"}),
            some={**fields(a=TEXT, b=NULL_TEXT), "minProperties": 1},
            someFilled={**fields(a=TEXT, b={**TEXT, "default": "x"}), "minProperties": 1},
            someValues=mapped(TEXT, minProperties=1), someNulls=mapped(NULL_TEXT, maxProperties=1),
            either={**fields(a=TEXT, b=NULL_TEXT), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            ruled={**fields(a=NULL_TEXT, b=TEXT), "x-kubernetes-validations": [{"rule": "!has(self.a)"}]},
            ruledMap={**mapped(NULL_TEXT, maxProperties=3), "x-kubernetes-validations": [{"rule": "'k' in self"}]},
            whole={**fields(a=COUNT), "nullable": True, "not": {"required": ["a"]}},
        ),
        [
            {"must": None, **more}
            for more in with_type(
                {}, {"filled": None}, {"plain": None}, {"nullable": None}, {"open": None}, {"items": [None]},
                {"items": None}, {"defaultItems": [None]}, {"values": {"k": None}}, {"strictValues": {"k": None}},
                {"numbers": {"k": None}}, {"points": {"k": None}}, {"strictPoints": {"k": None}},
                {"pointItems": [None]}, {"rows": [None, [None, 1]]}, {"quantities": {"k": None}}, {"times": [None]},
                {"bounded": [None]}, {"boundedValues": {"k": None}}, {"some": {"b": None}}, {"someFilled": {}},
                {"someNulls": {"k": None}}, {"either": {"b": None}}, {"ruled": {"a": None}},
                {"ruledMap": {"k": None}}, {"whole": None},
            )
        ],
        [
            {}, {"must": 1},
            *(
                {"must": "a", **more}
                for more in with_type(
                    {"choice": None}, {"strictItems": [None]}, {"strictPointItems": [None]}, {"rows": [[0]]},
                    {"bounded": ["a"]}, {"some": {"a": None}}, {"someValues": {"k": None}}, {"either": {"a": None}},
                    {"someNulls": {"k": None, "l": None}}, {"ruled": {"a": "x"}}, {"ruledMap": {}}, {"whole": {"a": 1}},
                )
            ),
        ],
    ),
    # What no field may be: numbers that are too large, strings of another format.
    Case(
        "Formats",
        fields(
            small={**COUNT, "format": "int32"}, large={**COUNT, "format": "int64"}, plain=COUNT,
            share={"type": "number", "format": "float"}, port=EITHER, any={"type": "number", "format": "int32"},
            counts=listed({**COUNT, "format": "int32"}), byName=mapped({**COUNT, "format": "int32"}),
            day={**TEXT, "format": "date"}, at={**TEXT, "format": "datetime"}, when=TIME, data={**TEXT, "format": "byte"},
            address={**TEXT, "format": "ipv4"}, id={**TEXT, "format": "uuid"}, unknown={**TEXT, "format": "quantity"},
            every={**TEXT, "format": "duration"}, hosts=listed({**TEXT, "format": "hostname"}),
            either={**TEXT, "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
        ),
        [
            {"small": 2**31 - 1}, {"small": -(2**31)}, {"large": 2**63 - 1}, {"plain": -(2**63)}, {"share": 1.5},
            {"port": 2**40}, {"any": 2**40}, {"counts": [1]}, {"byName": {"a": -1}}, {"day": "2024-02-29"},
            {"at": "2024-01-02T03:04:05Z"}, {"when": "2024-01-02T03:04:05.5+01:00"}, {"data": "YQ=="},
            {"address": "1.2.3.4"}, {"id": "123e4567-e89b-12d3-a456-426614174000"}, {"unknown": "x"}, {"every": "1h"},
            {"hosts": ["a.example"]}, {"either": "::1"},
        ],
        [
            {"small": 2**31}, {"small": -(2**31) - 1}, {"large": 2**63}, {"plain": -(2**63) - 1}, {"share": 1e39},
            {"port": 2**63}, {"counts": [2**31]}, {"byName": {"a": 2**31}}, {"day": "2023-02-29"}, {"day": ""},
            {"at": "2024-01-02"}, {"when": "2024-01-02"}, {"data": "YQ"}, {"address": "::1"}, {"id": "x"},
            {"every": "x"}, {"hosts": ["a b"]}, {"either": "x"},
        ],
    ),
    # Lists of type map, whose keys have defaults.
    Case(
        "ListMaps",
        fields(
            ports=listed(
                fields("port", port=COUNT, protocol={**TEXT, "default": "TCP"}, name=TEXT),
                **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"]},
            ),
            variables=listed(NAMED, **KEYED),
            unnamed=listed(
                {**fields(name={**TEXT, "default": "d"}, value=TEXT), "default": {}}, **KEYED,
            ),
            values=listed(COUNT, **{"x-kubernetes-list-type": "set"}),
        ),
        [
            {"ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}]}, {"variables": [{"name": "a"}, {"name": "b"}]},
            {"unnamed": [{}, {"name": "a"}]}, {"values": [1, 2]}, {"unnamed": [None]},
        ],
        [
            {"ports": [{"port": 1}, {"port": 1}]}, {"ports": [{"port": 1}, {"port": 1, "protocol": "TCP"}]},
            {"ports": [{"port": 1, "protocol": None}, {"port": 1, "name": "x"}]},
            {"variables": [{"name": "a"}, {"name": "a", "value": "b"}]}, {"unnamed": [{}, {"name": "d"}]},
            {"unnamed": [None, {"value": "x"}]}, {"values": [1, 1]},
        ],
    ),
    # Two fields that are one attribute.
    Case(
        "Twins",
        fields(**{"fooBar": TEXT, "foo_bar": COUNT, "foo-bar": TEXT, "FooBar": TEXT, "class": TEXT, "class_": COUNT}),
        [
            {"fooBar": "a", "foo_bar": 1, "foo-bar": "b", "FooBar": "c", "class": "d", "class_": 2},
            *({"fooBar": "a"}, {"foo_bar": 1}, {"foo-bar": "b"}, {"FooBar": "c"}, {"class": "d"}, {"class_": 2}),
        ],
        [{"foo_bar": "a"}, {"fooBar": 1}, {"class_": "a"}],
    ),
    # Classes that are named as what generated code needs: types of the position are named after fields.
    Case(
        "Classes",
        fields(
            **dict.fromkeys(
                [
                    "list", "dict", "str", "int", "type", "object", "none", "true", "field", "annotated", "classVar",
                    "model", "kubeObject", "openModel", "literal", "mapping", "sequence", "builder", "kindBuilder",
                    "method", "typedDict", "unpack", "required", "self", "datetime", "baseModel", "minProperties",
                    "jsonObject", "jsonValue", "rule", "shape", "violation", "client", "typeVar", "any", "optional",
                    "union", "quantity", "intOrString", "time", "exception", "valueError",
                ],
                fields(value=TEXT, other=POINT),
            )
        ),
        [{"list": {"value": "a"}}],
        [{"list": {"value": 1}}],
    ),
    *(
        Case(kind, fields(value=TEXT, inner=POINT), [{"value": "a"}], [{"value": 1}])
        for kind in ("List", "Dict", "Field", "Literal", "Client", "Model", "Builder", "Mapping", "Type", "None", "Object", "Any", "Annotated", "KubeObject", "Update", "Self", "Str", "ClassVar", "Sequence", "TypedDict", "Unpack", "Required", "Method", "Rule", "Shape", "TypeVar", "Exception")
    ),
]  # fmt: skip
