"""What real control planes did with some TrainJobs: facts, distilled from measurements, and a JobSet as such facts.

`trainer-2.3.0.json` has a case for each job: its verdict, the words of a refusal, and how the JobSet that came differs from
the template of its runtime. Neither manifests of others nor their prose are in it. Written anew by

    python -m tests.cluster.measured.facts FOLDER

from a folder of measured files, one YAML document for each case with the keys `case`, `runtime`, `trainJob` and `real`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

FILE = Path(__file__).parent / "trainer-2.3.0.json"
_NAMES = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "replicatedJobs": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "dependsOn": "name",
    "templates": "metadata",
}
_OURS = "sdk.kubeflow.org/"  # annotations that no control plane looks at
_LONG = 72  # characters of an argument that stands for a program


@dataclass(frozen=True)
class Case:
    """One TrainJob and what became of it.

    Attributes:
        name: What is special about it.
        runtime: Name of its runtime.
        job: The TrainJob; programs in its arguments are numbered.
        verdict: In one line.
        words: Why it was refused; empty when it was not, or when nobody said.
        jobset: What the JobSet has that its runtime's template has not, by path, like `node/pod.containers[node].env`; `None`
            where no JobSet was seen.
        left_out: Paths of the template that the JobSet does not have.
    """

    name: str
    runtime: str
    job: Object
    verdict: str
    words: str = ""
    jobset: dict[str, Any] | None = None
    left_out: tuple[str, ...] = ()


def cases() -> list[Case]:
    """Return the committed cases."""
    return [Case(**{**each, "left_out": tuple(each["left_out"])}) for each in json.loads(FILE.read_text("utf-8"))]


def difference(jobset: Mapping[str, Any], runtime: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what a JobSet has beyond the template of its runtime, by path, and the paths that it lacks.

    Of its metadata, labels and annotations count. Empty objects count as absent, numbers as text.
    """
    template = runtime["spec"]["template"]
    own, made = _facts(template), _facts(jobset)
    changed = {path: value for path, value in made.items() if path not in own or own[path] != value}
    return changed, tuple(path for path in own if path not in made)


def distilled(folder: Path, runtimes: Mapping[str, Mapping[str, Any]]) -> list[Case]:
    """Return the cases of a folder of measured files.

    Args:
        folder: The files.
        runtimes: All that the cases name.
    """
    found = []
    for file in sorted(folder.glob("*.yaml")):
        measured: Object = yaml.safe_load(file.read_text("utf-8"))
        real, job = measured["real"], measured["trainJob"]
        job.pop("apiVersion"), job.pop("kind")
        _drop_ours(job["metadata"])
        programs: dict[str, str] = {}
        jobset: dict[str, Any] | None = None
        left_out: tuple[str, ...] = ()
        if "jobSet" in real:
            jobset, left_out = difference(real["jobSet"], runtimes[measured["runtime"]])
        found.append(
            Case(
                measured["case"],
                measured["runtime"],
                _numbered(job, programs),
                real["verdict"],
                real.get("words", ""),
                _numbered(jobset, programs),
                left_out,
            )
        )
    return found


def _facts(jobset: Mapping[str, Any]) -> dict[str, Any]:
    metadata = jobset.get("metadata") or {}
    told = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    return {_short(path): value for path, value in _leaves({"metadata": told, "spec": jobset["spec"]})}


def _short(path: str) -> str:
    """Return a path as `node/pod.containers[node].env`."""
    path = re.sub(r"^spec\.replicatedJobs\[([^]]*)]\.", r"\1/", path)
    return path.replace("/template.spec.template.spec.", "/pod.").replace("/template.spec.", "/job.")


def _drop_ours(metadata: Object) -> None:
    for field in ("labels", "annotations"):
        kept = {k: v for k, v in (metadata.pop(field, None) or {}).items() if not k.startswith(_OURS)}
        if kept:
            metadata[field] = kept


def _numbered(value: Any, programs: dict[str, str]) -> Any:
    """Put numbers in the place of programs: what they are is nobody's matter here."""
    if isinstance(value, Mapping):
        return {key: _numbered(each, programs) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, programs) for each in value]
    if isinstance(value, str) and len(value) > _LONG and ("..." in value or value.startswith("import ")):
        return programs.setdefault(value, f"program {len(programs) + 1}")
    return value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _entries(key, each, f"{path}.{key}" if path else str(key))
    else:
        yield path, str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _entries(field: str, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list):
        yield from _leaves(value, path)
    elif field == "env":
        yield path, [_variable(each) for each in value]
    elif field in _NAMES and all(isinstance(each, Mapping) for each in value):
        for each in value:
            name = each[_NAMES[field]]
            name = name["name"] if isinstance(name, Mapping) else name
            yield from _leaves({k: v for k, v in each.items() if k != _NAMES[field]} or name, f"{path}[{name}]")
    elif all(isinstance(each, Mapping) for each in value):
        for place, each in enumerate(value):
            yield from _leaves(each, f"{path}[{place}]")
    else:
        yield path, value


def _variable(variable: Mapping[str, Any]) -> str:
    field = (variable.get("valueFrom") or {}).get("fieldRef") or {}
    return f"{variable['name']}={field.get('fieldPath') or variable.get('value', '')}"


def write(folder: Path, runtimes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the cases of a folder of measured files into the file that is committed."""
    lines = ",\n".join(json.dumps(asdict(case)) for case in distilled(folder, runtimes))
    FILE.write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    from tests.cluster.measured.runtimes_of_cases import runtimes_of_cases

    write(Path(sys.argv[1]), runtimes_of_cases())
