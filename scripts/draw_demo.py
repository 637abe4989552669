"""Draws the output of the demo for the README: docs/demo.svg.

    vicinal demo "how do I compress a file?"        once, to build the index
    python scripts/draw_demo.py [FOLDER OF THE DEMO]

The drawing loads no external fonts.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

import vicinal
from vicinal.cli.demo import COLLECTION, _table, _user_folder, demo_database

TARGET = Path(__file__).parents[1] / "docs" / "demo.svg"
QUESTIONS = ("how do I compress a file?", "copy a directory tree")
WIDTH, HITS = 104, 4
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else _user_folder()
    folder = demo_database(root, "minilm")
    if not folder.is_dir():
        sys.exit(f"there is no index in {folder}: run vicinal demo first")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    with vicinal.connect(folder) as database:
        library = database.collection(COLLECTION)
        for question in QUESTIONS:
            console.print(f'[bold]$ vicinal demo "{question}" -k {HITS}[/]', highlight=False)
            console.print(_table(question, library.search(question, k=HITS)))
    drawing = console.export_svg(title="vicinal demo", unique_id="demo")
    TARGET.write_text(_FONTS.sub("", drawing).replace("Fira Code", "ui-monospace"), encoding="utf-8", newline="\n")
    print(f"wrote {TARGET}, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
