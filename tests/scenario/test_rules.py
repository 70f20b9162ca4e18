"""Rules of a scenario: tables of rules, what they may name, and what goes with what."""

# A case a line, however long: the tables of cases read better so.
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from optimizer.errors import ScenarioError
from optimizer.scenario import Scenario
from optimizer.scenario.rule_schema import Lag, Rule

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": [1, 2, 3],
        "country": ["FR", "BE", "FR"],
        "age": [70, 30, 45],
        "wished": [2.0, None, 1.0],
        "household": ["h", "h", None],
        "family": ["x", "y", "x"],
        "vip": [True, False, True],
    }
)
KEYS = {
    "objective": "responses",
    "customers": CUSTOMERS,
    "appetence": pd.DataFrame({"customer_id": [1, 2, 3], "channel": ["email"] * 3, "score": [0.1, 0.2, 0.3], "risk": [1.0, 2.0, 3.0]}),
    "channels": {"email": {"unit_cost": 1, "line": "digital"}, "sms": {"unit_cost": 1}},
    "offers": {"a": {"gross_margin": 1, "family": "x"}, "b": {"gross_margin": 2, "family": "y"}},
    "waves": [{"name": "w1", "date": "2026-03-05"}, {"name": "w2", "date": "2026-03-12"}],
    "media": {"tv": {"spend": {"max": 5}, "curve": {"log": {"scale": 1, "half": 1}}, "line": "screen"}},
    "history": pd.DataFrame({"customer_id": [1], "date": ["2026-02-01"], "channel": ["fax"], "offer": ["old"], "theme": ["sun"]}),
}  # fmt: skip


def scenario(*rules: Any, **keys: Any) -> Any:
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules, start=1)]
    return Scenario(**{**KEYS, **keys, "rules": named})


def written(rules: list[Rule]) -> list[dict]:
    return [rule.model_dump(exclude_none=True, exclude_defaults=True) for rule in rules]


# --- tables of rules ------------------------------------------------------------------------------------------------


def test_a_volume_a_row():
    table = pd.DataFrame(
        {
            "name": ["first", None, "third"],
            "channel": ["email", "email;sms", None],
            "age": [">= 60", None, "45"],
            "from": ["2026-03-01", None, None],
            "to": ["2026-03-10", "2026-03-09", None],
            "min": [None, None, 2],
            "max": [5, 7.5, None],
            "penalty": [None, None, 3.0],
        }
    )
    made = scenario({"volume": {"table": table, "of": "customers"}, "where": {"country": "FR"}, "each": "wave"}).rules
    assert written(made) == [
        {
            "name": "first",
            "where": {
                "country": "FR",
                "channel": "email",
                "age": ">= 60",
                "date": {"from": "2026-03-01", "to": "2026-03-10"},
            },
            "each": ["wave"],
            "volume": {"max": 5.0, "of": "customers"},
        },
        {
            "name": "r1 2",
            "where": {"country": "FR", "channel": ["email", "sms"], "date": {"to": "2026-03-09"}},
            "each": ["wave"],
            "volume": {"max": 7.5, "of": "customers"},
        },
        {
            "name": "third",
            "where": {"country": "FR", "age": 45},
            "each": ["wave"],
            "soft": {"penalty": 3.0},
            "volume": {"min": 2.0, "of": "customers"},
        },
    ]


def test_a_row_narrows_an_expression():
    made = scenario(
        {"budget": {"table": pd.DataFrame({"country": ["FR"], "max": [3]})}, "where": "vip or age < 40"}
    ).rules
    assert made[0].where == '(`vip` or `age` < 40) and (`country` == "FR")' or "and" in str(made[0].where)
    from optimizer.scenario.where import parse

    assert parse(made[0].where).holds(CUSTOMERS).tolist() == [True, False, True]


def test_filters_inside_a_verb_are_dotted_and_empty_ones_keep_everything():
    table = pd.DataFrame(
        {
            "name": ["x", "y"],
            "first.channel": ["email", None],
            "first.offer": ["a;b", None],
            "then.channel": ["sms", "email"],
            "days": [3, 9],
        }
    )
    made = scenario({"never": {"table": table}}).rules
    assert (made[0].never.first, made[0].never.then, made[0].never.days) == (
        {"channel": "email", "offer": ["a", "b"]},
        {"channel": "sms"},
        3,
    )
    assert (made[1].never.first, made[1].never.then, made[1].never.days) == ({}, {"channel": "email"}, 9)


