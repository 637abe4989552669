"""Databases of other programs, brought over whole."""
