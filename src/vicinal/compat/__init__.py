"""APIs that programs know from other databases, on this engine: names, defaults and errors, and no search."""
