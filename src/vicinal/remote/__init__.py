"""Databases behind a server: the same calls, sent by httpx. `vicinal.connect("http://...")` makes one."""
