"""Rows: parsing and dumping the objects that a client moves, beside the published models and raw JSON."""

from collections.abc import Mapping

from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.objects import cluster_training_runtime, experiment, large_train_job, small_train_job
from tests.bench.probes import looping, scripting
from tests.bench.requirements import Always, AtMostTimesLimit, BetterThanPeer
from tests.bench.series import Missing

_PARSE = {Place.OURS: "Model.from_server(obj)", Place.PEER: "Model.from_dict(obj)"}
_TRAINER = {
    Place.OURS: "from kubeflow_api.trainer.v1alpha1 import {kind} as Model",
    Place.PEER: "from kubeflow_trainer_api.models import TrainerV1alpha1{kind} as Model",
}
_KATIB = {
    Place.OURS: "from kubeflow_api.katib.v1beta1 import {kind} as Model",
    Place.PEER: "from kubeflow_katib_api.models import V1beta1{kind} as Model",
}

FACTOR = 5
"""How many times faster than the published models an object must be parsed and dumped."""
COUNT = 1000
"""Objects of a listing."""
OVER_JSON = 2.5
"""What reading the names in a listing may cost, as a multiple of `json.loads`."""

# What a package's model modules weigh on disk, as they were installed.
_SIZE = """
from importlib.util import find_spec
from pathlib import Path
roots = [Path(place) for place in find_spec({package!r}).submodule_search_locations]
files = [path for root in roots for path in root.rglob({pattern!r})]
lines = sum(path.read_text("utf-8").count("\\n") for path in files)
report({{"files": len(files), "lines": lines, "bytes": sum(path.stat().st_size for path in files)}})
"""


def _models(place: Place, load: str, obj: Mapping[str, object]) -> Probe:
    parse = _PARSE[place]
    return looping(
        place,
        # `from_dict` is strict on both sides: an object that does not fit the schema would be timed on the detour that
        # a lenient reading takes.
        setup=f"{load}\nmade = Model.from_dict(obj)\nmodel = {parse}",
        statements={
            "parse": parse,
            "name": f"{parse}.metadata.name",
            "dump": "model.to_dict()",
            "made": "made.to_dict()",
        },
        # The peer's answer is no: its dump holds datetime objects where the wire has text, and is not JSON.
        checks={"identical": "model.to_dict() == obj"},
        inputs={"obj": obj},
    )


def _raw(obj: Mapping[str, object]) -> Probe:
    return looping(
        Place.BARE,
        setup="import json\ntext = json.dumps(obj)",
        statements={
            "parse": "json.loads(text)",
            "name": "json.loads(text)['metadata']['name']",
            "dump": "json.dumps(obj)",
            "made": "json.dumps(obj)",
        },
        checks={"identical": "json.loads(text) == obj"},
        inputs={"obj": obj},
    )


def _case(name: str, kind: str, obj: Mapping[str, object], classes: Mapping[Place, str] = _TRAINER) -> Case:
    return Case(
        name=name,
        metrics=(
            Metric("parse", "object to model", requirement=BetterThanPeer(FACTOR)),
            Metric("name", "object to model, and read its name"),
            Metric("dump", "model to object", requirement=BetterThanPeer(FACTOR)),
            Metric("made", "model that a user made to object"),
            Metric("identical", "dump equals what was parsed", Unit.TRUTH, requirement=Always(1)),
        ),
        ours=_models(Place.OURS, classes[Place.OURS].format(kind=kind), obj),
        peer=_models(Place.PEER, classes[Place.PEER].format(kind=kind), obj),
        limit=_raw(obj),
        limit_is="json.loads and json.dumps of the same object",
        rounds=7,
        warmup=0,  # the worker warms up each statement itself
    )


def _listing(name: str, kind: str, obj: Mapping[str, object], classes: Mapping[Place, str] = _TRAINER) -> Case:
    """Return a case that reads the names of the objects in a listing, from its text on."""
    setup = f"import json\ntext = json.dumps({{'items': [obj] * {COUNT}}})"
    items = "for item in json.loads(text)['items']"

    def names(place: Place) -> Probe:
        parse = _PARSE[place].replace("obj", "item")
        load = classes[place].format(kind=kind)
        return looping(
            place,
            setup=f"{load}\n{setup}",
            statements={"names": f"[{parse}.metadata.name {items}]"},
            inputs={"obj": obj},
        )

    return Case(
        name=name,
        metrics=(Metric("names", f"read the name of {COUNT:,} objects", requirement=AtMostTimesLimit(OVER_JSON)),),
        ours=names(Place.OURS),
        peer=names(Place.PEER),
        limit=looping(
            Place.BARE,
            setup=setup,
            statements={"names": f"[item['metadata']['name'] {items}]"},
            inputs={"obj": obj},
        ),
        limit_is="json.loads of the same text, and its names",
        rounds=5,
        warmup=0,
    )


def _size(name: str, ours: str, peer: str) -> Case:
    return Case(
        name=name,
        metrics=(
            Metric("files", "files", Unit.COUNT),
            Metric("lines", "lines", Unit.COUNT),
            Metric("bytes", "bytes on disk, docstrings included", Unit.BYTES),
        ),
        ours=scripting(Place.OURS, _SIZE.format(package=ours, pattern="models.py")),
        peer=scripting(Place.PEER, _SIZE.format(package=peer, pattern="*.py")),
        limit=Missing("there is no smallest size"),
        limit_is="",
        rounds=1,
        warmup=0,
    )


CASES = (
    _size(
        "models of Trainer with the Kubernetes types they reach, and of Katib", "kubeflow_api", "kubeflow_trainer_api"
    ),
    _case("parse and dump a small TrainJob", "TrainJob", small_train_job()),
    _case("parse and dump a large TrainJob", "TrainJob", large_train_job()),
    _case("parse and dump a ClusterTrainingRuntime", "ClusterTrainingRuntime", cluster_training_runtime()),
    _case("parse and dump an Experiment", "Experiment", experiment(), _KATIB),
    _listing("a listing of 1,000 small TrainJobs beside json.loads", "TrainJob", small_train_job()),
    _listing("a listing of 1,000 large TrainJobs beside json.loads", "TrainJob", large_train_job()),
    _listing(
        "a listing of 1,000 ClusterTrainingRuntimes beside json.loads",
        "ClusterTrainingRuntime",
        cluster_training_runtime(),
    ),
    _listing("a listing of 1,000 Experiments beside json.loads", "Experiment", experiment(), _KATIB),
)
