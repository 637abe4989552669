"""Records, raw vectors and the order in which they are written; docs/format.md is the format."""
