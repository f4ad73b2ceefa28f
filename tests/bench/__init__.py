"""Benchmarks: this project beside the published package and beside the limit, in one interleaved run.

`python -m tests.bench` runs them; `cases.py` says what a benchmark is, and the modules `rows_*.py` declare
them. Not part of the test suite: times on a shared machine prove nothing alone, ratios taken in turn do.
"""
