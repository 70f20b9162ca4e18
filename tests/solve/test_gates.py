"""A row behind a door keeps every whole point and cuts fractions; without a door it is left alone."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimizer.solve.gates import Gates

#: Contacts 0 … 4; the binary 5 gates 0, 1, 2 and the binary 6 gates 3, 4.
DOORS = {5: [0, 1, 2], 6: [3, 4]}


def _gates() -> Gates:
    gates = Gates(5)
    for opening, contacts in DOORS.items():
        gates.add(opening, np.asarray(contacts))
    return gates


@given(
    st.dictionaries(st.integers(0, 6), st.integers(-4, 9), min_size=1),
    st.integers(-3, 20),
)
def test_whole_points_are_the_same(row: dict[int, int], upper: int) -> None:
    columns, values = np.asarray(list(row)), np.asarray(list(row.values()), float)
    behind = _gates().behind(columns, values, float(upper))
    if behind is None:
        return
    for point in itertools.product((0, 1), repeat=7):
        x = np.asarray(point, float)
        if any(x[contact] > x[opening] for opening, contacts in DOORS.items() for contact in contacts):
            continue
        assert (values @ x[columns] <= upper) == (behind[1] @ x[behind[0]] <= 1e-9)


def test_a_budget_with_a_fixed_cost() -> None:
    columns, values = _gates().behind(np.asarray([0, 1, 2, 5]), np.asarray([3.0, 2.0, 4.0, 5.0]), 12.0) or ([], [])
    assert dict(zip(columns, values, strict=True)) == {0: 3, 1: 2, 2: 4, 5: -7}


def test_rows_without_a_door_are_left_alone() -> None:
    gates = _gates()
    assert gates.behind(np.asarray([0, 3]), np.ones(2), 1.0) is None  # two doors
    assert gates.behind(np.asarray([0, 6]), np.ones(2), 1.0) is None  # another binary raises it
    assert gates.behind(np.asarray([0, 1]), np.ones(2), -1.0) is None  # y = 0 is no way out
    assert gates.behind(np.asarray([0, 1]), np.ones(2), np.inf) is None
    assert gates.behind(np.asarray([0, 9]), np.asarray([1.0, -1.0]), 1.0) is None  # an unknown column
