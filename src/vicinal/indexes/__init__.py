"""Everything derived from the records: indexes, and the kernels that compute distances for them."""
