"""Qdrant, by its own client: a cluster, or the client's local mode. The only modules that import `qdrant_client`."""
