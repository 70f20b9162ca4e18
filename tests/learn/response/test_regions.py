"""Regions: one shape, a strength of its own each; thin regions lean on the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.response.pool import pooled
from tests.learn.response.simulated import adstocked

SIZES = {"DE": 2.0, "ES": 0.5, "FR": 1.0, "IT": 0.8, "PL": 0.7}
STRENGTH = {"DE": 1.3, "ES": 0.7, "FR": 1.0, "IT": 1.15, "PL": 0.85}
CALL: dict[str, Any] = {
    "response": "orders",
    "size": "people",
    "channels": ["tv"],
    "adstock": "geometric",
    "saturation": "logistic",
    "holdout": 0,
    "starts": 3,
}


def regional(noise: float = 0.02, number: int = 70) -> pd.DataFrame:
    random = np.random.default_rng(11)
    frames = []
    for region, size in SIZES.items():
        spend = size * random.gamma(1.5, 0.25, number).clip(0, 1)
        response = size * (
            3.0
            + STRENGTH[region] * 2.0 * np.tanh(0.5 * 4.0 * adstocked(spend / size, 0.4))
            + random.normal(0, noise, number)
        )
        dates = pd.date_range("2023-01-02", periods=number, freq="7D")
        columns = {"date": dates, "region": region, "tv": spend, "people": 1e6 * size, "orders": response}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def fitted() -> opt.FittedCurves:
    return opt.fit_curves(regional(), **CALL, draws=20)


def test_every_region_has_its_curve(fitted: opt.FittedCurves) -> None:
    assert list(fitted.curves) == [f"tv[{region}]" for region in sorted(SIZES)]
    for region, size in SIZES.items():
        spend = size * np.array([0.2, 0.5, 0.8])
        true = size * STRENGTH[region] * 2.0 * np.tanh(2.0 * spend / size)
        assert fitted.curves[f"tv[{region}]"].value(spend) == pytest.approx(true, rel=0.08)


def test_contributions_and_baseline_sum_by_region(fitted: opt.FittedCurves) -> None:
    sums = fitted.contributions.groupby("region")["response"].sum()
    true = regional().groupby("region")["orders"].sum()
    assert sums.to_dict() == pytest.approx(true.to_dict())
    rest = fitted.contributions.query("kind == 'unexplained'")["response"].abs()
    assert (rest < 1e-6 * float(true.sum())).all()


def test_units_and_order_make_no_difference(fitted: opt.FittedCurves) -> None:
    table = regional().sample(frac=1.0, random_state=1)
    other = opt.fit_curves(table, **CALL, draws=20)
    assert other.curves == fitted.curves
    pd.testing.assert_frame_equal(other.intervals, fitted.intervals)
    scaled = opt.fit_curves(table.assign(tv=table.tv * 1e6, orders=table.orders * 1e-6), **CALL, draws=0)
    for name, curve in fitted.curves.items():
        assert scaled.curves[name].value([2e5, 6e5]) == pytest.approx(1e-6 * curve.value([0.2, 0.6]), rel=1e-6)


def test_the_same_everywhere_is_one_curve() -> None:
    table = regional(noise=0.3)
    same = table[table["region"] == "FR"]
    copies = pd.concat([same.assign(region=name) for name in ("a", "b", "c")])
    curves = opt.fit_curves(copies, **CALL, draws=0).curves
    assert curves["tv[a]"].value(0.5) == pytest.approx(curves["tv[b]"].value(0.5), rel=1e-9)


def test_pooling_leans_on_the_others_where_data_are_thin() -> None:
    random = np.random.default_rng(0)
    true = np.array([0.6, 0.8, 1.2, 1.4, 1.0])
    region = np.repeat(np.arange(5), [200, 200, 200, 200, 6])
    added = random.uniform(0.0, 1.0, (len(region), 1))
    rest = added[:, 0] * true[region] + random.normal(0, 0.4, len(region))
    found = pooled(added, rest, region, 5, levels=False)
    x = added[:, 0]
    alone = np.array([float(x[region == k] @ rest[region == k] / (x[region == k] ** 2).sum()) for k in range(5)])
    pull = np.abs(found.strength[:, 0] - 1.0) / np.abs(alone - 1.0)
    # The rich regions keep what they say, the thin one gives most of it up.
    assert (pull[:4] > 0.8).all()
    assert pull[4] < 0.8
    assert found.spread[0] == pytest.approx(0.3, abs=0.15)
    assert (pull <= 1.0 + 1e-9).all()


def test_chance_is_no_difference_between_regions() -> None:
    random = np.random.default_rng(3)
    region = np.repeat(np.arange(60), 12)
    kept, chance = [], []
    for _ in range(10):
        added = random.uniform(0.0, 1.0, (len(region), 1))
        rest = 2.0 + added[:, 0] + random.normal(0, 0.3, len(region))
        found = pooled(added, rest, region, 60, levels=True)
        alone = [np.polyfit(added[region == k, 0], rest[region == k], 1)[0] for k in range(60)]
        kept.append(float(found.spread[0]) ** 2)
        chance.append(float(np.var(alone)))
        assert found.shift == pytest.approx(np.full(60, 2.0), abs=0.4)
    # Regions on their own differ by chance; hardly any of it is taken for a difference.
    assert np.mean(kept) < 0.1 * np.mean(chance)


def test_what_crosses_a_horizon_is_of_the_regions_size_and_strength(fitted: opt.FittedCurves) -> None:
    # Steady spend for long: a horizon of many periods brings its curve, but for the edges.
    spend = {f"tv[{region}]": 200 * 0.5 * size for region, size in SIZES.items()}
    table = fitted.carry_over(200, spend).set_index("region")
    for region, size in SIZES.items():
        whole = float(table["inside"][region] + table["carried_out"][region])
        assert whole == pytest.approx(200 * float(fitted.curves[f"tv[{region}]"].value(0.5 * size)), rel=0.02)


def test_no_spread_is_no_difference() -> None:
    random = np.random.default_rng(4)
    region = np.repeat(np.arange(4), 50)
    added = random.uniform(0.0, 1.0, (200, 1))
    exact = pooled(added, added[:, 0].copy(), region, 4, levels=False)
    assert exact.strength == pytest.approx(np.ones((4, 1)))


def test_a_region_that_never_spent_borrows_the_curve_of_the_others() -> None:
    table = regional()
    table.loc[table["region"] == "PL", "tv"] = 0.0
    fitted = opt.fit_curves(table, **CALL, draws=0)
    # 0.7 of a million heads at strength 1, as the others together say.
    per_head = {name: fitted.curves[f"tv[{name}]"].value(0.5 * size) / size for name, size in SIZES.items()}
    assert min(per_head.values()) < per_head["PL"] < max(per_head.values())
