"""The runtimes that jobs in containers can name: manifests of a folder, a URL, a repository; those pinned."""

from __future__ import annotations

import io
import logging
import os
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from kubeflow.cluster import wire
from kubeflow.core.errors import InvalidInput, KubeflowError
from kubeflow.trainer.backends.container.types import PINNED, TrainingRuntimeSource, parse_repository
from kubeflow.trainer.errors import RuntimeNotFound
from kubeflow.trainer.jobs.names import runtime_meant

if TYPE_CHECKING:
    from kubeflow.trainer.runtimes.known_runtimes import KnownRuntime

logger = logging.getLogger(__name__)

GITHUB_VARIABLE = "GITHUB_SERVER_URL"
"""The variable that names another GitHub than github.com, as in GitHub Actions of an enterprise."""
_GITHUB = "https://github.com"
_TIMEOUT = 30.0  # seconds without a byte
_LARGEST = 256 * 1024 * 1024  # bytes of an archive
_LARGEST_FILE = 1024 * 1024  # bytes; a manifest has some thousand
_KINDS = ("ClusterTrainingRuntime", "TrainingRuntime")
_ARCHIVES = (".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class _Text:
    """A YAML file: where it is, for messages, and what it says."""

    name: str
    content: bytes


@dataclass(slots=True)
class _Downloads:
    """What was read over the network, so that a client asks once."""

    texts: dict[str, Sequence[_Text]] = field(default_factory=dict[str, "Sequence[_Text]"])
    lock: threading.Lock = field(default_factory=threading.Lock)


class RuntimeSources:
    """The runtimes of a `TrainingRuntimeSource`; of the same name, that of the first source counts.

    Folders are read anew each time. URLs and repositories are read once, when a runtime is first asked for.

    Args:
        source: Where the runtimes are.
    """

    def __init__(self, source: TrainingRuntimeSource) -> None:
        self._sources = tuple(source.sources)
        self._downloads = _Downloads()

    def all(self) -> list[KnownRuntime]:
        """Return all runtimes, those of the first source first.

        Raises:
            InvalidInput: A folder or file is not there, or is no YAML.
            KubeflowError: A URL or a repository cannot be read.
        """
        found: dict[str, KnownRuntime] = {}
        for source in self._sources:
            for known in self._read(source):
                found.setdefault(known.runtime.name, known)
        return list(found.values())

    def named(self, name: str) -> KnownRuntime:
        """Return one runtime; sources after the one that has it are not read.

        Args:
            name: Its name, or what `names.runtime_meant` takes for it.

        Raises:
            RuntimeNotFound: With the names that exist.
            InvalidInput: As `all`.
            KubeflowError: As `all`.
        """
        seen: dict[str, KnownRuntime] = {}
        for source in self._sources:
            for known in self._read(source):
                seen.setdefault(known.runtime.name, known)
            if name in seen:
                return seen[name]
        meant = runtime_meant(name, list(seen))
        if meant is None:
            raise RuntimeNotFound(name, seen, unseen="" if PINNED in self._sources else _without_pinned(self._sources))
        return seen[meant]

    def _read(self, source: str) -> Iterator[KnownRuntime]:
        from kubeflow_api.trainer.v1alpha1 import ClusterTrainingRuntime, TrainingRuntime

        from kubeflow.trainer.runtimes.known_runtimes import known_runtime
        from kubeflow.trainer.runtimes.shipped_manifests import shipped_manifests

        manifests = shipped_manifests() if source == PINNED else _manifests(self._texts(source))
        for manifest in manifests:
            cluster = manifest["kind"] == "ClusterTrainingRuntime"
            known = known_runtime((ClusterTrainingRuntime if cluster else TrainingRuntime).from_server(manifest))
            yield known

    def _texts(self, source: str) -> Sequence[_Text]:
        scheme, separator, _ = source.partition("://")
        if not separator or scheme == "file":
            return list(_folder(source))
        with self._downloads.lock:
            if source not in self._downloads.texts:
                fetch = _repository if scheme == "github" else _url
                self._downloads.texts[source] = list(fetch(source))
            return self._downloads.texts[source]


def _without_pinned(sources: Sequence[str]) -> str:
    return f"those that Trainer ships are read where TrainingRuntimeSource(sources=[..., {PINNED!r}]) names them"


def _folder(source: str) -> Iterator[_Text]:
    path = Path(unquote(urlsplit(source).path) if source.startswith("file:") else source).expanduser()
    if not path.exists():
        raise InvalidInput(f"runtime_source names {source!r}, and there is no {str(path)!r}: correct the path.")
    files = [path] if path.is_file() else sorted(each for kind in ("*.yaml", "*.yml") for each in path.rglob(kind))
    for file in files:
        try:
            yield _Text(str(file), file.read_bytes())
        except OSError as error:
            raise InvalidInput(f"{str(file)!r} of runtime_source cannot be read: {error.strerror or error}.") from error


def _url(source: str) -> Iterator[_Text]:
    content = _get(source)
    if urlsplit(source).path.endswith(_ARCHIVES):
        yield from _members(source, content, "")
    else:
        yield _Text(source, content)


def _repository(source: str) -> Iterator[_Text]:
    repository, path, ref = parse_repository(source)
    server = os.environ.get(GITHUB_VARIABLE, "").strip().rstrip("/") or _GITHUB
    yield from _members(source, _get(f"{server}/{repository}/archive/{ref or 'HEAD'}.tar.gz"), path)


def _members(source: str, content: bytes, path: str) -> Iterator[_Text]:
    """Yield the YAML files of an archive, in their order. GitHub's have all below one folder."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                inside = member.name.partition("/")[2] if path else member.name
                wanted = not path or inside == path or inside.startswith(f"{path}/")
                if not (wanted and member.isfile() and member.name.endswith((".yaml", ".yml"))):
                    continue
                stream = archive.extractfile(member)
                if stream is not None and member.size <= _LARGEST_FILE:
                    yield _Text(f"{source}: {inside}", stream.read())
    except (tarfile.TarError, EOFError, OSError) as error:
        raise KubeflowError(f"What {source!r} of runtime_source answered is no archive: {error}.") from error


def _get(url: str) -> bytes:
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "kubeflow-sdk", "Accept": "*/*"})
    try:
        with urlopen(request, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read(_LARGEST + 1)
    except (URLError, OSError) as error:
        raise KubeflowError(
            f"The runtimes at {url} cannot be read: {getattr(error, 'reason', error)}. Correct runtime_source, or "
            "download them and name the folder."
        ) from error
    if len(content) > _LARGEST:
        raise KubeflowError(f"{url} of runtime_source has more than {_LARGEST:,} bytes: download it, name the folder.")
    return content


def _manifests(texts: Sequence[_Text]) -> Iterator[Mapping[str, object]]:
    """Yield the runtimes in YAML files, with the tags of images that kustomizations beside them set."""
    documents = [(text.name, document) for text in texts for document in _documents(text)]
    tags = dict(_tags(document for _, document in documents))
    for _, document in documents:
        if document.get("kind") in _KINDS:
            yield cast("Mapping[str, object]", _tagged(document, tags))


def _documents(text: _Text) -> Iterator[Mapping[str, object]]:
    import yaml

    try:
        for document in yaml.load_all(text.content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(document, dict):
                yield cast("Mapping[str, object]", document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{text.name}, which runtime_source names, is no YAML: {error}") from error


def _tags(documents: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    for document in documents:
        for image in wire.objects(document, "images") if document.get("kind") == "Kustomization" else ():
            name, tag = wire.text(image, "name"), wire.text(image, "newTag")
            if name:
                yield name, f"{wire.text(image, 'newName') or name}{f':{tag}' if tag else ''}"


def _tagged(value: object, tags: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return {
            key: tags.get(inner, inner) if key == "image" and isinstance(inner, str) else _tagged(inner, tags)
            for key, inner in entries
        }
    return [_tagged(inner, tags) for inner in cast("list[object]", value)] if isinstance(value, list) else value
