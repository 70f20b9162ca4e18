"""Customers gathered by what is alike of them, against each customer looked at."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.plan.bundles import bundles_of
from optimizer.plan.verify import alike
from optimizer.plan.verify.alike import Kinds, gathered, kinds_of
from optimizer.scenario.facts import Bools


@pytest.mark.parametrize("table", [0, 1 << 22])
@pytest.mark.parametrize("seed", range(40))
def test_every_customer_is_gathered_with_its_like(seed: int, table: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "TABLE", table)
    monkeypatch.setattr(alike, "RADIX", int(np.random.default_rng(seed).choice([4, 1 << 62])))
    random = np.random.default_rng(seed)
    count, width = int(random.integers(1, 12)), int(random.integers(1, 5))
    receives = random.random((count, width)) < 0.5
    customer, activity = np.nonzero(receives)
    bundles = bundles_of(customer, activity, count, np.zeros(width, dtype=np.int32))
    assert bundles is not None
    assert bundles.holds[bundles.of].tolist() == receives.tolist()
    rows = np.flatnonzero(random.random(count) < 0.7)
    some: list[alike.Longs] = [random.integers(-2, 3, len(rows)) for _ in range(int(random.integers(0, 4)))]
    everyone: list[alike.Longs | Bools] = [random.integers(0, 3, count), random.random(count) < 0.5]
    numbers = np.zeros((count, len(some)), dtype=np.int64)
    for k, column in enumerate(some):
        numbers[rows, k] = column
    kinds = [kinds_of(count, some, rows), kinds_of(count, everyone)]
    asked = None if random.random() < 0.3 else random.random(count) < 0.6
    found = gathered(bundles, kinds, asked)
    at = np.arange(count) if asked is None else np.flatnonzero(asked)
    row = found.row()
    assert [found.customer(k) for k in range(len(row))] == at.tolist()
    assert np.bincount(row, minlength=len(found.number)).tolist() == found.number.tolist()
    assert bundles.holds[found.bundle][row].tolist() == receives[at].tolist()
    assert kinds[0].table[found.kinds[0]][row].tolist() == numbers[at].tolist()
    assert kinds[1].table[found.kinds[1]][row].tolist() == np.column_stack(everyone)[at].tolist()
    assert (found.number > 0).all()


def test_more_kinds_than_a_number_can_cross() -> None:
    customer, activity = np.array([1, 2, 2, 3]), np.array([0, 0, 1, 1])
    bundles = bundles_of(customer, activity, 5, np.zeros(2, dtype=np.int32))
    assert bundles is not None
    many = 1 << 31
    of = [[0, 5, 5, 0, 0], [many - 1, many - 2, 7, 1 << 30, many - 1], [many - 1, 0, many - 3, many - 1, many - 1]]
    kinds = [Kinds(np.array(one, dtype=np.uint32), np.empty((many, 0), dtype=np.int64)) for one in of]
    found = gathered(bundles, kinds, None)
    row = found.row()
    assert sorted(found.number.tolist()) == [1, 1, 1, 2]
    assert found.bundle[row].tolist() == bundles.of.tolist()
    assert [kind[row].tolist() for kind in found.kinds] == of
