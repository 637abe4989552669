"""Qdrant, through its own client: a cluster, or the client's local mode. Only these modules import `qdrant_client`."""
