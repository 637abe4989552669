"""Which rows does a filter keep? `where` dicts are parsed into a tree, which columns evaluate to a bitmap.

`evaluate` is the reference implementation: plain Python over one row's metadata. Everything faster must agree with it.
"""
