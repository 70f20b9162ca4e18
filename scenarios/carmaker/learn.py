"""From what is on record to what a plan reads: journeys to credit, credit to curves, contacts to scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from owners import AS_OF, CHANNELS
from world import FIRST_WEEK

import optimizer as opt

FOLDER = Path(__file__).parent
#: Days before a conversion in which a touch counts.
LOOKBACK = 30


def weekly_credit(events: pd.DataFrame, keys: pd.DataFrame, models: tuple[str, ...]) -> pd.DataFrame:
    """Sales credited to the touches of each country and week: country, week, channel, a column a model.

    People are told apart by the week of their first touch, in which the money was spent that reached them.
    """
    person = events["customer_id"].map(keys.set_index("dealer")["web"]).fillna(events["customer_id"])
    first = events["timestamp"].groupby(person.to_numpy()).transform("min")
    week = ((first - FIRST_WEEK) // pd.Timedelta(weeks=1)).to_numpy()
    nomenclature, parts = FOLDER / "nomenclature.yaml", []
    of_keys = keys.assign(person=keys["web"])
    for (country, number), rows in events.groupby([events["country"], week], sort=True):
        known = of_keys[of_keys["person"].isin(person[rows.index])][["web", "dealer"]]
        journeys = opt.read_journeys(rows, nomenclature=nomenclature, identities=known, lookback=LOOKBACK)
        if "sale" not in journeys.kpis:
            continue
        found = {
            model: opt.attribution(journeys, model=model, kpi="sale").credit.set_index("channel")["conversions"]
            for model in models
        }
        parts.append(pd.DataFrame(found).rename_axis("channel").reset_index().assign(country=country, week=number))
    return pd.concat(parts, ignore_index=True)


def curve_table(credit: pd.DataFrame, spend: pd.DataFrame, model: str) -> pd.DataFrame:
    """Spend and credited sales of each medium, country and week, as ``fit_curves`` reads them; no credit is 0."""
    keys = ["country", "week", "channel"]
    table = spend.rename(columns={"medium": "channel"}).merge(credit[[*keys, model]], on=keys, how="left")
    date = FIRST_WEEK + pd.to_timedelta(table["week"] * 7, unit="D")
    table = table.assign(date=date, response=table[model].fillna(0.0))
    return table[["channel", "date", "country", "spend", "response"]]


def fit_media(credit: pd.DataFrame, spend: pd.DataFrame, model: str, *, draws: int = 0) -> opt.FittedCurves:
    """Response curves of all media by country; credit stands in the week of the money, so nothing carries over."""
    table = curve_table(credit, spend, model)
    return opt.fit_curves(
        table, region="country", adstock="none", saturation="michaelis_menten", draws=draws, starts=2, holdout=0
    )


def learn_scores(history: pd.DataFrame, owners: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Appetence (customer_id, channel, score, p_sale), consent, and how far the level of each channel may be off.

    A sale follows a test drive at the rate seen in the owner's segment.
    """
    fitted = opt.fit_appetence(
        history.drop(columns="sale"), owners, as_of=AS_OF, segment="segment", channels=list(CHANNELS)
    )
    drives = history[history["event"] == "response"].merge(owners[["customer_id", "segment"]], on="customer_id")
    closing = drives.groupby("segment")["sale"].mean()
    long = fitted.scores.melt("customer_id", list(CHANNELS), "channel", "score")
    rate = long["customer_id"].map(owners.set_index("customer_id")["segment"]).map(closing)
    return long.assign(p_sale=long["score"] * rate), fitted.consent, fitted.reports.uncertainty
