"""What to do with credit: the most virtuous paths, what channels cost and bring, and the least effective campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.attribution.attribute import Attribution, asked_kpis, attribution
from optimizer.learn.attribution.compare import Comparison, compare_attribution
from optimizer.learn.given_numbers import is_whole
from optimizer.learn.journeys import Journeys, read_journeys
from optimizer.learn.journeys.paths import Floats
from optimizer.learn.journeys.table import Source

#: Standard deviations of a two-sided 95 % interval.
_Z = 1.959963984540054


@dataclass(frozen=True)
class AttributionReport:
    """Journeys toward several KPIs, as a planner reads them.

    Parameters
    ----------
    journeys : Journeys
        What was read, with its notes and its unmapped names.
    comparison : Comparison
        Every model beside the others.
    attribution : Attribution
        The model that paths, channels and campaigns are read by.
    paths : DataFrame
        The most virtuous paths: kpi, path, journeys, conversions, conversion_rate, rate_low (the lower end of the 95 %
        Wilson interval, by which they are sorted: two conversions of two journeys prove little), value,
        value_per_journey.
    channels : DataFrame
        kpi, channel, touches, cost, conversions, value, cost_per_conversion, return_on_cost (value / cost).
    campaigns : DataFrame
        The same within each channel, with effectiveness, what it is measured in, and least: whether it is the least
        effective campaign of its channel (of two or more). Empty where the journeys name no campaigns.
    """

    journeys: Journeys
    comparison: Comparison
    attribution: Attribution
    paths: pd.DataFrame
    channels: pd.DataFrame
    campaigns: pd.DataFrame

    def save(self, file: str | Path) -> None:
        """Write one HTML page that opens offline.

        Raises
        ------
        ScenarioError
            When the file cannot be written.
        """
        from optimizer.learn.attribution.page import report_page
        from optimizer.plan.write import whole_file

        with whole_file(Path(file)) as partial:
            partial.write_text(report_page(self), encoding="utf-8")


def attribution_report(
    journeys: Source | Journeys,
    model: str = "markov_journey",
    *,
    kpi: str | Sequence[str] | None = None,
    transforms: str | Sequence[str] | None = None,
    order: int = 1,
    half_life: float | None = None,
    direct: str | None = None,
    lead: str | None = None,
    top: int = 20,
) -> AttributionReport:
    """Compare the models, and read paths, channels and campaigns by one of them.

    Parameters
    ----------
    journeys : Journeys, path or DataFrame
        What ``read_journeys`` gives or takes.
    model : str
        By which channels and campaigns are credited.
    kpi, transforms, order, half_life, direct, lead
        As in ``attribution``.
    top : int
        How many paths a KPI.

    Raises
    ------
    ScenarioError
        As ``attribution`` does, and for a ``top`` below 1.
    """
    read = read_journeys(journeys)
    kpis = asked_kpis(read, kpi)
    if not is_whole(top, 1):
        raise ScenarioError("attribution_report", "top", top, "expected how many paths to show, at least 1")
    told: dict[str, Any] = {"transforms": transforms, "order": order, "half_life": half_life, "direct": direct}
    told["lead"] = lead
    found = attribution(read, model, kpi=kpis, **told)
    by_channel = _with_cost(_with_kpi(found.credit, kpis), read, ["channel"])
    campaigns = pd.DataFrame(columns=["kpi", "channel", "campaign", "effectiveness", "measure", "least"])
    if read.has_campaigns:
        credit = attribution(read, model, kpi=kpis, by="campaign", **told).credit
        campaigns = effectiveness(_with_cost(_with_kpi(credit, kpis), read, ["channel", "campaign"]))
    return AttributionReport(
        read,
        compare_attribution(read, kpi=kpis, **told),
        found,
        pd.concat([virtuous_paths(read, one, transforms, direct, top) for one in kpis], ignore_index=True),
        by_channel,
        campaigns,
    )


def virtuous_paths(
    journeys: Journeys, kpi: str, transforms: str | Sequence[str] | None, direct: str | None, top: int
) -> pd.DataFrame:
    """The paths that convert best and are walked often enough to know; see ``AttributionReport``."""
    paths = journeys.toward(kpi, "channel", transforms, direct)
    number = paths.conversions + paths.lost
    low = wilson_low(paths.conversions, number)
    best = np.lexsort((np.arange(len(paths)), -paths.conversions, -low))[:top]
    best = best[paths.conversions[best] > 0]
    chosen = paths.take(best)
    value = chosen.value if paths.valued else np.full(len(chosen), np.nan)
    return pd.DataFrame(
        {
            "kpi": kpi,
            "path": chosen.texts(),
            "journeys": number[best],
            "conversions": chosen.conversions,
            "conversion_rate": chosen.conversions / number[best],
            "rate_low": low[best],
            "value": value,
            "value_per_journey": value / number[best],
        }
    )


def wilson_low(successes: Floats, trials: Floats) -> Floats:
    """The lower end of the 95 % interval of a rate (Wilson, JASA 22, 1927)."""
    rate, square = successes / trials, _Z * _Z
    spread = _Z * np.sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    return np.maximum(0.0, (rate + square / (2 * trials) - spread) / (1 + square / trials))


def effectiveness(campaigns: pd.DataFrame) -> pd.DataFrame:
    """What each campaign brings for what it takes, and the least effective of each channel.

    Measured in value per unit of cost where both are known for every campaign of the channel, else in conversions per
    unit of cost, else in conversions per touch. Of equals the one with more touches, then the first by name, is named.
    """
    frames = []
    for _, lines in campaigns.groupby(["kpi", "channel"], sort=False):
        costed = bool((lines["cost"] > 0).all())
        valued = costed and bool(lines["value"].notna().all()) and bool((lines["value"] > 0).any())
        gain = lines["value"] if valued else lines["conversions"]
        effect = gain / (lines["cost"] if costed else lines["touches"])
        measure = "value per cost" if valued else "conversions per cost" if costed else "conversions per touch"
        ranked = lines.assign(effect=effect).sort_values(
            ["effect", "touches", "campaign"], ascending=[True, False, True], kind="stable"
        )
        least = lines.index == ranked.index[0] if len(lines) > 1 else np.zeros(len(lines), bool)
        frames.append(lines.assign(effectiveness=effect, measure=measure, least=least))
    return pd.concat(frames, ignore_index=True)


def _with_kpi(credit: pd.DataFrame, kpis: tuple[str, ...]) -> pd.DataFrame:
    if "kpi" in credit.columns:
        return credit
    return pd.DataFrame({"kpi": np.full(len(credit), kpis[0], dtype=object), **{c: credit[c] for c in credit.columns}})


def _with_cost(credit: pd.DataFrame, journeys: Journeys, keys: list[str]) -> pd.DataFrame:
    """Credit beside what was touched and spent."""
    spent = journeys.units.groupby(keys, sort=True)[["touches", "cost"]].sum(min_count=1).reset_index()
    frame = credit[["kpi", *keys, "conversions", "value"]].merge(spent, on=keys, how="left", validate="m:1")
    frame["cost_per_conversion"] = frame["cost"] / frame["conversions"].where(frame["conversions"] > 0)
    frame["return_on_cost"] = frame["value"] / frame["cost"].where(frame["cost"] > 0)
    return frame[["kpi", *keys, "touches", "cost", "conversions", "value", "cost_per_conversion", "return_on_cost"]]
