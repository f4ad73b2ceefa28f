"""Fetch a dataset or a model before a job trains: `python -m kubeflow.local.fetch model hf://org/name --into DIR`.

A program of its own, which imports nothing of this package: it is also started by its path. Credentials reach it by the
environment variables that the Hugging Face Hub and AWS have for them, never by the command line: anybody can read that.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol
from urllib.parse import unquote

ROLE = "KUBEFLOW_S3_ROLE_ARN"
"""Environment variable: the role that the credentials assume to read from S3."""
_SESSION = "kubeflow"


_AT_ONCE = 16  # objects that are fetched side by side: most data sets are many small files
_NOT_THERE = ("404", "NoSuchBucket", "NoSuchKey")
_NOT_ALLOWED = (
    *("401", "403", "AccessDenied", "AccountProblem", "AllAccessDisabled", "CrossLocationLoggingProhibited"),
    *("ExpiredToken", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidObjectState", "InvalidPayer"),
    *("InvalidSecurity", "NotSignedUp", "SignatureDoesNotMatch", "UnrecognizedClientException"),
)


class _Bucket(Protocol):
    """What is used of boto3's S3 client, which has no types of its own."""

    def get_paginator(self, operation_name: str) -> _Paginator: ...

    def head_object(self, *, Bucket: str, Key: str) -> object: ...  # noqa: N803

    def download_file(self, Bucket: str, Key: str, Filename: str) -> None: ...  # noqa: N803

    def close(self) -> None: ...


class _Paginator(Protocol):
    def paginate(self, *, Bucket: str, Prefix: str) -> Iterable[Mapping[str, Sequence[Mapping[str, str]]]]: ...  # noqa: N803


class FetchFailed(Exception):
    """Nothing usable is there. The text is for the user, with one remedy."""


class Remedies(NamedTuple):
    """How messages call what the user can change, which depends on whose call it is."""

    uri: str
    token: str
    keys: str


