"""``curves.html``: every curve with its interval, and what each channel brought, in one page that opens offline."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.learn.response.diagnostics import warnings_of
from optimizer.learn.response.fitted import FittedPanel, cell_name, ends
from optimizer.learn.response.tables import mean_spend
from optimizer.report.html import pages_in
from optimizer.report.picture import COLOURS, FAINT, FONT, INK, TRACK

if TYPE_CHECKING:
    from optimizer.learn.response.fitted import FittedCurves

Floats = NDArray[np.float64]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 260, 62, 30, 26
#: With many regions the page shows the largest; the tables hold all.
MOST = 24
MEASURES = {
    "r2": "R², all periods",
    "nrmse": "NRMSE, all periods",
    "mape": "mean absolute percentage error, all periods",
    "heldout_r2": "R², held-out periods",
    "heldout_nrmse": "NRMSE, held-out periods",
    "heldout_nrmse_without_spend": "NRMSE of a baseline without spend, held-out periods",
    "heldout_mape": "mean absolute percentage error, held-out periods",
}


def curves_page(fitted: FittedCurves) -> str:
    """The page as text."""
    environment = pages_in(Path(__file__).parent)
    environment.filters["figure"] = figure
    channels = fitted.contributions[fitted.contributions["kind"] == "channel"]
    pictures: list[str] = []
    total = 0
    for part in fitted.parts:
        for at, channel in enumerate(part.panel.channels):
            order = np.argsort(-part.panel.size, kind="stable")
            total += len(order)
            for code in order[: max(1, MOST // len(part.panel.channels))] if len(order) > 1 else order:
                name = cell_name(channel, part.panel.regions[int(code)])
                pictures.append(curve_picture(part, at, int(code), name, COLOURS[len(pictures) % len(COLOURS)]))
    measures = fitted.diagnostics[fitted.diagnostics["measure"].isin(MEASURES)]
    return environment.get_template("curves.html").render(
        pictures=pictures,
        hidden=total - len(pictures),
        channels=channels.to_dict("records"),
        measures=measures.assign(measure=measures["measure"].map(MEASURES)).to_dict("records"),
        choice=fitted.choice.to_dict("records"),
        notes=[*fitted.notes, *warnings_of(fitted)],
        level=fitted.level,
        draws=fitted.draws,
    )


def curve_picture(part: FittedPanel, at: int, code: int, name: str, colour: str) -> str:
    """One curve a period: its line, its interval, the mean spend and where data end."""
    mean, largest = mean_spend(part, at, code)
    end = max(2.0 * mean, 1.15 * largest)
    spend = np.linspace(0.0, end, 81)
    line = part.curve(at, code).value(spend)
    low = high = line
    if part.draws:
        drawn = np.array([part.curve(at, code, draw=draw).value(spend) for draw in part.draws])
        low, high = ends(drawn, part.level)
    top = max(float(high.max()), float(line.max())) or 1.0

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - 12) * value / end

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top

    def path(values: Floats, along: Floats) -> str:
        return " ".join(f"{x(float(s)):.1f},{y(float(v)):.1f}" for s, v in zip(along, values, strict=True))

    out = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' {FONT} font-size='12'>",
        f"<title>{escape(name)}: response to spend a period</title>",
        f"<text x='{LEFT}' y='15' fill='{INK}' font-weight='600' font-size='14'>{escape(name)}</text>",
    ]
    for share in (0.0, 0.5, 1.0):
        height, along, low_edge = y(top * share), x(end * share), HEIGHT - 10
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[share]
        out += [
            f"<line x1='{LEFT}' x2='{WIDTH - 12}' y1='{height:.1f}' y2='{height:.1f}' stroke='{TRACK}'/>",
            f"<text x='{LEFT - 6}' y='{height + 4:.1f}' text-anchor='end' fill='{FAINT}'>{figure(top * share)}</text>",
            f"<text x='{along:.1f}' y='{low_edge}' text-anchor='{anchor}' fill='{FAINT}'>{figure(end * share)}</text>",
        ]
    band = path(low, spend) + " " + path(high[::-1], spend[::-1])
    out.append(f"<polygon points='{band}' fill='{colour}' fill-opacity='0.18'/>")
    seen = spend <= max(largest, 1e-300)
    out.append(f"<polyline points='{path(line[seen], spend[seen])}' fill='none' stroke='{colour}' stroke-width='2'/>")
    beyond = spend >= spend[seen][-1]
    out.append(
        f"<polyline points='{path(line[beyond], spend[beyond])}' fill='none' stroke='{colour}' stroke-width='2' "
        "stroke-dasharray='4 4'/>"
    )
    at_mean = float(part.curve(at, code).value(mean))
    out.append(f"<circle cx='{x(mean):.1f}' cy='{y(at_mean):.1f}' r='4' fill='{colour}'/>")
    return "\n".join([*out, "</svg>"])


def figure(value: float) -> str:
    """Three digits and a size: 12.3k, 4.56M; empty where there is none."""
    if pd.isna(value):
        return ""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
