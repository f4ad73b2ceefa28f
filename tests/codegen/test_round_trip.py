"""The CRD made from a pin is upstream's, or `pin` fails and says which patch would help; patches stand in the lock."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from codegen.pins.lock import sha256
from tests.codegen.conftest import Workshop

SCHEMA = "/spec/versions/0/schema/openAPIV3Schema"


def replaced(before: str, after: str) -> Callable[[str], str]:
    return lambda text: text.replace(before, after)


def only_in_openapi(text: str) -> str:
    document = json.loads(text)
    document["components"]["schemas"]["workshop.v1.Arm"]["properties"]["name"]["enum"] = ["left", "right"]
    return json.dumps(document)


@pytest.mark.parametrize(
    ("file", "change", "pointer", "difference", "remedy"),
    [
        ("openapi.json", only_in_openapi, f"{SCHEMA}/properties/spec/properties/arms/items/properties/name/enum",
         'the pin has ["left", "right"], the CRD nothing', 'set = ["left", "right"]'),
        ("robots.yaml", replaced("                  name: {type: string}\n                  labels", "                  name: {type: string, maxLength: 9}\n"
         "                  labels"), f"{SCHEMA}/properties/spec/properties/template/properties/name/maxLength",
         "the pin has nothing, the CRD 9", "remove = true"),
    ],
)  # fmt: skip
def test_a_difference_fails_with_its_place_and_the_patch_that_helps(
    workshop: Workshop,
    capsys: pytest.CaptureFixture[str],
    file: str,
    change: Callable[[str], str],
    pointer: str,
    difference: str,
    remedy: str,
) -> None:
    workshop.edit(file, change)
    assert workshop.pin() == 1
    message = capsys.readouterr().err
    assert f"robots.yaml#{pointer}: {difference}" in message
    entry = message[message.index("[[upstream]]") :]
    assert remedy in entry
    assert workshop.written() == []
    if remedy == "remove = true":  # an upstream that says it once, where the pin says it for every use
        patch(workshop, entry.replace('"..."', '"The server prunes it anyway."'))
        assert workshop.pin() == 0


def patch(workshop: Workshop, entry: str) -> None:
    (workshop.root / "schemas").mkdir(exist_ok=True)
    (workshop.root / "schemas/patches.toml").write_text(entry, "utf-8")


def entry(at: str, verb: str, **more: Any) -> str:
    values = {"component": "workshop", "file": "robots.yaml", "at": at, "reason": "It is a fault.", **more}
    return "\n".join(["[[upstream]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), verb])


MODEL = f"{SCHEMA}/properties/spec/properties/model"


def test_a_patch_applies_before_anything_is_checked_and_stands_in_the_lock(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.edit("robots.yaml", replaced("model: {type: string,", "model: {type: number,"))
    assert workshop.pin() == 1
    assert f"robots.yaml#{MODEL}: `type` is 'number' here" in capsys.readouterr().err
    patch(workshop, entry(f"{MODEL}/type", 'set = "string"'))
    assert workshop.pin() == 0
    (locked,) = tomllib.loads((workshop.root / "schemas/lock.toml").read_text("utf-8"))["pin"]
    assert locked["patches"] == {f"robots.yaml#{MODEL}/type": 'set "string"'}
    assert locked["sources"]["robots.yaml"] == sha256((workshop.upstream / "robots.yaml").read_bytes())
    assert workshop.run("generate") == 0
    assert workshop.run("verify") == 0


def test_a_patch_that_was_changed_after_the_pin_is_found(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    patch(workshop, entry(f"{MODEL}/maxLength", "remove = true"))
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    (workshop.root / "schemas/patches.toml").write_text("", "utf-8")
    assert workshop.run("verify") == 1
    message = f"schemas/patches.toml: the upstream patch at 'robots.yaml#{MODEL}/maxLength' is not the one in lock.toml"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (entry(f"{SCHEMA}/properties/gone/type", "remove = true"), "matches nothing any more"),
        (entry("/spec/versions/7", "remove = true"), "matches nothing any more"),
        (entry(f"{MODEL}/maxLength", "set = 20"), "changes nothing any more"),
        (entry(f"{MODEL}/maxLength", ""), "needs either `set` or `remove = true`"),
        (entry("", "remove = true"), "needs a component, a file, a JSON pointer and a reason"),
        (entry("spec", "remove = true"), "needs a pointer such as '/spec/scope'"),
        (entry("/spec/scope", "remove = true", drop=["x"]), "has unknown keys: drop"),
        (entry("/spec/scope", "remove = true", file="other.yaml"), "is for a file that is not read"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    patch(workshop, text)
    assert workshop.pin() == 1
    message = capsys.readouterr().err
    assert "schemas/patches.toml: the " in message
    assert problem in message


def test_a_patch_for_another_release_is_left_alone(workshop: Workshop) -> None:
    patch(workshop, entry(f"{SCHEMA}/properties/gone", "remove = true", versions=["v1.1.0"]))
    assert workshop.pin() == 0


def test_a_rule_on_the_metadata_of_a_template_is_kept(workshop: Workshop) -> None:
    rule = '{rule: "!has(self.labels) || size(self.labels) < 9", message: too many}'
    workshop.edit(
        "robots.yaml",
        replaced("template:\n                type: object\n", "template:\n                type: object\n"
                 f"                x-kubernetes-validations:\n                - {rule}\n"),
    )  # fmt: skip
    assert workshop.pin() == 0
    pinned = json.loads((workshop.root / "schemas/workshop/v1.2.json").read_text("utf-8"))
    template = pinned["components"]["schemas"]["workshop.v1.RobotSpec"]["properties"]["template"]
    assert template["x-kubernetes-validations"][0]["message"] == "too many"
    assert workshop.run("generate") == 0
    rules = (workshop.root / "generated/workshop_api/workshop/v1/rules.py").read_text("utf-8")
    assert "too many" in rules
