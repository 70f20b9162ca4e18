"""Sets of customers by activity say what a look at every pair says."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.problem import Ints, Weights
from optimizer.rules import contactable
from optimizer.rules.contactable import Contactable


@pytest.mark.parametrize("seed", range(20))
def test_bits_say_what_pairs_say(seed, monkeypatch):
    monkeypatch.setattr(contactable, "BLOCK", 16)
    rng = np.random.default_rng(seed)
    customers, activities = int(rng.integers(1, 60)), int(rng.integers(1, 12))
    there = np.argwhere(rng.random((customers, activities)) < rng.random()).astype(np.int32)
    customer: Ints = there[:, 0].copy()
    activity: Ints = there[:, 1].copy()
    free = rng.random(len(customer)) < 0.7
    of_activity = rng.integers(-1, 2, activities).astype(float) if seed % 3 else None
    of_customer = rng.random(customers) < 0.5 if seed % 2 else None
    weights = Weights(of_activity, of_customer, factor=float(seed != 7))
    for mask in (None, free):
        sets = Contactable(customer, activity, mask, customers, activities)
        pairs = (weights.on(customer, activity) != 0) & (True if mask is None else mask)
        assert sets.customers_of(weights).tolist() == np.isin(np.arange(customers), customer[pairs]).tolist()
        assert sets.activities_of(weights).tolist() == np.isin(np.arange(activities), activity[pairs]).tolist()
        assert sets.counts(weights).tolist() == np.bincount(customer[pairs], minlength=customers).tolist()
    sets = Contactable(customer, activity, None, customers, activities)
    start = np.searchsorted(customer, np.arange(customers))
    rows = [row for _, _, found in sets.pairs_of(weights, start) for row in found.tolist()]
    assert sorted(rows) == np.flatnonzero(weights.on(customer, activity) != 0).tolist()
    for one, who, found in sets.pairs_of(weights, start):
        assert customer[found].tolist() == who.tolist()
        assert (activity[found] == one).all()
