"""Ways in which a program ends, each a function without arguments: what it leaves in its directory, its output and its
exit code are those of a bare Python that calls it.
"""

# ruff: noqa: PTH104, PTH123, SIM115, TRY301, PLE0307, PLR1708

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import csv
import enum
import gzip
import io
import logging
import logging.handlers
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref
import zipfile
from collections.abc import Callable, Iterator

HELD: list[object] = []


def files() -> None:
    """Leave files of all kinds open."""
    text = open("text.txt", "w")
    text.write("text")
    binary = open("binary.bin", "wb")
    binary.write(b"binary")
    packed = gzip.open("packed.gz", "wt")
    packed.write("packed")
    table = open("table.csv", "w", newline="")
    csv.writer(table).writerow(["epoch", 1])
    archive = zipfile.ZipFile("archive.zip", "w")
    archive.writestr("member", "in the archive")
    temporary = tempfile.NamedTemporaryFile("w", dir=".", prefix="temporary", suffix=".txt", delete=False)
    os.rename(temporary.name, "temporary.txt")
    temporary.write("temporary")
    unfinished = (print(i, file=text) for i in range(3))
    next(unfinished)
    HELD.extend([text, binary, packed, table, archive, temporary, unfinished])
    HELD.append(lambda: text)
    logger = logging.getLogger("of the user")
    target = logging.FileHandler("log.txt")
    logger.addHandler(logging.handlers.MemoryHandler(100, target=target))
    logger.error("logged")
    database = sqlite3.connect("rows.db")
    database.execute("create table rows (n)")
    database.execute("insert into rows values (1)")
    database.commit()
    database.execute("insert into rows values (2)")
    HELD.append(database)


def redirected() -> None:
    sys.stdout = open("stdout.txt", "w")
    print("into a file")


def redirected_for_a_while() -> None:
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(open("stdout.txt", "w")))
    print("into a file")
    HELD.append(stack)


def printed_without_end() -> None:
    print("begun", end="")
    sys.stderr.write("also begun")


def fed_program() -> None:
    """The program has the rest of its input when this one has ended."""
    program = [sys.executable, "-c", "import sys; print(flush=True); open('fed', 'w').write(sys.stdin.read())"]
    child = subprocess.Popen(program, stdin=subprocess.PIPE, text=True, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()  # it has begun
    child.stdin.write("the rest")
    HELD.append(child)
    warnings.simplefilter("ignore", ResourceWarning)


def file_of_a_thread() -> None:
    local = threading.local()

    def write() -> None:
        local.file = open("thread.txt", "w")
        local.file.write("of a thread")
        HELD.append(local.file)
        time.sleep(0.2)
        local.file.write(", to its end")

    threading.Thread(target=write).start()


def file_of_a_daemon() -> None:
    ready = threading.Event()

    def write() -> None:
        file = open("daemon.txt", "w")
        file.write("of a daemon")
        HELD.append(file)
        ready.set()
        time.sleep(60)

    threading.Thread(target=write, daemon=True).start()
    ready.wait()


def daemon_in_a_full_pipe() -> None:
    """A daemon thread waits, with the lock of its file, for a reader that never comes."""
    reads, writes = os.pipe()
    file = os.fdopen(writes, "w")
    HELD.extend([reads, file])

    def write() -> None:
        file.write("x" * (1 << 20))

    threading.Thread(target=write, daemon=True).start()
    time.sleep(0.2)
    open("other.txt", "w").write("other")


def daemon_that_prints() -> None:
    def write() -> None:
        while True:
            time.sleep(0.001)
            os.write(1, b"")

    threading.Thread(target=write, daemon=True).start()
    print("done")


def files_and_exception() -> None:
    files()
    raise ValueError("after the files")


def files_and_exit() -> None:
    files()
    sys.exit(3)


def files_and_good_exit() -> None:
    files()
    sys.exit()


def files_and_hard_exit() -> None:
    text = open("text.txt", "w")
    text.write("lost")
    print("lost too", end="")
    os._exit(5)


def thread_ends_the_process() -> None:
    threading.Timer(0.1, os._exit, (6,)).start()
    time.sleep(30)


def thread_that_goes_on() -> None:
    print("returned")
    threading.Timer(0.2, print, ("still",)).start()


def thread_that_fails() -> None:
    thread = threading.Thread(target=lambda: 1 // 0, name="worker")
    thread.start()
    thread.join()


def thread_that_exits() -> None:
    thread = threading.Thread(target=lambda: sys.exit(4))
    thread.start()
    thread.join()
    print("goes on")


def pool_left_open() -> None:
    print("returned")
    pool = concurrent.futures.ThreadPoolExecutor(1)
    HELD.append(pool)
    pool.submit(time.sleep, 0.1)
    pool.submit(print, "in the pool")


def process_left_running() -> None:
    HELD.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10)"]))
    warnings.simplefilter("ignore", ResourceWarning)
    print("returned", end="")


def handlers_of_the_end() -> None:
    atexit.register(print, "first registered, last run")
    atexit.register(lambda: open("handler.txt", "w").write("of a handler"))
    weakref.finalize(files, print, "finalizer")


def handler_that_fails() -> None:
    atexit.register(print, "runs all the same")

    def fail() -> None:
        raise ValueError("in a handler")

    atexit.register(fail)


def handler_that_ends_the_process() -> None:
    atexit.register(os._exit, 7)


class Shown:
    def __del__(self) -> None:
        print("deleted")


def deleted_at_the_end() -> None:
    HELD.append(Shown())
    print("returned")


class Wrapper(io.TextIOWrapper):
    """A stream of the user's whose `flush` fails."""

    def flush(self) -> None:
        raise OSError("no flush")


def stream_that_fails() -> None:
    wrapper = Wrapper(open("wrapped.txt", "wb"))
    HELD.append(wrapper)
    HELD.append(open("text.txt", "w"))
    HELD[-1].write("after it")  # type: ignore[attr-defined]


def stdout_closed() -> None:
    print("before")
    sys.stdout.close()


def stdout_gone() -> None:
    print("before", flush=True)
    sys.stdout = None
    print("nowhere")


def killed_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def interrupted_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)


