"""What a call must refuse, with the argument or the cell and its mend, and what it leaves out, with a count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.drift import drift
from optimizer.learn.appetence.lookalike import lookalike, recent_buyers
from optimizer.learn.appetence.policy import Experiment
from optimizer.learn.appetence.rates import notes_from_scores, rates_of
from optimizer.learn.appetence.stages import fit_stages
from optimizer.learn.appetence.uplift import Uplift

CUSTOMERS = pd.DataFrame({"customer_id": ["b", "c", "a", "d"], "age": [30.0, 41.0, 52.0, 63.0]})


def _log(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "channel", "event", "date"])


LOG = _log(
    *[(who, "sms", "sent", f"2025-01-{day:02d}") for who in "abcd" for day in (1, 8)],
    ("a", "sms", "click", "2025-01-02"),
    ("b", "sms", "click", "2025-01-09"),
    ("b", "sms", "open", "2025-03-01"),
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"response_days": "x"}, r"response_days: the number is 'x': expected more than 0 days"),
        ({"response_days": float("inf")}, r"response_days: .* expected more than 0 days"),
        ({"min_responses": "a"}, r"min_responses is 'a': expected at least 1, a whole number"),
        ({"seed": "x"}, r"seed is 'x': expected a whole number from 0 to"),
        ({"seed": -1}, r"seed is -1: expected a whole number from 0 to"),
        ({"time_zone": "Mars"}, r"time_zone: the name is 'Mars': expected a time zone, as Europe/Paris"),
        ({"time_zone": None}, r"time_zone: .* expected the name of a time zone"),
        ({"as_of": 5}, r"as_of: the date is 5: expected a date written YYYY-MM-DD"),
        ({"as_of": pd.NaT}, r"as_of: the date is 'NaT': expected a date written YYYY-MM-DD"),
    ],
)
def test_an_argument_of_a_fit_that_is_none_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        opt.fit_appetence(LOG, CUSTOMERS, **options)


def test_dates_of_scores_and_of_drift_that_are_none_are_named() -> None:
    learnt = opt.fit_appetence(LOG, CUSTOMERS)
    with pytest.raises(ScenarioError, match=r"predict: as_of is 'foo': expected a date"):
        learnt.predict("foo")
    with pytest.raises(ScenarioError, match=r"predict: as_of .* expected a date without a zone"):
        learnt.predict("2025-02-01T00:00Z")
    with pytest.raises(ScenarioError, match=r"drift: before is 'soon': expected a date"):
        drift(learnt, "soon")
    with pytest.raises(ScenarioError, match=r"drift: after is 'later': expected a date"):
        drift(learnt, "2025-01-05", "later")


@pytest.mark.parametrize("days", ["x", -3, float("nan"), None])
def test_days_of_a_recent_purchase_are_a_number_of_at_least_none(days: Any) -> None:
    with pytest.raises(ScenarioError, match=r"days: the number.*expected 0 days or more"):
        recent_buyers(LOG, CUSTOMERS, days=days)


def test_a_figure_that_is_not_finite_is_refused_by_its_row_in_the_table() -> None:
    for column in ("age", "value"):
        endless = CUSTOMERS.assign(value=1.0)
        endless.loc[2, column] = np.inf  # the first by identifier, the third by row
        with pytest.raises(ScenarioError, match=rf"row 3, column {column} is inf: expected a number that is finite"):
            opt.fit_appetence(LOG, endless)
    many = pd.DataFrame({"customer_id": np.arange(60).astype(str), "age": [*np.arange(59.0), -np.inf]})
    with pytest.raises(ScenarioError, match=r"row 60, column age is -inf"):
        lookalike(many, many["customer_id"].head(30))
    with pytest.raises(ScenarioError, match=r"row 1, column rank is inf"):
        opt.fit_appetence(LOG.assign(rank=[np.inf, *[1.0] * (len(LOG) - 1)]), CUSTOMERS, context={"rank": 1})


def test_a_worth_stays_with_its_customer_whatever_the_order_of_rows() -> None:
    worth = CUSTOMERS.assign(value=[2.0, 3.0, 1.0, 4.0])
    learnt = opt.fit_appetence(LOG, worth)
    assert learnt.known.traits.value is not None
    assert learnt.known.traits.value.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert learnt.known.traits.numeric["age"].tolist() == [52.0, 30.0, 41.0, 63.0]


def test_a_history_of_strangers_alone_is_refused_by_its_identifiers() -> None:
    strange = LOG.assign(customer_id="0" + LOG["customer_id"])
    message = r"column customer_id is '0a': stands in no row of the customers table"
    with pytest.raises(ScenarioError, match=message):
        opt.fit_appetence(strange, CUSTOMERS, as_of="2025-03-01")
    with pytest.raises(ScenarioError, match=message):
        fit_stages(strange, CUSTOMERS, ["click"])


def test_a_stray_future_date_does_not_move_the_stages_date() -> None:
    stray = pd.concat([LOG, _log(("c", "sms", "open", "2199-01-01"))], ignore_index=True)
    for fit in (opt.fit_appetence, lambda history, customers: fit_stages(history, customers, ["click"])):
        with pytest.raises(ScenarioError, match=r"row 12, column date .*2199.* days after 99 % of the events"):
            fit(stray, CUSTOMERS)
    told = fit_stages(stray, CUSTOMERS, ["click"], as_of="2025-01-20", response_days=14)
    # Contacts of the 8th have until the 22nd: four are not learnt from.
    assert told.table["contacts"].sum() == 4
    counts = {note.reason: note.count for note in told.notes}
    assert counts["contacts of the last 14 days: not learnt from, a stage may still be reached"] == 4
    assert counts["events dated 2025-01-20 or later (after as_of): left out"] == 2


def test_stages_count_strangers_undated_and_blank_rows() -> None:
    odd = _log(("zz", "sms", "sent", "2025-01-01"), ("a", "sms", "sent", None), ("b", None, "sent", "2025-01-03"))
    told = fit_stages(pd.concat([LOG, odd], ignore_index=True), CUSTOMERS, ["click"], response_days=14)
    assert [(note.count, note.reason.split(":")[0]) for note in told.notes] == [
        (1, "events of customers who are not in the customers table"),
        (1, "events without a date"),
        (1, "contacts without channel"),
    ]
    plain = fit_stages(LOG, CUSTOMERS, ["click"], response_days=14)
    assert plain.notes == []
    pd.testing.assert_frame_equal(told.table, plain.table)


CALLS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"] * 3,
        "channel": "phone",
        "event": ["response", "no_response"] * 6,
        "date": [f"2025-01-{day:02d}" for day in range(1, 13)],
        "rank": [1.0, 2.0, 3.0] * 4,
        "month": ["May", "June"] * 6,
    }
)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"rank": float("inf")}, r"context rank is 'inf': expected a finite number"),
        ({"rank": float("nan")}, r"context rank is 'nan': expected a finite number"),
        ({"rank": "two"}, r"context rank is 'two': expected a finite number"),
        ({"rank": [1]}, r"context rank is '\[1\]': expected a finite number"),
        ({"month": "Mai"}, r"context month is 'Mai': no contact has it; did you mean May"),
        ({"month": 5}, r"context month is '5': no contact has it; known: June, May"),
        ("rank", r"context is 'rank': expected columns and values to score at"),
    ],
)
def test_a_context_that_no_contact_can_have_is_refused_by_fit_and_predict(context: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=f"fit_appetence: {message}"):
        opt.fit_appetence(CALLS, CUSTOMERS, context=context)
    learnt = opt.fit_appetence(CALLS, CUSTOMERS, context={"rank": 1, "month": "May"})
    with pytest.raises(ScenarioError, match=f"predict: {message}"):
        learnt.predict(context=context)


def test_fatigue_by_a_column_of_words_is_refused_and_empty_ranks_are_passed_over() -> None:
    many = pd.concat([CALLS.assign(date=f"2024-{month:02d}-01") for month in range(1, 13)], ignore_index=True)
    gaps = pd.concat([many, many.head(7).assign(rank=np.nan, date="2024-12-24")], ignore_index=True)
    learnt = opt.fit_appetence(gaps, CUSTOMERS, context={"rank": None, "month": None})
    with pytest.raises(ScenarioError, match=r"fatigue: rank is 'month': holds words"):
        learnt.fatigue("month")
    assert learnt.fatigue("rank")["contacts"].tolist() == [48] * 3 * 2


def test_a_text_is_one_name_and_not_its_letters() -> None:
    asked: dict[str, Any] = {"channels": "sms", "responses": "click", "columns": "age"}
    listed = opt.fit_appetence(LOG, CUSTOMERS, channels=["sms"], responses=["click"], columns=["age"])
    pd.testing.assert_frame_equal(opt.fit_appetence(LOG, CUSTOMERS, **asked).scores, listed.scores)
    assert fit_stages(LOG, CUSTOMERS, "click").counts["stage"].tolist() == ["start", "click"]
    with pytest.raises(ScenarioError, match=r"the customers is 1: expected at least 25"):
        lookalike(CUSTOMERS, "a")
    with pytest.raises(ScenarioError, match=r"converted: the customers is 'None': expected names"):
        lookalike(CUSTOMERS, None)  # type: ignore[arg-type]


def test_stages_count_an_event_once_however_often_it_stands() -> None:
    once = fit_stages(LOG, CUSTOMERS, ["click"], response_days=5)
    twice = fit_stages(pd.concat([LOG, LOG], ignore_index=True), CUSTOMERS, ["click"], response_days=5)
    pd.testing.assert_frame_equal(twice.table, once.table)
    assert [note.count for note in twice.notes if "twice" in note.reason] == [len(LOG)]
    with pytest.raises(ScenarioError, match=r"stages: the names is 'sent': is a contact"):
        fit_stages(LOG, CUSTOMERS, ["sent", "click"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"click": float("inf")}, r"row 1 of the stages is 'inf': expected a finite number"),
        ({"click": "much"}, r"row 1 of the stages is 'much'"),
        ({"click": 1, "clik": 2}, r"the stage is 'clik': did you mean click"),
        ({}, r"the stage is 'click': has no value"),
        ([3], r"the stages is '\[3\]': expected a value a stage"),
    ],
)
def test_what_a_stage_is_worth_is_a_number_of_each_and_of_no_other(values: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=f"values: {message}"):
        fit_stages(LOG, CUSTOMERS, ["click"], response_days=5).appetence(values)


@pytest.mark.parametrize(
    ("responded", "message"),
    [
        ([1, 0, 7], r"row 3 of responded is '7': expected true or false, or 1 or 0"),
        ([1, None, 0], r"row 2 of responded is 'nan'"),
        (["yes", "no", "no"], r"row 1 of responded is 'yes'"),
    ],
)
def test_rates_are_learnt_of_contacts_that_responded_or_did_not(responded: list[Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        rates_of(pd.DataFrame({"note": ["A", "B", "B"], "responded": responded}))
    with pytest.raises(ScenarioError, match=r"row 2, column note is 'empty'"):
        rates_of(pd.DataFrame({"note": ["A", None, "B"], "responded": [1, 0, 1]}))
    with pytest.raises(ScenarioError, match=r"the table.* is empty"):
        rates_of(pd.DataFrame({"note": [], "responded": []}))


def test_notes_experiments_and_uplift_refuse_what_is_no_number() -> None:
    with pytest.raises(ScenarioError, match=r"row 1, column sms is 'x': expected a number"):
        notes_from_scores(pd.DataFrame({"customer_id": ["a", "b"], "sms": ["x", 0.1]}))
    with pytest.raises(ScenarioError, match=r"parts is 0: expected at least 2"):
        notes_from_scores(pd.DataFrame({"customer_id": ["a"], "sms": [0.1]}), 0)
    arm = pd.Series(["mail", "none"] * 4)
    with pytest.raises(ScenarioError, match=r"row 2 of outcome is 'nan'"):
        Experiment(arm, np.array([1, np.nan] * 4))
    drawn = Experiment(arm, np.array([1.0, 0.0] * 4), {"mail": 0.5, "none": 0.4, "text": 0.1})
    with pytest.raises(ScenarioError, match=r"policy: the arms is '7 rows': expected 8"):
        drawn.value(arm.head(7))
    with pytest.raises(ScenarioError, match=r"the arm is 'text': nobody was drawn"):
        drawn.value(pd.Series(["text"] * 8))
    frame, held = pd.DataFrame({"age": np.arange(8.0)}), np.array([True, False] * 4)
    for options, message in (
        ({"outcome": np.full(8, np.nan)}, "row 1 of outcome is 'nan'"),
        ({"outcome": np.zeros(7)}, "outcome is '7 rows': expected 8"),
        ({"treated": np.full(8, 2)}, "row 1 of treated is '2'"),
        ({"method": "y"}, "method is 'y'"),
        ({"share": 1.5}, "share is 1.5: expected a probability"),
    ):
        given: dict[str, Any] = {"treated": held, "outcome": np.zeros(8), **options}
        with pytest.raises(ScenarioError, match=message):
            Uplift(frame, **given)


@pytest.mark.parametrize("source", [None, 3, ["a"]])
def test_what_is_neither_a_table_nor_a_file_is_refused(source: Any) -> None:
    with pytest.raises(ScenarioError, match=r"history: the table is '.*': expected a table or its file"):
        opt.fit_appetence(source, CUSTOMERS)
    with pytest.raises(ScenarioError, match=r"customers: the table is '.*': expected a table or its file"):
        opt.fit_appetence(LOG, source)
