"""What the templates of builders need: classes, their methods, and the TypedDicts of the methods' keywords."""

from __future__ import annotations

from dataclasses import dataclass, field

from codegen.schema.kinds import Kind


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a keyed list: the attribute, its type, and the server's default if it may be left out."""

    name: str
    hint: str
    default: object


@dataclass(frozen=True, slots=True)
class BuilderMethod:
    """One method, as both templates need it.

    Attributes:
        does: As `kubeflow.core.builder.Method.does`.
        path: Attributes to the place.
        fields: Name of the TypedDict of its keywords; empty when it takes none.
        returns: Name of the builder class; empty when it returns the builder it is called on.
        builder: Where that class stands, for the run time.
        values: Type of the values, for `entries`.
        docstring: Of the field that it sets, as Python source; empty when nothing is said of it.
    """

    name: str
    does: str
    path: tuple[str, ...]
    fields: str = ""
    returns: str = ""
    builder: str = ""
    keys: tuple[Key, ...] = ()
    values: str = ""
    docstring: str = ""

    @property
    def key_names(self) -> tuple[str, ...]:
        """Attributes that identify an item."""
        return tuple(key.name for key in self.keys)

    @property
    def defaults(self) -> dict[str, object]:
        """Keys that may be left out, with what they are then."""
        return {key.name: key.default for key in self.keys if key.default is not None}


@dataclass(frozen=True, slots=True)
class FieldType:
    """One entry of a TypedDict."""

    name: str
    hint: str
    required: bool


@dataclass(frozen=True, slots=True)
class FieldTypes:
    """One TypedDict: `base` is another one of the same class, or empty."""

    name: str
    base: str
    fields: tuple[FieldType, ...]


@dataclass(frozen=True, slots=True)
class DictNames:
    """The TypedDicts of a class, by what they are for; often one and the same.

    Attributes:
        whole: A value of the class: what is required is required.
        some: Any of its fields, none required: what may be set now and completed later.
    """

    whole: str
    some: str


@dataclass(frozen=True, slots=True)
class BuilderClass:
    """One class: its TypedDicts and its methods."""

    name: str
    set: str
    dicts: tuple[FieldTypes, ...]
    methods: tuple[BuilderMethod, ...]


@dataclass(slots=True)
class BuilderModule:
    """The builders of one package.

    Attributes:
        classes: Builders of what is inside objects.
        kinds: Each kind and its builder.
        metadata: TypedDict of the metadata of kinds.
        imports: Module below the generated package, or a whole name -> what the stub imports from it.
    """

    classes: list[BuilderClass] = field(default_factory=list[BuilderClass])
    kinds: list[tuple[Kind, BuilderClass]] = field(default_factory=list[tuple[Kind, BuilderClass]])
    metadata: str = ""
    imports: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
