"""Databases on an engine that runs on many machines: the same calls, for when one machine is not enough.

`collection` and `database` contain the classes; `engine` is the interface of an engine, and `qdrant` implements it.
"""
