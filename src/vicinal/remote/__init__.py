"""Databases behind a server: the same calls, sent by httpx. Returned by `vicinal.connect("http://...")`."""
