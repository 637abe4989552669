"""`GoldStandardIngest`: which files are ingested, what is read from them, and repeated, changed or killed runs."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pyvdb
from pyvdb import DocumentType, GoldStandardIngest, IngestConfig
from support.children import wait_for
from support.pyvdb import Make

JOURNAL = """# Daily Journal

Gold: $4,431.20 | Silver: $77.85 | DXY: 98.40 | VIX: 15.10 | 10Y: 4.17% | GSR: 56.92
Bias: Bullish

## Summary
Spot held above the prior high while real yields eased.
"""
REPORTS = {
    "catalysts_2026-01-06.md": DocumentType.CatalystWatchlist,
    "inst_matrix_2026-01-06.md": DocumentType.InstitutionalMatrix,
    "economic_calendar_2026-01-06.md": DocumentType.EconomicCalendar,
    "weekly_rundown_2026-01-04.md": DocumentType.WeeklyRundown,
    "3m_2026-01-06.md": DocumentType.ThreeMonthReport,
    "1y_2026-01-06.md": DocumentType.OneYearReport,
    "monthly_yearly_2026-01-06.md": DocumentType.MonthlyReport,
    "premarket_2026-01-06.md": DocumentType.PreMarket,
    "outlook_2026-01-06.md": DocumentType.Unknown,
}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The folder of the specification's example: 2 journals, 2 charts, 9 reports, and files that are ignored."""
    root = tmp_path / "output"
    (root / "charts" / "2026-01-06").mkdir(parents=True)
    (root / "reports").mkdir()
    for name in ("Journal_2026-01-05.md", "Journal_2026-01-06.md"):
        (root / name).write_text(JOURNAL)
    (root / "notes.md").write_text("not a journal")
    for name in ("GOLD.png", "SILVER_2026-01-06.png", "2026-01-06/DXY.png"):
        Image.new("RGB", (20, 20), (len(name), 0, 0)).save(root / "charts" / name)
    for name in REPORTS:
        (root / "reports" / name).write_text(f"Report {name}")
    return root


def config(root: Path | str, **values: Any) -> IngestConfig:
    made = IngestConfig()
    made.gold_standard_output = root
    for name, value in values.items():
        setattr(made, name, value)
    return made


def counts(stats: pyvdb.IngestStats) -> tuple[int, ...]:
    assert len(stats.error_messages) == stats.errors
    return astuple(stats)[:5]


@pytest.fixture
def ingest(db: pyvdb.VectorDatabase) -> GoldStandardIngest:
    return GoldStandardIngest(db)


def change_of(db: pyvdb.VectorDatabase) -> int:
    return db._ready().rows.stats().change


def test_the_example_of_the_specification(db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path) -> None:
    assert counts(ingest.last_stats()) == (0, 0, 0, 0, 0)
    stats = ingest.ingest(config(output))
    assert counts(stats) == (2, 2, 9, 0, 0)
    assert ingest.last_stats() == stats
    change = change_of(db)
    assert counts(ingest.ingest(config(str(output)))) == (0, 0, 0, 13, 0)
    assert counts(GoldStandardIngest(db).ingest(config(output))) == (0, 0, 0, 13, 0)
    assert change_of(db) == change
    assert len(db) == 13


def test_what_a_journal_says(db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path) -> None:
    path = str(output / "Journal_2026-01-06.md")
    found = db.get_metadata(ingest.ingest_journal(path))
    assert (found.type, found.date, found.bias, found.asset, found.source_file) == (
        DocumentType.Journal, "2026-01-06", "BULLISH", "", path,
    )  # fmt: skip
    assert (found.gold_price, found.silver_price, found.gsr) == (4431.2, 77.85, 56.92)
    assert (found.dxy, found.vix, found.yield_10y) == (98.4, 15.1, 4.17)
    assert counts(ingest.last_stats()) == (0, 0, 0, 0, 0)


def test_types_dates_and_assets(db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path) -> None:
    ingest.ingest(config(output))
    found = {os.path.basename(m.source_file): m for m in map(db.get_metadata, range(1, 14))}
    assert {name: found[name].type for name in REPORTS} == REPORTS
    assert {m.date for name, m in found.items() if name in REPORTS} == {"2026-01-04", "2026-01-06"}
    charts = {name: (m.type, m.asset, m.date) for name, m in found.items() if name.endswith(".png")}
    assert charts == {
        "GOLD.png": (DocumentType.Chart, "GOLD", ""),
        "SILVER_2026-01-06.png": (DocumentType.Chart, "SILVER", "2026-01-06"),
    }


