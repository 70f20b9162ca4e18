"""``optimizer learn attribution``: credit by channel, printed and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from optimizer.commands.console import messages, results, say, table
from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution, attribution_report, compare_attribution, credit_by_period
from optimizer.learn.journeys import Journeys, read_journeys
from optimizer.plan.write import whole_file, write_csv

#: What the written table holds, as other tools read it.
_WRITTEN = ("kpi", "model", "channel", "campaign", "date", "touches", "spend", "conversions", "value")
_HEADERS = {
    "kpi": "KPI",
    "channel": "channel",
    "campaign": "campaign",
    "date": "from",
    "touches": "touches",
    "spend": "spend",
    "conversions": "conversions",
    "value": "value",
    "removal_effect": "removal effect",
    "removal_effect_value": "on value",
}
_KEYS = ("kpi", "channel", "campaign")
_ROLES = {
    "channel": "channel",
    "campaign": "campaign",
    "kpi": "KPI",
    "share": "share",
    "base": "against",
    "base_share": "its share",
    "index": "index",
    "index_low": "low",
    "index_high": "high",
    "verdict": "under every model",
}


def run_attribution(
    file: Path,
    *,
    model: str,
    out: Path | None,
    report: Path | None,
    period: str | None,
    weights: str | None,
    reading: dict[str, Any],
    **asked: Any,
) -> None:
    """Read, credit, print, and write where asked."""
    told = {
        **reading,
        "lookback": _lookback(reading["lookback"]),
        "columns": _pairs("--column", reading["columns"]),
    }
    journeys = read_journeys(file, **told)
    _notes(journeys.notes)
    shares = _shares(weights)
    if model == "all" and shares is not None:
        raise ScenarioError("--weights", "shares", weights, "expected one model to give them to, not all")
    if period is not None:
        credit = _by_period(journeys, model, period, {**asked, "weights": shares})
    elif model == "all":
        credit = _compare(journeys, asked)
    else:
        credit = _credit(journeys, model, {**asked, "weights": shares})
    if out is not None:
        with whole_file(out) as partial:
            write_csv(credit[[column for column in _WRITTEN if column in credit]], partial)
        messages().print(f"wrote {out}", soft_wrap=True, markup=False)
    if report is not None:
        kept = {key: value for key, value in asked.items() if key != "by"}
        attribution_report(journeys, "markov_journey" if model == "all" else model, **kept).save(report)
        messages().print(f"wrote {report}", soft_wrap=True, markup=False)


def _credit(journeys: Journeys, model: str, asked: dict[str, Any]) -> pd.DataFrame:
    """Credit of one model, printed."""
    found = attribution(journeys, model, **asked)
    _notes(tuple(note for note in found.notes if note not in journeys.notes))
    shown = {column: header for column, header in _HEADERS.items() if column in found.credit}
    results().print(table(found.model, found.credit, shown))
    _totals(found.totals)
    return found.credit


def _by_period(journeys: Journeys, model: str, period: str, asked: dict[str, Any]) -> pd.DataFrame:
    """Credit of one model by period, printed."""
    if asked["by"] != "channel":
        raise ScenarioError("--by", "level", asked["by"], "expected channel with --period")
    kept = {key: value for key, value in asked.items() if key != "by"}
    found = credit_by_period(journeys, model, period=period, **kept)
    dated = found.assign(date=found["date"].dt.strftime("%Y-%m-%d"))
    shown = {column: header for column, header in _HEADERS.items() if column in dated}
    results().print(table(f"{model} by {period}", dated, shown))
    return dated


def _compare(journeys: Journeys, asked: dict[str, Any]) -> pd.DataFrame:
    """Credit of all models, printed beside each other."""
    found = compare_attribution(journeys, **asked)
    _notes(tuple(note for note in found.notes if note not in journeys.notes))
    keys = [column for column in _KEYS if column in found.table]
    # Models are too many for the width of a page: a row each, a column a channel.
    models = [column for column in found.table if column not in (*keys, "range_share")]
    for kpi, lines in found.table.groupby("kpi", sort=False):
        names = lines[[key for key in keys if key != "kpi"]].agg(" ▸ ".join, axis=1)
        turned = lines.set_index(names)[models].T.rename_axis("model").reset_index()
        turned.columns.name = None
        results().print(table(f"{kpi}: conversions", turned, {str(column): str(column) for column in turned.columns}))
    if len(found.roles):
        shown = {column: header for column, header in _ROLES.items() if column in found.roles}
        results().print(table("which channel brings what", found.roles, shown))
    _totals(found.totals)
    return found.credit


def _totals(totals: pd.DataFrame) -> None:
    for row in totals.to_dict("records"):
        worth = "" if pd.isna(row["value"]) else f" worth {row['value']:,.2f}"
        say(
            f"{row['kpi']}: {row['conversions']:,.10g} conversions{worth}, {row['lost']:,.10g} journeys without, "
            f"{100 * row['conversion_rate']:.4g} % convert"
        )


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


def _shares(words: str | None) -> list[float] | None:
    """``40,20,40`` as numbers."""
    if words is None:
        return None
    try:
        return [float(word) for word in words.split(",")]
    except ValueError as error:
        raise ScenarioError("--weights", "shares", words, "expected numbers parted by commas, as 40,20,40") from error


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
