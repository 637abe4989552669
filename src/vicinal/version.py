"""The version, in one place besides the packaging file; a test compares the two."""

__version__ = "0.1.0"
