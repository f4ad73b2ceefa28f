"""Engines: how one is found, what is said when there is none, and what becomes of jobs whose engine dies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kubeflow.core.errors import InvalidInput
from kubeflow.local.executors.containers.container_engine import ContainerEngine
from kubeflow.local.executors.containers.engine_connection import unreachable
from kubeflow.local.executors.containers.engine_errors import EngineNotFound, EngineUnreachable
from kubeflow.local.executors.containers.engine_search import find_engine
from kubeflow.local.executors.processes import members
from kubeflow.local.job.container_plan import EngineKind, EnginePlan
from tests import container_engines
from tests.cluster.certificates import Authority, needs_openssl
from tests.container_engines import EngineUnderTest, container_engine
from tests.local.containers import ContainerDesk

__all__ = ["container_engine"]


NONE: Mapping[str, Path] = {}


def docker_context(
    home: Path, name: str, host: str, certificates: Mapping[str, Path] = NONE, skip: bool = False
) -> None:
    """Do what `docker context create` and `docker context use` do; `certificates` are `ca`, `cert` and `key`."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta, tls = (home / ".docker/contexts" / kind / digest for kind in ("meta", "tls"))
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))
    for file, path in certificates.items():
        (tls / "docker").mkdir(parents=True, exist_ok=True)
        (tls / f"docker/{file}.pem").write_bytes(path.read_bytes())


def test_an_engine_is_found_by_each_of_the_ways_there_are(container_engine: EngineUnderTest, tmp_path: Path) -> None:
    host = container_engine.host
    home = {"HOME": str(tmp_path)}
    runtime = tmp_path / "runtime"
    socket = runtime / ("podman/podman.sock" if container_engine.name == "podman" else "docker.sock")
    socket.parent.mkdir(parents=True)
    socket.symlink_to(host.removeprefix("unix://"))

    found = [
        find_engine(host, environ=home),
        find_engine(environ={**home, "DOCKER_HOST": host, "CONTAINER_HOST": "unix:///absent"}),
        find_engine(environ={**home, "CONTAINER_HOST": host}),
    ]
    by_socket = find_engine(environ={**home, "XDG_RUNTIME_DIR": str(runtime)}, keep=True)
    docker_context(tmp_path, "mine", host)
    found.append(find_engine(environ=home))

    assert {(plan.kind, plan.host, plan.here, plan.rootless, plan.keep) for plan in found} == {
        (container_engine.name, host, True, False, False)
    }
    assert (by_socket.host, by_socket.keep) == (f"unix://{socket}", True)


