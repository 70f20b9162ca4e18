"""Facts by hand: pairs, worth, past, media and openings of small scenarios; and that row order says nothing."""

# A case a line, however long: the tables of cases read better so.
# ruff: noqa: E501

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.scenario import Scenario, load
from tests.scenario.small import write

CUSTOMERS = pd.DataFrame(
    {"customer_id": [2, 10, 1], "country": ["FR", "BE", "FR"], "value": [10.0, 20.0, 30.0], "postage": [0.5, 0.6, 0.7]}
)
WIDE = pd.DataFrame({"customer_id": [1, 2, 10], "email": [0.1, 0.2, None], "print": [0.3, None, 0.5]})


def scenario(**keys) -> Scenario:
    """Three customers, e-mail and print, one offer, two waves; keys replace, None takes away."""
    given = {
        "objective": "responses",
        "customers": CUSTOMERS,
        "appetence": WIDE,
        "channels": {"email": {"unit_cost": 0.01}, "print": {"unit_cost": "postage", "days": -2}},
        "waves": [{"name": "w1", "date": "2026-03-05"}, {"name": "w2", "date": "2026-03-12"}],
    }
    return Scenario(**{key: value for key, value in {**given, **keys}.items() if value is not None})


def pairs(made: Scenario, column: str = "score") -> dict[tuple[str, str], float]:
    """(customer, activity) -> a figure of the pair."""
    facts = made.facts
    of = facts.pairs.measures.get(column, facts.pairs.kpis.get(column))
    values = getattr(facts.pairs, column) if of is None else of
    customers = facts.customers["customer_id"].to_numpy()[facts.pairs.customer]
    activities = facts.activities["activity"].to_numpy()[facts.pairs.activity]
    return dict(zip(zip(customers, activities, strict=True), values.tolist(), strict=True))


def reasons(made: Scenario) -> dict[str, int]:
    return {one.reason: one.count for one in made.facts.left_out}


# --- customers, activities ------------------------------------------------------------------------------------------


def test_customers_are_text_in_byte_order():
    assert scenario().facts.customers["customer_id"].tolist() == ["1", "10", "2"]
    assert scenario().facts.customers["value"].tolist() == [30.0, 20.0, 10.0]


def test_activities_are_dated_described_and_in_order():
    activities = scenario(
        channels={"print": {"unit_cost": 1, "days": -7, "line": "paper"}, "email": {"unit_cost": 0}},
        offers={"b": {"family": "x"}, "a": {}},
        waves=[{"name": "w2", "date": "2026-03-12", "season": "spring"}, {"name": "w1", "date": "2026-03-05"}],
        appetence=WIDE,
    ).facts.activities
    assert activities["activity"].tolist() == [
        "b print w1", "a print w1", "b print w2", "a print w2", "b email w1", "a email w1", "b email w2", "a email w2",
    ]  # fmt: skip
    assert activities["day"].tolist()[:3:2] == ["2026-02-26", "2026-03-05"]
    first = activities.iloc[0]
    assert (first["week"], first["month"], first["quarter"]) == ("2026-W09", "2026-02", "2026-Q1")
    assert (first["line"], first["family"], first["offers"]) == ("paper", "x", ("b",))
    assert activities["season"].fillna("").tolist() == ["", "", "spring", "spring", "", "", "spring", "spring"]
    assert activities["line"].isna().tolist() == [False] * 4 + [True] * 4


def test_weeks_are_those_of_the_iso_calendar():
    activities = scenario(
        channels={"email": {"unit_cost": 0}, "print": {"unit_cost": 0}}, waves=[{"name": "w", "date": "2027-01-03"}]
    ).facts.activities
    assert activities["week"].tolist()[0] == "2026-W53"
    assert activities["quarter"].tolist()[0] == "2027-Q1"


def test_without_offers_and_waves():
    facts = scenario(waves=None).facts
    assert facts.activities["activity"].tolist() == ["email", "print"]
    assert facts.activities["offer"].tolist() == ["offer", "offer"]
    assert facts.activities["wave"].tolist() == ["", ""]
    assert facts.days.tolist() == [-1, -1]
    assert not facts.dated


