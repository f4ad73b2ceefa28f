"""How a measured process hands its figures back: lines of `key value` in the file named by `BENCH_RESULT`.

Executed by path at the end of a measured process, in any environment, so it imports next to nothing that an
interpreter has not loaded at start-up anyway.
"""

import os
import sys


def peak_memory() -> int:
    """Return the largest resident set of this process so far, or of a child that it waited for, in bytes.

    Not `ru_maxrss` of this process where Linux has something better: that figure survives `exec`, so it would
    count the harness that started the process.
    """
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    # A child's figure includes us at the moment of the fork, and so never hides behind ours.
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be one more import to measure
            own = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except OSError:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children)


def report(figures: "dict[str, float]") -> None:
    """Write `figures` for the harness that started this process."""
    with open(os.environ["BENCH_RESULT"], "a", encoding="utf-8") as result:  # noqa: PTH123 - as above
        result.writelines(f"{key} {value!r}\n" for key, value in figures.items())
