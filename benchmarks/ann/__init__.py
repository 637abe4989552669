"""Curves of recall against time for approximate indexes."""
