"""Credit by day, week or month beside what was spent: what response curves are fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.attribution.attribute import asked_kpis, no_conversion
from optimizer.learn.attribution.credit import credit_of_touches, removals
from optimizer.learn.attribution.models import BY_CHANNEL, model_name, settings
from optimizer.learn.journeys import Journeys, read_journeys
from optimizer.learn.journeys.exact_sums import Ints, sums_by
from optimizer.learn.journeys.paths import Paths
from optimizer.learn.journeys.table import Source
from optimizer.scenario.messages import did_you_mean

PERIODS = ("day", "week", "month")
_MICROSECONDS_A_DAY = 86_400_000_000


def credit_by_period(
    journeys: Source | Journeys,
    model: str = "markov_journey",
    *,
    period: str = "week",
    dated: str = "touch",
    kpi: str | Sequence[str] | None = None,
    transforms: str | Sequence[str] | None = None,
    order: int = 1,
    half_life: float | None = None,
    weights: Sequence[float] | None = None,
    direct: str | None = None,
    lead: str | None = None,
) -> pd.DataFrame:
    """Credit by channel and period, beside the touches and the spend of that period.

    Parameters
    ----------
    journeys : Journeys, path or DataFrame
        Events; grouped paths have no times.
    model : str
        A model that weighs touches: any but ``markov`` and ``shapley_markov``.
    period : str
        ``day``, ``week`` (from Monday) or ``month``, in UTC.
    dated : str
        ``touch``: credit stands where its touch does, beside the spend that brought it; ``conversion``: where the
        conversion does.
    kpi, transforms, order, half_life, weights, direct, lead
        As in ``attribution``.

    Returns
    -------
    DataFrame
        A row a channel and period, every period from the first to the last: [kpi, where there are several], channel,
        date (the first day of the period), touches, spend, conversions, value. ``opt.fit_curves(table,
        response="conversions")`` reads it. Credit and spend add up to those of ``attribution`` and of the journeys.

    Raises
    ------
    ScenarioError
        For journeys without times, a model that weighs no touches, and an unknown period.
    """
    read, name = read_journeys(journeys), model_name(model)
    told = settings(order, half_life, weights, direct, lead=lead)
    if name in BY_CHANNEL:
        raise ScenarioError(
            "attribution", "model", model, "weighs no touches, so its credit has no dates; take markov_journey"
        )
    if period not in PERIODS:
        raise ScenarioError("attribution", "period", period, did_you_mean(period, PERIODS))
    if dated not in ("touch", "conversion"):
        raise ScenarioError("attribution", "dated", dated, "expected touch or conversion")
    asked = asked_kpis(read, kpi)
    frames = []
    for one in asked:
        of_lead = told.lead if name == "w_shaped" else None
        single = read.toward(one, "channel", transforms, direct, single=True, lead=of_lead)
        if single.end is None:
            raise ScenarioError(read.source, "by period", None, "needs events; grouped paths have no times")
        if not single.totals[0] > 0:
            raise no_conversion(read.source, one, single)
        removed = None
        if name == "markov_journey":
            removed = removals(read.toward(one, "channel", transforms, direct), told.order)
        found = credit_of_touches(single, name, told, removed)
        assert found.paths is not None
        assert found.weights is not None
        frame = _table(read, found.paths, found.weights, period, dated)
        frames.append(frame.assign(kpi=one)[["kpi", *frame.columns]] if len(asked) > 1 else frame)
    return pd.concat(frames, ignore_index=True)


def _table(journeys: Journeys, paths: Paths, weights: np.ndarray, period: str, dated: str) -> pd.DataFrame:
    assert paths.end is not None
    assert paths.age is not None
    moment = paths.end[paths.path]
    if dated == "touch":
        moment = moment - np.round(paths.age * _MICROSECONDS_A_DAY).astype(np.int64)
    credited = _number(moment // _MICROSECONDS_A_DAY, period)
    day = journeys.spent["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
    spent = _number(day, period)
    first = int(min(credited.min(), spent.min()))
    periods = int(max(credited.max(), spent.max())) - first + 1
    size = len(paths.names) * periods
    rank = {name: at for at, name in enumerate(paths.names)}
    channel = np.array([rank[name] for name in journeys.units["channel"]])[journeys.spent["unit"].to_numpy()]
    cell = paths.channel.astype(np.int64) * periods + credited - first
    beside = channel * periods + spent - first
    cost = journeys.spent["cost"].to_numpy(float)
    return pd.DataFrame(
        {
            "channel": np.repeat(np.array(paths.names, dtype=object), periods),
            "date": np.tile(_first_day(np.arange(first, first + periods), period), len(paths.names)),
            "touches": sums_by(beside, journeys.spent["touches"].to_numpy(float), size),
            "spend": sums_by(beside, cost, size) if not np.isnan(cost).any() else np.nan,
            "conversions": sums_by(cell, weights * paths.conversions[paths.path], size),
            "value": sums_by(cell, weights * paths.value[paths.path], size) if paths.valued else np.nan,
        }
    )


def _number(day: Ints, period: str) -> Ints:
    """The number of the period of each day since 1970."""
    if period == "day":
        return day
    if period == "week":  # 1970-01-01 was a Thursday
        return (day + 3) // 7
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _first_day(number: Ints, period: str) -> np.ndarray:
    if period == "month":
        return number.astype("datetime64[M]").astype("datetime64[s]")
    days = number if period == "day" else number * 7 - 3
    return days.astype("datetime64[D]").astype("datetime64[s]")
