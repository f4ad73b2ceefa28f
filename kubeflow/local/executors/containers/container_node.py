"""A node that is a container: a thread waits for its end, and judges it."""

from __future__ import annotations

import threading
import time

from kubeflow.local.executors.containers import start_script
from kubeflow.local.executors.containers.container_engine import ContainerEngine
from kubeflow.local.executors.containers.engine_errors import EngineRefused, EngineUnreachable
from kubeflow.local.executors.executor import NodeExit
from kubeflow.local.job.container_plan import EnginePlan
from kubeflow.local.job.places import Places

_PATIENCE = 15.0  # seconds in which an engine that does not answer may be started again
_PAUSE = 0.2
_LONG = 5.0  # seconds: who was waited for so long with success answers
_NOT_FOUND = 404
_SIGNAL = 128  # a shell reports a signal as 128 + its number
_SIGNALS = 64
# How init processes end that find no shell to run: those of docker with these codes, podman's catatonit with 1.
_NOT_EXECUTABLE, _NO_PROGRAM = 126, 127
_NOTHING_RUN = "failed to exec pid1"
_MIB = 1 << 20


class ContainerNode:
    """A node that is a container.

    Args:
        name: The node's name.
        container: The name of its container.
        engine: Its engine.
        places: Where the job's files are.
        image: Its image.
        memory: Bytes that it may use, `None` for no limit.
    """

    def __init__(
        self, name: str, container: str, engine: EnginePlan, places: Places, *, image: str, memory: int | None
    ) -> None:
        self.name = name
        self._container = container
        self._engine = engine
        self._places = places
        self._image = image
        self._memory = memory
        self._end: NodeExit | None = None
        threading.Thread(target=self._wait, name=f"wait-{name}", daemon=True).start()

    @property
    def id(self) -> str:
        """The name of the container."""
        return self._container

    @property
    def descriptor(self) -> None:
        """There is none: a thread waits for the engine."""
        return None

    def poll(self) -> NodeExit | None:
        """Return how the container ended, once it has."""
        return self._end

    def _wait(self) -> None:
        lost_at: float | None = None
        while True:
            begun = time.monotonic()
            try:
                self._end = self._ask()
            except EngineUnreachable as error:
                if time.monotonic() - begun > _LONG or lost_at is None:
                    lost_at = time.monotonic()
                if (word := self._last_word()) is not None:
                    self._end = self._judge(word, 0)
                elif time.monotonic() - lost_at > _PATIENCE:
                    self._end = NodeExit(_SIGNAL, known=False, message=str(error))
            except EngineRefused as error:
                self._end = NodeExit(_SIGNAL, known=False, message=str(error))
            if self._end is not None:
                return
            time.sleep(_PAUSE)

    def _ask(self) -> NodeExit:
        """Return the end that the engine tells, after as long as it takes."""
        with ContainerEngine.of(self._engine) as engine:
            try:
                code = engine.wait(self._container)
                killed = bool(engine.state(self._container).get("OOMKilled"))
                word = self._last_word()
                said = engine.said(self._container) if word is None else ""
                return self._judge(word, code, killed_for_memory=killed, said=said)
            except EngineRefused as error:
                if error.status != _NOT_FOUND:
                    raise
        if (word := self._last_word()) is not None:
            return self._judge(word, 0)
        return NodeExit(-9, message="its container was removed")

    def _last_word(self) -> start_script.LastWord | None:
        return start_script.last_word(self._places, self.name)

    def _judge(
        self, word: start_script.LastWord | None, code: int, *, killed_for_memory: bool = False, said: str = ""
    ) -> NodeExit:
        """Return how the node ended; what it said itself counts more than the `code` that its engine tells.

        Args:
            word: What the node said, if it could.
            code: Of the container.
            killed_for_memory: Whether the engine says so.
            said: What the engine has from a container whose node left no word.
        """
        if word is not None and word.missing:
            return NodeExit(
                word.code,
                message=f"image {self._image!r} has no {word.missing!r}: use an image that has it on its PATH",
            )
        if word is not None:  # an engine that was started again knows less of an end in between
            code = word.code
        if word is None and (code in (_NOT_EXECUTABLE, _NO_PROGRAM) or _NOTHING_RUN in said):
            return NodeExit(code, message=no_shell(self._image))
        memory = code != 0 and (killed_for_memory or (word is not None and word.memory_kills > 0))
        message = f"the limit is {self._memory / _MIB:,.0f} MiB" if memory and self._memory is not None else ""
        if code != 0 and not memory:
            message = said.rpartition("\n")[2]
        return NodeExit(_as_python(code), out_of_memory=memory, message=message)


def no_shell(image: str) -> str:
    """Return what is wrong with an image that has no shell."""
    return f"image {image!r} has no /bin/sh, which nodes are started with: use an image that has a shell"


def _as_python(code: int) -> int:
    """Return an exit code as Python has it: negative for a signal."""
    return _SIGNAL - code if _SIGNAL < code <= _SIGNAL + _SIGNALS else code
