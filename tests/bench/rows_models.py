"""Rows: parsing and dumping the objects that a client moves, beside raw JSON."""

from collections.abc import Mapping

from tests.bench.cases import Case, Metric, Place, Probe, Unit
from tests.bench.objects import cluster_training_runtime, large_train_job, small_train_job
from tests.bench.probes import looping
from tests.bench.requirements import Always

_CODE = {
    # Each side's class, and how it parses what a server sent.
    Place.OURS: ("from kubeflow_api.trainer.v1alpha1 import {kind} as Model", "Model.from_server(obj)"),
    Place.PEER: ("from kubeflow_trainer_api.models import TrainerV1alpha1{kind} as Model", "Model.from_dict(obj)"),
}


def _models(place: Place, kind: str, obj: Mapping[str, object]) -> Probe:
    load, parse = (line.format(kind=kind) for line in _CODE[place])
    return looping(
        place,
        # `from_dict` is strict on both sides: an object that does not fit the schema would be timed on the detour that
        # a lenient reading takes.
        setup=f"{load}\nModel.from_dict(obj)\nmodel = {parse}",
        statements={"parse": parse, "dump": "model.to_dict()"},
        # The peer's answer is no: its dump holds datetime objects where the wire has text, and is not JSON.
        checks={"identical": "model.to_dict() == obj"},
        inputs={"obj": obj},
    )


def _raw(obj: Mapping[str, object]) -> Probe:
    return looping(
        Place.BARE,
        setup="import json\ntext = json.dumps(obj)",
        statements={"parse": "json.loads(text)", "dump": "json.dumps(obj)"},
        checks={"identical": "json.loads(text) == obj"},
        inputs={"obj": obj},
    )


def _case(name: str, kind: str, obj: Mapping[str, object]) -> Case:
    return Case(
        name=name,
        metrics=(
            Metric("parse", "object to model"),
            Metric("dump", "model to object"),
            Metric("identical", "dump equals what was parsed", Unit.TRUTH, requirement=Always(1)),
        ),
        ours=_models(Place.OURS, kind, obj),
        peer=_models(Place.PEER, kind, obj),
        limit=_raw(obj),
        limit_is="json.loads and json.dumps of the same object",
        rounds=7,
        quick_rounds=3,
        warmup=0,  # the worker warms up each statement itself
    )


CASES = (
    _case("parse and dump a small TrainJob", "TrainJob", small_train_job()),
    _case("parse and dump a large TrainJob", "TrainJob", large_train_job()),
    _case("parse and dump a ClusterTrainingRuntime", "ClusterTrainingRuntime", cluster_training_runtime()),
)