def test_some_combinations_may_be_excepted():
    made = scenario(activities={"except": [{"channel": "print", "wave": "w2"}, "channel == 'email' and wave == 'w1'"]})
    assert made.facts.activities["activity"].tolist() == ["print w1", "email w2"]


TABLE = pd.DataFrame(
    {
        "activity": ["x", "y", "z"],
        "products": ["a", "b;a", "b"],
        "channel": ["email", "print", "print"],
        "wave": ["w1", "w2", None],
        "date": [None, None, "2026-03-09"],
        "unit_cost": [None, 0.25, None],
        "theme": ["sun", "snow", None],
    }
)


def test_an_activities_table():
    made = scenario(
        activities=TABLE,
        offers={"a": {"gross_margin": 5, "family": "f"}, "b": {"gross_margin": "value", "family": "g"}},
    )
    facts = made.facts
    assert facts.activities["activity"].tolist() == ["x", "z", "y"]
    assert facts.activities["day"].tolist() == ["2026-03-05", "2026-03-09", "2026-03-10"]
    assert facts.activities["offers"].tolist() == [("a",), ("b",), ("b", "a")]
    assert facts.activities["family"].tolist() == [("f",), ("g",), ("g", "f")]
    assert facts.activities["theme"].fillna("").tolist() == ["sun", "", "snow"]
    assert pairs(made, "gross_margin") == {
        ("1", "x"): 5, ("1", "y"): 35, ("1", "z"): 30, ("2", "x"): 5, ("10", "y"): 25, ("10", "z"): 20,
    }  # fmt: skip
    assert pairs(made, "unit_cost")["1", "y"] == 0.25
    assert pairs(made, "unit_cost")["1", "z"] == 0.7


@pytest.mark.parametrize("form", ["path", "section", "frame"])
def test_an_activities_table_in_every_form(tmp_path, form):
    TABLE.to_csv(tmp_path / "activities.csv", index=False)
    written = {"path": "activities.csv", "section": {"table": "activities.csv"}, "frame": TABLE}[form]
    made = scenario(activities=written, offers={"a": {}, "b": {}}, folder=tmp_path)
    assert made.facts.activities["activity"].tolist() == ["x", "z", "y"]


# --- pairs ----------------------------------------------------------------------------------------------------------


def test_wide_scores_hold_for_every_offer_and_wave():
    made = scenario(offers={"a": {}, "b": {}})
    found = pairs(made)
    assert len(found) == 16
    assert {found["1", f"{offer} email {wave}"] for offer in "ab" for wave in ("w1", "w2")} == {0.1}
    assert ("10", "a email w1") not in found
    assert np.all(np.diff(made.facts.pairs.customer.astype(int) * 100 + made.facts.pairs.activity) > 0)


def test_wide_scores_by_offer_and_wave():
    wide = pd.DataFrame(
        {"customer_id": [1, 1], "offer": ["a", "b"], "wave": ["w1", "w2"], "email": [0.1, 0.2], "print": [None, 0.4]}
    )
    found = pairs(scenario(offers={"a": {}, "b": {}}, appetence=wide))
    assert found == {("1", "a email w1"): 0.1, ("1", "b email w2"): 0.2, ("1", "b print w2"): 0.4}


def test_long_scores_by_channel_and_by_activity():
    by_channel = pd.DataFrame(
        {
            "customer_id": [1, 2, 2],
            "channel": ["email", "print", "email"],
            "wave": ["w1", "w2", "w2"],
            "score": [0.1, 0.2, None],
        }
    )
    expected = {("1", "email w1"): 0.1, ("2", "print w2"): 0.2}
    assert pairs(scenario(appetence=by_channel)) == expected
    by_activity = pd.DataFrame({"customer_id": [2, 1], "activity": ["print w2", "email w1"], "score": [0.2, 0.1]})
    assert pairs(scenario(appetence=by_activity)) == expected


