"""The run time of the generated builders: reach any place of an object by name, and build the minimal object.

A builder writes into a draft, a tree of plain dicts; `build()` of the kind's builder turns the draft into the model,
which checks it. What the methods of a builder are called and where they write is generated data (`METHODS`); their
signatures stand in the stub beside it, from which editors and type checkers read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

from kubeflow.core.display import call, repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.model import KubeObject, Model
from kubeflow.core.tracebacks import thin_call

if TYPE_CHECKING:
    from inspect import Signature

Draft: TypeAlias = dict[str, object]


class _Entered(dict[str, object]):
    """A draft that exists because a builder passed through it: left out of the object while nothing is in it."""


@dataclass(frozen=True, slots=True)
class Method:
    """What one method of a builder does.

    Attributes:
        does: `merge` fields into an object; `append` one to a list; `item` of a list, found by its keys, is entered;
            `entries` are added to a map; `enter` an object below.
        path: Attributes from the builder's object to the place.
        keys: For `item`: the attributes that identify it, positional in this order.
        defaults: For `item`: keys that may be left out, and what they are then.
        builder: For `item` and `enter`: module below the package and class, `trainer.v1alpha1.builders:PodBuilder`.
    """

    does: Literal["merge", "append", "item", "entries", "enter"]
    path: tuple[str, ...]
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, object] | None = None
    builder: str = ""

    __repr__ = repr_of_fields


class Builder:
    """Builds one object inside a draft. Its methods are those of the object's schema; each returns a builder.

    A method that sets something returns the builder it was called on. One that goes to a place returns the builder of
    that place. Nested values are given as models, or as mappings with attribute names.
    """

    METHODS: ClassVar[Mapping[str, Method]] = {}

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    if not TYPE_CHECKING:
        # Type checkers see the methods of each class instead, from its stub.
        def set(self, **fields: object) -> Builder:
            """Set fields of this object and return this builder; what is None is left as it is."""
            self._draft.update(_given(fields))
            return self

        def __getattr__(self, name: str) -> Callable[..., Builder]:
            if name.startswith("_") or name not in self.METHODS:
                hint = did_you_mean(name, [*self.METHODS, "set"])
                raise AttributeError(f"{type(self).__name__} has no method {name!r}.{hint}")
            return _Call(self, name)

    def __repr__(self) -> str:
        return call(type(self).__name__, **_shown(self._draft))

    def __dir__(self) -> list[str]:
        """Return what users look for: methods of this object's schema; the table of them is no use to them."""
        return sorted({*super().__dir__(), *self.METHODS} - {"METHODS", "MODEL"})

    def _call(self, name: str, arguments: tuple[object, ...], fields: Draft) -> Builder:
        method = self.METHODS[name]
        *parents, last = method.path
        parent = self._draft
        for step in parents:
            parent = _descend(parent, step, _Entered)
        if method.does == "entries":
            entries = dict(cast("Mapping[str, object]", arguments[0])) if arguments else {}
            _descend(parent, last, dict).update({**entries, **fields})
            return self
        if method.does == "item":
            return _builder(method.builder)(_item(name, parent, last, method, arguments, fields))
        if arguments:
            raise InvalidInput(f"{name}() takes fields as keywords only")
        if method.does == "append":
            _items(parent, last).append(_given(fields))
            return self
        if method.does == "merge":
            _descend(parent, last, dict).update(_given(fields))
            return self
        return _builder(method.builder)(_descend(parent, last, _Entered))


@dataclass(frozen=True, slots=True)
class _Call:
    """A method of a builder, bound to it."""

    builder: Builder
    name: str

    def __repr__(self) -> str:
        return f"<method {self.name} of {type(self.builder).__name__}>"

    # What `?` and `help` show. Type checkers read both from the stub.
    if not TYPE_CHECKING:

        @property
        def __signature__(self) -> Signature:
            from kubeflow.core.builder_signatures import signature_of

            return signature_of(type(self.builder), self.name)

        @property
        def __doc__(self) -> str | None:
            from kubeflow.core.builder_signatures import text_of

            return text_of(type(self.builder), self.name)

    def __call__(self, /, *arguments: object, **fields: object) -> Builder:
        return self.builder._call(self.name, arguments, fields)  # pyright: ignore[reportPrivateUsage]