def test_the_date_of_a_chart_is_that_of_its_folder_first(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path
) -> None:
    dated = output.rename(output.parent / "run-2026-02-03")
    ids = [ingest.ingest_chart(dated / "charts" / name) for name in ("GOLD.png", "SILVER_2026-01-06.png")]
    ids.append(ingest.ingest_journal(dated / "Journal_2026-01-05.md"))
    assert [db.get_metadata(id_).date for id_ in ids] == ["2026-02-03", "2026-02-03", "2026-01-05"]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("pre_market.md", "", DocumentType.PreMarket),
        ("Three_Month.md", "", DocumentType.ThreeMonthReport),
        ("ONE_YEAR.md", "", DocumentType.OneYearReport),
        ("monthly.md", "", DocumentType.Unknown),
        ("journal_weekly.md", "", DocumentType.Journal),
        ("x.md", "The Economic CALENDAR", DocumentType.EconomicCalendar),
        ("x.md", "economic calendar and Catalyst Watchlist", DocumentType.CatalystWatchlist),
        ("x.md", "Institutional Scenario", DocumentType.InstitutionalMatrix),
        ("x.md", " " * 500 + "economic calendar", DocumentType.Unknown),
    ],
)
def test_types_of_reports(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, tmp_path: Path, name: str, text: str, kind: DocumentType
) -> None:
    (tmp_path / name).write_text(text)
    assert db.get_metadata(ingest.ingest_report(str(tmp_path / name))).type == kind


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GOLD $1,234", {"gold_price": 1234}),
        ("**Gold:** $1", {}),
        ("Gold price: 1", {}),
        ("Gold 2026 outlook", {"gold_price": 2026}),
        ("Gold, silver and .", {}),
        ("Gold, gold: $,5.5.", {"gold_price": 5.5}),
        ("dxy: 98", {}),
        ("VIX 15.", {"vix": 15}),
        ("VIX: .5", {"vix": 0.5}),
        ("10Y: 4.17 %", {}),
        ("10Y:\n4%", {"yield_10y": 4}),
        ("bias: bearish!", {"bias": "BEARISH"}),
        ("Biased. Bias: Bullish", {}),
        ("bias: up", {}),
        (" " * 996 + "VIX: 9", {}),
    ],
)
def test_values_near_the_top(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, tmp_path: Path, text: str, expected: dict[str, Any]
) -> None:
    (tmp_path / "Journal.md").write_text(text)
    found = db.get_metadata(ingest.ingest_journal(str(tmp_path / "Journal.md")))
    stated = {name: getattr(found, name) for name in ("gold_price", "silver_price", "gsr", "dxy", "vix", "yield_10y")}
    stated["bias"] = found.bias or None
    assert {name: value for name, value in stated.items() if value is not None} == expected


def test_since_date_and_groups(make: Make, output: Path) -> None:
    for settings, expected in [
        ({"since_date": "2026-01-06"}, (1, 2, 8, 0, 0)),
        ({"since_date": ""}, (2, 2, 9, 0, 0)),
        ({"include_journals": False}, (0, 2, 9, 0, 0)),
        ({"include_charts": False, "include_reports": False}, (2, 0, 0, 0, 0)),
    ]:
        db = make(str(sorted(settings.items())).replace("/", ""))
        assert counts(GoldStandardIngest(db).ingest(config(output, **settings))) == expected


def test_folders_that_are_not_there_are_empty(ingest: GoldStandardIngest, output: Path) -> None:
    for root in ("", "/no/such/folder", output / "notes.md"):
        assert counts(ingest.ingest(config(root))) == (0, 0, 0, 0, 0)
    shutil.rmtree(output / "charts")
    assert counts(ingest.ingest(config(output))) == (2, 0, 9, 0, 0)


def test_without_incremental_everything_comes_again(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path
) -> None:
    ingest.ingest(config(output))
    assert counts(ingest.ingest(config(output, incremental=False))) == (2, 2, 9, 0, 0)
    assert len(db) == 26