@pytest.mark.parametrize(
    ("verb", "row", "check"),
    [
        ("only_after", {"what.channel": "sms", "after.channel": "email", "days.min": 2, "days.max": 5}, lambda r: r.only_after.days == Lag(min=2, max=5)),
        ("requires", {"if.offer": "a", "then.offer": "b", "same": "wave"}, lambda r: r.requires.if_ == {"offer": "a"} and r.requires.same == "wave"),
        ("never", {"together.1.offer": "a", "together.2.offer": "b"}, lambda r: r.never.together == [{"offer": "a"}, {"offer": "b"}]),
        ("targets", {"among": "a;b", "exactly": 1}, lambda r: r.targets.among == ["a", "b"] and r.targets.min == r.targets.max == 1),
        ("ratio", {"of": "responses", "to": "cost", "min": 0.5, "date.from": "2026-03-06"}, lambda r: r.ratio.to == "cost" and r.where == {"date": {"from": "2026-03-06"}}),
        ("share", {"of.channel": "email", "in": "cost", "max": 0.5}, lambda r: r.share.of == {"channel": "email"} and r.share.in_ == "cost"),
        ("exclude", {"offer": "a", "age": "< 40"}, lambda r: r.exclude == {"offer": "a", "age": "< 40"}),
        ("include", {"channel": "email", "vip": True}, lambda r: r.include == {"channel": "email", "vip": True}),
        ("contacts", {"max": "wished", "days": 30, "per": "household"}, lambda r: r.contacts.max == "wished" and r.per == "household"),
        ("effect", {"contact": 2, "factor": 0.8, "channel": "email"}, lambda r: r.effect.contact == 2 and r.where == {"channel": "email"}),
        ("sum", {"of": "risk", "max": 3, "mode": "report", "each": "country;wave"}, lambda r: r.mode == "report" and r.each_columns == ["country", "wave"]),
        ("rest", {"days": 4, "side": "both", "penalty": 2, "tolerance": 1}, lambda r: r.rest.days == 4 and (r.soft.penalty, r.soft.tolerance) == (2, 1)),
        ("pressure", {"min": 1, "max": 2, "penalty": 2, "side": "min"}, lambda r: r.soft.side == "min"),
    ],
)  # fmt: skip
def test_every_kind_of_verb_takes_a_table(verb, row, check):
    (rule,) = scenario({verb: {"table": pd.DataFrame([row])}}).rules
    assert rule.verb == verb
    assert check(rule)


def test_a_table_of_rules_from_a_file(tmp_path):
    (tmp_path / "volumes.csv").write_text("name,offer,channel,max\ncap a,a,email,3\ncap b,b,,4\n")
    made = scenario({"volume": {"table": "volumes.csv", "days": 7}}, folder=tmp_path).rules
    assert [(rule.name, rule.volume.max, rule.volume.days) for rule in made] == [("cap a", 3.0, 7), ("cap b", 4.0, 7)]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"volume": {"table": pd.DataFrame({"max": [1, None], "channel": ["email", "sms"]})}}, "row 2, volume is {}: needs a min, a max or both"),
        ({"volume": {"table": pd.DataFrame({"max": ["many"]})}}, "expected a number, or {table, column}"),
        ({"volume": {"table": pd.DataFrame({"max": [1], "chanel": ["email"]})}}, "'chanel': unknown column; did you mean channel?"),
        ({"volume": {"table": pd.DataFrame({"max": [1], "channel": ["emial"]})}}, "is 'emial': unknown channel"),
        ({"volume": {"table": pd.DataFrame({"max": [1]}), "day": 7}}, "key day: unknown key; did you mean days?"),
        ({"volume": {"table": pd.DataFrame({"max": [1, 2], "name": ["x", "x"]})}}, "rule x: the name stands twice"),
        ({"volume": {"table": pd.DataFrame({"max": [1], "penalty": [-1]})}}, "row 1, soft.penalty is -1: expected a number at least 0"),
        ({"never": {"table": pd.DataFrame({"first.channel": ["email"]})}}, "needs either first and then, or together"),
        ({"never": {"table": pd.DataFrame({"together.3.channel": ["email"]})}}, "expected together.1.channel"),
        ({"volume": {"table": "nowhere.csv"}}, "nowhere.csv: file: not found"),
    ],
)  # fmt: skip
def test_tables_of_rules_that_are_none(rule, said):
    with pytest.raises(ScenarioError) as caught:
        _ = scenario(rule).rules
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"only_after": {"what": {"channel": "sms"}, "after": {"channel": "email"}, "days": {"min": 5, "max": 2}}}, "only_after.days is {'min': 5, 'max': 2}: min 5 exceeds max 2"),
        ({"only_after": {"what": {"channel": "sms"}, "after": {"channel": "email"}, "days": {"max": 0}}}, "min 1 (where none is written) exceeds max 0"),
        ({"targets": {"among": ["a", "b"], "min": 2, "max": 1}}, "min 2 exceeds max 1"),
        ({"targets": {"table": pd.DataFrame([{"among": "a;b", "min": 2, "max": 1}])}}, "min 2 exceeds max 1"),
    ],
)  # fmt: skip
def test_a_minimum_above_its_maximum_is_refused(rule, said):
    with pytest.raises(ScenarioError) as caught:
        _ = scenario(rule).rules
    assert said in str(caught.value)


