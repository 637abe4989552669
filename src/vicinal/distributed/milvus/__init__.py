"""Milvus, by its own client: a cluster, or Milvus Lite in this process. The only modules that import `pymilvus`."""
