"""How fast Vicinal is beside its peers: `python -m benchmarks --help`, or `make bench`.

__main__    the command
contract    what a peer must be able to do, and in which words
peers/      one adapter a file
suites/     one question a file
crew        a child process for each peer, all with the same threads
worker      what runs in such a process
rounds      who is measured when, and medians
data        vectors, texts and metadata to measure with; `readers` reads files
report      raw JSON, tables; `plots` draws them
"""
