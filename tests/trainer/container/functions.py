"""Train functions of the tests of containers: a module without anything else, so that bundles of them are small."""

from __future__ import annotations


def tell(variables: list[str]) -> dict[str, str | None]:
    import os

    print("hello from", os.uname().nodename)
    return {name: os.environ.get(name) for name in variables}


def limits() -> dict[str, int]:
    import os
    from pathlib import Path

    found: dict[str, int] = {}
    for name, *files in (
        ("memory", "memory.max", "memory/memory.limit_in_bytes"),
        ("quota", "cpu.max", "cpu/cpu.cfs_quota_us"),
    ):
        for file in files:
            path = Path("/sys/fs/cgroup") / file
            if path.exists():
                found[name] = int(path.read_text().split()[0])
    shm = os.statvfs("/dev/shm")
    return {**found, "shm": shm.f_frsize * shm.f_blocks}


def use_memory() -> None:
    print("taking memory", flush=True)
    taken = [bytearray(b"x" * (8 << 20)) for _ in range(64)]
    print(len(taken))


def read_and_write(folder: str, settings: str, scratch: str) -> dict[str, str]:
    import stat
    from pathlib import Path

    (Path(folder) / "made").write_text("by the job")
    (Path(scratch) / "anything").write_text("x" * 10)
    file = Path(settings) / "level"
    return {
        "settings": file.read_text(),
        "mode": oct(stat.S_IMODE(file.stat().st_mode)),
        "data": (Path(folder) / "given").read_text(),
    }


def installed() -> str:
    import tiny_thing  # type: ignore[import-not-found]  # the job installs it

    return str(tiny_thing.TEXT)
