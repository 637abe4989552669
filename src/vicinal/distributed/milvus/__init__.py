"""Milvus, through its own client: a cluster, or Milvus Lite in this process. Only these modules import `pymilvus`."""
