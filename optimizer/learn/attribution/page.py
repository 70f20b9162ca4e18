"""The report of an attribution as one HTML page that opens offline."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from optimizer.learn.attribution.models import NOT_ADDITIVE
from optimizer.report.html import figure, pages_in, percent
from optimizer.report.picture import COLOURS, FAINT, FONT, INK, TRACK

if TYPE_CHECKING:
    from optimizer.learn.attribution.report import AttributionReport

#: Names without a channel that the page shows; all of them stand in ``Journeys.unmapped``.
UNMAPPED_SHOWN = 20
#: Columns of the comparison that are no model.
_NOT_MODELS = frozenset({"kpi", "channel", "campaign", "low", "high", "range", "range_share"})


def report_page(report: AttributionReport) -> str:
    """The page as text."""
    environment = pages_in(Path(__file__).parent)
    environment.filters |= {"number": figure, "percent": percent, "rate": _rate}
    table = report.comparison.table
    totals = report.comparison.totals.to_dict("records")
    kpis = [
        {
            **total,
            "picture": range_picture(table[table["kpi"] == total["kpi"]]),
            "models": table[table["kpi"] == total["kpi"]].to_dict("records"),
            "paths": _rows(report.paths, total["kpi"]),
            "channels": _rows(report.channels, total["kpi"]),
            "campaigns": _rows(report.campaigns, total["kpi"]),
        }
        for total in totals
    ]
    return environment.get_template("page.html").render(
        source=report.journeys.source,
        model=report.attribution.model,
        models=[column for column in table.columns if column not in _NOT_MODELS],
        kpis=kpis,
        roles=report.comparison.roles.to_dict("records"),
        unattributed=report.journeys.unattributed.to_dict("records"),
        unmapped=report.journeys.unmapped.head(UNMAPPED_SHOWN).to_dict("records"),
        unmapped_hidden=max(0, len(report.journeys.unmapped) - UNMAPPED_SHOWN),
        notes=list(dict.fromkeys([*report.journeys.notes, *report.comparison.notes])),
    )


def range_picture(table: pd.DataFrame) -> str:
    """Credit by channel as an SVG: a bar from the lowest to the highest model, and a dot a model.

    Parameters
    ----------
    table : DataFrame
        Rows of ``Comparison.table`` of one KPI.
    """
    models = [column for column in table.columns if column not in _NOT_MODELS and column not in NOT_ADDITIVE]
    largest = float(table["high"].max()) or 1.0
    label, width, row = 150, 620, 30
    height = row * len(table) + 8
    out = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {label + width + 150} {height}' role='img' {FONT} "
        "font-size='13'>",
        "<title>Credited conversions by channel, over the models</title>",
    ]
    for at, line in enumerate(table.sort_values("high", ascending=False, kind="stable").to_dict("records")):
        y, colour = 4 + at * row, COLOURS[at % len(COLOURS)]
        left, right = (label + width * float(line[end]) / largest for end in ("low", "high"))
        out.append(f"<text x='0' y='{y + 19}' fill='{INK}' font-weight='600'>{escape(str(line['channel']))}</text>")
        out.append(f"<rect x='{label}' y='{y + 13}' width='{width}' height='4' rx='2' fill='{TRACK}'/>")
        out.append(
            f"<rect x='{left:.1f}' y='{y + 10}' width='{max(right - left, 2):.1f}' height='10' rx='5' fill='{colour}' "
            "fill-opacity='0.25'/>"
        )
        for model in models:
            x = label + width * float(line[model]) / largest
            out.append(
                f"<circle cx='{x:.1f}' cy='{y + 15}' r='4' fill='{colour}'><title>{escape(model)}: "
                f"{figure(float(line[model]))}</title></circle>"
            )
        words = f"{figure(float(line['low']))} – {figure(float(line['high']))}"
        out.append(f"<text x='{label + width + 12}' y='{y + 19}' fill='{FAINT}'>{words}</text>")
    return "\n".join([*out, "</svg>"])


def _rows(frame: pd.DataFrame, kpi: object) -> list[dict[Any, Any]]:
    return frame[frame["kpi"] == kpi].to_dict("records")


def _rate(value: float) -> str:
    """A rate as a percentage with figures that mean something."""
    return "—" if pd.isna(value) else f"{100 * value:.3g} %"
