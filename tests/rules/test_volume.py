"""Volumes: counts, windows, exceptions, customers and packages, by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from optimizer import Scenario
from optimizer.errors import ScenarioError
from optimizer.rules import compile_problem
from optimizer.rules.volume import windows
from tests.rules.small import row_values, small

BOOKED = pd.DataFrame(
    {"customer_id": ["anna", "anna", "ben"], "date": ["2026-03-01", "2026-03-02", "2026-03-12"], "channel": "phone"}
)
HISTORY = pd.DataFrame({"customer_id": ["cleo"], "date": ["2026-03-01"], "channel": "phone"})


def values(scenario: Scenario, plan: Sequence[str]) -> dict[tuple[str, str], list[float]]:
    return row_values(scenario, compile_problem(scenario), plan)


def test_committed_contacts_inside_the_horizon_count_and_history_does_not():
    scenario = small([{"volume": {"max": 5}, "where": {"channel": "phone"}}], committed=BOOKED, history=HISTORY)
    assert values(scenario, ["cleo phone w1", "cleo email w1"]) == {("rule 1", ""): [3.0]}  # 2 and 12 March booked


def test_each_value_has_its_row_and_its_committed_contacts():
    scenario = small([{"volume": {"min": 1}, "each": "country"}], committed=BOOKED)
    assert values(scenario, ["cleo phone w1", "ben email w1"]) == {
        ("rule 1", "country=DE"): [1.0],
        ("rule 1", "country=FR"): [3.0],
    }


def test_rolling_windows_count_what_is_booked_before_the_horizon_too():
    scenario = small([{"volume": {"max": 5, "days": 3}}], committed=BOOKED, history=HISTORY)
    assert values(scenario, ["cleo phone w1", "anna email w2"]) == {
        ("rule 1", "2026-02-28 to 2026-03-02"): [3.0],
        ("rule 1", "2026-03-10 to 2026-03-12"): [2.0],
    }


def test_an_exception_replaces_both_bounds_of_its_date():
    rule = {"volume": {"min": 1, "max": 5, "days": 1, "except": [{"date": "2026-03-12", "max": 2}]}}
    rows = {row.scope: (row.lower, row.upper) for row in compile_problem(small([rule])).coupling}
    assert rows == {
        "2026-03-02 to 2026-03-02": (1.0, 5.0),
        "2026-03-12 to 2026-03-12": (-np.inf, 2.0),
    }


def test_minima_bind_windows_inside_the_horizon():
    rows = {
        row.scope: (row.lower, row.upper)
        for row in compile_problem(small([{"volume": {"min": 1, "days": 11}}])).coupling
    }
    assert rows == {"2026-03-02 to 2026-03-12": (1.0, np.inf)}
    rows = {
        row.scope: (row.lower, row.upper)
        for row in compile_problem(small([{"volume": {"min": 1, "max": 4, "days": 30}}])).coupling
    }
    assert rows == {
        "2026-02-01 to 2026-03-02": (-np.inf, 4.0),
        "2026-02-11 to 2026-03-12": (-np.inf, 4.0),
        "2026-03-02 to 2026-03-12": (1.0, np.inf),
    }


def test_windows_end_on_activity_dates():
    found = windows(np.array([10, 12, 12, 20], np.int32), 3)
    assert [(w.first, w.last, w.minimum, w.maximum) for w in found] == [
        (8, 10, False, True),
        (10, 12, True, True),
        (18, 20, True, True),
    ]


@pytest.mark.parametrize(("of", "expected"), [("contacts", 3.0 + 2.0), ("customers", 3.0), ("packages", 3.0)])
def test_customers_and_packages_count_once_what_is_booked_already(of, expected):
    # Booked: anna on 2 March, ben on 12 March. Ours: anna twice on 2 March, cleo on 12 March; ben nothing more.
    scenario = small([{"volume": {"max": 9, "of": of}}], committed=BOOKED)
    plan = ["anna phone w1", "anna email w1", "cleo phone w2"]
    assert values(scenario, plan)["rule 1", ""] == [expected]


def test_packages_tell_dates_apart():
    scenario = small([{"volume": {"max": 9, "of": "packages"}}])
    assert values(scenario, ["anna phone w1", "anna email w1", "anna email w2", "ben email w2"])["rule 1", ""] == [3.0]


def test_without_dates_a_customer_is_one_package():
    scenario = small([{"volume": {"max": 9, "of": "packages"}}], waves=[])
    problem = compile_problem(scenario)
    label = problem.coupling[0].expression.reached[0][0].label
    assert len(np.unique(label)) == 3


def test_bounds_come_from_a_table_keyed_by_each():
    table = pd.DataFrame({"country": ["FR", "DE"], "wave": ["w1", "w1"], "slots": [3, 7]})
    rule = {"volume": {"max": {"table": table, "column": "slots"}}, "each": ["country", "wave"]}
    rows = {row.scope: row.upper for row in compile_problem(small([rule])).coupling}
    assert rows == {"country=FR, wave=w1": 3.0, "country=DE, wave=w1": 7.0}  # w2 has no row, so no bound


def test_a_table_may_hold_some_of_the_columns_of_each():
    table = pd.DataFrame({"country": ["FR", "DE"], "slots": [3.0, np.nan]})
    rule = {"volume": {"min": {"table": table, "column": "slots"}}, "each": ["country", "wave"]}
    rows = {row.scope: row.lower for row in compile_problem(small([rule])).coupling}
    assert rows == {"country=FR, wave=w1": 3.0, "country=FR, wave=w2": 3.0}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"country": ["FR", "FR"], "slots": [3, 4]}), "twice"),
        (pd.DataFrame({"land": ["FR"], "slots": [3]}), "each"),
        (pd.DataFrame({"country": ["FR"], "places": [3]}), "places"),
    ],
)
def test_a_wrong_table_is_told(table, words):
    rule = {"volume": {"max": {"table": table, "column": "slots"}}, "each": "country"}
    with pytest.raises(ScenarioError, match=words):
        compile_problem(small([rule]))


def test_soft_sides_and_tolerance():
    rule = {"volume": {"min": 1, "max": 2}, "soft": {"penalty": 8, "side": "min", "tolerance": 1}}
    soft = compile_problem(small([rule])).coupling[0].soft
    assert soft is not None
    assert (soft.penalty, soft.tolerance, soft.min_side, soft.max_side) == (8.0, 1.0, True, False)


def test_a_reported_rule_leaves_no_trace():
    assert compile_problem(small([{"volume": {"max": 2}, "mode": "report"}])).coupling == []