class KindBuilder(Builder):
    """Builds an object of a kind.

    Args:
        name: Of the object; may be left out when `metadata(generate_name=...)` is set.
        namespace: Of the object, for a namespaced kind.
        labels: Of the object.
        annotations: Of the object.
    """

    MODEL: ClassVar[str]

    def __init__(
        self,
        name: str | None = None,
        *,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        metadata = _given({"name": name, "namespace": namespace, "labels": labels, "annotations": annotations})
        spec = _Entered()
        self._root: Draft = {"metadata": _Entered(metadata), "spec": spec}
        super().__init__(spec)

    def __repr__(self) -> str:
        return call(type(self).__name__, **_shown(self._root))

    if not TYPE_CHECKING:

        def metadata(self, **fields: object) -> KindBuilder:
            """Set fields of the object's metadata and return this builder."""
            self._root["metadata"].update(_given(fields))
            return self

        @thin_call
        def build(self, *, minor: str | None = None) -> KubeObject:
            """Return the object, checked against the schema. The builder can go on and build again.

            Args:
                minor: Of the control plane that it is for, such as `"2.1"`; default: the newest that is known.

            Raises:
                InvalidObject: A field is unknown or missing, has a value that the schema does not allow, or is one that
                    `minor` does not have; with what to use in its place.
                InvalidInput: The minor is not known.
            """
            model = _load(self.MODEL)
            values = {"apiVersion": model.API_VERSION, "kind": model.KIND, **_finished(self._root)}
            return model.from_dict(values, minor=minor)


def _given(fields: Mapping[str, object]) -> Draft:
    return {key: value for key, value in fields.items() if value is not None}


def _load(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _builder(place: str) -> type[Builder]:
    return cast("type[Builder]", _load(place))


def _open(value: object, kind: type[Draft]) -> Draft:
    """Return `value`, a model or mapping that the user gave or a draft, as a draft that can be written to."""
    if isinstance(value, dict):
        return cast(Draft, value)
    if isinstance(value, Model):
        return {name: getattr(value, name) for name in value.model_fields_set}
    return kind(cast("Mapping[str, object]", value) if value is not None else {})


def _descend(draft: Draft, step: str, kind: type[Draft]) -> Draft:
    child = _open(draft.get(step), kind)
    if isinstance(child, _Entered) and kind is dict:
        child = dict(child)  # set on purpose now: stays even when empty
    draft[step] = child
    return child


def _items(draft: Draft, step: str) -> list[object]:
    items = list(cast("list[object]", draft.get(step) or []))
    draft[step] = items
    return items


def _item(
    name: str, parent: Draft, step: str, method: Method, arguments: tuple[object, ...], fields: Mapping[str, object]
) -> Draft:
    """Return the item of a keyed list that has the given keys, with `fields` set; add it when there is none."""
    if len(arguments) > len(method.keys):
        raise InvalidInput(f"{name}() takes {', '.join(method.keys)}; other fields are keywords")
    rest = dict(fields)
    keys = dict(zip(method.keys, arguments, strict=False))
    for key in method.keys[len(arguments) :]:
        if key in rest:
            keys[key] = rest.pop(key)
        elif method.defaults is None or key not in method.defaults:
            raise InvalidInput(f"{name}() needs {key!r}, which identifies the item")
    if twice := [key for key in keys if key in rest]:
        raise InvalidInput(f"{name}() got {twice[0]!r} twice")
    items = _items(parent, step)
    defaults = method.defaults or {}
    wanted = [keys.get(key, defaults.get(key)) for key in method.keys]
    for index, value in enumerate(items):
        item = _open(value, dict)
        if [item.get(key, defaults.get(key)) for key in method.keys] == wanted:
            items[index] = item
            break
    else:
        item = dict(keys)
        items.append(item)
    item.update(_given(rest))
    return item


def _shown(draft: Draft) -> Draft:
    finished = _finished(draft)
    return cast(Draft, finished) if isinstance(finished, dict) else {}


def _finished(value: object) -> object:
    """Return a draft as plain data, without what was only passed through; a copy, so that building again is safe."""
    if isinstance(value, dict):
        entries = {key: _finished(child) for key, child in cast(Draft, value).items()}
        return {key: child for key, child in entries.items() if not isinstance(child, _Empty)} or (
            _Empty() if isinstance(value, _Entered) else {}
        )
    if isinstance(value, list):
        return [_finished(item) for item in cast("list[object]", value)]
    return value


class _Empty:
    """Stands for a draft that nothing was written to."""