def alarm() -> None:
    signal.alarm(1)
    time.sleep(30)


class Code(enum.IntEnum):
    GOOD = 0
    BAD = 9


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no text")


class Comparing:
    """Is equal to everything, and has no truth, as an array."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self  # type: ignore[return-value]

    def __bool__(self) -> bool:
        raise TypeError("neither")

    def __str__(self) -> str:
        return "comparing"


NUMBERS: tuple[object, ...] = (None, 0, False, True, 1, 255, 256, 257, -1, 2**31, 2**63, -(2**63) - 1, 2**80)
OTHERS: tuple[object, ...] = ("words", "", 0.0, 1.5, [], (), (1, 2), b"bytes", "half \udc80 a pair")
EXIT_CODES: dict[str, object] = {
    **{repr(code): code for code in (*NUMBERS, *OTHERS)},
    **{"error": ValueError("in it"), "unprintable": Unprintable(), "comparing": Comparing()},
    **{"enum, good": Code.GOOD, "enum, bad": Code.BAD},
}


def exits(name: str) -> None:
    raise SystemExit(EXIT_CODES[name])


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Interrupting(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class NoText(Exception):
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


class Homeless(Exception):
    __module__ = None  # type: ignore[assignment]


class Deep(Exception):
    def __str__(self) -> str:
        return str(self)


class Bottom(BaseException):
    pass


class Lazy(Exception):
    @property
    def exceptions(self) -> tuple[Exception, ...]:
        raise ValueError("not yet")


class Interrupt(KeyboardInterrupt):
    pass


def silent() -> None:
    raise Silent


def interrupting() -> None:
    raise Interrupting


def no_text() -> None:
    raise NoText


def homeless() -> None:
    raise Homeless("from nowhere")


def deep() -> None:
    raise Deep


def bottom() -> None:
    raise Bottom("below Exception")


def lazy() -> None:
    raise Lazy("later")


def interrupt() -> None:
    raise Interrupt


def interrupt_of_python() -> None:
    raise KeyboardInterrupt


def assertion() -> None:
    assert not HELD, HELD
    assert HELD


def stop_iteration() -> None:
    next(iter(()))


def generator_exit() -> None:
    raise GeneratorExit("closed")


def in_a_generator() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise StopIteration

    list(numbers())


def group() -> None:
    raise ExceptionGroup("several", [ValueError("one"), ExceptionGroup("more", [TypeError("two"), Silent()])])


def group_with_exit() -> None:
    raise BaseExceptionGroup("several", [ValueError("one"), SystemExit(3)])


def notes() -> None:
    error = ValueError("noted")
    error.add_note("a note\nof two lines")
    raise error


def bad_notes() -> None:
    error = ValueError("noted")
    error.__notes__ = 3  # type: ignore[assignment]
    raise error


def circle() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def chained() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


def unchained() -> None:
    try:
        raise KeyError("inner")
    except KeyError:
        raise ValueError("outer") from None


def syntax() -> None:
    raise SyntaxError("of the user", ("their.file", 3, 5, "x = = 1"))


def syntax_of_text() -> None:
    exec("x = = 1")


def surrogates() -> None:
    raise ValueError("half \udc80 a pair")


def many_lines() -> None:
    raise ValueError("line\n" * 3)


def huge() -> None:
    raise ValueError("x" * 5_000_000)


def warned() -> None:
    warnings.warn("of the user", stacklevel=1)
    warnings.simplefilter("error")
    warnings.warn("now an error", stacklevel=1)


OPEN_FILES: list[Callable[[], None]] = [
    *(files, redirected, redirected_for_a_while, printed_without_end, fed_program, file_of_a_thread),
    *(daemon_in_a_full_pipe, files_and_exception, files_and_exit, files_and_good_exit, files_and_hard_exit),
    *(stream_that_fails, stdout_closed, stdout_gone),
]
THREADS_AND_HANDLERS: list[Callable[[], None]] = [
    *(daemon_that_prints, thread_ends_the_process, thread_that_goes_on, thread_that_fails, thread_that_exits),
    *(pool_left_open, process_left_running, handlers_of_the_end, handler_that_fails, handler_that_ends_the_process),
    *(deleted_at_the_end, killed_by_signal, interrupted_by_signal, alarm),
]
EXCEPTIONS: list[Callable[[], None]] = [
    *(silent, interrupting, no_text, homeless, deep, bottom, lazy, interrupt, interrupt_of_python, assertion),
    *(stop_iteration, generator_exit, in_a_generator, group, group_with_exit, notes, bad_notes, circle, chained),
    *(unchained, syntax, syntax_of_text, surrogates, many_lines, huge, warned),
]
