"""What the search calls of a handle do: its arguments and encoder, then the search, then what is made of the hits."""
