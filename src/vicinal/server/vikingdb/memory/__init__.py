"""The memory service of VikingDB's protocol: paths, names and error codes. `vicinal.memories` does the work."""
