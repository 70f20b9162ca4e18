"""What would have come without spend: a level a region, a trend, the seasons of the year, controls.

    level of each region + straight pieces of time + Σ_k a_k sin(2πk·day/365.25) + b_k cos(2πk·day/365.25) + controls

Trend, seasons and controls are common to the regions, a unit of their size. Columns that others already say are left
out and told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.learn.response.panel import Panel

Floats = NDArray[np.float64]
YEAR = 365.25


@dataclass(frozen=True)
class Baseline:
    """The columns of the baseline, and what they are called.

    ``group`` says to which part each column belongs: ``level``, ``trend``, ``season`` or a control's name.
    """

    columns: Floats
    group: tuple[str, ...]
    notes: tuple[str, ...]


def baseline_of(panel: Panel, *, trend: int, seasonality: int) -> Baseline:
    """The baseline of a series.

    Parameters
    ----------
    panel : Panel
    trend : int
        Straight pieces of the trend: 0 none, 1 a line, 2 a line with one bend …
    seasonality : int
        Harmonics of the year; 0 where the dates span less than a year.
    """
    notes: list[str] = []
    level = np.zeros((panel.rows, len(panel.regions)))
    level[np.arange(panel.rows), panel.region] = 1.0
    columns, group = [*level.T], ["level"] * level.shape[1]
    days = panel.days
    if days is not None:
        first, last = float(days.min()), float(days.max())
        time = (days - first) / max(last - first, 1.0)
        for bend in np.linspace(0.0, 1.0, trend + 1)[:-1]:
            columns.append(np.maximum(time - bend, 0.0))
            group.append("trend")
        span = last - first + panel.period
        if seasonality and span < 0.99 * YEAR:
            notes.append(f"no seasons: the dates span {span:,.0f} days, less than a year")
        else:
            for harmonic in range(1, seasonality + 1):
                angle = 2.0 * np.pi * harmonic * days / YEAR
                columns += [np.sin(angle), np.cos(angle)]
                group += ["season"] * 2
    for name, column in panel.controls.items():
        spread = float(np.abs(column).max())
        columns.append(column / spread if spread else column)
        group.append(name)
    kept = independent(np.column_stack(columns))
    dropped = [group[at] for at in range(len(group)) if at not in set(kept)]
    notes += [f"{name} adds nothing to the other terms of the baseline and is left out" for name in sorted({*dropped})]
    return Baseline(np.column_stack(columns)[:, kept], tuple(group[at] for at in kept), tuple(notes))


def no_baseline(panel: Panel) -> Baseline:
    """None: an attributed response is 0 without spend."""
    return Baseline(np.empty((panel.rows, 0)), (), ())


def independent(columns: Floats) -> list[int]:
    """Positions of the columns that those before them do not already say."""
    basis = np.empty((len(columns), 0))
    kept = []
    for at, column in enumerate(columns.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > 1e-8 * max(float(np.linalg.norm(column)), 1e-300):
            basis = np.column_stack((basis, rest / norm))
            kept.append(at)
    return kept
