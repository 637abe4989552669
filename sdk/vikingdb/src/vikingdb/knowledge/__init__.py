"""The knowledge service has no server of ours."""

raise ImportError("vikingdb.knowledge is not offered: Vicinal has no knowledge service, only vectors")
