"""Speed of Vicinal compared with its peers, all with the same number of threads, in alternating rounds.

suites:
{suites}

peers (those that are not installed are skipped):
{peers}

examples:
  python -m benchmarks exact                                   100,000 and 180,000 rows
  python -m benchmarks exact collection --rows 60000           two suites, one size
  python -m benchmarks exact --data sift.hdf5 --queries 500    a file of ann-benchmarks
  python -m benchmarks --rows 2000 --rounds 1                  all suites, small: a minute
  make bench ROWS="60000 100000" DATA=generated                the same with everything installed first

Raw numbers are saved as SUITE.json and drawn as SUITE.svg in --output. docs/benchmarks.md describes what is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .data import WORDNET, default_source
from .machine import machine
from .options import Options
from .peers import KEYWORDS, VECTORS, load
from .plots import draw
from .readers import Unreadable
from .report import RESULTS, Report
from .suites import SUITES, suite


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    wrong = problem(options)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    try:
        for name in options.suites or SUITES:
            measure(name, options)
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def measure(name: str, given: argparse.Namespace) -> Report:
    """Runs one suite from start to end."""
    with tempfile.TemporaryDirectory(prefix="vicinal-bench-", dir=given.scratch) as scratch:
        options = Options(
            scratch=Path(scratch).resolve(),
            rows=tuple(given.rows),
            source=given.data,
            dimension=given.dimension,
            queries=given.queries,
            batch=given.batch,
            k=given.k,
            rounds=given.rounds,
            threads=given.threads,
            batch_threads=given.batch_threads,
            processes=given.processes,
            peers=tuple(given.peers),
        )
        module = suite(name)
        report = Report(name, options.record(), machine(options.chosen(module.PEERS)))
        module.run(options, report)
    print(f"\n{name}: {module.QUESTION}\n\n{report.table()}")
    path = report.save(given.output)
    drawn = draw(report, given.output)
    print(f"\n{path}" + (f", {drawn.name}" if drawn else "; drawing needs matplotlib: pip install matplotlib"))
    return report


def problem(options: argparse.Namespace) -> str | None:
    """Returns what is wrong with the command line, and how to fix it."""
    for kind, given, known in (("suite", options.suites, SUITES), ("peer", options.peers, (*VECTORS, *KEYWORDS))):
        for name in given:
            if name not in known:
                return f"there is no {kind} {name!r}; there are: {', '.join(known)}"
    for name in ("rows", "dimension", "queries", "batch", "k", "rounds", "threads", "batch_threads", "processes"):
        value = getattr(options, name)
        if any(number < 1 for number in (value if isinstance(value, list) else [value])):
            return f"--{name.replace('_', '-')} must be at least 1, not {value}"
    if options.data == "wordnet" and not WORDNET.exists():
        return f"WordNet is not there: {WORDNET} is missing. Use --data generated."
    return None


def parser() -> argparse.ArgumentParser:
    suites = "\n".join(f"  {name:12}{suite(name).QUESTION}" for name in SUITES)
    peers = "\n".join(f"  {name:12}{(load(name).__doc__ or '').splitlines()[0]}" for name in (*VECTORS, *KEYWORDS))
    found = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=(__doc__ or "").format(suites=suites, peers=peers),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("suites", nargs="*", metavar="SUITE", help="default: all")
    found.add_argument("--rows", type=int, nargs="+", default=[], metavar="N", help="sizes; default: those of a suite")
    found.add_argument(
        "--data", default=default_source(), metavar="SOURCE", help="wordnet, generated, or a .npy, .fvecs or .hdf5 file"
    )
    found.add_argument("--dimension", type=int, default=384, help="of generated vectors")
    found.add_argument("--queries", type=int, default=100, help="searched one by one in each round")
    found.add_argument("--batch", type=int, default=100, help="queries searched at once")
    found.add_argument("-k", type=int, default=10, help="hits of a search")
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--threads", type=int, default=1, help="of everybody")
    found.add_argument("--batch-threads", type=int, default=2, help="of everybody, for queries searched at once")
    found.add_argument("--processes", type=int, default=10, help="fresh ones of the suite opening")
    found.add_argument("--peers", nargs="+", default=[], metavar="PEER", help="only these")
    found.add_argument("--output", type=Path, default=RESULTS, metavar="FOLDER", help="for JSON and drawings")
    found.add_argument("--scratch", type=Path, default=None, metavar="FOLDER", help="for databases; a local disk")
    return found


if __name__ == "__main__":
    sys.exit(main())