REMEDIES = {
    "job": Remedies(
        "correct storage_uri",
        "give access_token=",
        "Give access_key_id= and secret_access_key=",
    ),
    "service": Remedies(
        "correct model=",
        "give env={'HF_TOKEN': ...}",
        "Give env={'AWS_ACCESS_KEY_ID': ..., 'AWS_SECRET_ACCESS_KEY': ...}",
    ),
    "upload": Remedies(
        "correct model_files_path",
        "set HF_TOKEN to one",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to those",
    ),
}
"""By whose files are fetched: a job's, a served model's, or those of an upload to a store."""


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch, and say on stdout what; ends with exit code 1 and the reason on stderr when that fails.

    Args:
        argv: Arguments; default: the command line's.
    """
    parser = argparse.ArgumentParser(prog="python -m kubeflow.local.fetch", description=__doc__)
    parser.add_argument("kind", choices=("dataset", "model"))
    parser.add_argument("uri", help="hf://org/name[@revision][/path], s3://bucket/path or file:///path")
    parser.add_argument("--into", required=True, type=Path, help="the directory that gets the files")
    parser.add_argument("--ignore", action="append", default=[], metavar="GLOB", help="files to leave out")
    parser.add_argument("--of", choices=tuple(REMEDIES), default="job", help="whose files they are, for messages")
    options = parser.parse_args(argv)
    try:
        names = fetch(options.uri, options.into, options.ignore, options.kind, REMEDIES[options.of])
        size = sum((options.into / name).stat().st_size for name in names)
    except (FetchFailed, OSError) as error:
        print(f"kubeflow: {options.uri} could not be fetched: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"kubeflow: {options.uri} is in {options.into}: {len(names)} file(s), {size:,} bytes")


def fetch(uri: str, into: Path, ignore: Sequence[str], kind: str, remedies: Remedies = REMEDIES["job"]) -> list[str]:
    """Fetch what is at `uri`, and return the names of its files, relative to `into`.

    Args:
        uri: `hf://`, `s3://` or `file:///`.
        into: The directory that gets the files; made if need be.
        ignore: Globs of files to leave out; `*` also stands for `/`, as for the Hugging Face Hub.
        kind: `"dataset"` or `"model"`.
        remedies: How messages call what the user can change.

    Raises:
        FetchFailed: When nothing usable is there.
        OSError: When a source cannot be reached, or a file not be written.
    """
    sources = {"hf": from_hub, "s3": from_s3, "file": from_file}
    scheme = uri.partition("://")[0]
    if scheme not in sources:
        raise FetchFailed(f"it is neither hf://, s3:// nor file:///: {remedies.uri}.")
    into.mkdir(parents=True, exist_ok=True)
    names = sources[scheme](uri, into, ignore, kind, remedies)
    if not names:
        left_out = f" but what ignore_patterns={list(ignore)} leaves out" if ignore else ""
        raise FetchFailed(f"there is nothing{left_out}: {remedies.uri}.")
    return names


def from_hub(uri: str, into: Path, ignore: Sequence[str], kind: str, remedies: Remedies) -> list[str]:
    """Fetch a repository of the Hugging Face Hub, or a file or folder of it, and return the names of its files.

    What the Hub's own cache has is not fetched again: the files in `into` are links to it.

    Raises:
        FetchFailed: When it is not there, or not for us.
        OSError: When the Hub cannot be reached, or a file not be written.
    """
    errors = import_module("huggingface_hub.errors")
    parts = [part for part in uri.removeprefix("hf://").split("/") if part]
    name, _, revision = "/".join(parts[:2]).partition("@")  # models of the Hub's first days have no organisation
    path = "/".join(parts[2:])
    if not name:
        raise FetchFailed(f"it is no 'hf://<organisation>/<name>': {remedies.uri}.")
    try:
        snapshot: str = import_module("huggingface_hub").snapshot_download(
            name,
            repo_type=kind,
            revision=revision or None,
            allow_patterns=[path, f"{path}/*"] if path else None,
            ignore_patterns=list(ignore) or None,
        )
    except errors.GatedRepoError as error:
        raise FetchFailed(
            f"{name} is gated: accept its terms on the Hub, and {remedies.token} of an account that has."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FetchFailed(
            f"the Hub has no {kind} {name}, or it is private: {remedies.uri}, or {remedies.token}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FetchFailed(f"{name} has no revision {revision}: {remedies.uri}.") from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise FetchFailed(f"the Hub did not answer as expected: {error}") from error
    # The snapshot in the cache may hold what another job did not leave out.
    wanted = [name for name in files_below(Path(snapshot)) if not path or name == path or name.startswith(f"{path}/")]
    return _link(Path(snapshot), _kept(wanted, ignore), into)


def from_s3(uri: str, into: Path, ignore: Sequence[str], kind: str, remedies: Remedies) -> list[str]:
    """Fetch all objects below a prefix, or one object, and return their names relative to it.

    Credentials are those that boto3 finds: environment variables, profiles, the machine's role. Without any, the
    store is read anonymously. A file appears under its name only when it is whole.

    Raises:
        FetchFailed: When it cannot be read.
        OSError: When a file cannot be written.
    """
    failures, transfers = import_module("botocore.exceptions"), import_module("boto3.exceptions")
    bucket, _, prefix = uri.removeprefix("s3://").strip("/").partition("/")
    try:
        store = _s3(os.environ.get(ROLE, ""))
        try:
            keys = _keys(store, bucket, prefix, failures.ClientError)
            kept = _kept(keys, ignore)
            _check_inside(kept)
            for name in kept:
                (into / name).parent.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for done in [pool.submit(store.download_file, bucket, keys[name], str(into / name)) for name in kept]:
                    done.result()
        finally:
            store.close()
    except failures.ClientError as error:
        code: str = error.response.get("Error", {}).get("Code", "")
        if code in _NOT_THERE:
            raise FetchFailed(f"there is no {uri}: {remedies.uri}.") from error
        if code in _NOT_ALLOWED:
            raise FetchFailed(f"reading {uri} is not allowed: {error}. {remedies.keys} that may.") from error
        raise FetchFailed(f"the store did not answer as expected: {error}") from error
    except (failures.BotoCoreError, transfers.Boto3Error) as error:
        raise FetchFailed(f"the store did not answer as expected: {error}") from error
    return kept


def from_file(uri: str, into: Path, ignore: Sequence[str], kind: str, remedies: Remedies) -> list[str]:
    """Link the files of a directory of this machine, or one file, and return their names.

    Raises:
        FetchFailed: When it is not there.
        OSError: When a link cannot be made.
    """
    source = Path(unquote(uri.removeprefix("file://")))
    if source.is_file():
        return _link(source.parent, _kept([source.name], ignore), into)
    if not source.is_dir():
        raise FetchFailed(f"there is no {source}, the {kind}: {remedies.uri}.")
    return _link(source, _kept(files_below(source), ignore), into)


def _check_inside(names: Iterable[str]) -> None:
    for name in names:
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise FetchFailed(f"the object {name!r} would be written outside of its directory: rename it.")


def _s3(role: str) -> _Bucket:
    """Return a client of S3, with the credentials of `role` if one is to be assumed."""
    session = import_module("boto3").session.Session()
    settings: dict[str, object] = {"max_pool_connections": 4 * _AT_ONCE}
    assumed: dict[str, str] = {}
    if role:
        tokens = session.client("sts")
        answer: Mapping[str, str] = tokens.assume_role(RoleArn=role, RoleSessionName=_SESSION)["Credentials"]
        assumed = {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }
    elif session.get_credentials() is None:
        settings["signature_version"] = import_module("botocore").UNSIGNED
    client: _Bucket = session.client("s3", config=import_module("botocore.config").Config(**settings), **assumed)
    return client


def _keys(store: _Bucket, bucket: str, prefix: str, error: type[Exception]) -> dict[str, str]:
    """Return the keys of the objects below `prefix`, or of the one object of that name, by their names below it."""
    below = f"{prefix}/" if prefix else ""
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    if not keys and prefix:
        try:
            store.head_object(Bucket=bucket, Key=prefix)
        except error as refused:
            if getattr(refused, "response", {}).get("Error", {}).get("Code") not in _NOT_THERE:
                raise
        else:
            return {PurePosixPath(prefix).name: prefix}
    # A key that ends with "/" is how consoles make folders.
    return {key.removeprefix(below): key for key in keys if not key.endswith("/")}


def files_below(directory: Path) -> Iterator[str]:
    """Yield the files below a directory, relative to it and in order; links to directories are followed once."""
    seen: set[str] = set()
    for root, folders, files in os.walk(directory, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a circle of links
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(files):
            yield (Path(root) / name).relative_to(directory).as_posix()


def _kept(names: Iterable[str], ignore: Sequence[str]) -> list[str]:
    """Return the names that no pattern leaves out; patterns mean what they mean to the Hugging Face Hub."""
    patterns = [f"{pattern}*" if pattern.endswith("/") else pattern for pattern in ignore]
    return [name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)]


def _link(source: Path, names: Sequence[str], into: Path) -> list[str]:
    for name in names:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to((source / name).resolve())
    return list(names)


if __name__ == "__main__":
    main()
