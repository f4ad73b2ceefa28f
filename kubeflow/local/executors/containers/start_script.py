"""What a container of a node begins with: a shell script that needs no program of the image but /bin/sh.

It sets the node's environment, which is in a file of the job's directory; sends what the node says to the node's log
file; runs the node; and leaves word of its end. The engine has no part in any of this, so that logs and ends
are whole when the engine or the supervisor is killed.

The supervisor holds a pipe (a FIFO) of the node open. Before that the node does not begin, so that nothing runs of a
supervisor that was killed while it started the container. When it dies, or writes to the pipe, the node's processes get
SIGTERM. A virtual machine does not share pipes with its host: there, the node begins at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubeflow.core.stdlib import re, shlex
from kubeflow.local.job.places import Places

_CONTROL = "control"
_ENVIRONMENT = "environment.sh"
_WORD = "node.exit"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MISSING = 127

# $0 is the node's directory, $1 its log file, $2 the programs that it needs, $3 whether there is a pipe. The node runs
# in the foreground: a shell has what it runs in the background ignore SIGINT. So this one acts on SIGTERM only when the
# node has ended, and another one, which waits at the pipe, passes the signal on to the process group. The counter of
# processes that were killed for want of memory is in the one file or the other, by the version of the cgroups.
_SCRIPT = f"""
exec >>"$1" 2>&1
[ -z "$3" ] || exec 3<"$0/{_CONTROL}"
. "$0/{_ENVIRONMENT}"
[ -n "$HOME" ] && [ -w "$HOME" ] || export HOME="$KUBEFLOW_CONTAINER_HOME"
unset KUBEFLOW_CONTAINER_HOME
for program in $2; do
  command -v "$program" >/dev/null || {{ echo "{_MISSING} 0 $program" >"$0/{_WORD}"; exit {_MISSING}; }}
done
directory=$0 piped=$3
shift 3
trap : TERM
[ -z "$piped" ] || (trap - TERM; read -r _ <&3; kill -TERM 0) </dev/null >/dev/null 2>&1 &
eval "$KUBEFLOW_CONTAINER_RUN"' 3<&-'
code=$?
kills=0
for counters in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
  [ -r "$counters" ] && while read -r name value; do [ "$name" != oom_kill ] || kills=$value; done <"$counters"
done
echo "$code $kills" >"$directory/{_WORD}"
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a node's container said when it ended.

    Attributes:
        code: The exit code, as a shell reports it.
        memory_kills: How many of its processes the kernel ended for want of memory.
        missing: A program that the image does not have, empty for none.
    """

    code: int
    memory_kills: int
    missing: str = ""


def command(
    places: Places, node: str, log: Path, *, programs: Sequence[str], argv: Sequence[str], piped: bool
) -> list[str]:
    """Return the command line of a node's container.

    Args:
        places: Where the job's files are.
        node: The node's name.
        log: The file that gets its output.
        programs: What the image must have.
        argv: What the node runs.
        piped: Whether the container sees the pipe, as it does where it is a process of this machine.
    """
    words = (str(places.node(node)), str(log), " ".join(programs), "piped" if piped else "")
    return ["/bin/sh", "-c", _SCRIPT, *words, *argv]


def write_environment(places: Places, node: str, env: Mapping[str, str]) -> None:
    """Write the node's variables to a file that only the caller, and so the container, can read.

    A name that a shell cannot export is set by the program `env` of the image.
    """
    home = places.temporary / f"home-{node}"
    home.mkdir(parents=True, exist_ok=True)
    odd = [f"{name}={text}" for name, text in env.items() if not _NAME.fullmatch(name)]
    run = " ".join([*(["env", *map(shlex.quote, odd)] if odd else []), '"$@"'])
    lines = [f"export {name}={shlex.quote(text)}" for name, text in env.items() if _NAME.fullmatch(name)]
    lines += [f"KUBEFLOW_CONTAINER_HOME={shlex.quote(str(home))}", f"KUBEFLOW_CONTAINER_RUN={shlex.quote(run)}", ""]
    path = places.node(node) / _ENVIRONMENT
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, private from the start
        file.write("\n".join(lines))


def last_word(places: Places, node: str) -> LastWord | None:
    """Return what the node's container said when it ended, `None` when it has not, or could not."""
    with contextlib.suppress(OSError, ValueError):
        code, kills, *missing = (places.node(node) / _WORD).read_text(encoding="utf-8").split()
        return LastWord(int(code), int(kills), " ".join(missing))
    return None


def forget(places: Places, node: str) -> None:
    """Remove what an earlier start of the node has left."""
    for name in (_WORD, _CONTROL):
        (places.node(node) / name).unlink(missing_ok=True)


def open_control(places: Places, node: str) -> int:
    """Make the pipe of a node and hold it open; return the descriptor."""
    path = places.node(node) / _CONTROL
    os.mkfifo(path, 0o600)
    # For reading as well: then nobody has to listen yet.
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)


def was_started(places: Places, node: str) -> bool:
    """Return whether a container of the node may have been made."""
    return (places.node(node) / _CONTROL).exists()


def tell_to_end(control: int) -> None:
    """Have the processes of a node get SIGTERM, if its container listens to the pipe that is open as `control`."""
    with contextlib.suppress(BlockingIOError):  # it was told often enough
        os.write(control, b"end\n")
