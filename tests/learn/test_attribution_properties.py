"""Attribution against its definitions on random paths, and what must hold whatever the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.learn.attribution import attribution, markov
from optimizer.learn.attribution.models import MODELS
from tests.learn import attribution_brute as brute
from tests.learn.attribution_brute import Row

rows = st.lists(
    st.builds(
        lambda path, conversions, value, null: Row(
            tuple(path), conversions, value if conversions else 0, null if conversions else null + 1
        ),
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=6),
        st.integers(0, 4),
        st.integers(0, 50),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=8,
).filter(lambda found: any(row.conversions for row in found))


@pytest.mark.parametrize(("dense", "steps"), [(10_000, 0), (0, 100_000), (0, 3)], ids=["inverse", "walk", "solve"])
@given(rows, st.integers(1, 4))
@settings(max_examples=50)
def test_removal_effects_are_those_of_the_chains_without_the_channel(
    dense: int, steps: int, found: Sequence[Row], order: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markov, "DENSE_STATES", dense)
        patch.setattr(markov, "_STEPS", steps)
        patch.setattr(markov, "_TOGETHER", 3)
        credit = attribution(brute.frame(found), order=order).credit.set_index("channel")
    for channel, effect in brute.removal_effects(found, order).items():
        assert credit.loc[channel, "removal_effect"] == pytest.approx(float(effect), abs=1e-11)
    if any(row.value for row in found):
        for channel, effect in brute.removal_effects(found, order, value=True).items():
            assert credit.loc[channel, "removal_effect_value"] == pytest.approx(float(effect), abs=1e-11)


@given(rows, st.integers(1, 3))
@settings(max_examples=40)
def test_a_chain_reproduces_the_conversion_rate_and_the_worth_of_a_journey(found: Sequence[Row], order: int) -> None:
    from optimizer.learn.attribution.credit import removals
    from optimizer.learn.journeys import read_journeys

    removal = removals(read_journeys(brute.frame(found)).toward("conversion"), order)
    journeys = sum(row.conversions + row.null for row in found)
    assert removal.probability == pytest.approx(sum(row.conversions for row in found) / journeys, abs=1e-12)
    assert removal.worth == pytest.approx(sum(row.value for row in found) / journeys, rel=1e-11)


@given(rows)
@settings(max_examples=40)
def test_an_order_that_remembers_everything_counts_the_conversions_that_pass(found: Sequence[Row]) -> None:
    credit = attribution(brute.frame(found), order=6).credit.set_index("channel")
    whole = sum(row.conversions for row in found)
    for channel in credit.index:
        passing = sum(row.conversions for row in found if channel in row.path)
        assert credit.loc[channel, "removal_effect"] == pytest.approx(passing / whole, abs=1e-11)


@given(rows)
@settings(max_examples=60)
def test_shapley_is_the_mean_over_all_orders_of_entry(found: Sequence[Row]) -> None:
    for model in ("shapley", "ordered_shapley"):
        credit = attribution(brute.frame(found), model=model).credit.set_index("channel")
        for channel, worth in brute.shapley(found).items():
            assert credit.loc[channel, "conversions"] == pytest.approx(float(worth), abs=1e-11)
        for channel, worth in brute.shapley(found, value=True).items():
            assert credit.loc[channel, "value"] == pytest.approx(float(worth), abs=1e-9)


@given(rows, st.integers(1, 2))
@settings(max_examples=15)
def test_shapley_of_the_chain_is_the_mean_over_all_orders_of_entry(found: Sequence[Row], order: int) -> None:
    table = brute.frame(found)
    credit = attribution(table, model="shapley_markov", order=order).credit.set_index("channel")
    journeys = sum(row.conversions + row.null for row in found)
    assert (credit["conversions_error"] == 0).all()
    for channel, worth in brute.shapley_of_chain(found, order).items():
        assert credit.loc[channel, "conversions"] == pytest.approx(float(worth * journeys), abs=1e-10)


def test_drawn_orders_come_with_an_error_that_tells_the_truth_and_add_up() -> None:
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "path": [" > ".join(random.choice(list("abcdefgh"), random.integers(1, 6))) for _ in range(60)],
            "total_conversions": random.integers(0, 5, 60),
            "total_null": random.integers(0, 9, 60),
        }
    )
    exact = attribution(table, "shapley_markov").credit["conversions"]
    apart = []
    for seed in range(40):
        drawn = attribution(table, "shapley_markov", samples=40, seed=seed)
        assert drawn.credit["conversions"].sum() == pytest.approx(table["total_conversions"].sum(), rel=1e-12)
        assert "40 orders of entry were drawn" in drawn.notes[-1]
        apart.append((drawn.credit["conversions"] - exact) / drawn.credit["conversions_error"])
    # Of 320 standardised errors about 95 % lie within two; with 20 pairs each, a little fewer.
    within = (np.abs(np.concatenate(apart)) < 2).mean()
    assert 0.9 < within < 0.99
    again = attribution(table, "shapley_markov", samples=40, seed=5).credit
    pd.testing.assert_frame_equal(again, attribution(table, "shapley_markov", samples=40, seed=5).credit)


@given(rows, st.sampled_from(MODELS), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_credit_is_complete_and_the_same_for_any_order_of_rows(found: Sequence[Row], model: str, random) -> None:
    table = brute.frame(found)
    # Values that do not add up alike in every order, and paths written with other spaces.
    table["total_conversion_value"] *= 0.1
    credit = attribution(table, model=model).credit
    if model != "participation":
        assert credit["conversions"].sum() == pytest.approx(table["total_conversions"].sum(), rel=1e-12)
        if table["total_conversion_value"].any():
            assert credit["value"].sum() == pytest.approx(table["total_conversion_value"].sum(), rel=1e-12)
    assert (credit[["conversions", "value"]] >= 0).all(axis=None)
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order].assign(
        path=lambda one: one["path"].str.replace(" > ", random.choice([">", "  >", "> "]))
    )
    pd.testing.assert_frame_equal(attribution(shuffled, model=model).credit, credit, check_exact=True)
    split = pd.concat([table.assign(total_null=0), table.assign(total_conversions=0, total_conversion_value=0.0)])
    pd.testing.assert_frame_equal(attribution(split, model=model).credit, credit, check_exact=True)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(-1e300, 1e300)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_sums_do_not_depend_on_the_order(found, random) -> None:
    from math import fsum

    from optimizer.learn.journeys.exact_sums import sums_by

    codes, numbers = np.array([one for one, _ in found]), np.array([one for _, one in found])
    sums = sums_by(codes, numbers, 6)
    order = np.array(random.sample(range(len(found)), len(found)))
    assert sums_by(codes[order], numbers[order], 6).tobytes() == sums.tobytes()
    largest = np.abs(numbers).max()
    for code in range(6):
        assert sums[code] == pytest.approx(fsum(numbers[codes == code]), rel=1e-15, abs=max(1e-28 * largest, 1e-290))
