"""The programs of the README, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_runs(peer, monkeypatch, capsys):
    settings = {"AK": "ak", "SK": "sk", "HOST": peer.host, "REGION": "r", "COLLECTION": "text", "INDEX": "text_index"}
    for name, value in settings.items():
        monkeypatch.setenv(f"VIKINGDB_{name}", value)
    names: dict[str, object] = {}
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for program in programs:
        exec(compile(program, "README.md", "exec"), names)
    names["client"].close()
    names["patient"].close()
    assert capsys.readouterr().out.startswith("request_id=r-1 hits=0\n")
    assert len(peer.sent) == len(programs) + 1  # that of the memory service makes two calls
