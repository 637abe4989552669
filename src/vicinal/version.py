"""The version, which is also in the packaging file; a test compares the two."""

__version__ = "0.1.0"
