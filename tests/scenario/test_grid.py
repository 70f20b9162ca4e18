"""Wide tables read by customer give the pairs that joining and sorting every score gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from optimizer.scenario.grid import ScoreColumn, crossed_grid
from optimizer.scenario.pairs import _joined

CHANNELS = ("email", "sms", "print")


@st.composite
def wide_tables(
    draw: st.DrawFn,
) -> tuple[list[ScoreColumn], np.ndarray, tuple[np.ndarray, np.ndarray], int, pd.DataFrame]:
    """Rows of a customer and a key in any order, each at most once, with a score or none in each channel."""
    customers, keys = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    cells = draw(st.permutations([(i, key) for i in range(customers) for key in range(keys + 1)]))
    rows = cells[: draw(st.integers(1, len(cells)))]
    scores = st.one_of(st.just(np.nan), st.floats(0, 1))
    columns: list[ScoreColumn] = [
        (channel, None, np.array([draw(scores) for _ in rows])) for channel in CHANNELS[: draw(st.integers(1, 3))]
    ]
    kinds = draw(st.lists(st.tuples(st.sampled_from(CHANNELS), st.integers(0, keys - 1)), min_size=1, max_size=6))
    owner = np.array([i for i, _ in rows], np.int32)
    left = np.array([key for _, key in rows], np.int32)
    right = np.array([key for _, key in kinds], np.int32)
    return columns, owner, (left, right), customers, pd.DataFrame({"channel": [channel for channel, _ in kinds]})


@given(wide_tables())
def test_the_grid_and_the_join_read_the_same_pairs(table):
    columns, owner, keys, customers, activities = table
    grid = crossed_grid(columns, owner, keys, customers, activities)
    customer, activity, score, _, unmatched = _joined(columns, owner, keys, activities)
    if grid is None:
        return  # too few rows for this way
    assert grid[0].tolist() == customer.tolist()
    assert grid[1].tolist() == activity.tolist()
    assert grid[2].tolist() == score.tolist()
    assert grid[3] == unmatched


def test_two_rows_of_one_customer_and_key_are_left_to_the_join():
    columns: list[ScoreColumn] = [("email", None, np.array([0.1, np.nan])), ("sms", None, np.array([np.nan, 0.2]))]
    activities = pd.DataFrame({"channel": ["email", "sms"]})
    keys = np.zeros(2, np.int32), np.zeros(2, np.int32)
    assert crossed_grid(columns, np.zeros(2, np.int32), keys, 1, activities) is None
    assert _joined(columns, np.zeros(2, np.int32), keys, activities)[2].tolist() == [0.1, 0.2]