LONG = pd.DataFrame(
    {
        "customer_id": [1, 2, 10],
        "channel": ["email", "email", "print"],
        "score": [0.1, 0.2, 0.3],
        "cost": [None, 0.5, None],
        "gross_margin": [7.0, None, None],
        "revenue": [None, None, 50.0],
        "response_cost": [None, 2.0, None],
        "p_lead": [0.05, None, 0.15],
        "risk": [1.0, None, 3.0],
    }
)


def test_figures_of_a_pair_stand_before_those_of_its_offer_and_channel():
    made = scenario(
        appetence=LONG,
        offers={"a": {"revenue": "value", "margin_rate": 0.5, "response_cost": 1.0}},
        kpis={"lead": {"score": "p_lead"}},
        waves=None,
    )
    assert pairs(made, "gross_margin") == {("1", "a email"): 7.0, ("2", "a email"): 5.0, ("10", "a print"): 25.0}
    assert pairs(made, "revenue") == {("1", "a email"): 30.0, ("2", "a email"): 10.0, ("10", "a print"): 50.0}
    assert pairs(made, "response_cost") == {("1", "a email"): 1.0, ("2", "a email"): 2.0, ("10", "a print"): 1.0}
    assert pairs(made, "unit_cost") == {("1", "a email"): 0.01, ("2", "a email"): 0.5, ("10", "a print"): 0.6}
    assert pairs(made, "lead") == {("1", "a email"): 0.05, ("2", "a email"): 0.0, ("10", "a print"): 0.15}
    assert np.isnan(pairs(made, "risk")["2", "a email"])


def test_an_offer_without_revenue_has_none():
    found = pairs(scenario(offers={"a": {"gross_margin": 3.0}}), "revenue")
    assert all(np.isnan(value) for value in found.values())


def test_scores_of_combinations_that_are_no_activity_are_counted():
    made = scenario(
        appetence=pd.DataFrame(
            {"customer_id": [1, 2], "channel": ["email", "print"], "wave": ["w1", "w2"], "score": [0.1, 0.2]}
        ),
        activities={"except": [{"channel": "print", "wave": "w2"}]},
    )
    assert len(pairs(made)) == 1
    assert reasons(made)["scores of combinations that are no activity"] == 1
    assert reasons(made)["customers without an eligible activity"] == 2


def test_consent_takes_pairs_away_and_counts():
    consent = pd.DataFrame({"customer_id": [1, 2, 99], "email": [True, False, True], "print": ["yes", "no", "no"]})
    made = scenario(consent=consent)
    assert set(pairs(made)) == {("1", f"{channel} {wave}") for channel in ("email", "print") for wave in ("w1", "w2")}
    assert reasons(made) == {
        "consent: customers who are not in the customers table": 1,
        "customers absent from consent: no channel may reach them": 1,
        "scored pairs that consent refuses": 4,
        "customers without an eligible activity": 2,
    }


def test_a_baseline_is_subtracted():
    base = pd.DataFrame({"customer_id": [1, 2], "baseline": [0.05, 0.25]})
    made = scenario(baseline=base)
    assert pairs(made)["1", "email w1"] == pytest.approx(0.05)
    assert pairs(made)["2", "email w1"] == pytest.approx(-0.05)
    assert reasons(made)["pairs without a baseline: nothing subtracted"] == 2


def test_a_baseline_by_offer_and_channel():
    base = pd.DataFrame(
        {
            "customer_id": [1, 1, 1],
            "offer": ["a", "a", "b"],
            "channel": ["email", "print", "email"],
            "baseline": [0.01, 0.02, 0.03],
        }
    )
    found = pairs(scenario(baseline=base, offers={"a": {}, "b": {}}, waves=None))
    assert found["1", "a email"] == pytest.approx(0.09)
    assert found["1", "a print"] == pytest.approx(0.28)
    assert found["1", "b email"] == pytest.approx(0.07)
    assert found["1", "b print"] == pytest.approx(0.30)


