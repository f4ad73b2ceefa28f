"""Images: pulled when the plan says so, with progress and with the credentials that docker keeps."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
from pathlib import Path

import pytest

from kubeflow.local.executors.containers.container_engine import ContainerEngine
from kubeflow.local.executors.containers.container_images import make_ready
from kubeflow.local.executors.containers.engine_errors import ImageUnavailable
from kubeflow.local.job.places import Places
from tests.container_engines import container_engine
from tests.local.containers import ContainerDesk, container_desk
from tests.tiny_registry import ABANDONED, ADDRESS, HELPED, PASSWORD, PRIVATE, PRIVATE_ADDRESS, TINY, USER

__all__ = ["container_desk", "container_engine"]


def _remove(desk: ContainerDesk, *images: str) -> None:
    api = desk.under_test.api()
    there = {tag for image in api.images() for tag in image["RepoTags"] or ()}
    for image in {*images} & there:
        api.remove_image(image)
    api.close()


def test_an_image_is_pulled_with_progress_when_it_is_not_there_or_always(container_desk: ContainerDesk) -> None:
    desk = container_desk
    _remove(desk, TINY)

    told: list[list[str]] = []
    for name, pull in (("first", "IfNotPresent"), ("second", "IfNotPresent"), ("always", "Always"), ("never", "Never")):
        desk.submit("true", name=name, container={"image": TINY, "pull": pull})
        assert desk.finish(name).phase == "Complete"
        events = desk.jobs.events(desk.get(name))
        told.append([event.message for event in events if event.reason.startswith("Image")])

    first, second, always, never = told
    assert first[0] == f"pulling image {TINY}"
    assert first[-1].startswith(f"image {TINY} is there (sha256:")
    if desk.under_test.name == "docker":  # podman's answers say nothing of how far it is
        assert any(" of 3 MB" in message for message in first[1:-1])
    assert (second, never) == ([], [])
    assert always[0] == f"pulling image {TINY}"
    _remove(desk, TINY)


def test_a_private_image_is_pulled_with_what_docker_login_has_kept(
    container_desk: ContainerDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = container_desk
    _remove(desk, PRIVATE)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    desk.submit("true", name="refused", container={"image": PRIVATE, "pull": "IfNotPresent"})
    refused = desk.finish("refused")
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {PRIVATE_ADDRESS: {"auth": login}}}))
    desk.submit("true", name="allowed", container={"image": PRIVATE, "pull": "IfNotPresent"})

    assert desk.finish("allowed").phase == "Complete"
    assert "it is private: sign in with `docker login` or `podman login`" in refused.reason
    for name in ("refused", "allowed"):
        places = Places(desk.get(name).directory)
        files = [path for path in places.directory.rglob("*") if path.is_file()]
        assert not [path for path in files if login in path.read_text() or PASSWORD in path.read_text()]
    _remove(desk, PRIVATE)


def _sockets() -> set[str]:
    """Return the Unix sockets that this process has open: engines are asked through such."""
    unix = {line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()[1:]}
    opened = set[str]()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder's own
            opened.add(str(descriptor.readlink()))
    return {name for name in opened if name.removeprefix("socket:[").removesuffix("]") in unix}


def _helper(folder: Path, name: str, *lines: str) -> None:
    """Write a credential helper: a program that is told a registry, and answers with a login."""
    program = folder / f"docker-credential-{name}"
    program.write_text("\n".join(["#!/bin/sh", 'read -r registry; echo "$1 $registry" >>"$0.asked"', *lines]))
    program.chmod(0o755)


def test_a_private_image_is_pulled_with_what_a_credential_helper_keeps(
    container_desk: ContainerDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = container_desk
    programs, settings = tmp_path / "bin", tmp_path / "config.json"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    login = json.dumps({"ServerURL": PRIVATE_ADDRESS, "Username": USER, "Secret": PASSWORD})
    _helper(programs, "good", f"echo '{login}'")
    _helper(programs, "other", f"echo '{login.replace(PASSWORD, 'another')}'")
    _helper(programs, "empty", "echo credentials not found in native keychain; exit 1")
    _helper(programs, "locked", "echo the keychain is locked; exit 1")
    _helper(programs, "odd", "echo hello")
    private = {"image": HELPED, "pull": "IfNotPresent"}

    allowed: dict[str, dict[str, object]] = {
        "store": {"credsStore": "good"},
        "one-registry": {"credsStore": "locked", "credHelpers": {PRIVATE_ADDRESS: "good"}},
    }
    for name, config in allowed.items():
        _remove(desk, HELPED)
        settings.write_text(json.dumps(config))
        desk.submit("true", name=name, container=private)
        assert desk.finish(name).phase == "Complete", desk.get(name).reason
    assert (programs / "docker-credential-good.asked").read_text() == f"get {PRIVATE_ADDRESS}\n" * 2

    _remove(desk, HELPED)
    before = _sockets()
    look = "cannot be pulled. The login of the registry cannot be looked up:"
    for name, words in {
        "absent": f"{look} docker-credential-absent not installed or not available in PATH. Put the helper on PATH",
        "locked": f'{look} Credentials store docker-credential-locked exited with "the keychain is locked". Put',
        "odd": f"{look} docker's config.json, or what a helper answered, cannot be read (JSONDecodeError:",
        "empty": "it is private: sign in with `docker login`",
        "other": "it is private: sign in with `docker login`",
    }.items():
        settings.write_text(json.dumps({"credsStore": name}))
        with ContainerEngine.of(desk.engine) as engine, pytest.raises(ImageUnavailable) as refused:
            make_ready(engine, HELPED, "IfNotPresent", lambda *_: None, lambda: False)
        assert words in str(refused.value)
        assert _sockets() <= before, "the error, which knows the answer that it was told by, keeps the answer's socket"
    kept = [path for path in desk.state.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (f"{ADDRESS}/absent:1", "is in no registry: .* Correct its name and tag"),
        (f"{ADDRESS}/tiny:2", "is in no registry: .* Correct its name and tag"),
        ("127.0.0.1:9/nobody:1", "cannot be pulled: .* Is its registry reached from here"),
    ],
)
def test_a_name_that_no_registry_has_fails_the_job_with_the_remedy(
    container_desk: ContainerDesk, image: str, words: str
) -> None:
    container_desk.submit("true", container={"image": image, "pull": "IfNotPresent"})

    record = container_desk.finish()

    assert record.phase == "Failed"
    assert re.search(words, record.reason), record.reason
    assert container_desk.left() == []


def test_a_job_that_is_deleted_while_it_pulls_leaves_nothing(container_desk: ContainerDesk) -> None:
    desk = container_desk
    _remove(desk, ABANDONED)
    desk.submit("true", container={"image": ABANDONED, "pull": "Always"})
    desk.until(lambda record: any(event.reason == "ImagePulling" for event in desk.jobs.events(record)))

    assert desk.jobs.delete(desk.get())

    assert desk.left() == []
    _remove(desk, ABANDONED)
