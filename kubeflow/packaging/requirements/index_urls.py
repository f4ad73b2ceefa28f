"""URLs of package indexes, archives and repositories: whether one can be sent, and where its credentials go instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubeflow.core.errors import Finding
from kubeflow.core.stdlib import re

VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""A variable of the environment in a line of a requirements file, as pip and uv expand it."""

_ANY_VARIABLE = re.compile(r"\$\{[^}]*\}")
# A user may be an e-mail address. A password may hold "@", and "/" where no port can be meant.
_PARTS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<user>[^/\s:\[?#]*)(?::(?P<password>[^/\s]*|(?!\d*(?:/|$))\S*))?@)?(?P<rest>\S*)",
    re.IGNORECASE,
)
_WITHOUT_SCHEME = re.compile(r"(?<![\w@}$])[^\s:/@'\"\[{}=]+:(?!\$\{)[^\s/@'\"]+@(?=\w)")
_SECRET_PARAMETER = re.compile(
    r"[?&#](?:[\w-]*token|sig|[\w-]*signature|[\w-]*key|password)=(?!\$\{)[^&#\s]+", re.IGNORECASE
)


def index_findings(index_urls: Sequence[str]) -> list[Finding]:
    """Return what is wrong with package indexes."""
    found: list[Finding] = []
    for number, url in enumerate(index_urls, 1):
        what = f"index URL #{number}"
        if (finding := url_finding(what, url)) is not None:
            found.append(finding)
        elif not re.match(r"(https?|file)://", url, re.IGNORECASE):
            found.append(Finding(f"index URL {masked(url)!r}", "it is no http, https or file URL", "Correct it"))
    return found


def url_finding(what: str, url: str) -> Finding | None:
    """Return why a URL cannot be sent, `None` when it can. Its credentials are in no text.

    Args:
        what: What the finding is about, without credentials.
        url: The URL.
    """
    if len(words := url.split()) > 1:
        write = ", ".join(repr(masked(word)) for word in words)
        return Finding(what, "it holds blanks", f"Give each URL as an entry of its own: [{write}]")
    if odd := [text for text in _ANY_VARIABLE.findall(url) if not VARIABLE.fullmatch(text)]:
        return Finding(
            what, f"{odd[0]!r} is no variable that pip expands", "Write its name in capitals, as in ${TOKEN}"
        )
    if not has_credentials(url):
        return None
    variables, written = _with_variables(url)
    keys = ", ".join(f'"{name}"' for name in variables)
    remedy = (
        f"Write {written!r}. On this machine the value comes from your environment, or leave user and password out "
        f'and have them in ~/.netrc. On a cluster it comes from a Secret: options.SecretEnv("name-of-secret", [{keys}])'
    )
    return Finding(what, "it holds a user name or a password, and everyone who may read the job could read it", remedy)


def has_credentials(url: str) -> bool:
    """Return True when a URL holds a secret in plain text: variables, and the user of ssh, are none."""
    parts = _PARTS.match(url)
    if parts is None:
        return False
    if _SECRET_PARAMETER.search(url):
        return True
    user, password = parts["user"], parts["password"]
    if user is None or _ANY_VARIABLE.fullmatch(password or ""):
        return False
    if not password and (parts["scheme"].lower().endswith("ssh") or _ANY_VARIABLE.fullmatch(user)):
        return False
    return bool(user or password)


def masked(text: str) -> str:
    """Return `text` without the credentials of the URLs in it; variables stay."""
    without = re.sub(
        r"[a-z][a-z0-9+.-]*://\S+",
        lambda found: _with_variables(found[0])[1] if has_credentials(found[0]) else found[0],
        text,
        flags=re.IGNORECASE,
    )
    return _WITHOUT_SCHEME.sub("***:***@", without)


def variables(lines: Iterable[str]) -> list[str]:
    """Return the names of the variables that requirements or URLs take from the environment, each once."""
    return list(dict.fromkeys(name for line in lines for name in VARIABLE.findall(line)))


def _with_variables(url: str) -> tuple[list[str], str]:
    """Return a URL with variables in place of its credentials, and the names of the variables."""
    parts = _PARTS.match(url)
    assert parts is not None
    kind = "GIT" if parts["scheme"].lower().startswith("git") else "INDEX"
    rest = _SECRET_PARAMETER.sub(lambda found: f"{found[0].partition('=')[0]}=${{{kind}_TOKEN}}", parts["rest"])
    names = [f"{kind}_TOKEN"] if rest != parts["rest"] else []
    who = ""
    if parts["password"]:
        names, who = [*names, f"{kind}_USER", f"{kind}_PASSWORD"], f"${{{kind}_USER}}:${{{kind}_PASSWORD}}@"
    elif parts["user"]:
        names, who = [*names, f"{kind}_TOKEN"], f"${{{kind}_TOKEN}}@"
    return list(dict.fromkeys(names)), f"{parts['scheme']}://{who}{rest}"
