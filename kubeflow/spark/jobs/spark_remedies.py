"""What to try after a driver failed, by its last words: one table for all backends, beside that of the trainer."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow.core.stdlib import re
from kubeflow.trainer.diagnosis.remedies import Platform, remedies


@dataclass(frozen=True, slots=True)
class SparkRemedy:
    """What to try when a driver wrote something.

    Attributes:
        pattern: Searched for in the exception, its traceback and the last log lines; at most one group, `{0}` in
            `text`.
        text: What to try.
        example: A line that the pattern matches, as Spark or Java writes it.
    """

    pattern: re.Pattern[str]
    text: str
    example: str


DEADLINE_REMEDY = "Give it more time: options=[options.ActiveDeadlineSeconds(...)], or leave that option out."

SPARK_REMEDIES: tuple[SparkRemedy, ...] = (
    SparkRemedy(
        re.compile(r"OutOfMemoryError: (?:Java heap space|GC overhead)|GC overhead limit exceeded"),
        "The heap of the JVM is too small: give more (driver=Driver(resources={{'memory': '4g'}}), "
        "resources_per_executor={{'memory': ...}}), collect() less, or work in more partitions "
        "(spark_conf={{'spark.sql.shuffle.partitions': ...}}).",
        "java.lang.OutOfMemoryError: Java heap space",
    ),
    SparkRemedy(
        re.compile(r"maxResultSize"),
        "Write large results to files instead of collecting them, or raise spark_conf={{'spark.driver.maxResultSize': "
        "'4g'}}.",
        "Total size of serialized results of 9 tasks (1 GiB) is bigger than spark.driver.maxResultSize 1024.0 MiB.",
    ),
    SparkRemedy(
        re.compile(r"PATH_NOT_FOUND\] Path does not exist: (\S+)|Input path does not exist: (\S+)"),
        "There is nothing at {0} where the driver runs: correct the path, or put the data there first. On a cluster, "
        "paths of this machine do not exist.",
        "[PATH_NOT_FOUND] Path does not exist: file:/data/raw.parquet. SQLSTATE: 42K03",
    ),
    SparkRemedy(
        re.compile(r"S3AFileSystem not found|No FileSystem for scheme \"?(s3a?)\"?"),
        "Spark reads s3a:// addresses with a library that must be fetched: options=[options.MavenPackages("
        "'org.apache.hadoop:hadoop-aws:3.4.1')], and addresses that begin with s3a://.",
        "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
    ),
    SparkRemedy(
        re.compile(r"unresolved dependency: (\S+?)[;:]|\[download failed: (\S+?)[\];]"),
        "Spark could not fetch {0}: it needs a network to a Maven repository (MavenPackages(..., "
        "repositories=(...,))), or an image that has the library, with spark_conf={{'spark.jars': 'local:///path/in/the/image.jar'}}.",
        "java.lang.RuntimeException: [unresolved dependency: org.apache.hadoop#hadoop-aws;3.4.1: not found]",
    ),
    SparkRemedy(
        re.compile(r"ClassNotFoundException: (\S+)|DATA_SOURCE_NOT_FOUND\] Failed to find the data source: ([^\s.]+)"),
        "The JVM has no {0}: name the library that has it, options=[options.MavenPackages('group:artifact:version')].",
        "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta. Make sure the provider name is correct",
    ),
    SparkRemedy(
        re.compile(r"Failed to load class (\S+)"),
        "The jar has no class {0}: correct main_class=, which is the full name with its package.",
        "Error: Failed to load class org.example.Etl.",
    ),
    SparkRemedy(
        re.compile(r"JAVA_GATEWAY_EXITED|UnsupportedClassVersionError"),
        "The JVM did not start: look at the lines before it in the log; Spark 4 needs Java 17 or later.",
        "[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number.",
    ),
    SparkRemedy(
        re.compile(r"UNRESOLVED_COLUMN\S*\] .*?name `?([^`\s]+)`?"),
        "The data has no column {0}: look at its schema with df.printSchema().",
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `agee` cannot be "
        "resolved.",
    ),
    SparkRemedy(
        re.compile(r"PATH_ALREADY_EXISTS\] Path (\S+) already exists"),
        "There is something at {0} already: write with .mode('overwrite') or .mode('append'), or choose another path.",
        '[PATH_ALREADY_EXISTS] Path file:/data/clean already exists. Set mode as "overwrite"',
    ),
    SparkRemedy(
        re.compile(r"PYTHON_VERSION_MISMATCH"),
        "Driver and executors run different Pythons: use one image for both.",
        "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.10 than that in driver: 3.11",
    ),
    SparkRemedy(
        re.compile(r"Initial job has not accepted any resources"),
        "No executor has started: the cluster has no room for them, or the driver's account may not make pods. "
        "client.explain() of the running job says which.",
        "Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered",
    ),
)


def spark_remedies(words: str, platform: Platform) -> list[str]:
    """Return what to try after a failure, most promising first; empty when its words say nothing to us.

    Args:
        words: Exception, traceback and last log lines of the driver.
        platform: Where the job runs.
    """
    found: list[str] = []
    for remedy in SPARK_REMEDIES:
        match = remedy.pattern.search(words)
        if match is not None:
            found.append(remedy.text.format(next(filter(None, match.groups()), "").rstrip(".,;")))
    return [*found, *(text for text in remedies(words, None, platform) if "resources_per_node" not in text)]
