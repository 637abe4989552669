"""lshrs on Vicinal: locality-sensitive hashing of cosines over Redis and Redis Cluster.

from lshrs import LSHRS

lsh = LSHRS(dim=768, similarity_threshold=0.7)
lsh.index([1, 2, 3], vectors)
lsh.get_top_k(query, topk=10)
"""

from vicinal.ownership import warn_of_other_owners
from vicinal.version import __version__

from ._config.config import HashSignatures
from .core.main import LSHRS, lshrs
from .hash.lsh import LSHHasher
from .io import iter_parquet_vectors, iter_postgres_vectors
from .storage import BucketOperation, FileStorage, MemoryStorage, RedisStorage, Storage
from .utils import (
    compute_collision_probability,
    cosine_similarity,
    cosine_to_agreement,
    get_optimal_config,
    l2_norm,
    top_k_cosine,
)

__all__ = [
    "LSHRS",
    "BucketOperation",
    "FileStorage",
    "HashSignatures",
    "LSHHasher",
    "MemoryStorage",
    "RedisStorage",
    "Storage",
    "__version__",
    "compute_collision_probability",
    "cosine_similarity",
    "cosine_to_agreement",
    "get_optimal_config",
    "iter_parquet_vectors",
    "iter_postgres_vectors",
    "l2_norm",
    "lshrs",
    "top_k_cosine",
]

warn_of_other_owners("lshrs", "vicinal-lshrs", __file__)
