"""The plot of a comparison as rendered by a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

pytest.importorskip("plotly", reason="plotly is not installed")

from vicinal.evaluate import Report, compare
from vicinal.visualize import write

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")]


def test_titles_legend_ticks_and_a_bar_for_each_query(tmp_path: Path) -> None:
    gains = {"q1": 0.3, "q2": 0.1, "q3": 0.0, "q4": -0.2}
    texts = {query: f"question <i>{query}</i>" for query in gains}
    a = Report({"mode": "dense"}, {"ndcg@10": dict.fromkeys(gains, 0.5)}, texts=texts)
    b = Report({"mode": "hybrid"}, {"ndcg@10": {query: 0.5 + gain for query, gain in gains.items()}})
    page = write(compare(a, b).plot(), tmp_path / "plot.html")
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command += ["--dump-dom", f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    def texts_of(kind: str) -> list[str]:
        return [unescape(text) for text in re.findall(rf'class="{kind}"[^>]*data-unformatted="([^"]*)"', drawn)]

    assert texts_of("xtitle") == ["ndcg@10 of b (mode='hybrid') minus that of a (mode='dense')"]
    assert texts_of("ytitle") == ["query"]
    legend = texts_of("legendtext")
    assert legend[0] == "b (mode='hybrid') is better: 2 queries"
    assert len(legend) == 4
    ticks = re.findall(r'class="ytick".*?<text[^>]*>(.*?)</text>', drawn)
    assert len(ticks) == len(gains) + 1
    plot = drawn.split('class="legend"')[0]
    assert len(re.findall(r'<g class="point"><path', plot)) == 3  # bars
    assert len(re.findall(r'<path class="point[ "]', plot)) == 2  # the equal one and the mean
    assert len(re.findall(r'class="xerror"', plot)) == 1