def test_a_changed_file_comes_beside_its_old_entry_or_in_its_place(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path
) -> None:
    ingest.ingest(config(output))
    (output / "Journal_2026-01-06.md").write_text("Gold: $5,000\nA new day")
    Image.new("RGB", (20, 20), "yellow").save(output / "charts" / "GOLD.png")
    gold = db.find_by_asset("GOLD")
    before = db.get_vector(gold[0])
    assert counts(ingest.ingest(config(output, overwrite_existing=True))) == (1, 1, 0, 11, 0)
    assert len(db) == 13
    assert db.find_by_asset("GOLD") == gold
    assert (db.get_vector(gold[0]) != before).any()
    assert [m.gold_price for m in map(db.get_metadata, db.find_by_type(DocumentType.Journal))] == [4431.2, 5000]
    change = change_of(db)
    assert counts(ingest.ingest(config(output, overwrite_existing=True))) == (0, 0, 0, 13, 0)
    assert change_of(db) == change
    (output / "Journal_2026-01-06.md").write_text("Gold: $6,000")
    assert counts(ingest.ingest(config(output))) == (1, 0, 0, 12, 0)
    assert len(db) == 14
    assert counts(ingest.ingest(config(output, overwrite_existing=True, incremental=False))) == (2, 2, 9, 0, 0)
    assert len(db) == 14


