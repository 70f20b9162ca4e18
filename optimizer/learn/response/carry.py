"""What crosses the edges of a horizon: past spend that still works in it, its own spend that works after it.

Saturation is applied after the carry-over, so effects do not add: past spend is credited first, the horizon's spend
with what it adds to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.response.adstock import carry
from optimizer.learn.response.fitted import FittedPanel, cell_name, whole_number
from optimizer.learn.response.tables import mean_spend
from optimizer.scenario.curves import Curve, Points
from optimizer.scenario.messages import did_you_mean

if TYPE_CHECKING:
    from optimizer.learn.response.fitted import FittedCurves

Floats = NDArray[np.float64]
COLUMNS = ["channel", "region", "spend", "carried_in", "inside", "carried_out"]


def carry_over(fitted: FittedCurves, periods: int, spend: Mapping[str, float]) -> pd.DataFrame:
    """See ``FittedCurves.carry_over``."""
    periods = _checked(periods)
    if not isinstance(spend, Mapping):
        raise ScenarioError("carry_over", "spend", spend, "expected a mapping, as {cell: money over the horizon}")
    known = [cell_name(*cell) for cell in fitted.cells]
    for cell, money in spend.items():
        if cell not in known:
            raise ScenarioError("carry_over", f"spend.{cell}", None, f"unknown cell; {did_you_mean(cell, known)}")
        if not (isinstance(money, Real) and np.isfinite(float(money)) and money >= 0):
            raise ScenarioError("carry_over", f"spend.{cell}", money, "expected an amount of at least 0")
    rows = []
    last = _last_day(fitted)
    for part in fitted.parts:
        panel = part.panel
        for at, channel in enumerate(panel.channels):
            for code, region in enumerate(panel.regions):
                mean = float(_past(part, at, code, last).mean()) * periods
                money = spend.get(cell_name(channel, region), mean)
                past, both = _paths(part, at, code, periods, money, last)
                inside = slice(None, periods)
                rows.append(
                    (
                        channel,
                        region,
                        money,
                        past[inside].sum(),
                        (both - past)[inside].sum(),
                        (both - past)[periods:].sum(),
                    )
                )
    return pd.DataFrame(rows, columns=COLUMNS)


def curves_after_past(fitted: FittedCurves, periods: int, *, points: int) -> dict[str, Curve]:
    """See ``FittedCurves.after_past``: points up to twice the mean spend, or the largest seen if that is more."""
    periods = _checked(periods)
    if not (whole_number(points) and points >= 2):
        raise ScenarioError("after_past", "points", points, "expected a whole number of at least 2")
    found: dict[str, Curve] = {}
    last = _last_day(fitted)
    for part in fitted.parts:
        for at, channel in enumerate(part.panel.channels):
            for code, region in enumerate(part.panel.regions):
                mean, largest = mean_spend(part, at, code)
                spends = np.linspace(0.0, max(2.0 * mean, largest) * periods, int(points) + 1)[1:]
                added = []
                for money in spends:
                    past, both = _paths(part, at, code, periods, float(money), last)
                    added.append(float((both - past).sum()))
                level = np.maximum.accumulate(np.maximum(added, 0.0))
                found[cell_name(channel, region)] = Points(
                    tuple((float(s), float(r)) for s, r in zip(spends, level, strict=True))
                )
    return found


def _last_day(fitted: FittedCurves) -> float:
    """The last day of all panels: the horizon begins after it. NaN without dates."""
    return max((float(part.panel.days.max()) for part in fitted.parts if part.panel.days is not None), default=np.nan)


def _past(part: FittedPanel, at: int, code: int, last: float) -> Floats:
    """Money of every period from a region's first row to the last day; a period without a row has none."""
    panel = part.panel
    own = panel.region == code
    money, position = part.money()[own, at], panel.position[own]
    after = 0
    if panel.days is not None and np.isfinite(panel.period):
        after = max(0, round((last - float(panel.days[own].max())) / panel.period))
    found = np.zeros(int(position[-1]) + 1 + after)
    found[position] = money
    return found


def _paths(part: FittedPanel, at: int, code: int, periods: int, money: float, last: float) -> tuple[Floats, Floats]:
    """Response by period from the horizon's start until all has faded: of past spend alone, and with the horizon's."""
    panel, term = part.panel, part.model.terms[at]
    parameters = part.answer.estimate.parameters[at]
    weights = term.weights(parameters)
    fade = len(weights) - 1
    unit = term.unit * float(panel.size[code]) * float(panel.price[at])
    past = _past(part, at, code, last)[-fade:] / unit if fade else np.empty(0)
    horizon = np.full(periods, money / periods / unit)
    height = float(part.answer.pool.strength[code, at]) * part.unit * float(panel.size[code])

    def response(spend: Floats) -> Floats:
        path = carry(np.concatenate((past, spend, np.zeros(fade))), weights)[len(past) :]
        return term.saturated(path, parameters) @ part.answer.estimate.heights[at] * height

    return response(np.zeros(periods)), response(horizon)


def _checked(periods: float) -> int:
    """The periods of a horizon as a whole number: 3.0 is taken for 3."""
    if not (whole_number(periods) and periods >= 1):
        raise ScenarioError("horizon", "periods", periods, "expected a whole number of at least 1")
    return int(periods)
