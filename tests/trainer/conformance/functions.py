"""What the jobs of the cases run. The module imports nothing that an image need not have: bundles bring it along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Report:
    rank: int
    losses: dict[str, float]
    where: Path


def exit_with_three() -> None:
    import sys

    print("leaving", flush=True)
    sys.exit(3)


def sleep_on() -> None:
    import time

    print("sleeping", flush=True)
    time.sleep(3600)


def fail_on_rank_one(folder: str) -> None:
    import os
    import time
    from pathlib import Path

    print("about to fail", flush=True)
    said = Path(folder) / "said"
    if os.environ["JOB_COMPLETION_INDEX"] == "1":
        while not said.exists():
            time.sleep(0.02)
        raise ValueError("rank one\nhas had enough")
    said.touch()
    time.sleep(60)


def tell_losses() -> None:
    print("loss=0.5", flush=True)
    print("loss=0.25", flush=True)


def note_each_start(folder: str) -> None:
    import time
    from pathlib import Path

    made = Path(folder) / f"start-{time.time_ns()}"
    made.touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)


def hello(who: str) -> None:
    print(f"hello {who}", flush=True)


def report_and_sleep() -> None:
    import time

    from kubeflow.optimizer import report

    report(step=1, loss=0.5)
    print("loss so far=0.5", flush=True)
    time.sleep(3600)


def sleep_for_ever() -> None:
    import time

    print("sleeping", flush=True)
    time.sleep(3600)


def return_nothing() -> None:
    print("nothing to return", flush=True)


def draw_a_bar(folder: str) -> None:
    """Go on from each quarter when somebody has seen the bar there."""
    import time
    from pathlib import Path

    for percent in range(0, 101, 5):
        patience = 600 if percent in (25, 50, 75) else 1
        while patience and not (Path(folder) / f"seen-{percent}").exists():
            print(f"\r{percent:3}% of node 0 ", end="", flush=True)
            time.sleep(0.1)
            patience -= 1
    print(flush=True)
    print("node 0 is done", flush=True)


def say_and_wait(go: str) -> None:
    import os
    import time
    from pathlib import Path

    rank = os.environ.get("JOB_COMPLETION_INDEX", "0")  # the driver of Spark is no rank
    for number in range(20):
        print(f"rank {rank} line {number}\n", end="", flush=True)  # in one write: ranks share the log of a pod
    while not Path(go).exists():
        time.sleep(0.02)
    for number in range(20, 40):
        print(f"rank {rank} line {number}\n", end="", flush=True)  # in one write: ranks share the log of a pod


def talk(go: str) -> None:
    import time
    from pathlib import Path

    print("first", flush=True)
    while not Path(go).exists():
        time.sleep(0.02)
    print("second", flush=True)


def say_nothing() -> None:
    pass


def fail_at_first(folder: str) -> str:
    import os
    from pathlib import Path

    attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
    (Path(folder) / f"attempt-{attempt}").touch()
    if attempt == "0":
        raise OSError("a machine has gone")
    return attempt


def die_of_a_signal() -> None:
    import os
    import signal
    import time

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    if dist.get_rank() == 3:
        print("rank 3 is about to die", flush=True)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        dist.all_reduce(torch.ones(1))  # raises on the other ranks, whose peer is gone
    finally:
        # As between machines, where that takes a while to be noticed: the end of the other node ends these.
        time.sleep(60 if dist.get_rank() < 2 else 0)


def all_reduce(scale: int) -> None:
    import os

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    total = torch.tensor([float(scale * (dist.get_rank() + 1))])
    dist.all_reduce(total)
    # Each line in one write: the ranks of a pod share its log.
    print(f"rank {dist.get_rank()} of {dist.get_world_size()} sums {total.item():g}\n", end="", flush=True)
    print(
        f"node {os.environ['GROUP_RANK']} local rank {os.environ['LOCAL_RANK']} has {os.environ['COLOUR']}\n",
        end="",
        flush=True,
    )
    dist.destroy_process_group()


def variables(names: list[str]) -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in names}


def leave_without_a_word() -> None:
    import os

    os._exit(0)


def return_no_data() -> object:
    import threading

    return {"lock": threading.Lock()}


def report(lr: float) -> Report:
    import os
    from pathlib import Path

    return Report(int(os.environ.get("JOB_COMPLETION_INDEX", "0")), {"first": lr, "last": lr / 4}, Path("/model"))


def read_data() -> str:
    import os
    from pathlib import Path

    return (Path(os.environ["KUBEFLOW_WORKSPACE"]) / "dataset" / "words.txt").read_text()


def train(epochs: int) -> None:
    print(epochs, flush=True)


def write_weights(text: str) -> str:
    import os
    from pathlib import Path

    folder = Path(os.environ["KUBEFLOW_OUTPUT"])
    (folder / "weights.bin").write_text(text)
    return str(folder)


def say_where() -> str:
    import os

    return os.environ.get("KUBEFLOW_OUTPUT", "nowhere")


def read_weights() -> str:
    import os
    from pathlib import Path

    return (Path(os.environ["KUBEFLOW_WORKSPACE"]) / "model" / "weights.bin").read_text()
