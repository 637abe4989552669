"""What is derived from the records: indexes, and the kernels they compute distances with."""
