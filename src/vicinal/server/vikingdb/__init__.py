"""The VikingDB protocol beside our own: paths, names, defaults and error codes of its vector data plane.

Nothing is searched here: every call becomes one of the engine's `Collection`. docs/vikingdb.md says what is supported.
"""
