"""Which rows does a filter keep? One tree; `where` dicts parse into it, columns evaluate it to a bitmap.

`evaluate` is the reference implementation: plain Python over one row's metadata. Everything faster must agree with it.
"""
