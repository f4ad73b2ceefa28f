"""What ended a program, read from its log as the JVM, Spark and Python write it."""

from __future__ import annotations

import pytest

from kubeflow.spark.jobs.logged_exceptions import LoggedException, logged_exception

INFO = "26/11/30 09:01:02 INFO SparkContext: Running Spark version 4.0.5"
JVM = """\
26/11/30 09:01:02 INFO SparkContext: Running Spark version 4.0.5
Exception in thread "main" org.apache.spark.SparkException: Job aborted
due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2935)
\t... 10 more
\tSuppressed: java.io.IOException: closed
\t\tat a.B.c(B.java:1)
Caused by: java.lang.RuntimeException: no
\tat a.B.c(B.java:2)
Caused by: java.io.IOException: No space left on device
\tat a.B.c(B.java:3)
\t... 2 more
26/11/30 09:01:03 INFO ShutdownHookManager: Shutdown hook called
\tat a.B.c(B.java:9)
""".splitlines()
PYTHON = ["Traceback (most recent call last):", '  File "/etl.py", line 3, in <module>', "    run()", "KeyError: 'x'"]
USER = [
    'Exception in thread "main" org.apache.spark.SparkUserAppException: User application exited with 1',
    "\tat org.apache.spark.deploy.PythonRunner$.main(PythonRunner.scala:130)",
]


def test_the_first_and_the_last_cause_are_told_and_the_stack_is_kept() -> None:
    found = logged_exception(JVM)

    first = "org.apache.spark.SparkException: Job aborted\ndue to stage failure"
    assert found == LoggedException(
        f"{first}, caused by java.io.IOException: No space left on device", tuple(JVM[1:12])
    )
    assert found.reason == f"its driver raised {found.exception}"


def test_what_spark_submit_refuses_is_no_exception() -> None:
    found = logged_exception([INFO, "Error: Failed to load class org.example.Etl.", INFO])
    assert found is not None
    assert (found.exception, found.reason) == (None, "spark-submit refused it: Failed to load class org.example.Etl.")


@pytest.mark.parametrize("after", [[], [INFO], USER, [*USER, INFO]])
def test_a_script_ends_by_the_exception_of_python_whatever_the_jvm_makes_of_it(after: list[str]) -> None:
    found = logged_exception([INFO, *PYTHON, *after])
    assert found == LoggedException("KeyError: 'x'", tuple(PYTHON))


@pytest.mark.parametrize(
    "log",
    [
        [],
        [INFO],
        [*PYTHON, "it goes on all the same"],  # somebody caught that one
        PYTHON[:3],
        ["Traceback (most recent call last):", "and a sentence"],
        ["\tat a.B.c(B.java:1)", "Caused by: java.io.IOException"],  # its beginning is not there
    ],
)
def test_a_log_without_an_exception_that_ended_the_program_has_none(log: list[str]) -> None:
    assert logged_exception(log) is None


def test_without_a_traceback_the_end_of_a_script_is_what_the_jvm_says() -> None:
    found = logged_exception(USER)
    assert found is not None
    assert found.summary == "org.apache.spark.SparkUserAppException: User application exited with 1"
