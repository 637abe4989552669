"""Speed of Vicinal compared with other databases and libraries: `python -m benchmarks --help`, or `make bench`.

__main__    the command
contract    the interface of a peer
peers/      one adapter per file
suites/     one question per file
crew        a child process for each peer, all with the same number of threads
worker      what runs in such a process
rounds      the order of measurements, and medians
data        vectors, texts and metadata to measure with; `readers` reads files
report      raw JSON, tables; `plots` draws them
"""
