"""Curves fitted elsewhere: points, and the parameters of Robyn, Meridian and PyMC-Marketing, as scenario curves.

Each tool saturates an adstocked and scaled exposure x; a scenario's curve takes money a period. With ``carried`` the
sum of the tool's adstock weights (1 where it normalises them; 1 / (1 − theta) for Robyn's geometric adstock), steady
spend s is the exposure s / cost · carried / scale, so a point x of the tool's axis is the spend x · scale · cost /
carried. ``cost`` is the money a unit of exposure stands for.

    robyn                  coefficient · x^alpha / (x^alpha + i^alpha), i = low + gamma · (high − low), low and high the
                           least and largest adstocked exposure (Robyn R/transformation.R, saturation_hill)
    meridian               beta · kpi_scale · x^slope / (x^slope + ec^slope), x = exposure / (population · median a
                           head), kpi_scale = population · standard deviation of the KPI a head (Meridian
                           adstock_hill.py, transformers.py)
    pymc_logistic          beta · kpi_scale · (1 − e^(−lam·x)) / (1 + e^(−lam·x)), x = exposure / its largest,
                           kpi_scale = the largest target (PyMC-Marketing transformers.py, MaxAbsScaler)
    pymc_tanh              b · kpi_scale · tanh(x / (b·c)): a logistic of rate 2 / (b·c)
    pymc_michaelis_menten  alpha · kpi_scale · x / (lam + x)
    pymc_hill              beta · kpi_scale · x^slope / (kappa^slope + x^slope)
    points                 [spend, response] as they stand, from 0, never falling
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.response.curve_keys import keys_of, scaled
from optimizer.learn.response.fitted import cell_name, check_periods
from optimizer.learn.response.panel import choose_region, read_table
from optimizer.scenario.columns import numbers, refuse, require, texts
from optimizer.scenario.curves import Curve, Hill, Logistic, MichaelisMenten, curve_from
from optimizer.scenario.messages import did_you_mean

#: Columns that every parametric kind takes, and what stands in where they are absent.
_COMMON = {"scale": 1.0, "kpi_scale": 1.0, "carried": 1.0, "cost": 1.0}
Row = dict[str, float]


@dataclass(frozen=True)
class Kind:
    """What a tool states of a curve, and the curve it is in the tool's own units."""

    parameters: tuple[str, ...]
    build: Callable[[Row], Curve]


def robyn(alpha: float, gamma: float, coefficient: float, low: float, high: float) -> Curve:
    """Robyn's Hill on adstocked exposure; Robyn rounds the inflexion to four digits, here it is exact."""
    return Hill(coefficient, low + gamma * (high - low), alpha)


def meridian(ec: float, slope: float, beta: float) -> Curve:
    """Meridian's Hill on exposure a head, in medians."""
    return Hill(beta, ec, slope)


def pymc_logistic(lam: float, beta: float) -> Curve:
    """PyMC-Marketing's logistic saturation."""
    return Logistic(beta, lam)


def pymc_tanh(b: float, c: float) -> Curve:
    """PyMC-Marketing's tanh saturation: tanh(y) = (1 − e^(−2y)) / (1 + e^(−2y))."""
    return Logistic(b, 2.0 / (b * c))


def pymc_michaelis_menten(alpha: float, lam: float) -> Curve:
    """PyMC-Marketing's Michaelis–Menten."""
    return MichaelisMenten(alpha, lam)


def pymc_hill(slope: float, kappa: float, beta: float) -> Curve:
    """PyMC-Marketing's Hill function: 1 − kappa^slope / (kappa^slope + x^slope)."""
    return Hill(beta, kappa, slope)


KINDS: dict[str, Kind] = {
    "robyn": Kind(("alpha", "gamma", "coefficient", "low", "high"), lambda row: robyn(**row)),
    "meridian": Kind(("ec", "slope", "beta"), lambda row: meridian(**row)),
    "pymc_logistic": Kind(("lam", "beta"), lambda row: pymc_logistic(**row)),
    "pymc_tanh": Kind(("b", "c"), lambda row: pymc_tanh(**row)),
    "pymc_michaelis_menten": Kind(("alpha", "lam"), lambda row: pymc_michaelis_menten(**row)),
    "pymc_hill": Kind(("slope", "kappa", "beta"), lambda row: pymc_hill(**row)),
}
POINTS = "points"


@dataclass(frozen=True)
class ImportedCurves:
    """Curves fitted elsewhere, a period.

    Attributes
    ----------
    curves : dict
        Cell (``tv``, ``tv[FR]``) -> scenario curve.
    cells : list of (channel, region)
    by : str or None
        The column of regions.
    """

    curves: dict[str, Curve]
    cells: list[tuple[str, str]]
    by: str | None

    def over(self, periods: float) -> dict[str, Curve]:
        """Curve of each cell for spend spread evenly over so many periods."""
        check_periods("over", periods)
        return {name: scaled(curve, spend=periods, response=periods) for name, curve in self.curves.items()}

    def tables(self, periods: float = 1.0) -> dict[str, pd.DataFrame]:
        """Channel -> its table as a medium's ``curve: {table: …}`` reads it."""
        over = self.over(periods)
        rows: dict[str, list[dict[str, Any]]] = {}
        for channel, region in self.cells:
            form, keys = keys_of(over[cell_name(channel, region)])
            lines = [{"spend": s, "response": r} for s, r in keys] if form == POINTS else [keys]
            cell = {self.by: region} if self.by else {}
            rows.setdefault(channel, []).extend({**cell, "form": form, **line} for line in lines)
        return {channel: pd.DataFrame(lines) for channel, lines in rows.items()}

    def save(self, folder: str | Path, *, periods: float = 1.0) -> Path:
        """Write ``<channel>.csv`` for every channel, for spend over so many periods; whole or not at all."""
        from optimizer.learn.response.curves_file import save_tables

        return save_tables(self.tables(periods), Path(folder), periods=periods)


