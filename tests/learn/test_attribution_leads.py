"""W-shaped by the touch that made the lead: by hand, and against a clerk who walks every customer's events."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution, attribution_report, compare_attribution, credit_by_period
from optimizer.learn.journeys import read_journeys
from tests.learn.journeys_brute import Event
from tests.learn.test_journeys_events import some_events, table_of

COLUMNS = ["customer_id", "timestamp", "channel", "conversion", "value"]
ROWS = [
    # A lead by phone between social and email, on the way to a sale at the till.
    ("x", "2026-03-01", "search", None, None),
    ("x", "2026-03-02", "social", None, None),
    ("x", "2026-03-03", None, "lead", None),
    ("x", "2026-03-04", "email", None, None),
    ("x", "2026-03-05", "display", None, None),
    ("x", "2026-03-06", None, "sale", 100.0),
    # The first touch makes the lead; a second lead later changes nothing.
    ("y", "2026-03-01", "email", "lead", None),
    ("y", "2026-03-02", "search", "lead", None),
    ("y", "2026-03-03", "social", None, None),
    ("y", "2026-03-04", None, "sale", 10.0),
    # No lead; then a lead that an earlier sale closed.
    ("z", "2026-03-01", "search", "lead", None),
    ("z", "2026-03-02", None, "sale", 1.0),
    ("z", "2026-03-03", "search", None, None),
    ("z", "2026-03-04", "email", None, None),
    ("z", "2026-03-05", "social", None, None),
    ("z", "2026-03-06", None, "sale", 1.0),
]
EVENTS = pd.DataFrame(ROWS, columns=COLUMNS)
#: x: first, lead, other, last; y: first and lead, other, last; z: alone, then thirds (no lead, and no others).
BY_HAND = {
    "search": (0.3 + 0.1 + 1 + 1 / 3, 30 + 1 + 1 + 1 / 3),
    "social": (0.3 + 0.3 + 1 / 3, 30 + 3 + 1 / 3),
    "email": (0.1 + 0.6 + 1 / 3, 10 + 6 + 1 / 3),
    "display": (0.3, 30),
}


def credit_of(events: pd.DataFrame, **asked: Any) -> dict[str, tuple[float, float]]:
    found = attribution(read_journeys(events), "w_shaped", kpi="sale", **asked).credit.set_index("channel")
    return {str(channel): (row["conversions"], row["value"]) for channel, row in found.iterrows()}


def test_the_touch_that_made_the_lead_has_the_share_of_the_middle() -> None:
    found = credit_of(EVENTS, lead="lead")
    for channel, expected in BY_HAND.items():
        assert found[channel] == pytest.approx(expected, abs=1e-12)
    assert credit_of(EVENTS.sample(frac=1, random_state=3), lead="lead") == found


def test_without_the_name_of_the_lead_it_is_the_middle_touch() -> None:
    found = credit_of(EVENTS)
    # x: 30/15/15/30 of 90; y and the second of z: thirds.
    assert found["social"][0] == pytest.approx(0.15 / 0.9 + 1 / 3 + 1 / 3, abs=1e-12)
    notes = attribution(read_journeys(EVENTS), "w_shaped", kpi="sale").notes
    assert any("name the lead's KPI in lead" in note for note in notes)


def test_journeys_without_a_lead_are_counted() -> None:
    found = attribution(read_journeys(EVENTS), "w_shaped", lead="lead")
    assert any(
        note.startswith("sale: w_shaped: 1 of 4 conversions have no touch up to a lead in their journey")
        for note in found.notes
    )
    assert any("toward lead itself the middle touch" in note for note in found.notes)


def test_a_transform_or_a_window_leaves_the_lead_where_it_was() -> None:
    repeated = pd.concat([EVENTS, pd.DataFrame([("x", "2026-03-02T12:00", "social", None, None)], columns=COLUMNS)])
    found = credit_of(repeated, lead="lead", transforms="exposure")
    for channel, expected in BY_HAND.items():
        assert found[channel] == pytest.approx(expected, abs=1e-12)
    # What is left of x within three days: email, display; the lead was before them.
    journeys = read_journeys(EVENTS, lookback=2.5)
    near = attribution(journeys, "w_shaped", kpi="sale", lead="lead").credit.set_index("channel")["conversions"]
    assert near["display"] == pytest.approx(0.5)


def test_tables_by_model_and_by_period_take_the_lead_too() -> None:
    journeys = read_journeys(EVENTS)
    expected = {channel: conversions for channel, (conversions, _) in BY_HAND.items()}
    table = compare_attribution(journeys, ["w_shaped", "linear"], kpi="sale", lead="lead").table
    assert table.set_index("channel")["w_shaped"].to_dict() == pytest.approx(expected)
    report = attribution_report(journeys, "w_shaped", kpi="sale", lead="lead")
    assert report.channels.set_index("channel")["conversions"].to_dict() == pytest.approx(expected)
    weeks = credit_by_period(journeys, "w_shaped", kpi="sale", lead="lead")
    assert weeks.groupby("channel")["conversions"].sum().to_dict() == pytest.approx(expected)


def test_a_lead_is_a_kpi_with_times() -> None:
    with pytest.raises(ScenarioError, match="lead is 'leed': is no KPI; did you mean lead"):
        credit_of(EVENTS, lead="leed")
    paths = pd.DataFrame({"path": ["a > b"], "total_conversions_lead": [2], "total_conversions_sale": [1]})
    with pytest.raises(ScenarioError, match="lead is 'lead': needs events"):
        attribution(paths, "w_shaped", lead="lead")


def clerk(events: list[Event]) -> dict[str, float]:
    """Sales credited by walking each customer's events, a journey at a time."""
    found: dict[str, float] = defaultdict(float)
    for customer in sorted({event.customer for event in events}):
        mine = [event for event in set(events) if event.customer == customer]
        touches = sorted((one for one in mine if one.channel), key=lambda one: (one.day, str(one.channel)))
        sold = sorted({event.day for event in mine if event.kpi == "sale"})
        for before, day in zip([-1.0, *sold], sold, strict=False):
            path = [one for one in touches if before < one.day <= day]
            sales = sum(event.kpi == "sale" and event.day == day for event in mine)
            if not path:
                continue
            leads = [event.day for event in mine if event.kpi == "lead" and path[0].day <= event.day <= day]
            n = len(path)
            share = np.zeros(n)
            share[0] += 0.3
            share[-1] += 0.3
            if leads:
                middles = [max(at for at, one in enumerate(path) if one.day <= min(leads))]
            else:
                middles = [(n - 1) // 2, n // 2]
            for at in middles:
                share[at] += 0.3 / len(middles)
            others = [at for at in range(n) if at not in (0, n - 1, *middles)]
            for at in others:
                share[at] += 0.1 / len(others)
            for one, part in zip(path, share / share.sum(), strict=True):
                found[str(one.channel)] += sales * part
    return found


@given(some_events)
@settings(max_examples=150)
def test_leads_are_those_that_a_clerk_would_find(events: list[Event]) -> None:
    journeys = read_journeys(table_of(events))
    if not {"lead", "sale"} <= set(journeys.kpis) or not journeys.paths["sale"].totals[0]:
        return
    found = attribution(journeys, "w_shaped", kpi="sale", lead="lead").credit.set_index("channel")["conversions"]
    expected = clerk(events)
    assert {channel: value for channel, value in found.items() if value} == pytest.approx(dict(expected))
