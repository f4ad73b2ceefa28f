"""The locks fit pyproject.toml, and each other. All of this is read; nothing is installed."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from locks import compile as compiling
from locks import lockfile
from locks.install import OLDEST
from tests.install.checkout import ROOT

PURPOSES = lockfile.purposes(ROOT)
TEXTS = {name: lockfile.path(ROOT, name).read_text("utf-8") for name in PURPOSES}


@pytest.mark.parametrize("name", PURPOSES)
def test_a_lock_was_made_from_what_pyproject_says_now(name: str) -> None:
    assert lockfile.read(ROOT, PURPOSES[name]) == TEXTS[name]


@pytest.mark.parametrize("name", PURPOSES)
def test_all_that_is_asked_for_is_locked_in_a_version_that_is_allowed(name: str) -> None:
    locked = {canonicalize_name(package): versions for package, versions in lockfile.pins(TEXTS[name]).items()}
    for text in PURPOSES[name].requirements:
        requirement = Requirement(text)
        if requirement.name == "torch":
            assert requirement.specifier.contains(PURPOSES[name].torch)
            continue
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), f"{text}: {versions}"


@pytest.mark.parametrize("name", PURPOSES)
def test_every_package_has_a_hash_and_no_line_names_a_place(name: str) -> None:
    entries = re.findall(r"^[a-z0-9].*\n(?:\s+.*\n)*", TEXTS[name], re.MULTILINE)
    assert len(entries) >= len(lockfile.pins(TEXTS[name])) > 10
    assert not [entry for entry in entries if "--hash=sha256:" not in entry]
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", TEXTS[name])
    assert not re.search(r"^(torch|triton|nvidia-|cuda-)", TEXTS[name], re.MULTILINE)


def test_purposes_that_share_an_environment_lock_the_same_versions() -> None:
    for purpose in PURPOSES.values():
        if purpose.shared:
            other = lockfile.pins(TEXTS[purpose.shared])
            own = lockfile.pins(TEXTS[purpose.name])
            assert {name: own[name] for name in own.keys() & other} == {
                name: other[name] for name in own.keys() & other
            }
    assert lockfile.pins(TEXTS["demo"]).keys() < lockfile.pins(TEXTS["test"]).keys()


def test_the_demo_installs_no_type_checkers_no_jax_and_no_moto() -> None:
    assert not {"mypy", "pyright", "jax", "jaxlib", "moto", "boto3", "pytest"} & lockfile.pins(TEXTS["demo"]).keys()


def test_what_builds_the_project_is_locked_with_it() -> None:
    for purpose in PURPOSES.values():
        if purpose.project:
            assert {"hatchling", "editables", "pip"} <= lockfile.pins(TEXTS[purpose.name]).keys()


def test_the_oldest_python_is_that_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">={}.{}".format(*OLDEST)


def test_what_torch_brings_for_gpus_is_left_out_and_all_else_kept() -> None:
    text = (
        "filelock==3.0 \\\n    --hash=sha256:aa\n    # via torch\n"
        "nvidia-cublas==13.0 ; sys_platform == 'linux' \\\n    --hash=sha256:bb\n    # via torch\n"
        "torch==2.13.0 \\\n    --hash=sha256:cc\n    # via -c /tmp/x/held.txt, -r /tmp/x/wanted.in\n"
        "torchtune==0.6.1 \\\n    --hash=sha256:dd\n    # via -r /tmp/x/wanted.in\n"
    )

    assert compiling.without_cuda(text) == (
        "filelock==3.0 \\\n    --hash=sha256:aa\n    # via torch\n"
        "torchtune==0.6.1 \\\n    --hash=sha256:dd\n    # via pyproject.toml\n"
    )
