"""An object of which a server sent everything and a reader looked at something is as one that pydantic read at once."""

from __future__ import annotations

import copy
import json
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import kubeflow_api
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeflow.core.errors import KubeflowError
from kubeflow.core.lazy_model import LazyModel, is_untouched
from kubeflow.core.model import Model
from kubeflow.core.model_fields import wire_name
from kubeflow.core.outgoing import check_outgoing
from tests.generated.drawing import JSON, TEXTS, at, changed, kinds, objects, places

MODELS: dict[str, type[Model]] = {
    name: getattr(import_module(f"kubeflow_api.{name.rpartition('.')[0]}"), kind["kind"])
    for name, kind in kinds().items()
}


def read_at_once(model: type[Model], sent: dict[str, Any]) -> Model:
    """Return what pydantic makes of all of `sent`: the other implementation of reading."""
    read: Model = model.__pydantic_validator__.validate_python(copy.deepcopy(sent))
    return read


def below(value: Any, step: Any) -> Any:
    """Return what stands at a wire name, index or key of `value`."""
    if not isinstance(value, Model):
        return value[step]
    names = {wire_name(type(value), name): name for name in type(value).model_fields}
    return getattr(value, names[step]) if step in names else (value.model_extra or {})[step]


def walk(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = below(value, step)
    return value


def put(value: Any, owner: Any, key: Any) -> None:
    owner[key] = value


def outcome(action: Callable[[], Any]) -> Any:
    """Return what `action` returns, or the error of ours that it raises, in words."""
    try:
        return action()
    except KubeflowError as error:
        return f"{type(error).__name__}: {error}"


# What shows of an object, in plain values.
VIEWS: dict[str, Callable[[Model], Any]] = {
    "to_dict": Model.to_dict,
    "to_json": lambda model: json.loads(model.to_json()),
    "to_yaml": lambda model: yaml.safe_load(model.to_yaml()),
    "model_dump": lambda model: model.model_dump(warnings=False),
    "model_dump by alias": lambda model: list(model.model_dump(by_alias=True, exclude_unset=True, warnings=False)),
    "model_dump_json": lambda model: model.model_dump_json(warnings=False),
    "repr": repr,
    "str": str,
    "set": lambda model: model.model_fields_set,
    "extra": lambda model: model.model_extra or {},
    "iteration": lambda model: [name for name, _ in model],
    "vars": lambda model: list(vars(model)),
    "rich": lambda model: repr(list(model.__repr_args__())),
}
COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(),
    "model_copy deep": lambda model: model.model_copy(deep=True),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "as it is": lambda model: model,
}


def change(draw: Callable[[Any], Any], one: Model, other: Model, path: tuple[Any, ...]) -> None:
    """Make one change to both objects, at a place where something stands: both are changed, or both refuse."""
    *above, last = path
    value = copy.deepcopy(walk(other, path))
    new = draw(st.sampled_from([None, value, "text", 7, [], {}, [value]]))
    results: list[Any] = []
    for root in (one, other):
        owner = walk(root, tuple(above))
        if isinstance(owner, Model):
            names = {wire_name(type(owner), name): name for name in type(owner).model_fields}
            if last in names:
                results.append(outcome(partial(setattr, owner, names[last], copy.deepcopy(new))))
            else:
                (owner.model_extra or {})[last] = copy.deepcopy(new)
        elif isinstance(owner, list):
            owner.append(copy.deepcopy(value))
        else:
            owner[last] = copy.deepcopy(value)
    assert not results or results[0] == results[1]


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_done_to_it_an_object_is_as_one_that_was_read_at_once(name: str, data: st.DataObject) -> None:
    draw: Callable[[Any], Any] = data.draw
    sent = draw(objects(name))
    for place in draw(st.lists(st.sampled_from([(), *places(sent)]), max_size=3)):
        if isinstance(at(sent, place), dict):  # a field of a newer server, or a key of a map
            at(sent, place).update(draw(st.dictionaries(TEXTS.map("new{}".format), JSON, max_size=1)))
    model = MODELS[name]
    try:
        eager = read_at_once(model, sent)
    except ValueError:  # a map of texts got something else: the next test has those
        return
    as_sent = copy.deepcopy(sent)
    lazy = model.from_server(sent)
    assert is_untouched(lazy)

    for _ in range(draw(st.integers(0, 6))):
        there = [(), *places(eager.to_dict())]
        path = draw(st.sampled_from(there))
        action = draw(st.sampled_from(["look", "view", "copy", "change", "compare"]))
        if action == "look":
            assert walk(lazy, path) == walk(eager, path)
        elif action == "view":
            owner, other = walk(lazy, path), walk(eager, path)
            view = VIEWS[draw(st.sampled_from(sorted(VIEWS)))]
            if isinstance(owner, Model):
                assert outcome(partial(view, owner)) == outcome(partial(view, other))
        elif action == "copy":
            way = COPIES[draw(st.sampled_from(sorted(COPIES)))]
            before = lazy
            lazy, eager = way(lazy), way(eager)
            assert lazy == before
        elif action == "change" and path:
            change(draw, lazy, eager, path)
        elif action == "compare":
            assert lazy == eager
            assert eager == lazy

    assert lazy.to_dict() == eager.to_dict()
    assert list(lazy.model_dump(warnings=False)) == list(eager.model_dump(warnings=False))
    assert lazy == eager
    assert sent == as_sent, "what came is never changed"


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_does_not_fit_goes_back_as_it_came_whatever_was_looked_at(name: str, data: st.DataObject) -> None:
    draw: Callable[[Any], Any] = data.draw
    sent = draw(objects(name))
    for place in draw(st.lists(st.sampled_from(list(places(sent))), min_size=1, max_size=3)):
        wrong = draw(st.sampled_from([None, "text", 7, 1.5, True, [], {}, ["text"], {"new": 1}, [None], [[{}]]]))
        try:
            sent = changed(sent, place, partial(put, wrong))
        except (KeyError, IndexError, TypeError):  # a change before took the place away
            continue
    read = MODELS[name].from_server(copy.deepcopy(sent))
    for path in draw(st.lists(st.sampled_from(list(places(sent))), max_size=5)):
        walk(read, path)
        read = COPIES[draw(st.sampled_from(sorted(COPIES)))](read)
    assert read.to_dict() == sent
    assert json.loads(read.to_json()) == sent
    assert list(read.to_dict()) == list(sent)
    check_outgoing(read)  # none of it is a mistake of the user
    repr(read)
    vars(read)
    assert read == MODELS[name].from_server(copy.deepcopy(sent))
    assert read.to_dict() == sent


def generated_classes(base: type[LazyModel]) -> Iterator[type[LazyModel]]:
    for each in base.__subclasses__():
        if each.__module__.startswith("kubeflow_api."):
            yield each
        yield from generated_classes(each)


def test_every_generated_class_is_read_lazily() -> None:
    for module in pkgutil.walk_packages(kubeflow_api.__path__, "kubeflow_api."):
        if module.name.endswith(".models"):
            import_module(module.name)
    found = set(generated_classes(LazyModel))
    assert len(found) > 200
    assert not [each for each in found if not is_untouched(each.from_server({}))]
