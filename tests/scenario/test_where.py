"""Filters against a row-by-row reading in plain Python, and what they refuse."""

from __future__ import annotations

import datetime as dt
import operator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.scenario.expression import And, Compare, CompareColumns, Has, In, Node, Not, Or, Truth
from optimizer.scenario.where import Condition, both, parse, spelled

ROWS = [
    {"country": "FR", "age": 60.0, "vip": True, "since": dt.date(2026, 1, 1), "offers": ("a",), "tags": "x;y", "n": 1},
    {
        "country": "BE",
        "age": 59.5,
        "vip": False,
        "since": dt.date(2026, 2, 1),
        "offers": ("a", "b"),
        "tags": "z",
        "n": 2,
    },
    {"country": None, "age": None, "vip": None, "since": None, "offers": (), "tags": None, "n": 3},
    {"country": "fr", "age": -1.0, "vip": True, "since": dt.date(2026, 2, 28), "offers": ("b",), "tags": "y", "n": 0},
]


def frame(rows=ROWS) -> pd.DataFrame:
    offers = np.empty(len(rows), dtype=object)
    offers[:] = [row["offers"] for row in rows]
    return pd.DataFrame(
        {
            "country": pd.Series([row["country"] for row in rows], dtype="str"),
            "age": pd.Series([row["age"] for row in rows], dtype=float),
            "vip": pd.Series([row["vip"] for row in rows], dtype="boolean"),
            "since": pd.to_datetime(pd.Series([row["since"] for row in rows])).astype("datetime64[s]"),
            "offer": pd.Series([";".join(row["offers"]) for row in rows], dtype="str"),
            "offers": offers,
            "favourite": pd.Series(["b"] * len(rows), dtype="str"),
            "tags": pd.Series([row["tags"] for row in rows], dtype="str"),
            "n": pd.Series([row["n"] for row in rows], dtype="int64"),
        }
    )


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ({}, [0, 1, 2, 3]),
        ({"country": "FR"}, [0]),
        ({"country": ["FR", "BE"]}, [0, 1]),
        ({"country": "FR", "vip": True}, [0]),
        ({"age": ">= 60"}, [0]),
        ({"age": "<60"}, [1, 3]),
        ({"age": "!= 60"}, [1, 3]),
        ({"age": 60}, [0]),
        ({"country": "!= FR"}, [1, 3]),
        ({"country": '== "FR"'}, [0]),
        ({"vip": True}, [0, 3]),
        ({"vip": False}, [1]),
        ({"since": {"from": "2026-01-02", "to": "2026-02-28"}}, [1, 3]),
        ({"since": {"to": dt.date(2026, 1, 1)}}, [0]),
        ({"since": "2026-02-01"}, [1]),
        ({"since": "> 2026-02-01"}, [3]),
        ({"tags": {"has": "y"}}, [0, 3]),
        ({"tags": {"has": ["x", "z"]}}, [0, 1]),
        ({"offer": "b"}, [1, 3]),
        ({"offer": ["a"]}, [0, 1]),
        ({"offers": {"has": "a"}}, [0, 1]),
        ({"missing": "x"}, []),
        ("vip", [0, 3]),
        ("not vip", [1, 2]),
        ("n", [0, 1, 2]),
        ("not (age > 0)", [2, 3]),
        ("age != 60", [1, 3]),
        ("not age == 60", [1, 2, 3]),
        ('offer != "a"', [1, 3]),
        ("offer == favourite", [1, 3]),
        ("favourite == offer", [1, 3]),
        ("'y' in tags", [0, 3]),
        ("tags has 'x'", [0]),
        ("60 <= age", [0]),
        ("country in ['FR', 'BE'] and n > 1", [1]),
        ("country in ('FR')", [0]),
        ("country not in ['FR']", [1, 3]),
        ("country == 'FR' or country == 'BE' and vip", [0]),
        ("(country == 'FR' or country == 'BE') and not vip", [1]),
        ("since >= 2026-02-01", [1, 3]),
        ("vip = true AND n = 1", [0]),
        ("country <> 'FR'", [1, 3]),
        ("`country` == 'FR'", [0]),
        ("customer.n > 1", [1, 2]),
        ("age > -2 and age < 1e1", [3]),
        ("missing == 3 or n == 1", [0]),
        ("missing == n", []),
        ("not missing", [0, 1, 2, 3]),
    ],
)
def test_what_a_filter_keeps(written, kept):
    assert np.flatnonzero(parse(written).holds(frame())).tolist() == kept