@contextlib.contextmanager
def tls_in_front_of(socket_path: str, context: ssl.SSLContext) -> Iterator[str]:
    """Listen at 127.0.0.1 as an engine with `--tlsverify` does; what is said goes to a socket. Yields the URL."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                client = context.wrap_socket(self.request, server_side=True)
            except OSError:  # one of the two has refused the other
                return
            with client, socket.socket(socket.AF_UNIX) as engine:
                engine.connect(socket_path)
                back = threading.Thread(target=_copy, args=(engine, client))
                back.start()
                _copy(client, engine)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other direction has ended it
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@needs_openssl
def test_the_certificates_of_a_docker_context_are_used_and_a_wrong_one_is_told(
    container_engine: EngineUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY"):  # of other connections
        monkeypatch.setenv(variable, str(tmp_path / "other"))
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    me, nobody = authority.issue("me"), stranger.issue("nobody")
    elsewhere = authority.issue("elsewhere", "DNS:engine.example")
    own = {"ca": authority.certificate, "cert": me.certificate, "key": me.key}
    home = tmp_path / "home"
    path = container_engine.host.removeprefix("unix://")

    def found(host: str, name: str, **certificates: Path) -> EnginePlan:
        docker_context(home, name, host, certificates)
        return find_engine(environ={"HOME": str(home)})

    with tls_in_front_of(path, authority.here.serving(authority.certificate)) as host:
        plan = found(host, "good", **own)
        desk = ContainerDesk(tmp_path / "state", tmp_path, container_engine)
        desk.engine = plan
        desk.submit("echo by TLS")
        assert (desk.finish().phase, desk.log(), plan.host) == ("Complete", "by TLS\n", host)
        assert desk.jobs.delete(desk.get())
        assert desk.left() == []
        by_variable = {"HOME": str(home), "DOCKER_HOST": host, "DOCKER_CERT_PATH": plan.certificates or ""}
        assert find_engine(environ={**by_variable, "DOCKER_TLS_VERIFY": "1"}) == plan

        look = "[Ll]ook at the certificates in .*: ca.pem is of the authority"
        for name, certificates, words in (
            ("other-authority", {**own, "ca": stranger.certificate}, rf"certificate verify failed: .*{look}"),
            ("other-client", {**own, "cert": nobody.certificate, "key": nobody.key}, look),
            ("no-client", {"ca": authority.certificate}, look),
            ("spoilt", {**own, "cert": me.key}, look),
            ("plain", NONE, "If it wants TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a docker context"),
        ):
            with pytest.raises(EngineNotFound, match=f"docker's context '{name}' names an engine that .*{words}"):
                found(host, name, **certificates)
        with pytest.raises(
            InvalidInput, match="which has ca.pem and cert.pem: put ca.pem there, and cert.pem together"
        ):
            found(host, "no-key", ca=authority.certificate, cert=me.certificate)
        docker_context(home, "careless", host, own, skip=True)
        with pytest.raises(EngineNotFound, match="skips the check of .* `docker context update --help` says how"):
            find_engine(environ={"HOME": str(home)})
        with pytest.raises(InvalidInput, match="which has none: put ca.pem there"):
            find_engine(environ={**by_variable, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path / "no")})
    with (
        tls_in_front_of(path, elsewhere.serving(authority.certificate)) as host,
        pytest.raises(EngineNotFound, match=f"IP address mismatch.*which has to name the host of {host}"),
    ):
        found(host, "other-name", **own)


def test_a_socket_of_another_user_is_told_from_an_engine_that_is_down() -> None:
    error = unreachable("unix:///run/docker.sock", None, PermissionError(13, "Permission denied"))

    assert "does not answer (Permission denied). This user may not use its socket: join the group" in str(error)


def test_a_spoilt_file_of_docker_is_told(
    container_engine: EngineUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"auths": {"registry.example": {"auth": "bm90aGluZw=="}}}')
    with pytest.raises(InvalidInput, match=rf"{tmp_path}/config.json, which has the logins .* `docker login`"):
        find_engine(container_engine.host)


def test_what_is_named_and_does_not_answer_is_said_with_who_names_it(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    absent = f"unix://{tmp_path}/absent.sock"
    docker_context(tmp_path, "gone", absent)

    for environ, words in (
        (home, f"docker's context 'gone' names an engine that does not answer: .*{absent}"),
        ({**home, "DOCKER_CONTEXT": "other"}, "docker's context 'other' is the current one, and names no engine"),
        ({**home, "DOCKER_HOST": absent}, "DOCKER_HOST names an engine that does not answer"),
        ({**home, "CONTAINER_HOST": absent}, "CONTAINER_HOST names an engine that does not answer"),
        ({**home, "DOCKER_HOST": "tcp://10.0.0.7:2375"}, "DOCKER_HOST names .*, an engine of another machine"),
        ({**home, "DOCKER_HOST": "ssh://me@there"}, "an engine of another machine"),
        ({**home, "DOCKER_HOST": "docker.sock"}, "is no URL of an engine: write 'unix:///path"),
    ):
        with pytest.raises(EngineNotFound, match=words):
            find_engine(environ=environ)
    (tmp_path / ".docker/config.json").write_text("{")
    with pytest.raises(EngineNotFound, match="config.json of docker's command line cannot be read"):
        find_engine(environ=home)


def test_without_an_engine_all_that_was_tried_is_named_and_how_to_install_one(tmp_path: Path) -> None:
    if Path("/var/run/docker.sock").exists() or Path("/run/podman/podman.sock").exists():
        pytest.skip("this machine has an engine of its own: docker or podman is found where none is wanted")
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}

    with pytest.raises(EngineNotFound) as caught:
        find_engine(environ=environ)

    words = str(caught.value)
    assert all(f"{tmp_path}/{name}" in words for name in ("docker.sock", "podman/podman.sock"))
    assert "/var/run/docker.sock (there is no such socket)" in words
    assert "Install one and start it: docker (https://" in words


def test_an_engine_of_the_other_kind_is_refused(container_engine: EngineUnderTest, tmp_path: Path) -> None:
    other: EngineKind = "docker" if container_engine.name == "podman" else "podman"

    with pytest.raises(EngineNotFound, match=f"which is {container_engine.name}, and container_runtime='{other}'"):
        find_engine(container_engine.host, other, environ={"HOME": str(tmp_path)})


def test_what_is_no_engine_but_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreachable, match="does not answer"):
        ContainerEngine(f"unix://{tmp_path}/none.sock")


@pytest.fixture(params=sorted(container_engines.PROGRAMS))
def mortal(request: pytest.FixtureRequest) -> Iterator[EngineUnderTest]:
    """An engine that only this test uses, so that it can be killed."""
    found = container_engines.engine(request.param, f"m{os.getpid()}")
    yield found
    container_engines.stop(found)


def test_jobs_of_an_engine_that_dies(mortal: EngineUnderTest, tmp_path: Path) -> None:
    desk = ContainerDesk(tmp_path / "state", tmp_path, mortal)

    # It is there again soon: podman's containers go on, and docker says how its own ended.
    desk.submit("echo begun; sleep 5; echo done", name="patient")
    desk.begun("patient")
    mortal.kill()
    mortal.revive()
    patient = desk.finish("patient")
    assert patient.phase == "Complete" if mortal.name == "podman" else patient.finished

    # It is not there again: the job fails with the cause, and nothing of it runs.
    desk.submit("trap '' TERM; echo begun; sleep 300", name="lost")
    desk.begun("lost")
    begun = time.monotonic()
    mortal.kill()
    lost = desk.finish("lost")
    assert time.monotonic() - begun < 50
    assert (lost.phase, lost.failed_step, lost.settled) == ("Failed", "node-0", True)
    assert lost.reason.startswith(f"node-0 was lost: The container engine at {mortal.host} does not answer (")
    assert members(lost.mark) == []

    # Nothing new begins; what is there can be deleted.
    with pytest.raises(EngineUnreachable, match="Start it again, as with `systemctl"):
        desk.submit("true", name="refused")
    assert [record.name for record in desk.jobs.all()] == ["patient", "lost"]
    assert desk.jobs.delete(desk.get("patient"))

    # What it still has of them is gone when the next job has begun.
    mortal.revive()
    assert desk.left() != []
    desk.submit("true", name="next")
    assert desk.finish("next").phase == "Complete"
    assert desk.left() == []
    for record in desk.jobs.all():
        desk.jobs.delete(record)
