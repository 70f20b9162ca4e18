"""A page that says in words and small tables what was learnt, for whoever decides whether to use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from optimizer.learn.appetence.appetence import Appetence

#: Timing is on the page below this p-value.
CERTAIN = 0.01
#: Titles and columns of the tables on the page, in its order.
_TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "models": (
        "What scores each channel, judged on contacts no model saw",
        (
            "channel",
            "offer",
            "scored_by",
            "contacts",
            "responses",
            "rate",
            "calibration",
            "auc",
            "brier",
            "brier_constant",
            "miss",
        ),
    ),
    "newcomers": ("Customers without any history", ("channel", "offer", "customers", "scored_by")),
    "consent": ("Who may not be reached, and why", ("channel", "reason", "customers")),
    "fatigue": ("Response by rank of the contact", ("channel", "rank", "contacts", "rate", "low", "high", "factor")),
    "timing": (
        "When customers respond, where it differs for certain",
        ("channel", "by", "level", "contacts", "rate", "low", "high", "p_value"),
    ),
    "counts": ("What was left out, or read otherwise", ("reason", "count", "examples")),
}


def summary_page(learnt: Appetence) -> str:
    """The page as Markdown."""
    lines = [f"# Appetence as of {learnt.as_of.date()}", ""]
    lines += [f"{len(learnt.consent):,} customers, channels {', '.join(learnt.channels)}."]
    if learnt.offers:
        lines += [f"Offers: {', '.join(learnt.offers)}."]
    lines += ["", "| channel | mean score | may be reached |", "| --- | --- | --- |"]
    for channel in learnt.channels:
        reach = int(learnt.consent[channel].sum())
        lines.append(f"| {channel} | {learnt.scores[channel].mean():.4f} | {reach:,} |")
    tables = learnt.reports.tables()
    if "timing" in tables:
        # The page keeps what differs for certain; reports/timing.csv has the rest.
        tables["timing"] = tables["timing"][tables["timing"]["p_value"] < CERTAIN]
    for name, (title, columns) in _TABLES.items():
        table = tables.get(name)
        if table is not None and len(table):
            lines += ["", f"## {title}", "", *_rows(table[[one for one in columns if one in table.columns]])]
    lines += [
        "",
        "`miss` is how far predicted rates are from observed ones beyond chance, as a share of the mean rate;",
    ]
    lines += [
        "`brier_constant` is the Brier score of the mean rate given to everybody: a model that tells customers apart"
    ]
    lines += ["is below it. The tables stand in full in `reports/`."]
    return "\n".join(lines) + "\n"


def _rows(table: pd.DataFrame) -> list[str]:
    head = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    return head + ["| " + " | ".join(_cell(value) for value in row) + " |" for row in table.itertuples(index=False)]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:,.0f}" if value.is_integer() and abs(value) >= 1 else f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "\\|")
