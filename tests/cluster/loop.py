"""One thread that does what is due: all decisions of the test cluster's controllers are made on it, one after another."""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable

from tests.apiserver import Refused


class Loop:
    """Calls functions now or later, on one thread.

    Attributes:
        errors: What went wrong on it, as text; a test cluster that had any proves nothing.
    """

    def __init__(self, name: str) -> None:
        self.errors: list[str] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not yet due is never done."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Have `call` called in `seconds`."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), call))
            self._changed.notify()

    def soon(self, call: Callable[[], None]) -> None:
        """Have `call` called as soon as what was asked for before is done."""
        self.later(0, call)

    def wait(self, call: Callable[[], None]) -> None:
        """Have `call` called, and return when it was."""
        done = threading.Event()

        def both() -> None:
            try:
                call()
            finally:
                done.set()

        self.soon(both)
        assert done.wait(30), "the controllers hang"

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                _, _, call = heapq.heappop(self._due)
            try:
                call()
            except Refused as refused:
                # The object is gone or was changed: its watch says so, and that is acted on. Nothing says so when an object
                # that is to be made is there already.
                if refused.code not in (404, 409) or refused.reason == "AlreadyExists":
                    self._failed()
            except Exception:  # noqa: BLE001  (the controllers go on; whoever owns the cluster raises what is in `errors`)
                self._failed()

    def _failed(self) -> None:
        self.errors.append(traceback.format_exc())
        print(self.errors[-1], file=sys.stderr)
