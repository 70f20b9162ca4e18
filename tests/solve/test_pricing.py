"""Prices: samples and Newton steps lead where cutting planes lead, and what leads is never taken for proof."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import optimizer as opt
from optimizer.problem import Floats
from optimizer.rules import compile_problem
from optimizer.solve.decomposed import pricing, ties
from optimizer.solve.decomposed.alternatives import second_best_losses
from optimizer.solve.decomposed.columns import build_columns
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.decomposed.links import read_links
from optimizer.solve.decomposed.near import nearest_ties
from optimizer.solve.decomposed.structure import Row, allowed, read_structure, row_value
from optimizer.solve.diagram.diagrams import build_diagrams
from optimizer.solve.diagram.units import pricing_units
from tests.benchmarks.scale.generate import generate

GAP = 1e-6


@pytest.fixture(scope="module")
def dual(tmp_path_factory: pytest.TempPathFactory) -> Dual:
    place: Path = tmp_path_factory.mktemp("weekly")
    generate(place, 3_000, 12, 5)
    problem = compile_problem(opt.load(place / "scenario.yaml"))
    structure = read_structure(problem)
    units = pricing_units(problem)
    diagrams = build_diagrams(problem, units)
    links = read_links(problem, structure.expressions)
    return Dual(build_columns(problem, units, diagrams, links, structure.worth, structure.outside), links, structure)


@pytest.mark.parametrize("seed", range(20))
def test_units_nearest_to_a_tie_come_from_every_group_by_its_share(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, most = int(random.integers(50, 300)), int(random.integers(1, 24))
    group = np.sort(random.integers(0, random.integers(1, 30), count)).astype(np.int32)
    losses = random.integers(0, 12, count).astype(float) if seed % 2 else random.random(count)
    losses[random.random(count) < 0.1] = np.inf
    turn: dict[int, float] = {}
    for label in set(group.tolist()):
        members = sorted(np.flatnonzero(group == label).tolist(), key=lambda unit: (losses[unit], unit))
        turn |= {unit: place / len(members) for place, unit in enumerate(members)}
    expected = sorted(turn, key=lambda unit: (turn[unit], losses[unit], group[unit], unit))[:most]
    assert nearest_ties(losses, group, most)[:most].tolist() == expected


def priced(dual: Dual) -> pricing.Priced:
    return pricing.Pricing(dual, GAP, {}, lambda: False, lambda _stage, _bound: None).run()


def test_newton_steps_come_as_low_as_cutting_planes(dual: Dual, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = priced(dual).bound
    monkeypatch.setattr(pricing, "FREE", 500)
    monkeypatch.setattr(pricing, "LED", 500)
    monkeypatch.setattr(pricing, "LED_A_ROW", 0)
    monkeypatch.setattr(pricing, "SAMPLES", {500: 0, 1_400: 0})
    monkeypatch.setattr(pricing, "FEW", 500)
    monkeypatch.setattr(pricing, "CUSTOMERS_A_ROW", 1)
    led = priced(dual)
    assert led.bound == pytest.approx(planes, rel=GAP)
    # What attains D there is what a sweep says, not what the model promised.
    again, _, _ = dual.chosen(led.point.price, dual.stage(np.arange(dual.columns.units, dtype=np.int32), 4))
    assert again.value == pytest.approx(led.bound, rel=1e-12)


def test_the_model_is_below_d_in_its_box(dual: Dual) -> None:
    generator = np.random.default_rng(3)
    everyone = np.arange(dual.columns.units, dtype=np.int32)
    stage = dual.stage(everyone, 4)
    best = priced(dual).point
    price = allowed(dual.structure.rows, best.price * generator.uniform(0.7, 1.3, len(best.price)))
    point = dual.at(price, stage)
    half = 0.5 * np.abs(price) + 1e-6
    found = ties.lead(dual, point, everyone, np.ones(len(everyone)), half, stop=lambda: False)
    assert (np.abs(found.price - price) <= half * (1 + 1e-12)).all()
    there = dual.at(found.price, stage)
    assert there.value < point.value
    assert found.least <= there.value + 1e-9 * abs(there.value)


def test_a_step_is_the_least_of_its_model() -> None:
    """Against many random points: a quadratic and, a row, straight pieces with kinks and walls."""
    generator = np.random.default_rng(1)
    rows = [
        Row("max", "", -np.inf, 3.0),
        Row("min", "", 2.0, np.inf),
        Row("both", "", 1.0, 4.0),
        Row("soft", "", -np.inf, 1.0, penalty_above=0.5),
        Row("soft within", "", 1.0, np.inf, penalty_below=0.4, tolerance=2.0),
        Row("equal", "", 2.0, 2.0),
    ]
    for _ in range(20):
        root = generator.normal(size=(len(rows), len(rows)))
        bend, slope = root @ root.T + 0.1 * np.eye(len(rows)), 3.0 * generator.normal(size=len(rows))
        now = np.array([0.3, -0.2, 0.1, 0.2, -0.3, 0.0])
        low, high = now - generator.uniform(0.1, 2.0, len(rows)), now + generator.uniform(0.1, 2.0, len(rows))

        def worth(step: Floats) -> float:
            if (now + step < low - 1e-12).any() or (now + step > high + 1e-12).any():
                return np.inf
            return float(slope @ step + 0.5 * step @ bend @ step + row_value(rows, now + step)[0])

        step = ties._step(slope, bend, now, low, high, *ties._pieces(rows))
        least = worth(step)
        assert np.isfinite(least)
        for size in (1.0, 0.1, 0.01, 1e-3):
            for _ in range(200):
                assert worth(step + size * generator.normal(size=len(rows))) >= least - 1e-6


def test_a_matched_sample_has_the_value_and_the_slope_of_all(dual: Dual) -> None:
    generator = np.random.default_rng(5)
    rows = dual.structure.rows
    everyone = dual.everyone(4)
    sample = dual.stage(np.arange(0, dual.columns.units, 7, dtype=np.int32), 4)
    near = far = 0.0
    for _ in range(5):
        price = allowed(rows, generator.normal(0.0, 0.5, len(rows)))
        point = dual.at(price, everyone)
        matched = dual.matched(sample, point)
        there = dual.at(price, matched)
        assert there.value == pytest.approx(point.value, rel=1e-9)
        np.testing.assert_allclose(there.use.sum(axis=0), point.use.sum(axis=0), rtol=1e-9, atol=1e-6)
        elsewhere = allowed(rows, price + generator.normal(0.0, 0.05, len(rows)))
        wanted = dual.at(elsewhere, everyone).use.sum(axis=0)
        near += float(np.abs(dual.at(elsewhere, matched).use.sum(axis=0) - wanted).sum())
        far += float(np.abs(dual.at(elsewhere, sample).use.sum(axis=0) - wanted).sum())
    assert near < 0.7 * far


def test_losses_are_none_where_prices_make_a_tie(dual: Dual) -> None:
    everyone = np.arange(dual.columns.units, dtype=np.int32)
    losses = second_best_losses(dual.columns, everyone, dual.links.prices(np.zeros(len(dual.structure.rows))))
    assert (losses >= 0).all()