# --- money, structure -----------------------------------------------------------------------------------------------


def test_amounts_of_customers_and_pairs_are_converted():
    rates = pd.DataFrame({"currency": ["USD"], "rate": [0.5]})
    made = scenario(
        currency={"report": "EUR", "rates": rates},
        customers=CUSTOMERS.assign(currency=["USD", "EUR", "EUR"]),
        appetence=LONG.assign(currency=["EUR", "USD", "EUR"]).drop(columns=["risk", "p_lead"]),
        offers={"a": {"gross_margin": "value"}},
        waves=None,
    )
    assert pairs(made, "gross_margin") == {("1", "a email"): 7.0, ("2", "a email"): 5.0, ("10", "a print"): 20.0}
    assert pairs(made, "unit_cost") == {("1", "a email"): 0.01, ("2", "a email"): 0.25, ("10", "a print"): 0.6}
    assert made.currency == "EUR"


def test_tiers_fixed_costs_and_minimum_volumes():
    facts = scenario(
        channels={
            "email": {"unit_cost": {"tiers": [[0, 0.6], [100, 0.5]], "kind": "all_units"}, "fixed_cost": 5},
            "print": {
                "unit_cost": 1,
                "fixed_cost": {"amount": 7, "each": "wave"},
                "line": "paper",
                "min_volume_if_opened": 3,
            },
        },
        offers={"a": {"min_volume_if_opened": 2, "fixed_cost": 1}},
        activities={"except": [{"channel": "print", "wave": "w2"}]},
    ).facts
    (tiers,) = facts.tiers
    assert (tiers.channel, tiers.starts.tolist(), tiers.prices.tolist(), tiers.kind) == (
        "email",
        [0, 100],
        [0.6, 0.5],
        "all_units",
    )
    assert facts.pairs.unit_cost[0] in (0.6, 1.0)
    names = facts.activities["activity"].to_numpy()
    found = {cost.name: (cost.amount, names[cost.activities].tolist(), cost.columns) for cost in facts.fixed_costs}
    assert found == {
        "email": (5, ["a email w1", "a email w2"], {"channel": "email"}),
        "print w1": (7, ["a print w1"], {"channel": "print", "line": "paper", "wave": "w1"}),
        "a": (1, ["a email w1", "a print w1", "a email w2"], {"offer": "a"}),
    }
    assert {one.name: (one.volume, int(one.activities.sum())) for one in facts.minimum_volumes} == {
        "print": (3, 1),
        "a": (2, 3),
    }


def test_saturation_cells_follow_by(tmp_path):
    (tmp_path / "print.yaml").write_text("hill: {top: 9, half: 2, slope: 1.5}\nspend_ref: 40\nby: [country, wave]\n")
    facts = scenario(
        folder=tmp_path, channels={"email": {"unit_cost": 0}, "print": {"unit_cost": 0, "response_curve": "print.yaml"}}
    ).facts
    (cell,) = facts.saturations
    assert (cell.channel, cell.reference) == ("print", 40)
    assert cell.cells == ["print[BE,w1]", "print[BE,w2]", "print[FR,w1]", "print[FR,w2]"]
    assert float(cell.curve.value(2.0)) == pytest.approx(4.5)
    labels = [cell.cells[code] if code >= 0 else None for code in cell.cell]
    assert labels.count("print[FR,w1]") == 1
    assert labels.count(None) == 4


def test_responses_are_combined_in_groups():
    same = scenario(responses={"combine": "independent"}, waves=[{"name": "w", "date": "2026-03-05"}]).facts
    assert same.group[:2].tolist() == [0, 0]
    apart = scenario(responses={"combine": "best", "per": ["customer_id", "channel"]}).facts
    assert len(set(apart.group.tolist())) == 4
    assert scenario().facts.group.tolist() == [-1] * len(scenario().facts.pairs)
    with pytest.raises(ScenarioError, match="would combine 9 activities"):
        scenario(
            responses={"combine": "best", "per": "customer_id"},
            waves=[{"name": f"w{k}", "date": f"2026-03-0{k}"} for k in range(1, 10)],
            appetence=pd.DataFrame({"customer_id": [1], "email": [0.1]}),
        ).facts.group


