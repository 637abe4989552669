"""Tests that nothing acknowledged is ever lost: kills, power failures and many processes.

recorder.c      preloaded: logs every file change of all processes in one order; kills at the n-th
recording.py    builds it, enables it, reads its log
power_cut.py    what a disk may contain after a power failure: the model
model.py        what the collection must contain, according to the journals; the judge
workload.py     random steps of writers and readers, recorded in the journal before and after
checking.py     opens what is left, as its next user would, and asks the judge
kills.py  cuts.py  processes.py     the three kinds of trial
sabotage.py     ways to break the store that must be detected
report.py  __main__.py     `python -m torture`, `make torture`
"""
