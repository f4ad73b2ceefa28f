"""CEL, lowered to Python: a table of its semantics, and expressions drawn at random, each held against the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.cel.lower import lower
from codegen.cel.syntax import NotLowerable
from tests.codegen.oracle import ERROR, alike, ours, theirs

BIG = 9223372036854775807
TABLE: list[tuple[str, Any, Any]] = [
    # -- absence: has() never fails for a field of what exists; a field that is absent has no value
    ("has(self.a)", {"a": 1}, True),
    ("has(self.a)", {}, False),
    ("has(self.a.b)", {}, ERROR),
    ("has(self.a)", 1, ERROR),
    ("self.a", {}, ERROR),
    ("has(self.a) && self.a > 1", {}, False),
    ("!has(self.a) || self.a > 1", {}, True),
    # -- errors are absorbed by the operand that decides, on either side
    ("self.a > 1 || true", {}, True),
    ("true || self.a > 1", {}, True),
    ("self.a > 1 && false", {}, False),
    ("self.a > 1 || false", {}, ERROR),
    ("self.a > 1 && true", {}, ERROR),
    ("1 || true", None, True),
    ("1 || false", None, ERROR),
    ("'a' && true", None, ERROR),
    ("true ? 1 : self.a", {}, 1),
    ("self.a ? 1 : 2", {}, ERROR),
    ("1 ? 1 : 2", None, ERROR),
    ("false ? 1 : true ? 2 : 3", None, 2),
    # -- equality is by value; two types are never equal, but for numbers
    ("self == 1.0", 1, True),
    ("self == '1'", 1, False),
    ("self == 1", True, False),
    ("self == null", None, True),
    ("self == {'a': [1, {'b': 'c'}]}", {"a": [1.0, {"b": "c"}]}, True),
    ("self == {'a': 1, 'b': 2}", {"b": 2, "a": 1}, True),
    ("self == {'a': 1}", {"a": 1, "b": 2}, False),
    ("self == [1, 2]", [2, 1], False),
    ("self != []", [], False),
    ("[self] == [true]", 1, False),
    # -- membership
    ("self in ['a', 'b']", "b", True),
    ("self in ['a', 'b']", 1, False),
    ("self in [1, 2]", 2.0, True),
    ("'a' in self", {"a": None}, True),
    ("1 in self", {"a": 1}, False),
    ("'a' in self", "abc", ERROR),
    ("self in []", None, False),
    # -- order
    ("self < 2", 1.5, True),
    ("self >= 1", "1", ERROR),
    ("'a' < 'b'", None, True),
    ("'Z' < 'a' && 'a' < 'é' && 'é' < '😀'", None, True),
    ("false < true", None, True),
    ("self < 1", True, ERROR),
    # -- strings: size counts code points, matches is a search
    ("size(self)", "é😀", 2),
    ("self.size() == size('ab')", "ab", True),
    ("self.size()", [1, 2, 3], 3),
    ("size(self)", {"a": 1}, 1),
    ("size(self)", 1, ERROR),
    ("self.matches('b')", "abc", True),
    ("self.matches('^b')", "abc", False),
    ("self.matches('c$')", "c\n", False),
    ("self.matches('a.c')", "a\nc", False),
    (r"self.matches('^\\d+$')", "٣", False),
    (r"self.matches(r'^\w+$')", "é", False),
    (r"self.matches(r'\s')", "\v", False),
    (r"self.matches(r'^[\s]$')", "\v", False),
    (r"self.matches(r'^\S$')", "\v", True),
    ("self.matches('^[^a]$')", "\n", True),
    ("self.matches('[[:upper:]]')", "aB", True),
    ("self.matches('^[]a-]+$')", "a]-", True),
    ("self.matches('^a{,2}$')", "a{,2}", True),
    ("self.matches('^a{2}$')", "aa", True),
    ("self.matches('^(?P<x>a|b)+?$')", "abab", True),
    ("self.matches('^(?:a|)$')", "", True),
    (r"self.matches('\\x41\\x{1F600}\\.\\/')", "A😀./", True),
    ("matches(self, 'a')", "a", True),
    ("self.matches('a')", 1, ERROR),
    ("self.startsWith('a') && self.endsWith('c') && self.contains('b')", "abc", True),
    ("self.startsWith('')", "", True),
    ("self.contains(1)", "1", ERROR),
    # -- literals
    (r"""'\x41\101\u00e9\U0001F600\n\'\"\`\?\\'""", None, "AAé😀\n'\"`?\\"),
    (r"""r'\n' + R"\d'" """, None, "\\n\\d'"),
    ('"""a"b\n""" + \'\'\'c\'d\'\'\'', None, 'a"b\nc\'d'),
    ("0x1F + -0x1", None, 30),
    ("-9223372036854775808", None, -BIG - 1),
    ("1.5e3 + .5", None, 1500.5),
    ("[1, 2,] == [1, 2]", None, True),
    ("{'a': 1,}['a']", None, 1),
    ("// nothing\n 1 // one", None, 1),
    # -- arithmetic in 64 bits, towards zero
    ("self + 1", BIG, ERROR),
    ("self * 2", BIG, ERROR),
    ("-self", -BIG - 1, ERROR),
    ("self / -1", -BIG - 1, ERROR),
    ("-7 / 2", None, -3),
    ("-7 % 2", None, -1),
    ("7 % -2", None, 1),
    ("1 / 0", None, ERROR),
    ("1 % 0", None, ERROR),
    ("1.0 / 0.0 > 1.0", None, True),
    ("-1.0 / 0.0 < 1.0", None, True),
    ("7.0 / 2.0", None, 3.5),
    ("1 + 1.0", None, ERROR),
    ("1 - self * 2 + 3", 4, -4),
    ("'a' + 'b'", None, "ab"),
    ("[1] + [2]", None, [1, 2]),
    ("'a' + 1", None, ERROR),
    ("--1", None, 1),
    ("!!true", None, True),
    ("!1", None, ERROR),
    ("-'a'", None, ERROR),
    # -- indexing
    ("self[1]", ["a", "b"], "b"),
    ("self[2]", ["a", "b"], ERROR),
    ("self[-1]", ["a"], ERROR),
    ("self['a']", {"a": 1}, 1),
    ("self['b']", {"a": 1}, ERROR),
    ("self.a[0].b", {"a": [{"b": 5}]}, 5),
    # -- macros
    ("self.all(x, x > 0)", [1, 2], True),
    ("self.all(x, x > 0)", [], True),
    ("self.all(x, x > 0)", ["a", 0], False),
    ("self.all(x, x > 0)", ["a", 1], ERROR),
    ("self.exists(x, x > 0)", ["a", 1], True),
    ("self.exists(x, x > 0)", ["a", 0], ERROR),
    ("self.exists(x, x > 0)", [], False),
    ("self.exists_one(x, x > 0)", [0, 1, -1], True),
    ("self.exists_one(x, x > 0)", [1, 1], False),
    ("self.exists_one(x, x > 0)", [1, "a"], ERROR),
    ("self.filter(x, x > 1)", [1, 2, 3], [2, 3]),
    ("self.filter(x, x > 1)", [1, "a"], ERROR),
    ("self.map(x, x * 2)", [1, 2], [2, 4]),
    ("self.map(x, x > 1, x * 2)", [1, 2], [4]),
    ("self.all(k, self[k] == 1)", {"a": 1, "b": 1}, True),
    ("self.exists(k, k == 'b')", {"a": 1, "b": 1}, True),
    ("self.all(x, self.exists(y, y == x + 1) || x == 3)", [1, 2, 3], True),
    ("self.map(x, self.map(x, x + 1))", [1, 2], [[2, 3], [2, 3]]),
    ("self.map(self, self)", [1], [1]),
    ("self.all(x, true)", 1, ERROR),
    ("[has(self.a), has(self.b)].filter(x, x).size() <= 1", {"a": 1, "b": 2}, False),
    # -- conversions
    ("int('12') + int(3.9) + int(-3.9)", None, 12),
    ("int('1.5')", None, ERROR),
    ("int(1e19)", None, ERROR),
    ("double('1.5') + double(1)", None, 2.5),
    ("double('x')", None, ERROR),
    ("string(1) + string(true) + string('a')", None, "1truea"),
    ("bool('true') && !bool('False')", None, True),
    ("bool('yes')", None, ERROR),
    ("dyn(1) == 1", None, True),
    # -- durations, which can be compared
    ("duration(self) > duration('90m')", "1h30m1ms", True),
    ("duration(self) == duration('-1.5s')", "-1500ms", True),
    ("duration(self) != duration('0s')", "0", False),
    ("duration('1m') in [duration('60s')]", None, True),
    ("duration(self) < duration('1ns')", ".9us", False),
    ("duration(self) >= duration('0s')", "1d", ERROR),
    ("duration(self) >= duration('0s')", "1", ERROR),
    ("duration(self) >= duration('0s')", "", ERROR),
    ("duration(self) == duration('1s')", 1, ERROR),
    ("duration('1s') < 2", None, ERROR),
    ("duration('1s') == 1", None, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "expected"), TABLE)
