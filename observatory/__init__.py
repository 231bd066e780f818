"""Benchmarks of Cascade, comparisons with other engines, and reports on both."""
