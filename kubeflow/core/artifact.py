"""`Artifact`: the value that goes from one client to the next: where a model or a dataset is, and what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast, get_args, runtime_checkable
from urllib.parse import unquote, urlsplit

from kubeflow.core.display import repr_of_fields
from kubeflow.core.errors import InvalidInput, did_you_mean
from kubeflow.core.plain import dict_of_fields
from kubeflow.core.stdlib import re
from kubeflow.core.tracebacks import thin_all

ArtifactKind: TypeAlias = Literal["dataset", "model"]
"""What an artifact is."""

MetadataValue: TypeAlias = str | int | float | bool
"""What metadata may hold: what the custom properties of a model registry take."""

ARTIFACT_KINDS: tuple[ArtifactKind, ...] = get_args(ArtifactKind)

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.+)")
_CREDENTIALS = re.compile(r"://[^/?#]*:[^/?#]*@")
_BLANK = re.compile(r"[\0-\x1f\x7f]|^\s|\s$")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model or a dataset that a job has made, or that one is to read. Only a reference: nothing is opened or copied.

    `TrainerClient.get_job_output` returns one. What takes the URI of a model or a dataset takes an artifact too.

    Attributes:
        uri: Where it is, with its scheme, like `"s3://models/iris/1"`, `"hf://org/name"`, `"file:///srv/iris"` or
            `"pvc://claim/folder"`. `Artifact.at` makes one of a path of this machine.
        kind: `"model"` or `"dataset"`.
        format: What its files are, as the next step calls it: `"sklearn"`, `"onnx"`, `"parquet"`. Default: not said,
            so that the next step looks at the files.
        metadata: Facts about it, like `{"job": "fit-3f2a", "job_uid": "fit-3f2a-yms690np", "accuracy": 0.97}`. A
            registry keeps them with a model's version.

    Raises:
        InvalidInput: For a URI without a scheme or with a password, another kind, or metadata that is no plain value.
    """

    uri: str
    kind: ArtifactKind
    format: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue], hash=False)

    __repr__ = repr_of_fields
    to_dict = dict_of_fields

    def __post_init__(self) -> None:
        _check_uri(self.uri)
        if self.kind not in ARTIFACT_KINDS:
            raise InvalidInput(
                f"kind is {' or '.join(map(repr, ARTIFACT_KINDS))}, not {self.kind!r}."
                f"{did_you_mean(str(self.kind), ARTIFACT_KINDS)}"
            )
        if self.format is not None and not _is_text(self.format):
            raise InvalidInput(f"format is a word like 'sklearn', or left out, not {self.format!r}.")
        _check_metadata(self.metadata)
        # A copy: what the caller does to the map later is not done to this value.
        object.__setattr__(self, "metadata", dict(self.metadata))

    @classmethod
    def at(
        cls,
        path: str | os.PathLike[str],
        kind: ArtifactKind,
        format: str | None = None,  # noqa: A002 - the name of the attribute
        metadata: Mapping[str, MetadataValue] | None = None,
    ) -> Artifact:
        """Return the artifact at a path of this machine; the path need not exist yet.

        Args:
            path: A file or a folder. A relative one is taken from the working directory of this process.
            kind: As in `Artifact`.
            format: As in `Artifact`.
            metadata: As in `Artifact`.

        Raises:
            InvalidInput: As `Artifact` does.
        """
        return cls(Path(path).expanduser().absolute().as_uri(), kind, format, metadata or {})

    @property
    def scheme(self) -> str:
        """The scheme of the URI in lower case, like `"s3"`."""
        return self.uri.partition("://")[0].lower()

    @property
    def path(self) -> Path:
        """The path of a `file://` artifact.

        Raises:
            InvalidInput: It is not on this machine.
        """
        if self.scheme != "file":
            raise InvalidInput(
                f"{self.uri} is no path of this machine: read it with what knows {self.scheme}://, or let the "
                "initializer of a job fetch it."
            )
        return Path(unquote(urlsplit(self.uri).path))

    def of_kind(self, kind: ArtifactKind, argument: str) -> Artifact:
        """Return this artifact where it is of the kind that an argument takes.

        Args:
            kind: The kind.
            argument: What it was given to, for the message.

        Raises:
            InvalidInput: It is of another kind.
        """
        if self.kind != kind:
            raise InvalidInput(
                f"{argument} takes a {kind}, and {self.uri} is a {self.kind}: give it where a {self.kind} is taken, or "
                f"say what it is with dataclasses.replace(artifact, kind={kind!r})."
            )
        return self

    def with_format(self, given: str | None, argument: str) -> Artifact:
        """Return this artifact with the format that was given beside it, if there is one.

        Args:
            given: The format that the caller wrote, or `None`.
            argument: Where, for the message.

        Raises:
            InvalidInput: Both say a format, and not the same.
        """
        if given is None or given == self.format:
            return self
        if self.format is not None:
            raise InvalidInput(
                f"{argument}={given!r}, and the artifact at {self.uri} says format={self.format!r}: leave {argument}= "
                "out, or correct the artifact with dataclasses.replace(artifact, format=...)."
            )
        return replace(self, format=given)


@runtime_checkable
class SupportsArtifact(Protocol):
    """What stands for an artifact, such as a version of a registered model."""

    def to_artifact(self) -> Artifact:
        """Return the artifact."""
        ...


def uri_of(value: str | Artifact | SupportsArtifact, kind: ArtifactKind, argument: str) -> str:
    """Return the URI of what an argument was given: text as it is, that of an artifact of the right kind.

    Args:
        value: Text, an artifact, or what stands for one.
        kind: The kind that the argument takes.
        argument: Its name, for messages.

    Raises:
        InvalidInput: For anything else, or an artifact of another kind.
    """
    if isinstance(value, SupportsArtifact):
        value = value.to_artifact()
    if isinstance(value, Artifact):
        return value.of_kind(kind, argument).uri
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"{argument} takes a URI or an Artifact, not {type(value).__name__}: {value!r}.")
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_uri(uri: object) -> None:
    if not _is_text(uri):
        raise InvalidInput(f"uri is text like 's3://bucket/folder', not {uri!r}.")
    text = cast("str", uri)
    if _BLANK.search(text):
        raise InvalidInput(f"uri={text!r} has a blank at its ends, or a control character: take that out.")
    if _CREDENTIALS.search(text):
        where = text.rpartition("@")[2]
        raise InvalidInput(
            f"The uri of an artifact ({where}) holds a password, and whoever sees the artifact could read it: leave it "
            "out, and sign in where it is read."
        )
    match = _URI.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"uri={text!r} has no scheme: write 's3://...', 'hf://...' or the like, or Artifact.at({text!r}, ...) for "
            "a path of this machine."
        )
    if match[1].lower() == "file" and not match[2].startswith("/"):
        raise InvalidInput(f"uri={text!r} must be 'file:///' and an absolute path: Artifact.at(path, ...) makes one.")


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, Mapping):
        raise InvalidInput(f"metadata is a map of names to values, not {metadata!r}.")
    for name, value in cast("Mapping[object, object]", metadata).items():
        if not _is_text(name):
            raise InvalidInput(f"metadata has {name!r} for a name: names are text.")
        if not isinstance(value, str | int | float | bool):
            raise InvalidInput(
                f"metadata[{name!r}] is text, a number or a truth value, not {type(value).__name__}: write str(...)."
            )


thin_all(globals())
