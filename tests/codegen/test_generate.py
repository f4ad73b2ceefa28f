"""`codegen generate`: what is written imports, behaves, is the same every time, and leaves nothing stale behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.schema.naming import attribute
from tests.codegen.conftest import ROOT, Workshop


def python(workshop: Workshop, code: str) -> str:
    """Run `code` in a fresh interpreter that sees the generated package; return what it prints."""
    path = os.pathsep.join([str(workshop.root / "generated"), str(ROOT)])
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def generated(workshop: Workshop) -> Workshop:
    assert workshop.pin() == 0
    assert workshop.run("generate") == 0
    return workshop


def test_awkward_names_and_values_become_working_python(generated: Workshop) -> None:
    printed = python(
        generated,
        "from workshop_api.workshop.v1 import Robot, RobotSpec, Arm\n"
        "robot = Robot(spec=RobotSpec(model='r2', battery_uuids=['u'], class_='say \"hi\"\\n', from_=Arm(name='left'),"
        " arm_count=0, load='5m'))\n"
        "print(robot.to_json())\n"
        "print(Robot.from_dict(robot.to_dict()) == robot, robot.spec.load < 1)\n",
    )
    wire, verdict = printed.splitlines()
    assert wire == (
        '{"apiVersion":"workshop.example/v1","kind":"Robot","spec":{"armCount":0,"batteryUUIDs":["u"],'
        '"class":"say \\"hi\\"\\n","from":{"name":"left"},"load":"5m","model":"r2"}}'
    )
    assert verdict == "True True"


def test_constraints_hold_on_fields_and_on_items(generated: Workshop) -> None:
    printed = python(
        generated,
        "from workshop_api.workshop.v1 import RobotSpec\n"
        "for more in ({'batteryUUIDs': ['x' * 37]}, {'batteryUUIDs': ['a'] * 5}, {'armCount': -1}, {'class': 'Flyer'},\n"
        "             {'template': {'uid': 'a'}}, {}):\n"
        "    try: RobotSpec.from_dict({'model': 'r2', **more}); print('taken')\n"
        "    except ValueError as error: print('refused', error.errors()[0]['type'])\n",
    )
    assert printed.split("\n")[:-1] == [
        "refused string_too_long",
        "refused too_long",
        "refused greater_than_equal",
        "refused literal_error",
        "refused unknown_field",
        "taken",
    ]


def test_a_client_has_the_verbs_and_the_scope_of_its_kind(generated: Workshop) -> None:
    printed = python(
        generated,
        "import inspect\n"
        "from workshop_api.workshop.v1 import Client, Robots, Robot\n"
        "class Recorder:\n"
        "    def send(self, request):\n"
        "        print(request.method, request.path, dict(request.query), (request.body or {}).get('dryRun')); return dict(request.body or {})\n"
        "client = Client(Recorder())\n"
        "client.robots.create(Robot(metadata={'name': 'a'}))\n"
        "client.robots.get('a')\n"
        "client.robots.delete('a', dry_run=True)\n"
        "print([n for n in vars(Robots) if not n.startswith('_') and n.islower()])\n"
        "print('namespace' in inspect.signature(Robots.get).parameters)\n",
    )
    assert printed.splitlines() == [
        "POST /apis/workshop.example/v1/robots {'fieldValidation': 'Strict'} None",
        "GET /apis/workshop.example/v1/robots/a {} None",
        "DELETE /apis/workshop.example/v1/robots/a {} ['All']",
        "['create', 'get', 'list', 'watch', 'table', 'replace', 'modify', 'patch', 'apply', 'delete']",
        "False",
    ]


def test_the_same_bytes_under_every_hash_seed(tmp_path: Path) -> None:
    trees: list[dict[str, bytes]] = []
    for seed in ("0", "4711"):
        out = tmp_path / f"out{seed}"
        subprocess.run(
            [sys.executable, "-m", "codegen", "--root", str(ROOT), "generate", "--out", str(out)],
            check=True, cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        trees.append({p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()})
    assert trees[0] == trees[1]
    committed = ROOT / "generated"
    files = (p for p in sorted(committed.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    assert trees[0] == {p.relative_to(committed).as_posix(): p.read_bytes() for p in files}, "run `make generate`"


def test_what_is_no_longer_generated_goes(generated: Workshop) -> None:
    stale = generated.root / "generated/workshop_api/workshop/v2/models.py"
    stale.parent.mkdir()
    stale.write_text("old = True\n", "utf-8")
    before = [name for name in generated.written() if "v2" not in name]
    assert generated.run("generate") == 0
    assert generated.written() == before


def test_a_failed_generation_leaves_the_tree_as_it_was(generated: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: (generated.root / name).read_bytes() for name in generated.written()}
    text = (generated.root / "pyproject.toml").read_text("utf-8")
    (generated.root / "pyproject.toml").write_text(
        text.replace('"io.k8s.apimachinery.pkg.apis.meta.v1" =', '"other" ='), "utf-8"
    )
    assert generated.run("generate") == 1
    assert "[tool.codegen.modules] has no entry for 'io.k8s.apimachinery.pkg.apis.meta.v1'" in capsys.readouterr().err
    assert {name: (generated.root / name).read_bytes() for name in generated.written()} == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda text: text.replace('"type": "string"\n', '"type": "string", "const": "a"\n', 1),
            "differs from its hash",
        ),
    ],
)
def test_a_pin_that_was_edited_is_not_generated_from(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], change: object, problem: str
) -> None:
    assert workshop.pin() == 0
    path = workshop.root / "schemas/workshop/v1.2.json"
    path.write_text(change(path.read_text("utf-8")), "utf-8")  # type: ignore[operator]
    assert workshop.run("generate") == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "python_name"),
    [
        ("numNodes", "num_nodes"),
        ("podCIDRs", "pod_cidrs"),
        ("clusterIPs", "cluster_ips"),
        ("targetWWNs", "target_wwns"),
        ("storageUri", "storage_uri"),
        ("hostIPC", "host_ipc"),
        ("setHostnameAsFQDN", "set_hostname_as_fqdn"),
        ("HTTPGetAction", "http_get_action"),
        ("downwardAPI", "downward_api"),
        ("continue", "continue_"),
        ("class", "class_"),
        ("copy", "copy_"),
        ("$ref", "ref"),
        ("x-y.z", "x_y_z"),
        ("../etc", "etc"),
        ("1st", "field_1st"),
        ("äöü", "field"),
    ],
)
def test_attribute_names(name: str, python_name: str) -> None:
    assert attribute(name) == python_name
    assert python_name.isidentifier()


def test_a_kind_that_the_pin_lacks_is_told_with_the_command(
    generated: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    path = generated.root / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace('kinds = ["Robot"]', 'kinds = ["Robot", "Gadget"]'), "utf-8")
    assert generated.run("generate") == 1
    message = capsys.readouterr().err
    assert "schemas/workshop/v1.2.json and pyproject.toml differ in the kind 'Gadget'" in message
    assert "run `python -m codegen pin workshop v1.2.3 --from FOLDER`" in message