def test_media_cells_from_tables_and_written_out():
    spend = pd.DataFrame(
        {
            "country": ["FR", "BE"],
            "month": ["2026-03", "2026-03"],
            "min": [1, 0],
            "max": [10, 20],
            "or_zero": [True, False],
        }
    )
    curves = pd.DataFrame(
        {
            "country": ["BE", "FR"],
            "month": ["2026-03"] * 2,
            "top": [5.0, 6.0],
            "half": [2.0, 3.0],
            "slope": [1.5, np.nan],
        }
    )
    made = Scenario(
        kpis={"lead": {"score": "p", "gross_margin": 12.0}},
        media={
            "search": {
                "by": ["country", "month"],
                "spend": {"table": spend},
                "curve": {"table": curves},
                "in": "lead",
                "line": "digital",
            },
            "tv": {"spend": {"max": 9}, "curve": {"points": [[1, 2], [3, 4]]}, "fixed_cost": 3},
        },
    )
    be, fr, tv = made.facts.media
    assert (be.name, fr.name, tv.name) == ("search[BE,2026-03]", "search[FR,2026-03]", "tv")
    assert (fr.spend_min, fr.spend_max, fr.or_zero) == (1, 10, True)
    assert fr.columns == {"medium": "search", "line": "digital", "country": "FR", "month": "2026-03"}
    assert (fr.yields, fr.margin, tv.yields, tv.margin, tv.fixed_cost) == ("lead", 12.0, "gross_margin", 1.0, 3)
    assert float(fr.curve.value(3.0)) == pytest.approx(3.0)  # Michaelis–Menten: no slope
    assert float(be.curve.value(2.0)) == pytest.approx(2.5)
    assert len(made.facts.customers) == len(made.facts.activities) == len(made.facts.pairs) == 0
    assert made.objective == "net_margin"


def test_a_medium_in_another_currency_is_worth_the_same_money():
    rates = pd.DataFrame({"currency": ["USD"], "rate": [0.5]})
    for name, figures, at in (
        ("hill", {"top": 8.0, "half": 4.0, "slope": 2.0}, 4.0),
        ("logistic", {"top": 8.0, "rate": 0.3}, 5.0),
        ("log", {"scale": 8.0, "half": 4.0}, 3.0),
        ("power", {"scale": 8.0, "exponent": 0.5}, 9.0),
    ):
        written = Scenario(media={"tv": {"spend": {"max": 9}, "curve": {name: figures}}}).facts.media[0].curve
        table = pd.DataFrame([{**figures, "form": name, "currency": "USD"}])
        foreign = Scenario(
            currency={"report": "EUR", "rates": rates}, media={"tv": {"spend": {"max": 9}, "curve": {"table": table}}}
        )
        # What s dollars yield in dollars, s/2 euros yield in euros, half as many.
        assert float(foreign.facts.media[0].curve.value(at / 2)) == pytest.approx(float(written.value(at)) / 2)


# --- the past -------------------------------------------------------------------------------------------------------


