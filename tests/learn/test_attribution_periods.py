"""Credit by period: it adds up, stands where its touch stood, and lies beside what was spent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution, credit_by_period
from optimizer.learn.attribution.models import BY_CHANNEL, MODELS

EVENTS = pd.DataFrame(
    [
        ("1", "2026-03-01T23:30", "a", 2.0, None, None),  # a Sunday
        ("1", "2026-03-02T00:10", "b", 3.0, None, None),  # the Monday after
        ("1", "2026-03-17T08:00", None, None, "sale", 90.0),
        ("2", "2026-03-18T09:00", "a", 2.0, "lead", None),
        ("2", "2026-04-01T09:00", "b", 3.0, "sale", 10.0),
    ],
    columns=["customer_id", "timestamp", "channel", "cost", "conversion", "value"],
)


def found(table: pd.DataFrame, channel: str, column: str) -> dict[str, float]:
    rows = table[(table["channel"] == channel) & (table[column] != 0)]
    return dict(zip(rows["date"].dt.strftime("%m-%d"), rows[column], strict=True))


def test_credit_stands_in_the_week_of_its_touch_beside_the_spend() -> None:
    table = credit_by_period(EVENTS, "linear", kpi="sale")
    assert list(table.columns) == ["channel", "date", "touches", "spend", "conversions", "value"]
    assert found(table, "a", "conversions") == {"02-23": 0.5, "03-16": 0.5}
    assert found(table, "b", "conversions") == {"03-02": 0.5, "03-30": 0.5}
    assert found(table, "a", "value") == {"02-23": 45.0, "03-16": 5.0}
    assert found(table, "a", "spend") == {"02-23": 2.0, "03-16": 2.0}
    assert found(table, "b", "touches") == {"03-02": 1.0, "03-30": 1.0}
    assert len(table) == 2 * 6  # every Monday from 23 February to 30 March


def test_or_in_the_period_of_the_conversion() -> None:
    table = credit_by_period(EVENTS, "linear", kpi="sale", dated="conversion", period="month")
    assert found(table, "a", "conversions") == {"03-01": 0.5, "04-01": 0.5}
    assert found(table, "b", "spend") == {"03-01": 3.0, "04-01": 3.0}
    daily = credit_by_period(EVENTS, "first", kpi="sale", period="day")
    assert found(daily, "a", "conversions") == {"03-01": 1.0, "03-18": 1.0}


@pytest.mark.parametrize("model", [model for model in MODELS if model not in BY_CHANNEL])
def test_periods_add_up_to_the_credit_and_the_spend(model: str) -> None:
    random = np.random.default_rng(5)
    size = 400
    kpi = np.array([None, None, None, "lead", "sale"], dtype=object)[random.integers(0, 5, size)]
    events = pd.DataFrame(
        {
            "customer_id": random.integers(0, 60, size),
            "timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90 * 86400, size), unit="s"),
            "channel": random.choice(["a", "b", "c"], size),
            "cost": random.random(size),
            "conversion": kpi,
            "value": np.where([one is not None for one in kpi], random.random(size), 0.0),
        }
    )
    journeys = opt.read_journeys(events, lookback=20)
    whole = attribution(journeys, model).credit.set_index(["kpi", "channel"])
    for dated in ("touch", "conversion"):
        table = credit_by_period(journeys, model, dated=dated).groupby(["kpi", "channel"]).sum(numeric_only=True)
        pd.testing.assert_series_equal(table["conversions"], whole["conversions"], rtol=1e-12)
        pd.testing.assert_series_equal(table["value"], whole["value"], rtol=1e-12)
        spent = events.groupby("channel")["cost"].sum()
        for kpi_ in ("lead", "sale"):
            pd.testing.assert_series_equal(table.loc[kpi_]["spend"], spent, check_names=False)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "markov"}, "weighs no touches, so its credit has no dates; take markov_journey"),
        ({"period": "weak"}, "did you mean week"),
        ({"dated": "spend"}, "expected touch or conversion"),
        ({"kpi": "sales"}, "did you mean sale"),
    ],
)
def test_what_periods_cannot_be_told(asked: dict, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        credit_by_period(EVENTS, **asked)


def test_grouped_paths_have_no_dates() -> None:
    with pytest.raises(ScenarioError, match="needs events; grouped paths have no times"):
        credit_by_period(pd.DataFrame({"path": ["a"], "total_conversions": [1]}))
