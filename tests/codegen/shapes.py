"""Structural schemas of every shape that CRDs have, each with specs that the API server takes and that it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
OPEN = {"x-kubernetes-preserve-unknown-fields": True}
EITHER: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}


def fields(*required: str, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": list(required)} if required else found


def listed(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def mapped(values: Schema, **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": values, **more}


@dataclass(frozen=True)
class Case:
    """One kind.

    Attributes:
        spec: Structural schema of `spec`.
        taken: Specs that the API server takes.
        refused: Specs that it refuses.
    """

    kind: str
    spec: Schema
    taken: list[Any] = field(default_factory=list[Any])
    refused: list[Any] = field(default_factory=list[Any])


SECRET = fields("name", name={**TEXT, "minLength": 1}, key=TEXT)
CASES = [
    # As cert-manager has them: exactly one issuer, enums in lists, durations, a condition for each type.
    Case(
        "Issuer",
        {
            **fields(
                "secretName",
                secretName=TEXT,
                selfSigned=fields(crlDistributionPoints=listed(TEXT)),
                ca=fields("secretName", secretName=TEXT),
                usages=listed({**TEXT, "enum": ["signing", "client auth"]}, maxItems=2),
                privateKey=fields(size=COUNT, algorithm={**TEXT, "enum": ["RSA", "ECDSA"]}),
                keystore=fields("passwordSecretRef", passwordSecretRef=SECRET),
                conditions=listed(
                    fields("type", type=TEXT),
                    **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
                ),
            ),
            "oneOf": [{"required": ["selfSigned"]}, {"required": ["ca"]}],
        },
        [
            {"secretName": "a", "ca": {"secretName": "b"}},
            {"secretName": "a", "selfSigned": {}, "usages": ["client auth"]},
        ],
        [
            {"secretName": "a"},
            {"secretName": "a", "ca": {"secretName": "b"}, "selfSigned": {}},
            {"ca": {"secretName": "b"}},
            {"secretName": "a", "selfSigned": {}, "usages": ["other"]},
            {"secretName": "a", "selfSigned": {}, "keystore": {"passwordSecretRef": {"name": ""}}},
        ],
    ),
    # As the gateway API has them: patterns, bounds of lists, alternatives below list items, rules.
    Case(
        "Route",
        fields(
            hostnames=listed(
                {
                    **TEXT,
                    "minLength": 1,
                    "maxLength": 20,
                    "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z]+)*$",
                },
                maxItems=2,
            ),
            parents=listed(
                {
                    **fields("name", name=TEXT, port={**COUNT, "format": "int32", "minimum": 1, "maximum": 65535}),
                    "minProperties": 2,
                }
            ),
            filters=listed(
                {
                    **fields(
                        "type",
                        type={**TEXT, "enum": ["Redirect", "Mirror"]},
                        redirect=fields(code=COUNT),
                        mirror=fields(percent=COUNT),
                    ),
                    "anyOf": [{"required": ["redirect"]}, {"required": ["mirror"]}],
                    "not": {"required": ["redirect", "mirror"]},
                }
            ),
            weights={
                **mapped({**COUNT, "minimum": 0}),
                "x-kubernetes-validations": [{"rule": "self.all(k, self[k] < 100)", "message": "too heavy"}],
                "maxProperties": 5,
            },
        ),
        [
            {"hostnames": ["*.a.b"]},
            {"parents": [{"name": "x", "port": 80}]},
            {"filters": [{"type": "Mirror", "mirror": {}}]},
            {"weights": {"a": 0}},
        ],
        [
            {"hostnames": ["A"]},
            {"hostnames": ["a", "b", "c"]},
            {"parents": [{"name": "x"}]},
            {"parents": [{"name": "x", "port": 0}]},
            {"filters": [{"type": "Mirror"}]},
            {"filters": [{"type": "Mirror", "mirror": {}, "redirect": {}}]},
            {"weights": {"a": -1}},
            {"weights": {"a": 100}},
            {"weights": dict.fromkeys("abcdef", 1)},
        ],
    ),
    # As Argo has them: whatever the controller takes, whole or in places, with and without a type.
    Case(
        "Workflow",
        {"type": "object", **OPEN, "x-kubernetes-map-type": "atomic"},
        [{}, {"entrypoint": "main", "templates": [{"anything": [1, "a", None]}]}],
        ["text", ["a"]],
    ),
    Case(
        "Step",
        fields(
            "name",
            name=TEXT,
            value=OPEN,
            values=listed(OPEN),
            withParam=mapped(OPEN),
            plugin={**fields("kind", kind=TEXT), **OPEN},
            manifest={"type": "object", **OPEN, "x-kubernetes-embedded-resource": True},
            labels={"type": "object", "additionalProperties": True},
        ),
        [
            {"name": "a", "value": 1},
            {"name": "a", "value": ["x"]},
            {"name": "a", "value": {"b": 1}, "values": [1, "x", {}]},
            {"name": "a", "withParam": {"x": 1, "y": "b"}},
            {"name": "a", "plugin": {"kind": "x", "more": {"y": 1}}},
            {"name": "a", "manifest": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {}}},
            {"name": "a", "labels": {"a": 1, "b": ["c"], "d": {}}},
        ],
        [
            {"value": 1},
            {"name": "a", "values": 1},
            {"name": "a", "plugin": {"more": 1}},
            {"name": "a", "other": 1},
            {"name": "a", "plugin": {"kind": 3}},
            {"name": "a", "labels": "x"},
            {"name": "a", "labels": {"a": {"b": 1}}},
        ],
    ),
    # As KubeRay has them: a template whose metadata is pruned, start parameters, quantities beside numbers.
    Case(
        "RayThing",
        fields(
            "headGroup",
            headGroup=fields(
                "rayStartParams",
                rayStartParams=mapped(TEXT),
                template=fields(
                    metadata={"type": "object"},
                    spec=fields("containers", containers=listed(fields("name", name=TEXT, image=TEXT))),
                ),
            ),
            workerGroups=listed(
                fields(
                    "groupName",
                    groupName=TEXT,
                    replicas={**COUNT, "format": "int32", "default": 0, "minimum": 0},
                    numOfHosts={**COUNT, "default": 1},
                    port=EITHER,
                )
            ),
            autoscaler=fields(upscalingMode={**TEXT, "enum": ["Default", "Aggressive"]}, idleTimeoutSeconds=COUNT),
        ),
        [
            {"headGroup": {"rayStartParams": {}}},
            {"headGroup": {"rayStartParams": {"a": "b"}, "template": {"metadata": {}, "spec": {"containers": []}}}},
            {
                "headGroup": {"rayStartParams": {}},
                "workerGroups": [{"groupName": "a", "port": "http"}, {"groupName": "b", "port": 80}],
            },
        ],
        [
            {},
            {"headGroup": {}},
            {"headGroup": {"rayStartParams": {"a": 1}}},
            {"headGroup": {"rayStartParams": {}, "template": {"metadata": {"labels": {}}}}},
            {"headGroup": {"rayStartParams": {}}, "workerGroups": [{"groupName": "a", "replicas": -1}]},
            {"headGroup": {"rayStartParams": {}}, "workerGroups": [{"groupName": "a", "port": 1.5}]},
        ],
    ),
    # As Volcano has them: few required fields, policies as pairs of events and actions, plugins as maps of lists.
    Case(
        "Batch",
        fields(
            minAvailable={**COUNT, "format": "int32"},
            tasks=listed(
                {
                    **fields(
                        name={**TEXT, "default": "task"},
                        replicas={**COUNT, "minimum": 0},
                        policies=listed(fields(action=TEXT, event=TEXT, exitCode=COUNT, timeout=TEXT)),
                        partition=fields(
                            totalPartitions=COUNT, expectedSize={**COUNT, "exclusiveMinimum": True, "minimum": 0}
                        ),
                    )
                }
            ),
            plugins=mapped(listed(TEXT)),
            volumes=listed(fields("mountPath", mountPath=TEXT, volumeClaim=fields(accessModes=listed(TEXT)))),
        ),
        [{}, {"tasks": [{}]}, {"plugins": {"ssh": [], "env": ["a"]}}, {"tasks": [{"partition": {"expectedSize": 1}}]}],
        [
            {"plugins": {"ssh": "a"}},
            {"plugins": {"ssh": [1]}},
            {"volumes": [{}]},
            {"tasks": [{"partition": {"expectedSize": 0}}]},
        ],
    ),
    # Constraints wherever they may stand.
    Case(
        "Bounds",
        fields(
            integers=listed({**COUNT, "maximum": 3, "minimum": 1}),
            numbers=listed({"type": "number", "maximum": 1, "exclusiveMaximum": True}),
            deep=listed(listed({**TEXT, "maxLength": 2}, minItems=1)),
            texts=mapped({**TEXT, "pattern": "^[a-z]+$"}),
            counts=mapped({**COUNT, "maximum": 3}),
            lists=mapped(listed(TEXT, maxItems=1)),
            objects=mapped({**fields(x=COUNT, y=COUNT), "minProperties": 1, "maxProperties": 1}),
            size=mapped(TEXT, minProperties=1, maxProperties=2),
            step={**COUNT, "multipleOf": 5},
            share={"type": "number", "multipleOf": 0.1},
            above={"type": "number", "minimum": 0, "exclusiveMinimum": True},
            port={**EITHER, "maximum": 9, "pattern": "^[a-z]+$"},
            level={**COUNT, "enum": [1, 2]},
            levels=listed({**COUNT, "enum": [1, 2]}),
            maybe={**TEXT, "nullable": True},
        ),
        [
            {"integers": [1, 3]},
            {"numbers": [0.5, -1]},
            {"deep": [["ab"], ["a", "b"]]},
            {"texts": {"A": "a"}},
            {"counts": {"a": 3}},
            {"lists": {"a": ["b"]}},
            {"objects": {"a": {"x": 1}}},
            {"size": {"a": "b"}},
            {"step": 10},
            {"share": 0.5},
            {"above": 0.1},
            {"port": 9},
            {"port": "abc"},
            {"level": 2},
            {"levels": [1, 2]},
            {"maybe": None},
            {"maybe": "a"},
        ],
        [
            {"integers": [4]},
            {"integers": [0]},
            {"numbers": [1]},
            {"deep": [[]]},
            {"deep": [["abc"]]},
            {"texts": {"a": "A"}},
            {"counts": {"a": 4}},
            {"lists": {"a": ["b", "c"]}},
            {"objects": {"a": {}}},
            {"objects": {"a": {"x": 1, "y": 2}}},
            {"size": {}},
            {"size": {"a": "", "b": "", "c": ""}},
            {"step": 7},
            {"share": 0.55},
            {"above": 0},
            {"port": 10},
            {"port": "A"},
            {"level": 3},
            {"levels": [3]},
            {"integers": 3},
        ],
    ),
    Case(
        "Choices",
        {
            **fields(a=TEXT, b=COUNT, mode=TEXT, inner=fields(x=COUNT, y=COUNT)),
            "allOf": [
                {"not": {"required": ["a", "b"]}},
                {"anyOf": [{"properties": {"mode": {"enum": ["fast", "slow"]}}}, {"required": ["b"]}]},
                {"properties": {"inner": {"properties": {"x": {"minimum": 1}}, "required": ["x"]}}},
            ],
        },
        [{}, {"a": "x"}, {"mode": "fast"}, {"b": 1, "mode": "other"}, {"inner": {"x": 1}}],
        [{"a": "x", "b": 1}, {"mode": "other"}, {"inner": {}}, {"inner": {"x": 0}}],
    ),
    Case("Nothing", {"type": "object"}, [{}], [{"a": 1}, 3]),
    Case(
        "Nullable",
        fields("must", must={**TEXT, "nullable": True}, part={**fields(x=COUNT), "nullable": True}),
        [{"must": None}, {"must": "a", "part": None}],
        [{}, {"must": 3}],
    ),
    # Names that are no identifiers, fields that are required and not named, rules of a type beside those of its use.
    Case(
        "Odd",
        {
            **fields(
                "x-y",
                **{
                    "x-y": {**TEXT, "nullable": True},
                    "a-part": {
                        **fields(b=COUNT),
                        "minProperties": 1,
                        "not": {"required": ["b", "c"]},
                        "required": ["c"],
                        **OPEN,
                    },
                    "free": {"type": "object", "required": ["kind"], **OPEN},
                },
            ),
        },
        [{"x-y": "a"}, {"x-y": None}, {"x-y": "a", "a-part": {"c": 1}}, {"x-y": "a", "free": {"kind": 1}}],
        [{}, {"x-y": "a", "a-part": {"b": 1}}, {"x-y": "a", "a-part": {"b": 1, "c": 1}}, {"x-y": "a", "free": {}}],
    ),
]
