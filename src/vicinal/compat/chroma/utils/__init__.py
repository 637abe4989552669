"""As in Chroma: embedding functions, and batches."""