def import_curves(
    table: str | Path | pd.DataFrame, kind: str, *, region: str | None = None, periods: float = 1.0
) -> ImportedCurves:
    """Read curves that were fitted elsewhere.

    Parameters
    ----------
    table : path or DataFrame
        A row a curve: channel, [region], the columns of the kind, and where needed ``scale`` (exposure that is 1 to the
        tool), ``kpi_scale`` (response that is 1 to it), ``carried`` (sum of its adstock weights) and ``cost`` (money a
        unit of exposure), each 1 by default. For ``points`` a row a point: channel, [region], spend, response.
    kind : str
        ``robyn``: alpha, gamma, coefficient, low, high · ``meridian``: ec, slope, beta · ``pymc_logistic``: lam, beta ·
        ``pymc_tanh``: b, c · ``pymc_michaelis_menten``: alpha, lam · ``pymc_hill``: slope, kappa, beta · ``points``.
    region : str, optional
        Column of regions; ``region`` where the table has one.
    periods : float
        Periods that the table's spend and response span (Meridian's response curves span the whole window).

    Raises
    ------
    ScenarioError
        For an unknown kind, missing columns, parameters that are no curve, a cell that stands twice.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"channel": ["tv"], "lam": [4.0], "beta": [0.3], "scale": [5e4], "kpi_scale": [900.0]})
    >>> import_curves(table, "pymc_logistic").curves
    {'tv': Logistic(top=270.0, rate=8e-05)}
    """
    found, file = read_table(table, "curves")
    if kind not in (*KINDS, POINTS):
        raise ScenarioError("import_curves", "kind", kind, f"unknown kind; {did_you_mean(kind, [*KINDS, POINTS])}")
    check_periods("import_curves", periods)
    region = choose_region(found, file, region)
    names = KINDS[kind].parameters if kind != POINTS else ("spend", "response")
    require(found, file, "channel", *names, *([region] if region else []))
    channels = texts(found, file, "channel").tolist()
    regions = texts(found, file, region).tolist() if region else [""] * len(found)
    rows: dict[tuple[str, str], list[int]] = {}
    for row, cell in enumerate(zip(channels, regions, strict=True)):
        rows.setdefault(cell, []).append(row)
    cells = sorted(rows)
    if kind == POINTS:
        one = _points(found, file, rows)
    else:
        twice = next((lines[1] for lines in rows.values() if len(lines) > 1), None)
        if twice is not None:
            raise ScenarioError(file, f"row {twice + 1}", channels[twice], "a cell stands twice; one row a cell")
        one = _parametric(found, file, rows, KINDS[kind])
    curves = {cell_name(*cell): scaled(one[cell], spend=1 / periods, response=1 / periods) for cell in cells}
    return ImportedCurves(curves, cells, region)


def _parametric(
    table: pd.DataFrame, file: str, rows: dict[tuple[str, str], list[int]], kind: Kind
) -> dict[tuple[str, str], Curve]:
    """A curve a row, in money and in the response's unit."""
    values = {
        name: numbers(table, file, name, required=True) if name in table.columns else np.full(len(table), _COMMON[name])
        for name in (*kind.parameters, *_COMMON)
    }
    for name, column in values.items():
        # The least exposure of Robyn may be 0; everything else stands in a product, a power or a quotient.
        bad = column < 0 if name == "low" else column <= 0
        if name in table.columns:
            refuse(bad, table, file, name, f"expected {'at least 0' if name == 'low' else 'a number above 0'}")
    if "gamma" in values:
        refuse(values["gamma"] > 1, table, file, "gamma", "expected a share of the range, at most 1")
        refuse(values["high"] <= values["low"], table, file, "high", "expected more than low")
    found = {}
    for cell, lines in rows.items():
        row = {name: float(column[lines[0]]) for name, column in values.items()}
        own = kind.build({name: row[name] for name in kind.parameters})
        found[cell] = scaled(own, spend=row["scale"] * row["cost"] / row["carried"], response=row["kpi_scale"])
    return found


def _points(
    table: pd.DataFrame, file: str, rows: dict[tuple[str, str], list[int]]
) -> dict[tuple[str, str], Curve]:
    """Points as they stand, in the order of their spend."""
    spend = numbers(table, file, "spend", low=0, required=True, what="spend")
    response = numbers(table, file, "response", required=True, what="a response")
    found = {}
    for cell, lines in rows.items():
        order = sorted(lines, key=lambda row: (spend[row], response[row]))
        points = [[float(spend[row]), float(response[row])] for row in order]
        try:
            found[cell] = curve_from(POINTS, points)
        except ValueError as error:
            raise ScenarioError(
                file,
                cell_name(*cell),
                None,
                f"{error}; points that scatter are fitted, not imported (learn curves on the same table)",
            ) from error
    return found
