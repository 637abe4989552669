"""Events and facts by rules: quick, the same every time, and only for English."""

from .extraction import RuleExtraction

__all__ = ["RuleExtraction"]
