"""From vectors to signatures."""

from .lsh import LSHHasher

__all__ = ["LSHHasher"]
