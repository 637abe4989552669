"""Databases on an engine that runs on many machines: the same calls, for who outgrows one machine.

`collection` and `database` are the nouns; `engine` is what an engine owes them, and `qdrant` one that keeps it.
"""
