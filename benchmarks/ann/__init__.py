"""Curves of recall against time for indexes that may miss neighbours."""
