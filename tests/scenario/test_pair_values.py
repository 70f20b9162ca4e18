"""Numbers in parts read like the array they stand for."""

from __future__ import annotations

import numpy as np

from optimizer.scenario.pair_values import PairValues, filled

CUSTOMER, ACTIVITY = np.array([0, 0, 1, 2], np.int32), np.array([0, 1, 1, 0], np.int32)
PRICE, SHARE, MARGIN = np.array([2.0, np.nan]), np.array([0.5, 0.0]), np.array([10.0, 20.0, 40.0])
VALUES = PairValues(CUSTOMER, ACTIVITY, ((PRICE, None), (SHARE, MARGIN)))
WHOLE = np.array([7.0, np.nan, np.nan, 22.0])


def test_rows_slices_and_all():
    np.testing.assert_array_equal(VALUES[:], WHOLE)
    np.testing.assert_array_equal(VALUES[1:3], WHOLE[1:3])
    np.testing.assert_array_equal(VALUES[np.array([3, 0])], WHOLE[[3, 0]])
    np.testing.assert_array_equal(VALUES[WHOLE > 0], WHOLE[WHOLE > 0])
    assert VALUES[0] == 7.0
    assert len(VALUES) == 4


def test_arithmetic_is_that_of_arrays():
    np.testing.assert_array_equal(VALUES - VALUES, WHOLE - WHOLE)
    np.testing.assert_array_equal(WHOLE * (2 * VALUES), 2 * WHOLE**2)
    np.testing.assert_array_equal(np.isnan(VALUES), np.isnan(WHOLE))
    np.testing.assert_array_equal(VALUES > 10, [False, False, False, True])


def test_empty_values_are_filled_by_part():
    assert not VALUES.complete
    assert filled(VALUES).tolist() == [7.0, 0.0, 0.0, 22.0]
    assert filled(WHOLE).tolist() == [7.0, 0.0, 0.0, 22.0]
