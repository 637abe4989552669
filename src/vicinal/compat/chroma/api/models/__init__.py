"""As in Chroma: the classes of collections, one module each."""
