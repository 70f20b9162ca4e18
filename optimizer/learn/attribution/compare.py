"""All models beside each other: how far credit depends on the model, and which channel brings which KPI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.attribution.attribute import (
    asked_kpis,
    credit_frame,
    credit_labels,
    lead_notes,
    model_notes,
    model_paths,
    no_conversion,
    total_row,
)
from optimizer.learn.attribution.credit import credit, removals
from optimizer.learn.attribution.models import MODELS, NOT_ADDITIVE, Settings, model_name, settings
from optimizer.learn.attribution.shapley_markov import EXACT_CHANNELS
from optimizer.learn.journeys import Journeys, read_journeys
from optimizer.learn.journeys.table import Source


@dataclass(frozen=True)
class Comparison:
    """Credit under several models.

    Parameters
    ----------
    credit : DataFrame
        A row a KPI, model and channel: kpi, model, channel, [campaign], conversions, value, additive.
    table : DataFrame
        A row a KPI and channel: kpi, channel, [campaign], the conversions under each model in a column of its name,
        then low, high and range of the additive models, and range_share, the range as a share of all conversions.
    roles : DataFrame
        Where there are several KPIs: which channel brings which. A row a channel and a pair of KPIs, the most frequent
        one (lead) with each of the others (sale): channel, [campaign], kpi, base, share (of the KPI's credit, mean over
        additive models), base_share, index (share / base_share), index_low, index_high (over the models), verdict.
    totals : DataFrame
        A row a KPI: kpi, conversions, value, lost, conversion_rate.
    notes : tuple of str
        What to know before reading the figures.
    """

    credit: pd.DataFrame
    table: pd.DataFrame
    roles: pd.DataFrame
    totals: pd.DataFrame
    notes: tuple[str, ...] = ()


def compare_attribution(
    journeys: Source | Journeys,
    models: Sequence[str] | None = None,
    *,
    kpi: str | Sequence[str] | None = None,
    by: str = "channel",
    transforms: str | Sequence[str] | None = None,
    order: int = 1,
    half_life: float | None = None,
    direct: str | None = None,
    lead: str | None = None,
) -> Comparison:
    """Credit under several models beside each other.

    Parameters
    ----------
    journeys : Journeys, path or DataFrame
        What ``read_journeys`` gives or takes.
    models : sequence of str, optional
        All of them by default, but for ``ordered_shapley``, whose credit by channel is that of ``shapley``, and for
        ``shapley_markov`` where there are too many channels for it to be exact.
    kpi, by, transforms, order, half_life, direct, lead
        As in ``attribution``.

    Returns
    -------
    Comparison

    Raises
    ------
    ScenarioError
        As ``attribution`` does; and where no model is named.
    """
    read = read_journeys(journeys)
    names = tuple(dict.fromkeys(model_name(one) for one in models)) if models is not None else MODELS
    if models is None:
        many = max(len(read.toward(one, by).names) for one in asked_kpis(read, kpi)) > EXACT_CHANNELS
        names = tuple(one for one in names if one != "ordered_shapley" and not (one == "shapley_markov" and many))
    if not names:
        raise ScenarioError("attribution", "models", [], "expected one model or more")
    told = settings(order, half_life, None, direct, lead=lead)
    frames, totals, notes = [], [], list(read.notes)
    for one in asked_kpis(read, kpi):
        found, total, said = _one_kpi(read, names, told, one, by, transforms)
        frames += found
        totals.append(total)
        notes += [f"{one}: {note}" for note in said]
    long = pd.concat(frames, ignore_index=True)
    keys = ["channel", "campaign"] if by == "campaign" else ["channel"]
    return Comparison(long, _table(long, names, keys), _roles(long, keys), pd.DataFrame(totals), tuple(notes))


def _one_kpi(
    journeys: Journeys,
    names: tuple[str, ...],
    told: Settings,
    kpi: str,
    by: str,
    transforms: str | Sequence[str] | None,
) -> tuple[list[pd.DataFrame], dict[str, object], list[str]]:
    """Credit of each model, what there was to attribute, and notes."""
    grouped = journeys.toward(kpi, by, transforms, told.direct)
    if not grouped.totals[0] > 0:
        raise no_conversion(journeys.source, kpi, grouped)
    removed = removals(grouped, told.order) if any(name.startswith("markov") for name in names) else None
    frames, notes = [], []
    keys = ["kpi", "channel", "campaign"] if by == "campaign" else ["kpi", "channel"]
    for name in names:
        paths = model_paths(journeys, name, told, kpi, by, transforms)
        frame = credit_frame(credit_labels(paths, journeys, by, kpi), credit(paths, name, told, removed), paths.valued)
        frame = frame[[*keys, "conversions", "value"]]
        frame.insert(1, "model", name)
        frames.append(frame.assign(additive=name not in NOT_ADDITIVE))
        notes += [*model_notes(paths, name, told), *lead_notes(journeys, paths, name, told, kpi)]
    return frames, total_row(grouped, kpi), list(dict.fromkeys(notes))


def _table(long: pd.DataFrame, names: tuple[str, ...], keys: list[str]) -> pd.DataFrame:
    index = ["kpi", *keys]
    wide = long.pivot(index=index, columns="model", values="conversions")[list(names)]
    additive = [name for name in names if name not in NOT_ADDITIVE]
    whole = long[long["additive"]].groupby(["kpi", "model"])["conversions"].sum().groupby("kpi").max()
    wide = wide.assign(low=np.nan, high=np.nan)
    if additive:
        wide = wide.assign(low=wide[additive].min(axis=1), high=wide[additive].max(axis=1))
    wide["range"] = wide["high"] - wide["low"]
    wide["range_share"] = wide["range"] / whole.reindex(wide.index.get_level_values("kpi")).to_numpy()
    # KPIs in the order of the funnel, channels by their name.
    rank = {kpi: at for at, kpi in enumerate(dict.fromkeys(long["kpi"]))}
    flat = wide.reset_index()
    flat.columns.name = None
    return flat.sort_values("kpi", key=lambda one: one.map(rank), kind="stable", ignore_index=True)


def _roles(long: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Shares of each KPI's credit against shares of the most frequent one's, model by model."""
    kpis = list(dict.fromkeys(long["kpi"]))
    columns = [*keys, "kpi", "base", "share", "base_share", "index", "index_low", "index_high", "verdict"]
    additive = long[long["additive"]]
    if len(kpis) < 2 or not len(additive):
        return pd.DataFrame(columns=columns)
    whole = additive.groupby(["kpi", "model"])["conversions"].transform("sum")
    shares = additive.assign(share=additive["conversions"] / whole)
    wide = shares.pivot(index=["model", *keys], columns="kpi", values="share").fillna(0.0)
    frames = []
    for kpi in kpis[1:]:
        pair = pd.DataFrame({"share": wide[kpi], "base_share": wide[kpis[0]]})
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = pair["share"].to_numpy() / pair["base_share"].to_numpy()
        pair["index"] = ratio
        group = pair.groupby(keys)
        row = group[["share", "base_share"]].mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            row["index"] = row["share"].to_numpy() / row["base_share"].to_numpy()
        row["index_low"], row["index_high"] = group["index"].min(), group["index"].max()
        row["verdict"] = [
            _verdict(low, high, kpi, kpis[0]) for low, high in zip(row["index_low"], row["index_high"], strict=True)
        ]
        frames.append(row.reset_index().assign(kpi=kpi, base=kpis[0]))
    return pd.concat(frames, ignore_index=True)[columns]


def _verdict(low: float, high: float, kpi: str, base: str) -> str:
    """What holds under every model."""
    if np.isnan(low):
        return "no credit"
    if high < 1:
        return f"brings {base}, few {kpi}" if high <= 0.5 else f"more {base} than {kpi}"
    if low > 1:
        return f"brings {kpi}, few {base}" if low >= 2 else f"more {kpi} than {base}"
    return "depends on the model" if high > low else "as many of both"