def test_a_file_is_known_by_whatever_path_it_is_named(
    ingest: GoldStandardIngest, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.ingest_journal(str(output / "Journal_2026-01-05.md"))
    monkeypatch.chdir(output.parent)
    assert counts(ingest.ingest(config("output"))) == (1, 2, 9, 1, 0)


def test_one_bad_file_never_stops_the_rest(db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path) -> None:
    bad = {
        output / "Journal_0_latin.md": b"caf\xe9",
        output / "charts" / "A.png": b"no picture",
        output / "reports" / "large.md": b"x" * (17 << 20),
    }
    for path, content in bad.items():
        path.write_bytes(content)
    (output / "reports" / "gone.md").symlink_to(output / "nowhere")
    stats = ingest.ingest(config(output))
    assert counts(stats) == (2, 2, 9, 0, 4)
    for path in [*bad, output / "reports" / "gone.md"]:
        assert sum(message.startswith(f"{path}: ") for message in stats.error_messages) == 1
    assert len(db) == 13
    (output / "Journal_0_latin.md").write_text("café")
    assert counts(ingest.ingest(config(output))) == (1, 0, 0, 13, 3)


def test_one_file_that_fails_is_an_error(ingest: GoldStandardIngest, output: Path) -> None:
    for call in (ingest.ingest_journal, ingest.ingest_report, ingest.ingest_chart):
        with pytest.raises(RuntimeError, match="absent"):
            call(str(output / "absent"))
        with pytest.raises(TypeError):
            call(1)
    with pytest.raises(RuntimeError, match="image"):
        ingest.ingest_chart(str(output / "notes.md"))
    with pytest.raises(RuntimeError, match="not UTF-8"):
        ingest.ingest_report(output / "charts" / "GOLD.png")
    with pytest.raises(TypeError):
        ingest.ingest({"gold_standard_output": str(output)})
    with pytest.raises(TypeError):
        GoldStandardIngest("db")


# -- 2,000 journals, 500 charts, 200 reports

PROGRAM = """
import sys
import pyvdb
config = pyvdb.DatabaseConfig()
config.path, config.text_model_path, config.dimension = sys.argv[1], "hashing", 64
db = pyvdb.VectorDatabase(config)
db.init()
ingest = pyvdb.IngestConfig()
ingest.gold_standard_output = sys.argv[2]
stats = pyvdb.GoldStandardIngest(db).ingest(ingest)
print(stats.journals_added, stats.charts_added, stats.reports_added, stats.skipped, stats.errors)
print(db._ready().rows.stats().change)
"""
MANY = {"journals": 2000, "charts": 500, "reports": 200}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    (root / "charts").mkdir()
    (root / "reports").mkdir()
    for i in range(MANY["journals"]):
        (root / f"Journal_{i:04d}_2026-01-06.md").write_text(f"{JOURNAL}\nEntry {i}")
    for i in range(MANY["charts"]):
        Image.new("RGB", (8, 8), (i % 256, i // 256, 0)).save(root / "charts" / f"C{i:03d}.png")
    for i in range(MANY["reports"]):
        (root / "reports" / f"weekly_{i:03d}.md").write_text(f"Week {i}")
    return root


def start(db: Path, root: Path, **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(db), str(root)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, **streams)


def finish(child: subprocess.Popen[str]) -> tuple[list[int], int]:
    """Returns the counts of the run and the number of the last change."""
    printed, _ = child.communicate(timeout=300)
    assert child.returncode == 0
    first, second = printed.splitlines()
    return [int(word) for word in first.split()], int(second)


@pytest.mark.slow
def test_a_killed_run_resumes_and_a_finished_one_touches_nothing(many: Path, make: Make, tmp_path: Path) -> None:
    db = make(dimension=64)
    kills = 0
    for wanted in (100, 900, 1700):
        child = start(tmp_path / "db", many)
        wait_for(lambda child=child, wanted=wanted: len(db) >= wanted or child.poll() is not None, seconds=120)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kills += child.returncode == -signal.SIGKILL
        assert len(db) >= wanted
    assert kills == 3
    there = len(db)
    assert there < sum(MANY.values())
    (journals, charts, reports, skipped, errors), change = finish(start(tmp_path / "db", many))
    assert skipped == there
    assert journals + charts + reports == sum(MANY.values()) - there
    assert errors == 0
    sources = [record.metadata["source_file"] for record in db._ready().rows.scroll()]
    assert len(sources) == len(set(sources)) == sum(MANY.values())
    assert db.count_by_type(DocumentType.Journal) == MANY["journals"]
    assert db.count_by_type(DocumentType.Chart) == MANY["charts"]
    assert finish(start(tmp_path / "db", many)) == ([0, 0, 0, sum(MANY.values()), 0], change)


@pytest.mark.slow
@pytest.mark.parametrize("with_rich", [True, False])
def test_progress_is_for_terminals(many: Path, tmp_path: Path, with_rich: bool) -> None:
    few = tmp_path / "few"
    shutil.copytree(many / "reports", few / "reports")
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    if not with_rich:  # hides the real package behind one that cannot be imported
        (tmp_path / "hidden" / "rich").mkdir(parents=True)
        (tmp_path / "hidden" / "rich" / "__init__.py").write_text("raise ImportError('hidden')")
        environment["PYTHONPATH"] = str(tmp_path / "hidden")
    ours, theirs = pty.openpty()
    child = start(tmp_path / "db", few, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert finish(child)[0] == [0, 0, 200, 0, 0]
    assert b"Ingesting" in shown
    assert (b"100%" if with_rich else b"Ingesting: 200 of 200") in shown
    quiet = start(tmp_path / "db", few, stderr=subprocess.PIPE)
    _, complaint = quiet.communicate(timeout=120)
    assert complaint == ""


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # on Linux the end of a terminal is an error
        return b""


def test_a_name_that_is_no_text_stops_no_other(
    db: pyvdb.VectorDatabase, ingest: GoldStandardIngest, output: Path
) -> None:
    strange = os.fsencode(output) + b"/Journal_\xff.md"
    with open(strange, "wb") as file:
        file.write(b"text")
    for _ in range(2):
        stats = ingest.ingest(config(output))
        assert (stats.errors, stats.error_messages[0].count("\\xff")) == (1, 1)
    assert db.size() == 13
    for path in (os.fsdecode(strange), "a\0b"):
        with pytest.raises(RuntimeError, match="not UTF-8"):
            ingest.ingest_journal(path)


def test_a_folder_that_cannot_be_read_stops_no_other(
    ingest: GoldStandardIngest, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = {"scandir": os.scandir, "listdir": os.listdir}

    def refusing(name: str) -> Any:
        def look(path: Any) -> Any:
            if os.fspath(path).endswith("charts"):
                raise PermissionError(13, "Permission denied", path)
            return really[name](path)

        return look

    for name in really:
        monkeypatch.setattr(os, name, refusing(name))
    stats = ingest.ingest(config(output))
    assert (stats.journals_added, stats.charts_added, stats.reports_added) == (2, 0, 9)
    assert "Permission denied" in stats.error_messages[0]
