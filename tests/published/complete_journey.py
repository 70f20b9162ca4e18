"""Coupon campaigns of a grocer: which households redeem, by type of campaign.

27 campaigns sent to 1,559 households (dunnhumby, The Complete Journey, CC0). A campaign sent is a contact with the
offer of its type; a coupon redeemed under the same campaign is the response. Households are told apart by their
demographics, where known, and by what they redeemed before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

import optimizer as opt
from optimizer.errors import ScenarioError

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "complete_journey"
#: The longest campaign lasts 161 days.
RESPONSE_DAYS = 165


def tables(data: Path = DATA) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History (sent and redeemed) and households."""
    read = {}
    for name in ("campaigns", "campaign_descriptions", "coupon_redemptions", "demographics"):
        file = next((data / f"{name}{end}" for end in (".csv.gz", ".csv") if (data / f"{name}{end}").is_file()), None)
        if file is None:
            raise ScenarioError(str(data), "folder", None, f"holds no {name}.csv")
        read[name] = pd.read_csv(file)
    types = read["campaign_descriptions"].rename(columns={"campaign_type": "offer"})
    sent = read["campaigns"].merge(types, on="campaign_id").rename(columns={"start_date": "date"})
    redeemed = read["coupon_redemptions"].merge(types, on="campaign_id").rename(columns={"redemption_date": "date"})
    parts = [sent.assign(event="sent"), redeemed.assign(event="coupon redeemed")]
    history = pd.concat(parts, ignore_index=True).rename(
        columns={"household_id": "customer_id", "campaign_id": "campaign"}
    )
    history = history[["customer_id", "campaign", "offer", "event", "date"]].assign(channel="coupon")
    households = read["campaigns"][["household_id"]].drop_duplicates().merge(read["demographics"], how="left")
    return history, households.rename(columns={"household_id": "customer_id"})


def learn(data: Path = DATA, **asked: Any) -> opt.Appetence:
    """Appetence by type of campaign, as of the end of the year with every campaign's days over."""
    history, households = tables(data)
    asked = {"as_of": "2018-06-30", "response_days": RESPONSE_DAYS, "events": {"coupon redeemed": "return"}, **asked}
    return opt.fit_appetence(history, households, **asked)


def report(data: Path = DATA) -> dict[str, Any]:
    """Learn, and tell redemption by type.

    Returns
    -------
    dict
        instance, models (channel, offer, contacts, responses, rate, auc …), counts.
    """
    learnt = learn(data)
    told = learnt.reports.models[
        ["offer", "scored_by", "contacts", "responses", "rate", "cut", "calibration", "auc", "p_value"]
    ]
    made = {"models": told, "counts": learnt.reports.counts}
    return {
        "instance": "complete_journey",
        **{name: json.loads(table.to_json(orient="records")) for name, table in made.items()},
    }
