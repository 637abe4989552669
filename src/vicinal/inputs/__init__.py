"""What users hand in, checked. Every error names the row, its id and the remedy."""