def test_the_table(text: str, value: Any, expected: Any) -> None:
    verdict = expected if expected is ERROR else ("value", expected)
    assert alike(theirs(text, value), verdict), "the oracle disagrees with the table"
    assert alike(ours(text, value), verdict)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unexpected the end"),
        ("self ==", "unexpected the end"),
        ("self self", "unexpected 'self'"),
        ("self == 'a", "does not end"),
        ("self == 'a\n'", "does not end"),
        (r"'\q'", "is none"),
        (r"'\ud800'", "is none"),
        ("b'a'", "bytes"),
        ("1u", "unsigned"),
        ("9223372036854775808", "64 bits"),
        ("1e999", "too large"),
        ("self # 1", "unexpected '#'"),
        ("self.a(1)", "the function a()"),
        ("unknown", "no variable 'unknown'"),
        ("size()", "size() with 0"),
        ("duration('1s') + duration('1s') == duration(self)", "of a duration is not supported"),
        ("string(duration(self))", "of a duration is not supported"),
        ("self.size(1)", "size() with 2"),
        ("has(self)", "has() takes one selection"),
        ("has(self.a, self.b)", "has() takes one selection"),
        ("self.all(x, y, true)", "macro all()"),
        ("self.all(x.y, true)", "must be a variable"),
        ("self.matches(self)", "no literal"),
        ("self.matches('(?i)a')", "flags"),
        ("self.matches('(?=a)')", "flags"),
        (r"self.matches(r'\pL')", "escape"),
        (r"self.matches(r'(a)\1')", "escape"),
        ("self.matches('a**')", "nothing to repeat"),
        ("self.matches('a++')", "nothing to repeat"),
        ("self.matches('*a')", "nothing to repeat"),
        ("self.matches('a{1001}')", "bad repetition"),
        ("self.matches('[b-a]')", "is empty"),
        ("self.matches('[a')", "does not end"),
        ("self.matches('(a')", "unbalanced"),
        ("self.matches('a)')", "unbalanced"),
        ("Message{a: 1}", "unexpected '{'"),
        ("self.?a", "unexpected '?'"),
        ("while", "unexpected 'while'"),
        ("(" * 200 + "1" + ")" * 200, "levels of nesting"),
        ("1" + " + 1" * 2000, "too long or too deep"),
        ("quantity('1Gi')", "the function quantity()"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NotLowerable) as refused:
        lower(text, {}, {})
    assert problem in str(refused.value)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a-b": {"type": "string"},
        "in": {"type": "integer"},
        "x.y/z__w": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/item"}},
        "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    },
}
DEFINITIONS: dict[str, Any] = {"item": {"type": "object", "properties": {"name": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("self.a__dash__b == 'x'", {"a-b": "x"}),
        ("self.__in__ == 1", {"in": 1}),
        ("self.x__dot__y__slash__z__underscores__w == 'x'", {"x.y/z__w": "x"}),
        ("self.labels.a__dash__b == 'x'", {"labels": {"a__dash__b": "x"}}),
        ("self.items.all(i, i.name == 'x')", {"items": [{"name": "x"}]}),
        ("self.items.filter(i, true)[0].name == 'x'", {"items": [{"name": "x"}]}),
    ],
)
def test_names_that_are_no_identifiers_are_written_as_for_the_server(text: str, value: object) -> None:
    assert ours(text, value, schema=SCHEMA, definitions=DEFINITIONS) == ("value", True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("has(self.b)", "declares no field 'b'"),
        ("self.items[0].nam == ''", "declares no field 'nam'"),
        ("self.items.exists(i, has(i.nam))", "declares no field 'nam'"),
        ("self.items.name == ''", "of a list"),
        ("size(self.set + ['a']) == 1", "merges lists"),
        ("oldSelf.c == 1", "declares no field 'c'"),
    ],
)
def test_what_the_server_would_not_compile_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NotLowerable, match=problem):
        lower(text, SCHEMA, DEFINITIONS)


