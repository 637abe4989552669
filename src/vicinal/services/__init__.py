"""Servers of models, which a program names: requests in JSON, with patience for those that are busy."""
