"""Records, raw vectors and the order in which they are written; docs/format.md describes the format."""
