"""Which strings fit which format: `kubeflow.core.value_formats` says of each what a real API server says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubeflow.cluster.errors import ApiError
from kubeflow.core.transport import Request
from kubeflow.core.value_formats import STRINGS, misfit
from tests.apiserver import COMMAND, KUBECONFIG, REASON, apiserver
from tests.codegen.crds import manifest
from tests.codegen.shapes import TEXT, fields

TEXTS = [
    'x', 'YQ==', 'YQ', 'YWI=', 'YWJj', 'YW Jj', 'a b', '2024-01-02', '2024-13-02', '2024-02-30', '24-01-02',
    '2024-1-2', '2024-01-02T03:04:05Z', '2024-01-02t03:04:05z', '2024-01-02T03:04:05', '2024-01-02T03:04:05.5Z',
    '2024-01-02T03:04:05,5Z', '2024-01-02T03:04:05x55Z', '2024-01-02T24:00:00Z', '2024-01-02T23:60:00Z',
    '2024-01-02T23:59:60Z', '2024-01-02T03:04:05+01:00', '2024-01-02T03:04:05+0100', '2024-01-02T03:04:05+99:99',
    '2024-01-02 03:04:05Z', '20240102T030405Z', '2024-01-02T03:04Z', '0000-01-01', '0001-01-01',
    '2024-01-02T03:04:05ZZ', '1h', '1.5h', '-1h', '+1h', '1h30m', '1d', '1 day', '2 weeks', '3 wk', '1 hr',
    '5 minutes', '5 mins', '1m2', '1x', '0', '00', '-0', '.5s', '1.s', '1µs', '1us', '1 ms', '1 millis', '1nanos',
    '1 secs', '1S', '1H', '1D', 'h1', '1e3s', '1 hrs', '1 w', '1 wks', 'a@b.c', 'a@b', 'a b@c', 'A B <a@b>',
    '<a@b>', 'a@[1.2.3.4]', '"a b"@c', 'a.@b', '.a@b', 'a..b@c', 'a@b.', '@b', 'a@', 'a@b c', 'a@b,c@d',
    'a+b@c.d', 'ä@b.c', '123e4567-e89b-12d3-a456-426614174000', '123e4567e89b12d3a456426614174000',
    '123e4567-e89b-32d3-a456-426614174000', '123e4567-e89b-42d3-a456-426614174000',
    '123e4567-e89b-42d3-c456-426614174000', '123e4567-e89b-52d3-a456-426614174000',
    '123E4567-E89B-52D3-A456-426614174000', '123e4567-e89b-12d3-a456-42661417400', '1.2.3.4', '01.2.3.4', '1.2.3',
    '256.1.1.1', '::1', '1::2::3', '::ffff:1.2.3.4', 'fe80::1%eth0', '2001:db8::1', '1.2.3.0/24', '1.2.3.4/24',
    '1.2.3.4/33', '1.2.3.4/024', '1.2.3.4/', '::/0', '2001:db8::/129', '1.2.3.4/255.255.255.0',
    '00:11:22:33:44:55', '00-11-22-33-44-55', '0011.2233.4455', '00:11:22:33:44', '00:11:22:33:44:55:66:77',
    '0:1:2:3:4:5', '00:11-22:33:44:55', 'http://a', 'http://a:80/b?c#d', 'http://a:x', 'http://a b',
    'http://a/b c', '/a', '/a b', '/a%zz', 'a/b', 'a:b', 'mailto:x@y', 'a:', ':a', '*', '//a/b',
    'http://[::1]:80/', 'http://[::1', 'http://u:p@h/', 'HTTP://A', '1http://a', 'http://a/%41', 'http:///x',
    'http://', 'host', 'host-name', '-host', 'host-', 'a.b', 'a.b.c.example.com', 'a..b', '.a', 'a.', 'a_b',
    'a.b.c', 'a.1', 'a.12', 'xn--a.com', 'HOST', '1host', 'h.ost.c-m', 'aa.-b', 'ä', 'ä.example', 'a$b', '#fff',
    'fff', '#ffff', '#ffffff', '#ggg', 'rgb(1,2,3)', 'rgb(256,0,0)', 'rgb( 1 , 2 , 3 )', 'RGB(1,2,3)',
    'rgb(01,2,3)', 'rgb(1,2)', '123-45-6789', '123 45 6789', '123456789', '123-456789', '0-306-40615-2',
    '0306406152', '0306406153', '080442957X', '080442957x', '9780306406157', '978-0-306-40615-7', '9780306406158',
    '4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1112', '378282246310005',
    '507f1f77bcf86cd799439011', '507f1f77bcf86cd79943901', '507f1f77bcf86cd79943901g', 'a-b', 'a--b', 'A-b',
    'a.b-c.d', 'a.-b', 'a%b', '%', '~', 'a+b.cd', 'a=b', '123456789abc', '123456789abcd', '1234567812345678',
    'http://a:80', 'http://a:80:90', 'http://[::1]:x', 'http://a?b c', 'http://a?%zz', 'http://a#%zz',
    'http://a/#%zz', 'http://a{b}', 'http://a%20b', '001.002.003.004', '1.2.3.4.5', '::01.2.3.4', '1.2.3.4/08',
    'ab.cd', 'ab.c1', 'ab.äö', 'a2.cd', '0000-02-29', '0000-02-30', '9999-12-31', '2023-02-29T01:01:01Z',
    '1h 30m', '1 h 30 m', 'foo 3 days bar', '1µ',
    "", "a\n", "2024-01-02\n", "1h\n", "a" * 63, "a" * 64, "a" * 253, "a" * 254, f"{'a' * 63}." * 3 + "a" * 61,
    f"{'a' * 63}." * 3 + "a" * 62, "\t", "http://a\n", "http://a\x7f", "a@b\n", " a@b ",
]  # fmt: skip
FORMATS = {name.replace("-", ""): name for name in STRINGS}  # field -> its format


@pytest.mark.skipif(not (COMMAND or KUBECONFIG), reason=REASON)
def test_a_string_fits_a_format_when_the_api_server_says_so(tmp_path: Path) -> None:
    schema = fields(**{field: {**TEXT, "format": name} for field, name in FORMATS.items()})
    differences: list[tuple[str, str]] = []
    taken: set[str] = set()
    with apiserver(tmp_path / "apiserver", [manifest(schema)]) as server:
        for text in TEXTS:
            refused: set[str] = set()
            wire = {
                "apiVersion": "gadget.example/v1",
                "kind": "Gadget",
                "metadata": {"name": "one"},
                "spec": dict.fromkeys(FORMATS, text),
            }
            path = "/apis/gadget.example/v1/namespaces/default/gadgets"
            try:
                server.send(Request("POST", path, {"fieldValidation": "Strict", "dryRun": "All"}, wire))
            except ApiError as error:
                refused = set(re.findall(r"spec\.(\w+): Invalid value", str(error)))
            ours = {field for field, name in FORMATS.items() if misfit(text, name)}
            differences += [(FORMATS[field], text) for field in ours ^ refused]
            taken |= FORMATS.keys() - refused
    assert differences == []
    assert taken == FORMATS.keys(), "each format had a text that fits"


@pytest.mark.parametrize(
    ("value", "name", "fits"),
    [
        (2**31 - 1, "int32", True),
        (2**31, "int32", False),
        (-(2**31) - 1, "int32", False),
        (2**63 - 1, "int64", True),
        (2**63, "int64", False),
        (2**63, "int-or-string", False),
        ("80%", "int-or-string", True),
        (1e39, "float", False),
        (1e39, "double", True),
        (True, "int32", True),
        ("x", "quantity", True),
    ],
)
def test_numbers_and_formats_that_nobody_enforces(value: object, name: str, fits: bool) -> None:
    assert (misfit(value, name) is None) == fits
