"""Podman and docker for tests: started here, each with folders, a mount and a network namespace of its own.

`engine("podman")` starts one, or finds the one that another process of the same run of pytest has started. A keeper, a
process of its own, runs the engine, starts it again when it dies, and stops it when the run ends, however it ends. What an
engine does to the network (bridges, chains of iptables, forwarding) goes with its namespace.

No registry is needed. The image `IMAGE` has folders and a few files. The machine's /usr, this interpreter and its
packages are mounted into every container: by podman's containers.conf, and under docker by the runtime `host-runtime`, which
adds them and calls runc.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import tiny_registry

IMAGE = "localhost/host-python:1"
"""Has this interpreter with its packages on its PATH as `python`, and the programs of this machine."""
NO_PYTHON = "localhost/no-python:1"
"""The same without a PATH to any Python."""
NO_SHELL = "localhost/no-shell:1"
"""Has no /bin/sh."""
OWN_ENTRYPOINT = "localhost/own-entrypoint:1"
"""Its entrypoint is `/bin/echo entry`, its command `image-command`."""

SLOW_ENTRYPOINT = "localhost/slow-entrypoint:1"
"""Its entrypoint takes five minutes."""

WITHOUT_INIT = "no-init"
"""Instance of an engine that has no init process to give to containers."""

GPU, GPU_VARIABLE = "kubeflow-tests-gpu0", "TESTS_GPU"
"""A device that containers with GPU 0 have under podman, and an environment variable."""

FOLDER = "KUBEFLOW_TEST_ENGINES"
"""Environment variable of a run of pytest: the folder of its engines."""
OWNER = "KUBEFLOW_TEST_ENGINES_OWNER"
"""Environment variable of a run of pytest: the pid of its first process, which the engines end with."""
PROGRAMS = {"podman": ("podman", "runc"), "docker": ("dockerd", "runc")}
WAIT = 180.0  # seconds; one that is taken not to start fails the whole run

_PYTHON = Path(sys.base_prefix)
_VENV = Path(sys.prefix)
_HOST = [Path("/usr"), Path("/etc/alternatives"), Path("/etc/ssl"), _PYTHON, _VENV]
# What this kind of machine allows at most: equal soft and hard limits, below its own.
_FILES = 16384
_GO_PANIC = 2  # the exit code of a program in Go that panics
_SHARES = 16  # processes that containers count as, all of an engine together


@dataclass(frozen=True)
class EngineUnderTest:
    """A running engine.

    Attributes:
        name: `podman` or `docker`.
        folder: What it keeps.
    """

    name: str
    folder: Path

    @property
    def host(self) -> str:
        """Its URL."""
        return f"unix://{self.folder}/{self.name}.sock"

    @property
    def pid(self) -> int:
        """The process that answers."""
        return int((self.folder / "engine.pid").read_text())

    def kill(self) -> None:
        """Kill it as it is, until it does not answer; it is not started again before `revive`."""
        (self.folder / "down").touch()
        while True:
            # The keeper writes the number after the start: it may be of the process before, or about to be written.
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(self.pid, signal.SIGKILL)
            if not _answers(self):
                return
            time.sleep(0.02)

    def revive(self) -> None:
        """Have it started again, and wait until it answers."""
        (self.folder / "down").unlink(missing_ok=True)
        deadline = time.monotonic() + WAIT
        while not _answers(self):
            assert time.monotonic() < deadline, (self.folder / "engine.log").read_text()[-2000:]
            time.sleep(0.05)

    def api(self) -> Any:
        """Return docker's own client of it, for tests to look behind our back."""
        import docker

        return docker.APIClient(base_url=self.host, timeout=60)

    def left(self) -> list[str]:
        """Return the containers, networks and volumes that are not the engine's own."""
        api = self.api()
        try:
            containers = [f"container {found['Names'][0]}" for found in api.containers(all=True)]
            networks = [
                f"network {found['Name']}"
                for found in api.networks()
                if found["Name"] not in ("bridge", "host", "none", "podman")
            ]
            volumes = [f"volume {found['Name']}" for found in api.volumes()["Volumes"] or ()]
            return [*containers, *networks, *volumes]
        finally:
            api.close()


