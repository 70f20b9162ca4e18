"""Small scenarios and plans, worked by hand.

Three customers (anna, ben, cleo), channels email (cost 1), sms (2) and phone (5), one offer worth 100 a response,
waves on the dates given. Scores: email 0.1, sms 0.2, phone 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from optimizer.plan.verify import Verdict, verify
from optimizer.scenario import Scenario

SCORES = {"email": 0.1, "sms": 0.2, "phone": 0.5}


def customers(**columns: list[Any]) -> pd.DataFrame:
    """Anna, Ben and Cleo, with further columns."""
    return pd.DataFrame({"customer_id": ["anna", "ben", "cleo"], **columns})


def small(*rules: dict[str, Any], waves: Mapping[str, str] | None = None, **keys: Any) -> Scenario:
    """A scenario; rules without a name are called by their verb."""
    names = ("name", "where", "each", "per", "soft", "mode")
    given: dict[str, Any] = {
        "currency": "EUR",
        "objective": "net_margin",
        "customers": customers(),
        "channels": {"email": {"unit_cost": 1}, "sms": {"unit_cost": 2}, "phone": {"unit_cost": 5}},
        "offers": {"o": {"gross_margin": 100}},
        "waves": [{"name": name, "date": date} for name, date in (waves or {"w1": "2026-03-02"}).items()],
        "rules": [{"name": next(key for key in rule if key not in names), **rule} for rule in rules],
    }
    given |= keys
    if "appetence" not in given:
        scores = {channel: SCORES.get(channel, 0.3) for channel in given["channels"]}
        given["appetence"] = given["customers"][["customer_id"]].assign(**scores)
    return Scenario(**given)


def past(*rows: str) -> pd.DataFrame:
    """``"anna 2026-02-10 email [offer]"`` as a table of past contacts."""
    parts = [row.split() for row in rows]
    table = pd.DataFrame([part[:3] for part in parts], columns=["customer_id", "date", "channel"])
    offers = pd.Series([part[3] if len(part) > 3 else None for part in parts], dtype=object)
    return table.assign(offer=offers) if offers.notna().any() else table


def contacts(scenario: Scenario, *texts: str) -> pd.DataFrame:
    """``"anna email w1"`` or ``"anna offer email w1"`` as a plan table."""
    activities = scenario.facts.activities
    rows = []
    for text in texts:
        customer, *offer, channel, wave = text.split()
        fits = (activities["channel"] == channel) & (activities["wave"] == wave)
        if offer:
            fits &= activities["offer"] == offer[0]
        (activity,) = activities.loc[fits, "activity"]
        rows.append((customer, activity))
    return pd.DataFrame(rows, columns=["customer_id", "activity"], dtype=str)


def judged(scenario: Scenario, *texts: str, spend: Mapping[str, float] | None = None) -> Verdict:
    """The verdict on a plan written as texts."""
    return verify(scenario, contacts(scenario, *texts), spend)


def row(verdict: Verdict, rule: str, scope: str = "") -> pd.Series:
    """The one check of a rule and scope."""
    checks = verdict.checks
    (found,) = checks.index[(checks["rule"] == rule) & (checks["scope"] == scope)]
    return checks.loc[found]


def figures(verdict: Verdict, rule: str, scope: str = "") -> dict[str, float]:
    """Value, violation and penalty of a check."""
    found = row(verdict, rule, scope)
    return {name: float(found[name]) for name in ("value", "violation", "penalty")}
