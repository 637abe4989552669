"""Creates the virtual environment at a path, or keeps the existing one.

python scripts/make_venv.py .venv
"""

from __future__ import annotations

import sys
from pathlib import Path

from workshop import Failed, Venv

if __name__ == "__main__":
    try:
        Venv.make(Path(sys.argv[1]).absolute())
    except Failed as failure:
        sys.exit(str(failure))