def test_past_contacts():
    made = scenario(
        channels={"email": {"unit_cost": 0.01, "line": "digital"}, "print": {"unit_cost": "postage", "pressure": 2}},
        offers={"a": {"family": "x"}, "b": {"family": "y"}},
        history=pd.DataFrame({"customer_id": [1, 99, 1], "date": ["2026-02-10", "2026-02-01", "2026-02-01"], "channel": ["print", "email", "fax"], "theme": ["sun", None, None]}),
        committed=pd.DataFrame({"customer_id": [2, 1], "date": ["2026-03-06", "2026-03-07"], "channel": ["email", "print"], "offer": ["a;b", "a"], "cost": [None, 3.0]}),
    )  # fmt: skip
    past = made.facts.past
    assert past["customer"].tolist() == [0, 0, 0, 2]
    assert past["channel"].tolist() == ["fax", "print", "print", "email"]
    assert past["days"].tolist() == [20485, 20494, 20519, 20518]
    assert past["day"].tolist()[0] == "2026-02-01"
    assert past["committed"].tolist() == [False, False, True, True]
    assert past["cost"].tolist() == [0.0, 0.0, 3.0, 0.01]
    assert past["pressure"].tolist() == [1.0, 2.0, 2.0, 1.0]
    assert past["offers"].tolist() == [(), (), ("a",), ("a", "b")]
    assert past["line"].fillna("").tolist() == ["", "", "", "digital"]
    assert past["theme"].fillna("").tolist() == ["", "sun", "", ""]
    assert reasons(made)["history: contacts of customers who are not in the customers table"] == 1
    assert (
        reasons(made)["history: contacts through channels the scenario does not name (they count, with pressure 1)"]
        == 1
    )


def test_committed_contacts_need_no_date_where_nothing_has_one():
    made = scenario(waves=None, committed=pd.DataFrame({"customer_id": [1], "channel": ["email"]}))
    assert made.facts.past["days"].tolist() == [-1]
    with pytest.raises(ScenarioError, match="column date: is missing"):
        scenario(committed=pd.DataFrame({"customer_id": [1], "channel": ["email"]})).facts.past


# --- defaults, order ------------------------------------------------------------------------------------------------


def test_the_smallest_scenario(tmp_path):
    path = write(tmp_path, offers=None, waves=None, name=None)
    made = load(path)
    assert made.objective == "responses"
    assert (made.currency, made.sense, made.folder) == ("EUR", 1, tmp_path)
    assert len(made.facts.pairs) == 4
    assert [rule.name for rule in made.rules] == ["cap"]
    assert set(made.input_hashes) == {"scenario.yaml", "customers.csv", "appetence.csv"}


def test_the_default_objective_is_money_where_money_is_stated():
    assert scenario(objective=None).objective == "responses"
    assert scenario(objective=None, offers={"a": {"gross_margin": 1}}).objective == "net_margin"
    assert scenario(objective=None, appetence=LONG.fillna({"gross_margin": 1.0})).objective == "net_margin"
    cheapest = scenario(objective={"minimize": "cost"})
    assert (cheapest.objective, cheapest.sense) == ("cost", -1)


def test_a_measure_may_be_the_objective():
    assert (
        scenario(objective="risk", appetence=LONG, offers={"a": {"gross_margin": 1}}).facts.pairs.measures["risk"][0]
        == 1.0
    )


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_row_order_says_nothing(data):
    tables = {
        "customers": CUSTOMERS,
        "appetence": LONG,
        "activities": TABLE,
        "history": pd.DataFrame({"customer_id": [1, 1, 2, 1], "date": ["2026-02-10"] * 4, "channel": ["print", "email", "fax", "print"], "cost": [1.0, 2.0, 3.0, 0.5]}),
        "consent": pd.DataFrame({"customer_id": [1, 2, 10], "email": [True, True, False], "print": [True, True, True]}),
    }  # fmt: skip
    keys = {"offers": {"a": {"gross_margin": 5}, "b": {"gross_margin": "value"}}}
    shuffled = {
        key: table.iloc[data.draw(st.permutations(range(len(table))))].reset_index(drop=True)
        for key, table in tables.items()
    }
    one, other = scenario(**tables, **keys).facts, scenario(**shuffled, **keys).facts
    pd.testing.assert_frame_equal(one.customers, other.customers)
    pd.testing.assert_frame_equal(one.activities, other.activities)
    pd.testing.assert_frame_equal(one.past, other.past)
    for field in ("customer", "activity", "score", "gross_margin", "revenue", "response_cost", "unit_cost"):
        np.testing.assert_array_equal(getattr(one.pairs, field), getattr(other.pairs, field))
    assert one.left_out == other.left_out
