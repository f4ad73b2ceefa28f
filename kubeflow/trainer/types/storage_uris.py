"""What is wrong with the URI of a dataset or a model: found before a pod fails on it minutes later.

Facts of the initializer images of Trainer 2.0 to 2.3 (https://github.com/kubeflow/trainer, pkg/initializers): they
split a URI as `urllib.parse.urlparse` does, and ignore its query and fragment. A dataset of the Hub is the host and the
first part of the path; a model is the host and the whole path; a table of the cache is the host and the first part of
the path. Names on the Hub: https://huggingface.co/docs/huggingface_hub, `validate_repo_id`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from kubeflow.core.errors import did_you_mean
from kubeflow.core.stdlib import re

Source: TypeAlias = Literal["dataset", "model"]

SCHEMES: dict[Source, tuple[str, ...]] = {"dataset": ("hf", "s3", "cache"), "model": ("hf", "s3")}
"""What the initializers of Trainer 2.1 to 2.3 fetch from."""
SCHEMES_OF_2_0 = ("hf",)

_Fault: TypeAlias = tuple[str, str]
"""What is wrong, and the URI without that fault, or `""`."""

_HUB_NAME = re.compile(r"(?!.*(--|\.\.))(?!.*\.git$)[A-Za-z0-9_]([\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; other stores also take capitals and "_".
_BUCKET = re.compile(r"[A-Za-z0-9][\w.-]{0,254}", re.ASCII)
_BLANK = re.compile(r"[\s\0-\x1f\x7f]")
_ON_THE_HUB = re.compile(r"(?:hf://)?(?:https?:)?(?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(.*)", re.IGNORECASE)
_HUB_SECTIONS = ("datasets", "models", "spaces")
_ALIASES = {"huggingface": "hf", "hub": "hf", "s3a": "s3", "s3n": "s3", "minio": "s3"}
# Datasets that the Hub once had without an organisation, and still redirects.
_MOVED = {
    "ag_news": "fancyzhx/ag_news",
    "c4": "allenai/c4",
    "cifar10": "uoft-cs/cifar10",
    "cnn_dailymail": "abisee/cnn_dailymail",
    "glue": "nyu-mll/glue",
    "gsm8k": "openai/gsm8k",
    "imdb": "stanfordnlp/imdb",
    "mnist": "ylecun/mnist",
    "squad": "rajpurkar/squad",
    "wikitext": "Salesforce/wikitext",
    "xsum": "EdinburghNLP/xsum",
}


def problem(uri: str, source: Source, schemes: tuple[str, ...]) -> str:
    """Return why `uri` can be fetched nowhere, with what was probably meant, or `""`.

    Args:
        uri: What the user wrote.
        source: What is to be fetched.
        schemes: The schemes that are taken, like `("hf",)`.
    """
    found = _fault(uri, source, schemes)
    if found is None:
        return ""
    reason, repaired = found
    tried = {uri}
    # What is offered must be taken: a repaired URI may have another fault, with another repair.
    while repaired and (next_fault := _fault(repaired, source, schemes)):
        tried.add(repaired)
        next_reason, repaired = next_fault
        if not repaired or repaired in tried:
            return f"{reason}, and {next_reason}"
    return reason + did_you_mean_uri(repaired, uri)


def _fault(uri: str, source: Source, schemes: tuple[str, ...]) -> _Fault | None:
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in schemes or _ON_THE_HUB.match(uri):
        listed = " or ".join(repr(f"{each}://") for each in schemes)
        return f"it must start with {listed} and go on", _repaired(uri, schemes)
    if uri != uri.strip() or (scheme != "s3" and _BLANK.search(uri)) or re.search(r"[\0-\x1f\x7f]", uri):
        return "it has a blank in it", _BLANK.sub("", uri)
    parts = rest.split("/")
    if not parts[-1] and len(parts) > 1:
        parts.pop()  # one slash at the end is how folders are written
    if not all(parts):
        tidy = f"{scheme}://{'/'.join(part for part in parts if part)}"
        return "a part of it is empty", tidy if tidy != f"{scheme}://" else ""
    return {"hf": _hub, "s3": _bucket, "cache": _table}[scheme](uri, parts, source)


def on_cluster(uri: str, source: Source) -> str:
    """Return why an initializer of a cluster cannot fetch a URI that has no `problem`, or `""`.

    Jobs of this machine take more: a revision, and a part of a model's repository.
    """
    scheme, _, rest = uri.partition("://")
    if scheme in ("s3", "cache") and (cut := re.search(r"[?#]", rest)):
        return f"the initializer cuts it off at {cut[0]!r}: rename the object, or write the prefix that holds it"
    if scheme != "hf":
        return ""
    owner, *inside = rest.rstrip("/").split("/")
    name = "/".join(part.partition("@")[0] for part in (owner, *inside[:1]))
    if "@" in rest:
        return (
            "the initializer takes the main revision alone, not one named with '@'; for another one upload it under a "
            f"name of its own, or fetch it in the train function{did_you_mean_uri(f'hf://{name}', uri)}"
        )
    if source == "model" and (len(inside) > 1 or rest.endswith("/")):
        return (
            f"the initializer takes whole repositories of models, without a path in them"
            f"{did_you_mean_uri(f'hf://{name}', uri)}"
        )
    return ""


def did_you_mean_uri(repaired: str, uri: str) -> str:
    """Return the sentence that offers `repaired`, or `""` when that is no other URI."""
    return f". Did you mean {repaired!r}?" if repaired and repaired != uri else ""


def _hub(uri: str, parts: list[str], source: Source) -> _Fault | None:
    if cut := re.search(r"[?#%]", uri):
        return f"{cut[0]!r} means nothing in the name of a {source} on the Hugging Face Hub", uri[: cut.start()]
    if parts[0] in _HUB_SECTIONS and len(parts) > 1:
        return f"{parts[0]!r} is no organisation", "hf://" + "/".join(parts[1:])
    if len(parts) > 3 and parts[2] in ("tree", "blob", "resolve"):
        return "it is the address of a page of the Hub", "hf://" + "/".join(parts[:2])
    names = [parts[0], *(part.partition("@")[0] for part in parts[1:2])]
    if len(parts) == 1:
        names = [parts[0].partition("@")[0]]
        if source == "dataset":
            moved = _MOVED.get(names[0].lower())
            hint = "" if moved else ": look it up on https://huggingface.co/datasets"
            return f"a dataset is written 'hf://<organisation>/<dataset>'{hint}", f"hf://{moved}" if moved else ""
    bad = next((name for name in names if not _HUB_NAME.fullmatch(name)), None)
    if bad is not None:
        tidy = re.sub(r"\.git$", "", bad)
        return (
            f"{bad!r} cannot be a name on the Hugging Face Hub, which takes letters, digits, '-', '_' and '.', at most "
            "96",
            uri.replace(bad, tidy, 1) if tidy and _HUB_NAME.fullmatch(tidy) else "",
        )
    return None


def _bucket(uri: str, parts: list[str], source: Source) -> _Fault | None:
    if not _BUCKET.fullmatch(parts[0]):
        return (
            f"{parts[0]!r} cannot be a bucket: write 's3://<bucket>/<path>', and the address of a store that is not "
            "AWS with endpoint=",
            "",
        )
    return None


def _table(uri: str, parts: list[str], source: Source) -> _Fault | None:
    if len(parts) == 2 and not uri.endswith("/"):
        return None
    return "a table is written 'cache://<schema>/<table>'", ""


def _repaired(uri: str, schemes: tuple[str, ...]) -> str:
    """Return the URI that was probably meant, or `""`."""
    text = uri.strip()
    if page := _ON_THE_HUB.match(text):
        parts = [part for part in page[1].split("?")[0].split("/") if part]
        if parts and parts[0] in _HUB_SECTIONS:
            del parts[0]
        return f"hf://{'/'.join(parts[:2])}" if parts and "hf" in schemes else ""
    scheme, separator, rest = text.partition("://")
    if separator and rest:
        lowered = scheme.lower()
        close = next((each for each in schemes if did_you_mean(lowered, [each])), "")
        meant = lowered if lowered in schemes else _ALIASES.get(lowered, close)
        return f"{meant}://{rest}" if meant in schemes else ""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text, re.ASCII) and "hf" in schemes:
        return f"hf://{text}"
    for each in schemes:  # one slash or none after the colon
        if (slashes := re.match(rf"{each}:/*", text, re.IGNORECASE)) and len(text) > slashes.end():
            return f"{each}://{text[slashes.end() :]}"
    return ""
