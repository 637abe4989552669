"""Extraction of events and facts by rules: fast, deterministic, English only."""

from .extraction import RuleExtraction

__all__ = ["RuleExtraction"]