def test_at_the_root_only_the_name_of_the_metadata_is_seen() -> None:
    root: dict[str, Any] = {"type": "object", "properties": {"metadata": {"type": "object"}}}
    assert ours("self.metadata.name == 'x'", {"metadata": {"name": "x"}}, schema=root, root=True) == ("value", True)
    with pytest.raises(NotLowerable, match="declares no field 'labels'"):
        lower("has(self.metadata.labels)", root, {}, root=True)


# -- expressions drawn at random ---------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
STRINGS = st.sampled_from(["", "a", "b", "abc", "é😀", "1", "true", "a\nb", "'\"\\"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([BIG, -BIG - 1, 1.5, -0.5, 2.0]) | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PATTERNS = st.sampled_from(["a", "^a", "b$", "^[a-b]+$", "^.*$", "[^a]", "(a|b)c?", r"\\d", "^$"])


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def expressions(variables: tuple[str, ...] = ("self", "oldSelf"), depth: int = 3) -> st.SearchStrategy[str]:
    leaves = (
        st.sampled_from(["true", "false", "null", *variables])
        | st.integers(-3, 3).map(str)
        | st.sampled_from(["1.5", "2.0", str(BIG)])
        | STRINGS.map(quoted)
    )
    if not depth:
        return leaves
    inner = st.deferred(lambda: expressions(variables, depth - 1))
    variable = f"v{len(variables)}"
    bound = st.deferred(lambda: expressions((*variables, variable), depth - 1))
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%", "&&", "||"])
    return st.one_of(
        leaves,
        st.tuples(inner, signs, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda e: f"!({e})"),
        inner.map(lambda e: f"-({e})"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, NAMES).map(lambda t: f"has(({t[0]}).{t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(STRINGS.map(quoted), inner), max_size=2, unique_by=lambda pair: pair[0]).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
        st.tuples(st.sampled_from(["size", "bool"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, st.sampled_from(["startsWith", "endsWith", "contains"]), inner).map(
            lambda t: f"({t[0]}).{t[1]}({t[2]})"
        ),
        st.tuples(inner, PATTERNS).map(lambda t: f"({t[0]}).matches('{t[1]}')"),
        st.tuples(inner, st.sampled_from(["all", "exists", "exists_one"]), bound).map(
            lambda t: f"({t[0]}).{t[1]}({variable}, {t[2]})"
        ),
        # In what order a map is gone through is nobody's business: the result is only counted, or looked into.
        st.tuples(inner, st.sampled_from(["filter", "map"]), bound, inner).map(
            lambda t: f"({t[3]} in ({t[0]}).{t[1]}({variable}, {t[2]}))"
        ),
        st.tuples(inner, st.sampled_from(["filter", "map"]), bound).map(
            lambda t: f"size(({t[0]}).{t[1]}({variable}, {t[2]}))"
        ),
    )


@settings(max_examples=1000, deadline=None)
@given(text=expressions(), this=JSON, old=JSON)
def test_expressions_drawn_at_random_mean_the_same_to_both(text: str, this: object, old: object) -> None:
    expected = theirs(text, this, old)
    assert alike(ours(text, this, old), expected), f"the oracle says {expected}"