def test_a_list_column_and_a_categorical_read_as_text_does():
    tags = np.empty(3, dtype=object)
    tags[:] = [("x", "y"), (), ("z",)]
    held = pd.DataFrame({"tags": tags, "country": pd.Categorical(["FR", None, "BE"])})
    assert parse({"tags": {"has": "y"}}).holds(held).tolist() == [True, False, False]
    assert parse({"country": "!= FR"}).holds(held).tolist() == [False, False, True]


def test_numbers_name_identifiers_that_are_text():
    held = pd.DataFrame({"customer_id": ["42", "042"]})
    assert parse({"customer_id": 42}).holds(held).tolist() == [True, False]
    assert parse("customer_id in [42, 7]").holds(held).tolist() == [True, False]


def test_prefixes_choose_between_two_columns_of_one_name():
    held = pd.DataFrame({"customer.channel": ["sms", "sms"], "activity.channel": ["email", "sms"]})
    assert parse("customer.channel == 'sms'").holds(held).tolist() == [True, True]
    assert parse({"activity.channel": "email"}).holds(held).tolist() == [True, False]
    assert parse("customer.channel == activity.channel").holds(held).tolist() == [False, True]
    assert parse({"activity.x": 1}).holds(pd.DataFrame({"x": [1, 2]})).tolist() == [True, False]


def test_columns_and_conjuncts():
    condition = parse("country == 'FR' and (age > 3 or vip) and activity.channel in ['sms']")
    assert condition.columns == {"country", "age", "vip", "activity.channel"}
    parts = condition.conjuncts()
    assert [part.columns for part in parts] == [{"country"}, {"age", "vip"}, {"activity.channel"}]
    held = frame()
    assert np.array_equal(np.logical_and.reduce([part.holds(held) for part in parts]), condition.holds(held))


def test_an_empty_frame_keeps_nothing():
    assert parse("age > 3 and country == 'FR'").holds(frame().head(0)).tolist() == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("age >", "at character 6"),
        ("(age > 3", "expected ')'"),
        ("age > 3 3", "at character 9"),
        ("country in FR", "expected a list"),
        ("country in ['FR', BE]", 'write "BE" in quotes'),
        ("", "at character 1"),
        ("and", "at character 1"),
        ("not", "at character 4"),
        ("age not 3", "expected 'in' after 'not'"),
        ("'a", "close the quotes"),
        ("age > 3 and $", "'$' is not part of an expression"),
        ("1 == 1", "both sides are values"),
        ("3", "expected a comparison"),
        ("since == 2026-13-01", "no date of the calendar"),
        ("__import__('os').system('true')", "at character 17"),
        ("(" * 200 + "vip" + ")" * 200, "nested more than"),
        ("not " * 300 + "vip", "nested more than"),
        ({"age": []}, "at least one value"),
        ({"age": None}, "expected a value"),
        ({"age": float("nan")}, "expected a value"),
        ({"age": {"min": 3}}, "expected {has: …} or {from: …, to: …}"),
        ({"age": {}}, "expected {has: …}"),
        ({"age": ">="}, "expected a value after >="),
        ({"age": [1, [2]]}, "expected a value"),
    ],
)
def test_what_does_not_parse(written, said):
    with pytest.raises(ScenarioError) as caught:
        parse(written, place="rule x, where", file="scenario.yaml")
    assert said in str(caught.value)
    assert caught.value.file == "scenario.yaml"
    assert caught.value.place.startswith("rule x, where")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("age > 'x'", "age holds numbers: 'x' is text"),
        ("country > 3", "country holds text"),
        ("country == 3.5", "country holds text"),
        ("since == 3", "since holds dates"),
        ("since > '2026-02-30'", "no date of the calendar"),
        ("country", "country holds text"),
        ("since", "since holds dates"),
        ("age == country", "age holds numbers; country holds text"),
        ("vip == 'yes'", "vip holds true and false"),
        ({"age": 60, "n": "one"}, "n holds numbers"),
    ],
)
def test_types_that_do_not_go_together(written, said):
    with pytest.raises(ScenarioError, match=said):
        parse(written).holds(frame())


