"""``optimizer learn attribution``: credit by channel, printed and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from optimizer.commands.console import messages, results, say, table
from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution
from optimizer.learn.journeys import read_journeys
from optimizer.plan.write import whole_file, write_csv

_HEADERS = {
    "kpi": "KPI",
    "channel": "channel",
    "campaign": "campaign",
    "conversions": "conversions",
    "value": "value",
    "removal_effect": "removal effect",
    "removal_effect_value": "on value",
}
#: What the written table holds, as other tools read it.
_WRITTEN = ("kpi", "channel", "campaign", "conversions", "value")


def run_attribution(file: Path, *, model: str, out: Path | None, reading: dict[str, Any], **asked: Any) -> None:
    """Read, credit, print, and write where asked."""
    journeys = read_journeys(
        file,
        **{**reading, "lookback": _lookback(reading["lookback"]), "columns": _pairs("--column", reading["columns"])},
    )
    _notes(journeys.notes)
    found = attribution(journeys, model, **asked)
    _notes(tuple(note for note in found.notes if note not in journeys.notes))
    shown = {column: header for column, header in _HEADERS.items() if column in found.credit}
    results().print(table(f"{found.model}", found.credit, shown))
    for row in found.totals.to_dict("records"):
        worth = "" if pd.isna(row["value"]) else f" worth {row['value']:,.2f}"
        say(
            f"{row['kpi']}: {row['conversions']:,.10g} conversions{worth}, {row['lost']:,.10g} journeys without, "
            f"{100 * row['conversion_rate']:.4g} % convert"
        )
    if out is not None:
        with whole_file(out) as partial:
            write_csv(found.credit[[column for column in _WRITTEN if column in found.credit]], partial)
        messages().print(f"wrote {out}", soft_wrap=True, markup=False)


def _lookback(words: list[str] | None) -> float | dict[str, float] | None:
    """``30``, or ``email=7`` and ``*=30``, as days; a number alone beside channels stands for all others."""
    if not words:
        return None
    days = {}
    for word in words:
        channel, _, number = word.rpartition("=")
        try:
            days[channel or "*"] = float(number)
        except ValueError as error:
            raise ScenarioError("--lookback", "days", word, "expected days, or CHANNEL=DAYS") from error
    return days


def _pairs(option: str, words: list[str] | None) -> dict[str, str] | None:
    """``ours=theirs`` as a mapping."""
    if not words:
        return None
    pairs = [word.partition("=") for word in words]
    for (ours, sign, theirs), word in zip(pairs, words, strict=True):
        if not ours or not sign or not theirs:
            raise ScenarioError(option, "column", word, "expected OURS=THEIRS, such as customer_id=visitor")
    return {ours: theirs for ours, _, theirs in pairs}


def _notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        messages().print(f"note: {note}", soft_wrap=True, markup=False)
