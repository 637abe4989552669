"""The search calls of a handle: they encode the arguments, run the search and shape the hits."""
