"""The knowledge service, which Vicinal does not have."""

raise ImportError("vikingdb.knowledge is not offered: Vicinal has no knowledge service, only vectors")
