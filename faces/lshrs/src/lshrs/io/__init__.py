"""Vectors from databases and files, batch by batch."""

from .parquet import iter_parquet_vectors
from .postgres import iter_postgres_vectors

__all__ = ["iter_parquet_vectors", "iter_postgres_vectors"]
