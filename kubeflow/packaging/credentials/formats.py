"""How credentials look: the published formats of tokens, and values under a name such as `api_key`.

What only looks alike is none: placeholders (`hf_xxx`), names of environment variables, paths, and hashes and
identifiers under other names.
"""

from __future__ import annotations

import math
from collections import Counter

from kubeflow.core.stdlib import re

# Formats as their issuers publish them. The length and the diversity of what follows tell a token from a word.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}"  # GitHub, GitLab
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"  # AWS
    r"|sk-(?:ant-|proj-|or-|svcacct-)?[A-Za-z0-9_-]{20,}|gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{30,}|nvapi-[\w-]{40,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{30,}|GOCSPX-[\w-]{20,}"  # Google
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}|https://hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"  # Slack
    r"|(?:sk|rk)_live_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}"
    r"|dapi[0-9a-f]{32}|dckr_pat_[\w-]{20,}|dop_v1_[0-9a-f]{60,}|wandb_v1_\w{30,}"
    r"|[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}"  # Discord
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"  # JSON web token
    r")"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/=]{20}")
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@'\"<>{}$]*:([^/\s@'\"<>{}$%]{6,})@([\w.-]+)")
_AUTHORIZATION = re.compile(r"(?:Bearer|Basic|token)\s+(\S{16,})$", re.IGNORECASE)

_NAME = re.compile(
    r"(?:^|_)(?:(?P<password>password|passwd|passphrase|pwd)"
    r"|(?P<strong>api_?key|secret_?key|secret_?access_?key|access_?key|account_?key|private_?key|signing_?key"
    r"|encryption_?key|client_?secret|webhook_?secret|access_?token|auth_?token|api_?token|refresh_?token"
    r"|session_?token|bearer_?token|id_?token|hf_?token|github_?token|gitlab_?token)"
    r"|(?P<weak>token|secret|credentials?|authorization|auth|pat))s?$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACEHOLDER = re.compile(
    r"xxx|\*\*\*|\.\.\.|<[^>]*>|\$\{|\$\(|\{\{|^\{.*\}$|your|example|change_?me|dummy|fake|placeholder|redacted|todo"
    r"|insert|replace|sample|not[-_ ]?a[-_ ]|0123456789|1234567890|abcdefgh|^(?:none|null|true|false)$",
    re.IGNORECASE,
)
_COMMON = frozenset({"password", "passwd", "pass", "pwd", "secret", "postgres", "admin", "root", "user", "guest",
                     "test", "token", "username", "changeit"})  # fmt: skip
_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_WORDS = re.compile(r"[A-Za-z]+(?:[-_. :/]+[A-Za-z]+)*|(?:[A-Z]?[a-z]{2,}|[A-Z]{1,3}|[-_.]|(?<![0-9])[0-9](?![0-9]))+")
_DOTTED = re.compile(r"\.*[A-Za-z_]\w*(?:[.:]+[A-Za-z_]\w*)+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NO_HOST = re.compile(
    r"localhost|127\.0\.0\.1|0\.0\.0\.0|(?:host|hostname|server|ip|db|domain)\d*|.*example.*", re.IGNORECASE
)
_PATH = re.compile(
    r"[~.]{0,2}/\S*|[A-Za-z]:\\\S*|\w+://\S*|.*\.(?:json|ya?ml|toml|txt|pem|key|crt|env|py|ini)", re.DOTALL
)
_RANDOM = re.compile(r"[A-Za-z0-9+/_=.~-]{16,}")


def token_in(text: str) -> bool:
    """Say whether a text holds a token of a published format, a private key, or a URL with a password."""
    if any(not is_placeholder(found[0]) for found in _TOKEN.finditer(text) if _is_diverse(found[0])):
        return True
    if _PRIVATE_KEY.search(text):
        return True
    return any(
        found[1].lower() not in _COMMON
        and "password" not in found[1].lower()
        and not is_placeholder(found[1])
        and not _ENVIRONMENT.fullmatch(found[1])
        and not _NO_HOST.fullmatch(found[2])
        for found in _IN_URL.finditer(text)
    )


def is_secret(name: str, value: str) -> bool:
    """Say whether a value under a name is a credential.

    Args:
        name: Of a variable, key, attribute, parameter or option; "" when there is none.
        value: The value.
    """
    if token_in(value):
        return True
    found = _NAME.search(_plain(name))
    if found is None or len(value) < 8 or is_placeholder(value) or _ENVIRONMENT.fullmatch(value):
        return False
    if found["weak"]:
        bearer = _AUTHORIZATION.fullmatch(value)
        return is_random(bearer[1] if bearer else value)
    if _PATH.fullmatch(value) or value.endswith((":", "?")) or "\n" in value:
        return False
    if found["password"]:
        return value.lower() not in _COMMON and not _NAME.search(_plain(value)) and not _DOTTED.fullmatch(value)
    is_word = _WORDS.fullmatch(value) or _DOTTED.fullmatch(value)
    return not is_word and not any(sign in value for sign in " {}%")


def _plain(name: str) -> str:
    return _CAMEL.sub("_", name).replace("-", "_").replace(".", "_").lower()


def is_placeholder(value: str) -> bool:
    """Say whether a value only stands where a credential belongs."""
    return bool(_PLACEHOLDER.search(value)) or len(set(value.rpartition("_")[2] or value)) <= 4


def is_random(value: str) -> bool:
    """Say whether a value looks made by a generator: 16 characters or more, letters and digits, no pattern."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    is_name = any(pattern.fullmatch(value) for pattern in (_PATH, _WORDS, _DOTTED, _UUID))
    return bool(_RANDOM.fullmatch(value)) and mixed and not is_name and _entropy(value) >= 3.0


def _is_diverse(token: str) -> bool:
    """Tell `sk-` and the like in front of random characters from the same in front of words."""
    body = re.split(r"[-_.]", token, maxsplit=1)[-1]
    least = 3.0 if any(c.isdigit() for c in token) else 4.0
    return _entropy(body) >= least


def _entropy(value: str) -> float:
    """Return the bits per character."""
    count = len(value)
    return -sum(n / count * math.log2(n / count) for n in Counter(value).values()) if count else 0.0
