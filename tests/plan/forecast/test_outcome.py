"""A forecast beside what came: matched, silent and unplanned contacts, media, money told or valued."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from tests.plan.forecast.test_forecast import figure, rich, valued
from tests.plan.small import small

TWO = {"w1": "2026-03-02", "w2": "2026-03-09"}


def test_what_came_stands_beside_what_was_forecast_in_the_same_groups() -> None:
    found = valued(small(), "anna phone w1", "ben phone w1", "cleo sms w1")
    results = pd.DataFrame(
        {
            "customer_id": ["anna", "ben", "dora"],
            "channel": ["phone", "phone", "phone"],
            "response": [1, 0, 1],
            "revenue": [120.0, 0, 80],
        }
    )
    seen = found.forecast(draws=200, by=["channel"]).against(results)
    assert (seen.matched, seen.silent, seen.unplanned) == (2, 1, 1)
    assert seen.examples == ["row 3: dora, phone"]
    phone = figure(seen.table, "response", "phone", "channel")
    assert (phone["actual"], phone["inside"], phone["plan"]) == (1, True, pytest.approx(1.0))
    # margin of 100 a response as planned; 5 + 5 for phone, 2 for the text
    assert figure(seen.table, "net_margin")["actual"] == pytest.approx(100 - 12)
    assert figure(seen.table, "roi", "sms", "channel")["actual"] == pytest.approx(-1)
    assert "gross margin: the responses seen, at the plan's margin a response" in seen.notes
    assert seen.table["by"].unique().tolist() == ["total", "channel"]


def test_a_result_far_off_is_outside() -> None:
    people = pd.DataFrame({"customer_id": [f"c{number:03d}" for number in range(300)]})
    scenario = small(customers=people, appetence=people.assign(email=0.1, sms=0.2, phone=0.5))
    plan = pd.DataFrame({"customer_id": people["customer_id"], "channel": "email"})
    forecast = opt.evaluate(scenario, plan).forecast(draws=300)
    results = plan.assign(response=[1] * 70 + [0] * 230)
    assert not figure(forecast.against(results).table, "response")["inside"]
    assert figure(forecast.against(results.assign(response=[1] * 30 + [0] * 270)).table, "response")["inside"]


def test_media_rows_carry_their_total_and_kpis_their_margin() -> None:
    found = valued(rich(), "anna email w1", "ben sms w1", spend={"search": 20.0})
    results = pd.DataFrame(
        {
            "customer_id": ["anna", None],
            "channel": ["email", "search"],
            "response": [1, 0],
            "sale": [0, 3],
        }
    )
    seen = found.forecast(draws=50, by=["channel"]).against(results)
    search = figure(seen.table, "sale", "search", "channel")
    assert search["actual"] == 3
    assert figure(seen.table, "net_margin", "search", "channel")["actual"] == pytest.approx(3 * 800 - 22)
    assert figure(seen.table, "gross_margin", "email", "channel")["actual"] == pytest.approx(50 * 0.4)
    assert figure(seen.table, "cost", "email", "channel")["actual"] == pytest.approx(1 + 9)
    assert figure(seen.table, "cost", "sms", "channel")["actual"] == pytest.approx(2 + 3)  # the start of the wave


def test_a_result_that_fits_several_contacts_is_refused_with_the_mend() -> None:
    found = valued(small(waves=TWO), "anna email w1", "anna email w2")
    results = pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": [1]})
    with pytest.raises(ScenarioError, match=r"row 1 is 'anna, email': fits several .* add the column activity"):
        found.forecast(draws=20).against(results)
    told = found.forecast(draws=20).against(results.assign(wave="w2"))
    assert (told.matched, told.silent) == (1, 1)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (pd.DataFrame({"customer_id": ["anna"], "channel": ["email"]}), "column response"),
        (pd.DataFrame({"customer_id": ["anna"], "response": [1]}), "expected activity, or channel"),
        (pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": ["yes"]}), "expected a number"),
        (pd.DataFrame({"customer_id": [None], "channel": ["serch"], "response": [1]}), "did you mean search"),
        (
            pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": [-3]}),
            "row 1, column response.*at least 0",
        ),
        (
            pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": [7]}),
            "row 1, column response.*0 to 1",
        ),
        (
            pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": [1], "sale": [2]}),
            "row 1, column sale.*0 to 1",
        ),
        (
            pd.DataFrame({"customer_id": ["anna"], "channel": ["email"], "response": [1], "cost": [-5]}),
            "row 1, column cost.*at least 0",
        ),
        (
            pd.DataFrame({"customer_id": ["anna"] * 5, "channel": ["email"] * 5, "response": [1] * 5}),
            r"row 2: anna.*same contact as row 1.*4 such rows",
        ),
        (
            pd.DataFrame({"customer_id": [None] * 2, "channel": ["search"] * 2, "response": [4, 4]}),
            "row 2.*same medium as row 1",
        ),
        (None, "results.*expected a table or its file"),
    ],
)
def test_bad_results_say_what_was_expected(results: Any, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        valued(rich(), "anna email w1").forecast(draws=20).against(results)


def test_empty_responses_count_as_none_and_are_told() -> None:
    found = valued(small(), "anna phone w1", "ben phone w1", "cleo sms w1")
    results = pd.DataFrame(
        {"customer_id": ["anna", "ben", "dora"], "channel": ["phone"] * 3, "response": [1.0, None, None]}
    )
    seen = found.forecast(draws=50).against(results)
    # dora is no contact of the plan, so her empty cell counts nowhere
    assert "response: empty in 1 row, counted as 0" in seen.notes
    assert figure(seen.table, "response")["actual"] == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"scores": True}, "scores.*expected a relative standard deviation, a table or its file"),
        ({"curves": 3}, "curves.*expected a table or its file"),
        ({"by": 3}, "by is 3: expected columns"),
        ({"by": [3]}, "by is 3: expected a column's name"),
    ],
)
def test_a_forecast_says_what_it_expected(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        valued(small(), "anna phone w1").forecast(draws=20, **asked)


def test_a_text_to_split_by_is_one_column() -> None:
    found = valued(small(), "anna phone w1", "cleo sms w1")
    pd.testing.assert_frame_equal(
        found.forecast(draws=20, by="channel").table, found.forecast(draws=20, by=["channel"]).table
    )
