"""Plain values shared by the other modules."""
