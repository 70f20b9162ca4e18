"""Path transforms by the example in their file, and on random paths against lists."""

from __future__ import annotations

from itertools import groupby

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import ScenarioError
from optimizer.learn.attribution import attribution
from optimizer.learn.journeys import read_journeys


def changed(path: str, *transforms: str) -> str:
    table = pd.DataFrame({"path": [" > ".join(path)], "total_conversions": [1], "total_null": [0]})
    (text,) = read_journeys(table).toward("conversion", transforms=transforms).texts("")
    return text


@pytest.mark.parametrize(
    ("transforms", "expected"),
    [
        (["exposure"], "dabcdc"),
        (["first"], "dabc"),
        (["unique"], "dabbcdcc"),
        (["frequency"], "dabc"),
        (["trim(3)"], "dcc"),
        (["trim_long_path:3", "exposure_path"], "dc"),
        (["exposure", "trim(3)"], "cdc"),
        (["first", "trim(1)"], "c"),
    ],
)
def test_the_example_of_the_file(transforms: list[str], expected: str) -> None:
    assert changed("dabbcdcc", *transforms) == expected


@given(st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=5), st.integers(1, 4))
@settings(max_examples=50)
def test_transforms_do_to_each_path_what_they_do_to_a_list(paths: list[str], number: int) -> None:
    table = pd.DataFrame({"path": [" > ".join(path) for path in paths], "total_conversions": 1})
    journeys = read_journeys(table)
    for transform, expected in (
        ("exposure", ["".join(key for key, _ in groupby(path)) for path in paths]),
        ("first", ["".join(dict.fromkeys(path)) for path in paths]),
        (f"trim({number})", [path[-number:] for path in paths]),
    ):
        found = journeys.toward("conversion", transforms=transform)
        assert sorted(found.texts("")) == sorted(set(expected))
        assert found.totals[0] == len(paths)


def test_direct_is_dropped_unless_it_stands_alone() -> None:
    table = pd.DataFrame(
        {
            "path": ["direct > a > Direct > b > direct", "direct > (direct)"],
            "total_conversions": [2, 1],
            "total_null": 0,
        }
    )
    found = read_journeys(table).toward("conversion", transforms="drop_direct")
    assert dict(zip(found.texts(), found.conversions, strict=True)) == {"a > b": 2.0, "direct > (direct)": 1.0}
    named = read_journeys(table).toward("conversion", transforms="drop_direct", direct="a")
    assert "direct > Direct > b > direct" in named.texts()


def test_frequency_makes_states_whose_credit_goes_to_the_channel() -> None:
    # a twice always converts, a once never does: 2 of 4 journeys. The states a(2), a(1) are one channel to remove.
    table = pd.DataFrame({"path": ["a > a > b", "a > b"], "total_conversions": [2, 0], "total_null": [0, 2]})
    plain = attribution(table, "markov", order=2).credit.set_index("channel")
    found = attribution(table, "markov", transforms="frequency").credit.set_index("channel")
    assert found.index.tolist() == ["a", "b"]
    assert found["removal_effect"].tolist() == pytest.approx([1.0, 1.0])
    assert plain["removal_effect"].tolist() == pytest.approx([1.0, 1.0])
    assert attribution(table, "linear", transforms="frequency").credit["conversions"].tolist() == [1.0, 1.0]


def test_removing_a_channel_removes_all_its_states() -> None:
    # a(1) converts 3 of 4, a(2) 1 of 2 and passes b(1): without a only b > nothing is left, which never converts.
    table = pd.DataFrame({"path": ["a", "a > b > a", "b"], "total_conversions": [3, 1, 1], "total_null": [1, 1, 2]})
    found = attribution(table, "markov", transforms="frequency").credit.set_index("channel")
    # P = 5/9. Chain: start ▸ a(1) 4/9 ▸ converts 3/4; start ▸ a(2) 2/9 ▸ b(1); start ▸ b(1) 3/9; b(1) converts 2/5.
    # Without a: 3/9 · 2/5 = 2/15, lost 1 − 6/25 = 19/25. Without b: 4/9 · 3/4 = 1/3, lost 1 − 3/5.
    assert found["removal_effect"].tolist() == pytest.approx([19 / 25, 2 / 5], abs=1e-12)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("exposur", "did you mean exposure"),
        ("trim", r"how many touches to keep, such as trim\(5\)"),
        ("trim(0)", r"how many touches to keep"),
        ("first(2)", "transform is 'first"),
        (["frequency", "first"], "nothing after frequency"),
    ],
)
def test_transforms_that_are_none(asked: object, message: str) -> None:
    table = pd.DataFrame({"path": ["a"], "total_conversions": [1]})
    with pytest.raises(ScenarioError, match=message):
        attribution(table, transforms=asked)  # type: ignore[arg-type]


def test_a_direct_channel_that_is_not_there() -> None:
    table = pd.DataFrame({"path": ["typed in > a"], "total_conversions": [1]})
    with pytest.raises(ScenarioError, match="direct: channel is 'typed_in': is in no path; did you mean typed in"):
        attribution(table, "last_non_direct", direct="typed_in")
    assert attribution(table.assign(path="a > typed in"), "last_non_direct", direct="typed in").credit[
        "conversions"
    ].tolist() == [1.0, 0.0]