def engine(name: str, instance: str = "shared") -> EngineUnderTest:
    """Return an engine, started if need be; skip the test where it cannot run.

    Args:
        name: `podman` or `docker`.
        instance: Tests that kill an engine have one of their own, under another name.
    """
    root = Path(os.environ[FOLDER])
    found = EngineUnderTest(name, root / f"{name[0]}-{instance}"[:12])
    with (root / f"{found.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reason = found.folder / "cannot"
        if not found.folder.exists():
            found.folder.mkdir()
            if (words := _obstacle(name)) is not None:
                reason.write_text(words)
            else:
                _keep(found)
        if reason.exists():
            pytest.skip(f"{name} cannot run here: {reason.read_text()}")
    return found


def stop(found: EngineUnderTest) -> None:
    """Stop an engine that a test had for itself."""
    _stop(found.folder)


def _obstacle(name: str) -> str | None:
    """Return why an engine cannot run on this machine, `None` when it should."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return f"tests start {name} as root on Linux"
    if missing := [program for program in PROGRAMS[name] if shutil.which(program) is None]:
        return f"there is no {', '.join(missing)}"
    try:
        subprocess.run(["unshare", "-n", "-m", "true"], check=True, capture_output=True)
        group = Path(tempfile.mkdtemp(prefix="kubeflow-probe-", dir=_memory_controller()))
        group.rmdir()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{name} needs namespaces and cgroups of its own ({error})"
    return None


def _memory_controller() -> Path:
    version_1 = Path("/sys/fs/cgroup/memory")
    return version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")


# The shell ends at once: the keeper outlives the process of xdist that starts it, and is no child of it. $0 is the log.
_DETACH = '"$@" </dev/null >"$0" 2>&1 & echo $!'


def _keep(found: EngineUnderTest) -> None:
    """Start the keeper of an engine and wait until the engine answers and has its images."""
    keeper = [sys.executable, "-m", "tests.container_engines", found.name, str(found.folder), os.environ[OWNER]]
    started = subprocess.run(
        ["/bin/sh", "-c", _DETACH, str(found.folder / "keeper.log"), *keeper],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
    )
    pid = int(started.stdout)
    deadline = time.monotonic() + WAIT
    while not (found.folder / "ready").exists():
        logs = [(found.folder / name) for name in ("keeper.log", "engine.log")]
        words = "\n".join(path.read_text()[-3000:] for path in logs if path.exists())
        if _has_ended(pid) or time.monotonic() >= deadline:
            # Where it should start, the run requires it, and fails for a skipped test.
            (found.folder / "cannot").write_text(f"it does not start: {words}")
            return
        time.sleep(0.02)


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- of the run of pytest -------------------------------------------------------------------------------------------


def begin() -> None:
    """Name the folder of this run's engines, in the process that runs the others.

    A test may run a pytest of its own, which inherits the variables: its engines are its own, and so is their end.
    """
    process_of_xdist = "PYTEST_XDIST_WORKER" in os.environ and os.environ.get(OWNER) == str(os.getppid())
    if not process_of_xdist:
        os.environ[OWNER] = str(os.getpid())
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="kf-engines-", dir="/tmp")  # short: paths of sockets are limited


def finish() -> None:
    """Stop the engines of this run."""
    root = Path(os.environ.pop(FOLDER))
    folders = [path for path in root.iterdir() if path.is_dir()]
    for folder in folders:
        (folder / "stop").touch()
    for folder in folders:
        _stop(folder)
    shutil.rmtree(root, ignore_errors=True)


def _stop(folder: Path) -> None:
    (folder / "stop").touch()
    deadline = time.monotonic() + WAIT
    while (folder / "keeper.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


# --- the keeper -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Keep one engine: `python -m tests.container_engines NAME FOLDER OWNER`."""
    name, folder, owner = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    found = EngineUnderTest(name, folder)
    (folder / "keeper.pid").write_text(str(os.getpid()))
    _own_namespaces()
    _pretend_gpu()
    tiny_registry.serve(_skeleton(shell=True))
    command, environ = _PREPARE[name](found)
    process: subprocess.Popen[bytes] | None = None
    try:
        while Path(f"/proc/{owner}").exists() and not (folder / "stop").exists():
            if process is None or process.poll() is not None:
                if process is not None and (folder / "down").exists():
                    time.sleep(0.02)
                    continue
                if process is not None and process.returncode == _GO_PANIC:
                    _forget_networks(found)
                process = _run(found, command, environ)
            if not (folder / "ready").exists() and _answers(found):
                _make_images(found)
                _take_a_share(name)
                (folder / "ready").touch()
            time.sleep(0.02)
    finally:
        _clean_up(found, process, command, environ)
        (folder / "keeper.pid").unlink()
        if not Path(f"/proc/{owner}").exists():  # killed: nobody else removes what is left
            shutil.rmtree(folder.parent, ignore_errors=True)


def _forget_networks(found: EngineUnderTest) -> None:
    """Do what helps a docker that panics whenever it starts: what it was killed in the midst of writing is in the way.

    https://github.com/moby/moby/issues/45057, of docker 20.10.23 and later.
    """
    with (found.folder / "engine.log").open("rb") as log:
        log.seek(max(0, (found.folder / "engine.log").stat().st_size - 20_000))
        of_networks = b"libnetwork.New(" in log.read()
    if of_networks:
        (found.folder / "data/network/files/local-kv.db").unlink(missing_ok=True)


def _run(found: EngineUnderTest, command: Sequence[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    for left in (f"{found.name}.sock", "docker.pid"):
        (found.folder / left).unlink(missing_ok=True)
    with (found.folder / "engine.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (found.folder / "engine.pid").write_text(str(process.pid))
    return process


def _clean_up(
    found: EngineUnderTest, process: subprocess.Popen[bytes] | None, command: Sequence[str], environ: dict[str, str]
) -> None:
    if process is not None and process.poll() is not None:  # a test has killed it: once more, to end what it ran
        process = _run(found, command, environ)
    deadline = time.monotonic() + 30.0
    while process is not None and not _answers(found) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with contextlib.suppress(Exception):  # whatever is wrong with it, it is stopped
        api = found.api()
        for container in api.containers(all=True):
            api.remove_container(container["Id"], force=True, v=True)
    if process is not None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    with contextlib.suppress(FileNotFoundError):
        os.kill(int((found.folder / "exec/containerd/containerd.pid").read_text()), signal.SIGKILL)
    # Names of mounts below the folder, deepest first; they are of this namespace alone.
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{found.folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)


def _own_namespaces() -> None:
    new_mounts, new_network = 0x00020000, 0x40000000  # linux/sched.h
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_mounts | new_network):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    # Podman looks there whether its name server runs. That of another podman's namespace answers nobody here.
    Path("/run/containers").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tests", "/run/containers"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:  # `ip link set lo up`
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def _take_a_share(name: str) -> None:
    """Let the containers of an engine have as much CPU time as some processes beside them.

    By itself, all containers of a parent group have as much as one process outside: on a machine that runs other tests as
    well, they would take minutes for seconds.
    """
    parent = {"docker": "docker", "podman": "libpod_parent"}[name]
    # cgroups of version 1, and of version 2
    for group, file, share in (("/sys/fs/cgroup/cpu", "cpu.shares", 1024), ("/sys/fs/cgroup", "cpu.weight", 100)):
        folder = Path(group) / parent
        if (Path(group) / file).exists() or (folder / file).exists():
            folder.mkdir(exist_ok=True)
            (folder / file).write_text(str(share * _SHARES))


def _pretend_gpu() -> None:
    """Describe a GPU 0 by the Container Device Interface, seen in this mount namespace only."""
    folder = Path("/run/cdi")
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tests", str(folder)], check=True)
    device = {"path": f"/dev/{GPU}", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3}
    edits = {"env": [f"{GPU_VARIABLE}=0"], "deviceNodes": [device]}
    spec = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0", "containerEdits": edits}]}
    (folder / "tests.json").write_text(json.dumps(spec))


def _podman(found: EngineUnderTest) -> tuple[list[str], dict[str, str]]:
    folder = found.folder
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
    )
    volumes = json.dumps([f"{path}:{path}:ro" for path in _HOST])
    init = f'init_path = "{folder}/catatonit"\n' if folder.name.endswith(WITHOUT_INIT) else ""
    (folder / "containers.conf").write_text(
        f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
        # crun refuses hybrid cgroups.
        f'[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{folder}/libpod"\n'
        f'[containers]\nlog_driver = "k8s-file"\nvolumes = {volumes}\n{init}'
        f'default_ulimits = ["nofile={_FILES}:{_FILES}", "nproc={_FILES}:{_FILES}"]\n'
    )
    addresses = (tiny_registry.ADDRESS, tiny_registry.PRIVATE_ADDRESS)
    entries = [f'[[registry]]\nlocation = "{address}"\ninsecure = true\n' for address in addresses]
    (folder / "registries.conf").write_text("".join(entries))
    environ = {
        "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
        "CONTAINERS_CONF": f"{folder}/containers.conf",
        "CONTAINERS_REGISTRIES_CONF": f"{folder}/registries.conf",
    }
    return ["podman", "system", "service", "--time=0", found.host], environ


_RUNTIME = """#!{python} -IS
import json, os, sys
arguments = sys.argv[1:]
if "create" in arguments or "run" in arguments:
    path = os.path.join(arguments[arguments.index("--bundle") + 1], "config.json")
    with open(path) as file:
        config = json.load(file)
    config["mounts"][:0] = [
        dict(destination=path, source=path, type="bind", options=["rbind", "ro"]) for path in {paths!r}
    ]
    with open(path, "w") as file:
        json.dump(config, file)
os.execv({runc!r}, ["runc", *arguments])
"""


def _docker(found: EngineUnderTest) -> tuple[list[str], dict[str, str]]:
    folder = found.folder
    runtime = folder / "host-runtime"
    paths = [str(path) for path in _HOST]
    runtime.write_text(_RUNTIME.format(python=sys.executable, paths=paths, runc=shutil.which("runc")))
    runtime.chmod(0o755)
    (folder / "daemon.json").write_text("{}")
    places = [f"--{kind}-root={folder}/{kind}" for kind in ("data", "exec")]
    limits = [f"--default-ulimit={name}={_FILES}:{_FILES}" for name in ("nofile", "nproc")]
    return [
        *("dockerd", f"--host={found.host}", f"--config-file={folder}/daemon.json", f"--pidfile={folder}/docker.pid"),
        *(*places, *limits, f"--add-runtime=host={runtime}", "--default-runtime=host"),
    ], {}


_PREPARE = {"podman": _podman, "docker": _docker}


def _answers(found: EngineUnderTest) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(f"{found.folder}/{found.name}.sock")
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def _make_images(found: EngineUnderTest) -> None:
    path = f"{_VENV}/bin:/usr/local/bin:/usr/bin:/bin"
    certificates = "/etc/ssl/certs/ca-certificates.crt"
    common = [f"ENV PATH={path}", f"ENV SSL_CERT_FILE={certificates}", f"ENV PIP_CERT={certificates}"]
    api = found.api()
    for image, changes in (
        (IMAGE, common),
        (NO_PYTHON, ["ENV PATH=/nothing"]),
        (NO_SHELL, common),
        (SLOW_ENTRYPOINT, [*common, 'ENTRYPOINT ["/bin/sleep", "300"]']),
        (OWN_ENTRYPOINT, [*common, 'ENTRYPOINT ["/bin/echo", "entry"]', 'CMD ["image-command"]']),
    ):
        repository, _, tag = image.rpartition(":")
        api.import_image_from_data(_skeleton(shell=image != NO_SHELL), repository=repository, tag=tag, changes=changes)
        if found.name == "podman":  # which reads no tag here
            api.tag(f"{repository}:latest", repository, tag)
            api.remove_image(f"{repository}:latest")
    api.close()


def _skeleton(*, shell: bool) -> bytes:
    """Return a tar of a root without programs of its own."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, mode in (
            *(
                (name, 0o755)
                for name in ("usr", "dev", "proc", "sys", "run", "root", "etc", "opt", "home", "var", "sbin")
            ),
            *(("tmp", 0o1777), ("var/tmp", 0o1777), ("workspace", 0o755)),
        ):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder)
        # /sbin is a folder: docker mounts its init process there.
        for name in ("bin", "lib", "lib64") if shell else ("lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(link)
        for name, text in (("passwd", "root:x:0:0:root:/root:/bin/bash\n"), ("group", "root:x:0:\n")):
            file = tarfile.TarInfo(f"etc/{name}")
            file.size = len(text)
            tar.addfile(file, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture(params=sorted(PROGRAMS))
def container_engine(request: pytest.FixtureRequest) -> Iterator[EngineUnderTest]:
    """Each engine that can run here, shared with the other tests of the run."""
    yield engine(request.param)


if __name__ == "__main__":
    main()
