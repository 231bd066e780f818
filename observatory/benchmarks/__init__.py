"""The benchmarks: one workload a module."""
