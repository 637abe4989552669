"""The time of `import vicinal` beyond that of NumPy, which it requires.

    python benchmarks/import_time.py [--runs 21] [--max-ms 150]

New processes alternate, one import each; medians are compared. Exits with 1 above `--max-ms`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def milliseconds(module: str) -> float:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(module)], capture_output=True, text=True, check=True)
    return 1000 * float(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--max-ms", type=float, default=150)
    options = parser.parse_args()
    modules = ("numpy", "vicinal")
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(options.runs):
        for module in modules:
            times[module].append(milliseconds(module))
    medians = {module: statistics.median(times[module]) for module in modules}
    extra = medians["vicinal"] - medians["numpy"]
    for module in modules:
        print(f"import {module:<8} {medians[module]:6.1f} ms")
    print(f"beyond numpy    {extra:6.1f} ms, at most {options.max_ms:g}")
    return 0 if extra <= options.max_ms else 1


if __name__ == "__main__":
    sys.exit(main())
