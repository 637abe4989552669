"""Validation of user input. Every error names the row, its id and the remedy."""
