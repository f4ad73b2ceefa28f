"""The table of what each backend does is that of the cases that all backends run."""

from __future__ import annotations

from tests.trainer.conformance.rows import WRITE, all_rows, declared, read_table


def test_the_table_has_a_row_for_each_case_and_no_other() -> None:
    assert read_table() == declared(all_rows()), f"run tests/trainer/conformance with {WRITE}=1"


def test_each_row_stands_once() -> None:
    texts = [row.text for row in all_rows()]
    assert len(texts) == len(set(texts)) > 15
