"""Plain values that the other modules share."""
