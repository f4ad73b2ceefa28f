"""Rounds of the fault campaign: what happens to one job and its cluster, by chance, and what a client must be told of it."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.cluster.scenarios import Disruption, Pod, Scenario, Script

LINES = 40
AFTER = 0.5  # seconds after which a pod is replaced: in the middle of its lines


@dataclass(frozen=True)
class Round:
    """What happens in one round, beside requests and answers that are lost, refused, late and cut off.

    Attributes:
        seed: Of the round.
        fails: True when node 1 fails at its end.
        sidecar: `ends`: each pod has a sidecar that goes on for a while. `stays`: it never ends.
        kubelet: `for a while`: some requests in a row for the log of node 1 are answered with 500. `for good`: all are.
        replaced: `shut down`: the node of pod 1 is, and the pod stays as `Failed`. `preempted`: the pod is deleted.
        proxied: True when the cluster is behind a proxy that asks for a password.
        size: Lines after which reading is left and taken up again.
    """

    seed: int
    fails: bool
    sidecar: Literal["none", "ends", "stays"]
    kubelet: Literal["well", "for a while", "for good"]
    replaced: Literal["no", "shut down", "preempted"]
    proxied: bool
    size: int

    @property
    def name(self) -> str:
        """Of the job."""
        return f"round-{self.seed}"

    @property
    def verdict(self) -> str:
        """The status that the job must be seen with."""
        return "Running" if self.sidecar == "stays" else "Failed" if self.fails else "Complete"

    @property
    def unread(self) -> re.Pattern[str]:
        """Path of the log that the kubelet does not give away."""
        return re.compile(rf"/pods/{self.name}-node-0-1-\w+/log")

    def scenario(self, first_succeeded: Callable[[], bool]) -> Scenario:
        """Return the lives of two nodes that write lines, some with the same time; the second is the last to end.

        Args:
            first_succeeded: Returns whether the pod of the first node has succeeded: one that has not, when the second node
                fails, is deleted.
        """
        sidecars = {"none": None, "ends": Script(["proxied"], stays=3), "stays": Script(["proxied"], stays=None)}

        def life(pod: Pod) -> Script:
            lines = [f"{pod.index}.{pod.attempt}: line {number:03}" for number in range(LINES)]
            if pod.index == 0:
                return Script(lines, pause=0.02, together=3)
            fails = self.fails and pod.attempt == (0 if self.replaced == "no" else 1)
            end = first_succeeded if fails and self.sidecar != "stays" else lambda: True
            return Script(lines, pause=0.03, together=3, stays=0.5, exit_code=int(fails), until=end)

        return Scenario(run=life, sidecar=sidecars[self.sidecar], disrupted=self._disruption)

    def _disruption(self, pod: Pod) -> Disruption | None:
        if self.replaced == "no" or pod.index == 0 or pod.attempt > 0:
            return None
        return Disruption(AFTER, deleted=self.replaced == "preempted")

    def __str__(self) -> str:
        what = [f"sidecar {self.sidecar}", f"kubelet {self.kubelet}", f"replaced: {self.replaced}"]
        return f"round {self.seed} ({', '.join(what)}{', proxied' if self.proxied else ''})"


def draw(seed: int) -> Round:
    """Return the round of a seed."""
    chance = random.Random(f"round {seed}")
    return Round(
        seed,
        fails=chance.random() < 1 / 3,
        sidecar=chance.choices(("none", "ends", "stays"), (5, 2, 2))[0],
        kubelet=chance.choices(("well", "for a while", "for good"), (6, 3, 1))[0],
        replaced=chance.choices(("no", "shut down", "preempted"), (5, 2, 2))[0],
        proxied=chance.random() < 0.4,
        size=chance.choice((1000, 23)),
    )


@dataclass(frozen=True)
class Told:
    """What a client was told of its job.

    Attributes:
        status: Of the job.
        steps: The statuses of its steps.
        lines: Of its logs, by step.
        error: What reading the logs ended with; empty when they could be read.
        meanwhile: First line of its explanation when a pod that replaces another one had begun; empty when it was not asked.
        explanation: Of the job, at the end.
        logged: What was logged meanwhile.
        jobs_made: TrainJobs in the namespace.
        seconds: It took.
    """

    status: str
    steps: Sequence[str]
    lines: dict[str, list[str]]
    error: str
    meanwhile: str
    explanation: str
    logged: Sequence[str]
    jobs_made: int
    seconds: float


def written(logs: Path, job: str, index: int) -> list[list[str]]:
    """Return what the pods of a node wrote, pod by pod.

    Args:
        logs: Folder of the logs of the job's namespace.
        job: Name of the job.
        index: Of the node.
    """
    files = list(logs.glob(f"{job}-node-0-{index}-*/node.log"))
    stamped = sorted(file.read_text("utf-8").splitlines() for file in files)  # each line begins with its time
    return [[line.partition(" ")[2] for line in lines] for lines in stamped if lines]


def judge(round_: Round, told: Told, logs: Path, deadline: float) -> list[str]:
    """Return what is wrong with what a client was told: a verdict, a line, a word."""
    found = [*_verdict(round_, told), *_words(round_, told)]
    for index in (0, 1):
        lives = written(logs, round_.name, index)
        got = told.lines.get(f"node-{index}", [])
        if index == 1 and round_.kubelet == "for good":
            lives = []
        if not _follows(got, lives, cut=index == 1 and round_.replaced == "preempted"):
            every = [line for life in lives for line in life]
            lost = sorted(set(every) - set(got))
            doubled = sorted(line for line, count in Counter(got).items() if count > 1)
            found.append(f"node {index}: {len(got)} of {len(every)} lines; lost {lost}, doubled {doubled}")
    if told.seconds > deadline:
        found.append(f"it took {told.seconds:.0f} s")
    return found


def _follows(lines: Sequence[str], lives: Sequence[Sequence[str]], *, cut: bool) -> bool:
    """Say whether lines are those of all lives in order. The log of a pod that was deleted may end early."""
    if not cut or len(lives) < 2:
        return list(lines) == [line for life in lives for line in life]
    first, last = lives
    read = len(lines) - len(last)
    return read >= 0 and list(lines) == [*first[:read], *last]


def _of_the_new_pod(round_: Round, headline: str) -> bool:
    """Say whether a headline leaves out what befell the pod that was replaced. The new one may have ended by then."""
    if "143" in headline or "SIGTERM" in headline or "ended by the cluster" in headline:
        return False
    return round_.fails or not ("exited" in headline or "is Failed" in headline)


def _verdict(round_: Round, told: Told) -> list[str]:
    found = []
    if told.status != round_.verdict:
        found.append(f"it was seen as {told.status}, not {round_.verdict}")
    if told.jobs_made != 1:
        found.append(f"{told.jobs_made} jobs were made")
    steps = ["Succeeded", "Failed" if round_.fails else "Succeeded"]
    if list(told.steps) != steps:
        found.append(f"its steps were seen as {told.steps}, not {steps}")
    return found


def _words(round_: Round, told: Told) -> list[str]:
    found = []
    pod = f"{round_.name}-node-0-1-"
    if bool(told.error) != (round_.kubelet == "for good"):
        found.append(f"reading its logs ended with {told.error!r}")
    if round_.kubelet == "for good" and "the kubelet is not well" not in told.error:
        found.append(f"the error does not say what the kubelet said: {told.error}")
    if round_.kubelet != "well" and not any(pod in line and "cannot be read" in line for line in told.logged):
        found.append("nobody was told that a log could not be read")
    headline = told.explanation.partition("\n")[0]
    failure = "(node-1) exited with code 1"
    if round_.sidecar == "stays" and "the sidecar 'proxy' runs on" not in told.explanation:
        found.append(f"the explanation does not name the sidecar: {headline}")
    if round_.fails != (failure in headline):
        found.append(f"the explanation begins with {headline!r}")
    if told.meanwhile and not _of_the_new_pod(round_, told.meanwhile):
        found.append(f"while its new pod ran, the explanation began with {told.meanwhile!r}")
    return found
