"""Measurements, side by side in one run on one database. Not part of the test suite: `python -m tests.bench.reads`."""
