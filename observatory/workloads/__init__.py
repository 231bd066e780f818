"""What is run: one workload a module, which says what is measured and what is not. Sizes and seeds are constants."""
