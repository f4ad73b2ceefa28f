"""Fix-ups are data: each needs a reason, must match, and must change something."""

from __future__ import annotations

import pytest

from tests.codegen.conftest import Workshop

RIGHT = 'component = "workshop"\nat = "workshop.v1.RobotSpec/class"\nset = { enum = ["A"] }\nreason = "why"\n'


def patch(workshop: Workshop, text: str) -> None:
    assert workshop.pin() == 0
    (workshop.root / "schemas/patches.toml").write_text("[[patch]]\n" + text, "utf-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RIGHT, 'class_: Annotated[Literal["A"] | None'),
        (RIGHT.replace("set = { enum", 'set = { minLength = 3 }\ndrop = ["enum"]\n#'), "Field(alias=\"class\", min_length=3)"),
        (RIGHT.replace("/class", "").replace("set = { enum", 'require = ["batteryUUIDs"]\n#'), 'Field(max_length=36)]], Field(alias="batteryUUIDs", max_length=4)] '),
        (RIGHT.replace("/class", "").replace("set = { enum", 'require = ["armCount"]\n#'), "arm_count: Annotated[int | None, Field(ge=0)] = None"),
        (RIGHT.replace("/class", "").replace("set = { enum", 'relax = ["model"]\n#'), "model: Annotated[str | None, Field(max_length=20, min_length=1)] = None"),
        (RIGHT.replace("/class", "/batteryUUIDs/[]").replace("enum = [\"A\"]", "maxLength = 7"), "list[Annotated[str, Field(max_length=7)]]"),
    ],
)  # fmt: skip
def test_a_fix_up_reaches_the_models(workshop: Workshop, text: str, line: str) -> None:
    patch(workshop, text)
    assert workshop.run("generate") == 0
    models = (workshop.root / "generated/workshop_api/workshop/v1/models.py").read_text("utf-8")
    assert line in " ".join(models.split())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (RIGHT.replace("/class", "/klass"), "matches nothing any more"),
        (RIGHT.replace("RobotSpec", "Robots"), "matches nothing any more"),
        (RIGHT.replace("/class", "/class/[]"), "matches nothing any more"),
        (RIGHT.replace('enum = ["A"]', 'type = "string"'), "changes nothing any more"),
        (RIGHT.replace("/class", "").replace("set = { enum", 'require = ["model"]\n#'), "changes nothing any more"),
        (
            RIGHT.replace("/class", "").replace("set = { enum", 'require = ["wings"]\n#'),
            "'wings', which is no field there",
        ),
        (RIGHT.replace('component = "workshop"', 'component = "workshp"'), "'workshp', which is no component"),
        (RIGHT.replace('reason = "why"', ""), "needs a component, a place and a reason"),
        (RIGHT.replace("set = ", "put = "), "unknown keys: put"),
        (RIGHT.replace("set = { enum", "#"), "does nothing"),
    ],
)
def test_a_fix_up_that_does_not_fit_fails_the_generation(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    patch(workshop, text)
    assert workshop.run("generate") == 1
    assert problem in capsys.readouterr().err
    assert not (workshop.root / "generated").exists()
