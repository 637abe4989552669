"""Bands and rows, norms and cosines."""

from .br import compute_collision_probability, cosine_to_agreement, get_optimal_config
from .norm import l2_norm
from .similarity import cosine_similarity, top_k_cosine

__all__ = [
    "compute_collision_probability",
    "cosine_similarity",
    "cosine_to_agreement",
    "get_optimal_config",
    "l2_norm",
    "top_k_cosine",
]
