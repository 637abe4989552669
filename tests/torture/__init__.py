"""Nothing acknowledged is ever lost: kills, power failures and many processes, tried.

recorder.c      preloaded: logs every change of files by all processes in one order; kills at the n-th
recording.py    builds it, switches it on, reads its log
power_cut.py    what a disk may hold when the power goes: the model
model.py        what the collection must hold, from the journals; the judge
workload.py     random steps of writers and readers, told to the journal before and after
checking.py     opens what is left, as its next user would, and asks the judge
kills.py  cuts.py  processes.py     the three kinds of trial
sabotage.py     ways to break the store that must be found
report.py  __main__.py     `python -m torture`, `make torture`
"""
