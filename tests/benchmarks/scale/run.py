"""Run the rows of the table, each in a fresh process, and what stands beside them.

``python -m tests.benchmarks scale [--only KEY] [--json] [--write] [--beside | --no-beside] [--place DIR]``
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.scale import report
from tests.benchmarks.scale.folders import SEED, scenario_of
from tests.benchmarks.scale.generate import generate
from tests.benchmarks.scale.rows import Row, chosen

#: The other budget, as a share of the first.
OTHER_BUDGET = 0.9
#: Seconds beyond the time limit in which a process must read, verify and write; then it is ended.
GRACE = 600.0
#: Seconds that what stands beside a row may take.
BESIDE_LIMIT = 300.0

Line = dict[str, Any]


def lines(rows: list[Row], place: Path, *, beside: bool, limit: float | None = None) -> Iterator[Line]:
    """Measure every row; a row of another budget is measured in the process of the one it comes after."""
    keys = {row.key for row in rows}
    later = {row.after: row for row in rows if row.after is not None}
    for row in rows:
        if row.after in keys:
            continue
        follower = row if row.after is not None else later.get(row.key)
        file = scenario_of(row, place)
        found = measured(row, file, place, limit or row.limit, follower is not None)
        if row.after is None:
            line = _named(row, found[0])
            if beside and "error" not in line:
                line["beside"] = {name: compared(name, file, line) for name in row.beside}
            yield line
        if follower is not None:
            yield _named(follower, found[1] if len(found) > 1 else {"error": "the solve before it gave no plan"})


def measured(row: Row, file: Path, place: Path, limit: float, another: bool) -> list[Line]:
    """The lines of one process."""
    out = place / "plans" / row.key
    arguments = ["measure", str(file), "--gap", repr(row.gap), "--time-limit", repr(limit), "--out", str(out)]
    if another:
        arguments += ["--another-budget", repr(OTHER_BUDGET)]
    return _asked([*arguments, "--started", repr(time.time())], limit + GRACE)


def compared(name: str, file: Path, line: Line) -> Line:
    """What another way makes of the same scenario, and what it loses against the plan."""
    found = _asked(["baselines", name, str(file), "--time-limit", repr(BESIDE_LIMIT)], BESIDE_LIMIT + GRACE)[0]
    if found.get("objective") is not None:
        found["loses"] = (line["objective"] - found["objective"]) / abs(line["objective"])
    return found


def cold_start(place: Path) -> dict[str, float]:
    """Seconds of the first solve with nothing compiled yet, and of the second: 1,000 customers."""
    file = place / "cold" / "scenario.yaml"
    if not file.exists():
        generate(file.parent, 1_000, 24, SEED)
    seconds = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cold", "warm"):
            arguments = ["measure", str(file), "--gap", "1e-3", "--time-limit", "60", "--started", repr(time.time())]
            seconds[name] = float(_asked(arguments, 300.0, {"NUMBA_CACHE_DIR": cache})[0].get("total_seconds", -1.0))
    return seconds


def _asked(arguments: list[str], limit: float, environment: dict[str, str] | None = None) -> list[Line]:
    """The JSON lines that a module of this package prints in a process of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.scale.{arguments[0]}", *arguments[1:]]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=limit, env={**os.environ, **(environment or {})}
        )
    except subprocess.TimeoutExpired:
        return [{"error": f"ended after {limit:.0f} s"}]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return found or [{"error": f"the process ended with {done.returncode} and no answer"}]


def _named(row: Row, line: Line) -> Line:
    """The line with the row's own figures first."""
    first = {"row": row.key, "customers": row.customers, "activities": row.activities}
    missing = dict.fromkeys(("total_seconds", "peak_gib", "objective", "bound", "gap"))
    return first | missing | line | {"reach": row.reach, "aim": row.aim, "gap_wanted": row.gap, "memory": row.memory}


def main(arguments: list[str] | None = None) -> bool:
    """Run, print, and write RESULTS.md where asked; True where every row is within its reach."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks scale", description=__doc__)
    parser.add_argument("--only", metavar="KEY", help="one row, as 1000000x24")
    parser.add_argument("--json", action="store_true", help="a line of JSON a row")
    parser.add_argument("--write", action="store_true", help="write tests/benchmarks/RESULTS.md")
    parser.add_argument("--beside", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--time-limit", type=float, help="in place of each row's own")
    parser.add_argument("--place", type=Path, default=Path(tempfile.gettempdir()) / "campaign-scale")
    asked = parser.parse_args(arguments)
    try:
        rows = chosen(asked.only)
    except ValueError as error:
        parser.error(str(error))
    # Beside the whole table unless told otherwise: a single row with --json is asked for its own figures.
    beside = (asked.only is None or not asked.json) if asked.beside is None else asked.beside
    # An end from outside ends the row's process too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = []
    start = None if asked.only else cold_start(asked.place)
    for line in lines(rows, asked.place, beside=beside, limit=asked.time_limit):
        found.append(line)
        print(json.dumps(line) if asked.json else report.text(line), flush=True)
    if not asked.json:
        print(report.table(found, start))
    if asked.write:
        (Path(__file__).parents[1] / "RESULTS.md").write_text(report.page(found, start), encoding="utf-8")
    return all(report.within(line) for line in found)
