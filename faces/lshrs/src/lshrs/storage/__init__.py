"""Where buckets are kept: Redis and Redis Cluster, a file, or memory, all with the same contract."""

from .base import BucketOperation, Storage
from .file import FileStorage
from .memory import MemoryStorage
from .redis import RedisStorage

__all__ = ["BucketOperation", "FileStorage", "MemoryStorage", "RedisStorage", "Storage"]