# --- properties ---------------------------------------------------------------------------------------------------

cells = {
    "country": st.sampled_from(["FR", "BE", None]),
    "age": st.one_of(st.none(), st.integers(-3, 3).map(float)),
    "n": st.integers(-3, 3),
    "vip": st.sampled_from([True, False, None]),
    "offers": st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
    "tags": st.sampled_from(["x", "x;y", "z", None]),
    "since": st.one_of(st.none(), st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5))),
}
tables = st.lists(st.fixed_dictionaries(cells), min_size=0, max_size=6)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, -1.5]))
days = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
leaves = st.one_of(
    st.builds(Compare, st.just("country"), signs, st.sampled_from(["FR", "BE", "DE"])),
    st.builds(Compare, st.sampled_from(["age", "n"]), signs, numbers),
    st.builds(Compare, st.just("since"), signs, days),
    st.builds(Compare, st.just("offer"), signs, st.sampled_from("abc")),
    st.builds(In, st.just("country"), st.lists(st.sampled_from(["FR", "BE"]), min_size=1).map(tuple), st.booleans()),
    st.builds(In, st.just("n"), st.lists(numbers, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Has, st.just("tags"), st.sampled_from("xyz")),
    st.builds(CompareColumns, st.just("age"), signs, st.just("n")),
    st.builds(CompareColumns, st.just("offer"), signs, st.just("country")),
    st.builds(Truth, st.sampled_from(["vip", "n", "nowhere"])),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def by_hand(node: Node, row: dict[str, Any]) -> bool:
    """The contract, one row at a time."""

    def values(column: str) -> tuple[Any, ...]:
        if column == "offer":
            return row["offers"]
        value = row.get(column)
        return () if value is None else (value,)

    match node:
        case And(parts):
            return all(by_hand(part, row) for part in parts)
        case Or(parts):
            return any(by_hand(part, row) for part in parts)
        case Not(inner):
            return not by_hand(inner, row)
        case Compare(column, sign, value):
            return any(OPERATORS[sign](one, value) for one in values(column))
        case CompareColumns(left, sign, right):
            return any(OPERATORS[sign](one, other) for one in values(left) for other in values(right))
        case In(column, wanted, negated):
            inside = any(one in wanted for one in values(column))
            return inside if not negated else bool(values(column)) and not inside
        case Has(column, value):
            return any(value in one.split(";") for one in values(column))
        case Truth(column):
            return any(bool(one) for one in values(column))
    raise AssertionError(node)


@settings(max_examples=150, deadline=None)
@given(conditions, tables)
def test_vectorised_and_row_by_row_agree(node, rows):
    found = Condition(node).holds(frame(rows))
    assert found.tolist() == [by_hand(node, row) for row in rows]


@settings(max_examples=60, deadline=None)
@given(conditions, tables)
def test_a_condition_spelled_out_parses_to_the_same(node, rows):
    again = parse(spelled(node))
    assert again.columns == Condition(node).columns
    assert np.array_equal(again.holds(frame(rows)), Condition(node).holds(frame(rows)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_any_text_parses_or_is_refused_with_its_place(text):
    place = "where"
    try:
        parse(text).holds(frame())
    except ScenarioError as error:
        place = error.place
    assert place == "where"


@given(conditions, conditions, tables)
@settings(max_examples=60, deadline=None)
def test_both_holds_where_both_hold(one, other, rows):
    held = frame(rows)
    joined = parse(both(spelled(one), spelled(other)))
    assert np.array_equal(joined.holds(held), Condition(one).holds(held) & Condition(other).holds(held))


def test_both_keeps_mappings_that_do_not_meet():
    assert both({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert both(None, {"b": 2}) == {"b": 2}
    assert both({}, None) is None
    assert parse(both({"n": ">= 1"}, {"n": "< 3"})).holds(frame()).tolist() == [True, True, False, False]
