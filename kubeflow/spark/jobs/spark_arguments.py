"""From the arguments of `SparkClient.process_data` to a `SparkSpec`.

Everything that is wrong on every backend is refused here, before anything is sent or started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kubeflow.core.artifact import Artifact
from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput
from kubeflow.core.paths import working_directory
from kubeflow.core.stdlib import inspect, re
from kubeflow.spark.jobs.decided_settings import check_settings
from kubeflow.spark.jobs.option_order import with_options
from kubeflow.spark.jobs.spark_outputs import spark_output
from kubeflow.spark.jobs.spark_spec import Program, SparkOption, SparkSpec
from kubeflow.spark.types.node_sizes import NodeSize, node_size
from kubeflow.spark.types.spark_nodes import Driver, Executor
from kubeflow.trainer.jobs import names
from kubeflow.trainer.jobs.jobspec import Option
from kubeflow.trainer.jobs.outputs import OUTPUT
from kubeflow.trainer.types.checks import (
    check_annotations,
    check_count,
    check_env,
    check_index_urls,
    check_instance,
    check_labels,
    check_requirements,
    check_text,
)
from kubeflow.trainer.types.resources import Resources

if TYPE_CHECKING:
    from kubeflow.packaging import Bundle

SESSION = "spark"
"""The parameter of a function that is the session."""

ProgramArgs = Mapping[str, object] | Sequence[str | float | os.PathLike[str]]
"""Arguments: by name for a function; the words of a command line, or options by name, for a file."""

_SETTING = re.compile(r"spark\.[A-Za-z0-9_.\-]+", re.ASCII)
# https://www.rfc-editor.org/rfc/rfc3986#section-3.1
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:/", re.ASCII)


@dataclass(frozen=True, slots=True)
class SparkArguments:
    """What `process_data` was given, unchecked. Its docstring says what each is."""

    func: Callable[..., object] | str | os.PathLike[str] | None = None
    file: str | os.PathLike[str] | None = None
    jar: str | os.PathLike[str] | None = None
    main_class: str | None = None
    args: ProgramArgs | None = None
    num_executors: int | None = None
    resources_per_executor: Resources | None = None
    driver: Driver | None = None
    executor: Executor | None = None
    spark_conf: Mapping[str, str | float] | None = None
    packages_to_install: Sequence[str] | None = None
    pip_index_urls: Sequence[str] = ()
    image: str | None = None
    env: Mapping[str, str] | None = None
    output: str | os.PathLike[str] | Artifact | None = None
    code_dir: str | os.PathLike[str] | None = None
    options: Sequence[SparkOption | Option] | None = field(default=None)

    __repr__ = repr_of_fields

    @property
    def runs(self) -> object:
        """The one of `func`, `file` and `jar` that is given."""
        return self.func if self.func is not None else self.file if self.file is not None else self.jar


def spark_spec(name: str, given: SparkArguments, *, same_python: bool) -> SparkSpec:
    """Describe the job that the arguments mean.

    Args:
        name: The job's name.
        given: The arguments.
        same_python: True when the job runs under the Python of this process.

    Raises:
        InvalidInput: When the job cannot work on any backend, naming cause and remedy. A `PackagingError` when the
            function cannot be packaged or its arguments do not bind to its signature.
    """
    names.check(name)
    size, executors, java_options = executor_settings(given.executor, given.num_executors, given.resources_per_executor)
    if given.image is not None:
        check_text("image", given.image)
    if given.env is not None:
        check_env("env", given.env)
        if OUTPUT in given.env:
            raise InvalidInput(f"env sets {OUTPUT}, which every job has by itself: leave it out, and give output=.")
    driver = given.driver if given.driver is not None else Driver()
    check_instance("driver", driver, (Driver,), remedy="Write driver=Driver(resources={'memory': '4Gi'}).")
    spec = SparkSpec(
        name=name,
        program=_program(given, same_python),
        num_executors=executors,
        driver=node_size(driver.resources, "Driver resources"),
        executor=size,
        driver_java_options=driver.java_options,
        executor_java_options=java_options,
        service_account=driver.service_account,
        image=given.image,
        driver_image=driver.image,
        spark_conf=checked_conf(given.spark_conf),
        env=dict(given.env or {}),
        output=spark_output(given.output),
    )
    spec = with_options(spec, given.options)
    names.check(spec.name)
    check_settings(spec)
    check_labels("labels", spec.labels)
    check_annotations("annotations", spec.annotations)
    return spec


def executor_settings(
    executor: Executor | None, num_executors: int | None, resources: Resources | None
) -> tuple[NodeSize, int | None, str | None]:
    """Return size, number and JVM options of executors, given in short or as an `Executor`.

    Raises:
        InvalidInput: The same is said twice, or is wrong.
    """
    if num_executors is not None:
        check_count("num_executors", num_executors)
    size = node_size(resources, "resources_per_executor")
    if executor is None:
        return size, num_executors, None
    check_instance("executor", executor, (Executor,), remedy="Write executor=Executor(num_instances=2).")
    for field_, short, value in (
        ("num_instances", "num_executors", executor.num_instances if num_executors is not None else None),
        (
            "resources_per_executor",
            "resources_per_executor",
            executor.resources_per_executor if resources is not None else None,
        ),
    ):
        if value is not None:
            raise InvalidInput(f"{short}= and Executor({field_}=...) say the same: leave one of them out.")
    if executor.resources_per_executor is not None:
        size = node_size(executor.resources_per_executor, "Executor resources_per_executor")
    count = executor.num_instances if num_executors is None else num_executors
    return size, count, executor.java_options


def checked_conf(conf: Mapping[str, str | float] | None) -> dict[str, str]:
    """Return settings of Spark as text.

    Numbers and truth values are written as Spark reads them.

    Raises:
        InvalidInput: A name is none of a setting, or a value is no text, number or truth value.
    """
    if conf is None:
        return {}
    if not isinstance(conf, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"spark_conf must map settings of Spark to their values, not {conf!r}.")
    settings: dict[str, str] = {}
    for name, value in cast("Mapping[object, object]", conf).items():
        if not isinstance(name, str) or not _SETTING.fullmatch(name):
            hint = f" Write 'spark.{name}'?" if isinstance(name, str) and _SETTING.fullmatch(f"spark.{name}") else ""
            raise InvalidInput(f"spark_conf has {name!r}; names of settings begin with 'spark.'.{hint}")
        if not isinstance(value, (str, int, float)):
            raise InvalidInput(f"spark_conf[{name!r}] must be text, a number or a truth value, not {value!r}.")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if any(ord(character) < 32 for character in text):
            raise InvalidInput(f"spark_conf[{name!r}] = {value!r} holds a line break or a control character.")
        settings[name] = text
    return settings


def _program(given: SparkArguments, same_python: bool) -> Program:
    named = {"func": given.func, "file": given.file, "jar": given.jar}
    said = [f"{name}=" for name, value in named.items() if value is not None]
    if len(said) != 1:
        what = f"{' and '.join(said)} each say what to run" if said else "nothing says what to run"
        raise InvalidInput(
            f"{what[0].upper()}{what[1:]}: give one of func= (a function), file= (a Python script) and jar=."
        )
    if given.main_class is not None and given.jar is None:
        raise InvalidInput(f"main_class={given.main_class!r} is that of a jar: give jar= as well, or leave it out.")
    if callable(given.func):
        return _function(given, given.func, same_python)
    place = os.fspath(cast("str | os.PathLike[str]", given.runs)) if _is_path(given.runs) else given.runs
    if not isinstance(place, str) or not place.strip():
        raise InvalidInput(f"{said[0]} takes {_takes(said[0])}, not {given.runs!r}.")
    if given.jar is not None or place.lower().endswith(".jar"):
        return _jar(given, place)
    return _script(given, place)


def _takes(argument: str) -> str:
    return "a function or the path of a script" if argument == "func=" else "a path or an address"


def _is_path(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


def _function(given: SparkArguments, func: Callable[..., object], same_python: bool) -> Program:
    if given.args is not None and not isinstance(given.args, Mapping):
        raise InvalidInput(f"The arguments of a function are given by name: args={{...}}, not {given.args!r}.")
    args = dict(given.args or {})
    session = SESSION if SESSION not in args and takes_session(func) else None
    return Program(bundle=_bundle(given, func, args, same_python=same_python, session=session))


def takes_session(func: Callable[..., object]) -> bool:
    """Return True when a function has a parameter that is the session, and no value for it of its own."""
    try:
        parameter = inspect.signature(func).parameters.get(SESSION)
    except (TypeError, ValueError):  # builtins written in C need not have a signature
        return False
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return parameter is not None and parameter.kind in named and parameter.default in (inspect.Parameter.empty, None)


def _script(given: SparkArguments, place: str) -> Program:
    if _ADDRESS.match(place):
        _check_unpackaged(given, place)
        return Program(file=place, arguments=_words(given.args))
    if not place.endswith(".py"):
        raise InvalidInput(
            f"{place!r} is no Python script: its name ends with '.py'. A jar is given as jar=, and programs in R are "
            "not run by this client."
        )
    return Program(bundle=_bundle(given, place, given.args, same_python=False, session=None))


def _jar(given: SparkArguments, place: str) -> Program:
    if given.main_class is not None:
        check_text("main_class", given.main_class)
    _check_unpackaged(given, place)
    if not _ADDRESS.match(place):
        path = working_directory() / Path(place).expanduser()
        if not path.is_file():
            raise InvalidInput(f"There is no jar {place!r}. (Relative to {working_directory()}.) Correct the path.")
        place = str(path)
    return Program(file=place, is_jar=True, main_class=given.main_class, arguments=_words(given.args))


def _check_unpackaged(given: SparkArguments, place: str) -> None:
    for argument, value in (("packages_to_install", given.packages_to_install), ("code_dir", given.code_dir)):
        if value:
            raise InvalidInput(
                f"{argument}= goes with code that is packaged here, and {place!r} runs as it is: use an image that has "
                "what it needs, or give a function or a script of this machine."
            )


def _words(args: ProgramArgs | None) -> tuple[str, ...]:
    from kubeflow.packaging.capture.entry import options

    try:
        return tuple(options(args or ()))
    except TypeError as error:
        raise InvalidInput(f"args: {error}.") from error


def _bundle(
    given: SparkArguments,
    target: Callable[..., object] | str,
    args: ProgramArgs | None,
    *,
    same_python: bool,
    session: str | None,
) -> Bundle:
    from kubeflow.packaging import bundle

    if given.packages_to_install is not None:
        check_requirements("packages_to_install", given.packages_to_install)
    check_index_urls("pip_index_urls", given.pip_index_urls)
    return bundle(
        target,
        args=args,
        code_dir=given.code_dir,
        same_python=same_python,
        requirements=tuple(given.packages_to_install or ()),
        index_urls=tuple(given.pip_index_urls),
        session=session,
    )
