"""Images: pulled when the plan says so, with progress and with the credentials that docker keeps."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from kubeflow.local.job.places import Places
from tests.container_engines import container_engine
from tests.local.containers import ContainerDesk, container_desk
from tests.tiny_registry import ADDRESS, PASSWORD, PRIVATE, PRIVATE_ADDRESS, TINY, USER

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
    _remove(desk, TINY)
    desk.submit("true", container={"image": TINY, "pull": "Always"})
    desk.until(lambda record: any(event.reason == "ImagePulling" for event in desk.jobs.events(record)))

    assert desk.jobs.delete(desk.get())

    assert desk.left() == []
    _remove(desk, TINY)