# --- what rules may name ----------------------------------------------------------------------------------------------

MAX = {"volume": {"max": 1}}


@pytest.mark.parametrize(
    "rule",
    [
        {**MAX, "where": {"activity.channel": "email", "country": "FR"}},
        {**MAX, "where": "customer.family == activity.family"},
        {**MAX, "where": {"month": "2026-03"}, "each": ["country", "week"]},
        {**MAX, "where": "risk > 1 and score < 0.5"},
        {"budget": {"max": 1}, "where": {"line": "screen"}},
        {"budget": {"max": 1}, "where": {"medium": "tv"}, "each": "medium"},
        {"never": {"first": {"theme": "sun"}, "then": {"offer": "old"}, "days": 3}},
        {"contacts": {"max": "wished", "days": 30}, "per": "household"},
        {"contacts": {"max": {"column": "wished"}}},
        {"sum": {"of": "risk", "max": 3}},
        {"average": {"of": "age", "min": 3}},
        {"ratio": {"of": "net_margin", "to": "cost", "min": 0.5}},
        {"duplicates": {"max": 1, "of": "activity.family"}},
        {"control": {"share": 0.1, "by": "country"}},
        {"sum": {"of": "responses", "max": {"table": pd.DataFrame({"country": ["FR"], "slots": [3]}), "column": "slots"}}, "each": ["country", "wave"]},
    ],
)  # fmt: skip
def test_rules_that_name_what_is_there(rule):
    assert len(scenario(rule).rules) == 1


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({**MAX, "where": {"contry": "FR"}}, "rule r1, where is 'contry': unknown column; did you mean country"),
        ({**MAX, "where": {"family": "x"}}, "write customer.family or activity.family"),
        ({**MAX, "where": {"activity.age": 3}}, "is 'activity.age': unknown column"),
        ({**MAX, "where": {"activity.channel": "emial"}}, "is 'emial': unknown channel; did you mean email?"),
        ({**MAX, "where": "offer in ['a', 'd']"}, "is 'd': unknown offer; known: a, b, old"),
        ({**MAX, "where": "not (wave == 'w3')"}, "unknown wave; known: w1, w2"),
        ({**MAX, "where": {"medium": "radio"}}, "unknown medium"),
        ({**MAX, "where": {"activity": "a emial w1"}}, "unknown activity; did you mean a email w1"),
        ({**MAX, "where": {"age": "old"}}, "column age holds numbers: 'old' is text"),
        ({**MAX, "where": "country > 3"}, "column country holds text"),
        ({**MAX, "where": "risk == 'high'"}, "column risk holds numbers"),
        ({**MAX, "where": {"date": "2026-02-30"}}, "no date of the calendar"),
        ({**MAX, "where": "country == FR"}, "is 'FR': unknown column"),
        ({**MAX, "where": "age >"}, "at character 6"),
        ({**MAX, "each": "contry"}, "rule r1, each is 'contry': unknown column"),
        ({**MAX, "each": "family"}, "write customer.family or activity.family"),
        ({"contacts": {"max": 1}, "per": "houshold"}, "did you mean household?"),
        ({**MAX, "per": "household"}, "gathers customers in local rules; volume is none"),
        ({"contacts": {"max": "wishd"}}, "rule r1, contacts.max is 'wishd': expected a number or a column of customers; did you mean wished?"),
        ({"contacts": {"max": "country"}}, "row 1, column country is 'FR'"),
        ({"volume": {"max": "wished"}}, "volume binds many customers at once"),
        ({"sum": {"of": "rsk", "max": 1}}, "rule r1, sum.of is 'rsk': unknown measure; did you mean risk?"),
        ({"sum": {"of": "country", "max": 1}}, "is a column of no numbers"),
        ({"ratio": {"of": "net_margin", "to": "costs", "max": 1}}, "ratio.to is 'costs': unknown measure; did you mean cost"),
        ({"targets": {"among": ["a", "c"], "min": 1}}, "targets.among[2] is 'c': unknown offer"),
        ({"open": {"max": 1, "of": "ofer"}}, "open.of is 'ofer'"),
        ({"exclude": {"ofer": "a"}}, "rule r1, exclude is 'ofer'"),
        ({"never": {"together": [{"offer": "a"}, {"offer": "z"}]}}, "never.together[2].offer is 'z'"),
        ({"requires": {"if": {"offer": "a"}, "then": "ofer == 'b'"}}, "requires.then is 'ofer'"),
        ({"share": {"of": {"lin": "digital"}, "max": 0.5}}, "share.of is 'lin': unknown column; did you mean line?"),
        ({"control": {"share": 0.1, "by": "contry"}}, "control.by is 'contry'"),
        ({"control": {"table": pd.DataFrame({"customer": [1]})}}, "column customer_id: is missing"),
        ({"volume": {"max": 1, "except": [{"date": "2026-03-08", "max": 0}]}}, "volume.except: replaces the bound of a window; say days"),
        ({"sum": {"of": "cost", "max": {"table": pd.DataFrame({"country": ["FR"], "slots": [3]}), "column": "slot"}}, "each": "country"}, "column slot: is missing; did you mean slots?"),
        ({"sum": {"of": "cost", "max": {"table": pd.DataFrame({"x": ["FR"], "slots": [3]}), "column": "slots"}}, "each": "country"}, "expected a column of each: country"),
        ({"sum": {"of": "cost", "max": {"table": pd.DataFrame({"x": ["FR"], "slots": [3]}), "column": "slots"}}}, "keyed by each; say each"),
        ({"sum": {"of": "cost", "max": {"table": pd.DataFrame({"country": ["FR", "FR"], "slots": [3, 4]}), "column": "slots"}}, "each": "country"}, "row 2, column country is 'FR': stands twice"),
    ],
)  # fmt: skip
def test_rules_that_name_what_is_not_there(rule, said):
    with pytest.raises(ScenarioError) as caught:
        _ = scenario(rule).rules
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    [
        {"contacts": {"max": 1, "days": 7}},
        {"volume": {"max": 1, "days": 7}},
        {"rest": {"days": 3}},
        {"only_after": {"what": {"offer": "a"}, "after": {"offer": "b"}}},
        {"never": {"together": [{"offer": "a"}, {"offer": "b"}], "days": 3}},
        {"duplicates": {"max": 1, "days": 3}},
        {**MAX, "where": {"month": "2026-03"}},
        {**MAX, "where": {"date": {"from": "2026-03-01"}}},
        {**MAX, "each": "week"},
    ],
)
def test_rules_in_days_need_dates(rule):
    undated = {"waves": [{"name": "w1"}, {"name": "w2"}], "history": None}
    with pytest.raises(ScenarioError, match="needs dates; the scenario's waves have none"):
        _ = scenario(rule, **undated).rules
    assert scenario({"never": {"together": [{"offer": "a"}, {"offer": "b"}]}}, **undated).rules


def test_nobody_downstream_meets_a_table():
    made = scenario({"contacts": {"table": pd.DataFrame({"max": [1, 2]})}}, {"alternate": "channel"})
    assert [type(getattr(rule, rule.verb)).__name__ for rule in made.rules] == ["Contacts", "Contacts", "str"]
