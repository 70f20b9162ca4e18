"""Curves fitted elsewhere: each tool's formula worked by hand on its own axis, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.learn.response.importers import KINDS
from optimizer.scenario.curves import Hill, Logistic, MichaelisMenten


def test_robyn_by_hand() -> None:
    # Geometric adstock of theta 0.5 doubles steady spend: 300 a week stands at 600. Range 200 to 1,000, gamma 0.5:
    # the inflexion is 600, so that 300 a week is half of the coefficient.
    table = pd.DataFrame(
        {
            "channel": ["tv"],
            "alpha": [2.0],
            "gamma": [0.5],
            "coefficient": [90.0],
            "low": [200.0],
            "high": [1000.0],
            "carried": [2.0],
        }
    )
    curve = opt.import_curves(table, "robyn").curves["tv"]
    assert curve == Hill(90.0, 300.0, 2.0)
    # 600 a week stands at 1,200: 1200² / (1200² + 600²) = 4 / 5.
    assert curve.value(600.0) == pytest.approx(72.0)


def test_meridian_by_hand() -> None:
    # A region of 2 million heads, a median of 0.05 impressions a head, 0.01 euros an impression: x = 1 is 1,000 euros.
    # A standard deviation of 0.003 orders a head: 1 is 6,000 orders.
    table = pd.DataFrame(
        {
            "channel": ["web"],
            "geo": ["FR"],
            "ec": [1.5],
            "slope": [1.0],
            "beta": [0.2],
            "scale": [2e6 * 0.05],
            "kpi_scale": [2e6 * 0.003],
            "cost": [0.01],
        }
    )
    found = opt.import_curves(table, "meridian", region="geo")
    curve = found.curves["web[FR]"]
    # At 3,000 euros x = 3: 0.2 · 3 / 4.5 · 6,000 = 800.
    assert curve.value(3000.0) == pytest.approx(800.0)
    assert found.by == "geo"


def test_pymc_by_hand() -> None:
    table = pd.DataFrame(
        {"channel": ["x1"], "lam": [4.0], "beta": [0.36], "scale": [0.9967], "kpi_scale": [8312.4]},
    )
    curve = opt.import_curves(table, "pymc_logistic").curves["x1"]
    for spend in (0.1, 0.5, 0.9):
        x = spend / 0.9967
        assert curve.value(spend) == pytest.approx(8312.4 * 0.36 * (1 - math.exp(-4 * x)) / (1 + math.exp(-4 * x)))
    tanh = opt.import_curves(pd.DataFrame({"channel": ["a"], "b": [5.0], "c": [0.4]}), "pymc_tanh").curves["a"]
    assert isinstance(tanh, Logistic)
    assert tanh.value(3.0) == pytest.approx(5.0 * math.tanh(3.0 / 2.0))
    menten = pd.DataFrame({"channel": ["a"], "alpha": [10.0], "lam": [2.0], "scale": [100.0]})
    assert opt.import_curves(menten, "pymc_michaelis_menten").curves["a"] == MichaelisMenten(10.0, 200.0)
    hill = pd.DataFrame({"channel": ["a"], "slope": [3.0], "kappa": [2.0], "beta": [4.0]})
    # 1 − 8 / (8 + 27) = 27 / 35.
    assert opt.import_curves(hill, "pymc_hill").curves["a"].value(3.0) == pytest.approx(4.0 * 27 / 35)


def test_points_span_their_periods(tmp_path: Path) -> None:
    # Totals of a year of 52 weeks; the horizon has 13.
    table = pd.DataFrame(
        {"channel": "tv", "spend": [0.0, 5200.0, 10400.0], "response": [0.0, 520.0, 780.0]},
    ).iloc[::-1]
    found = opt.import_curves(table, "points", periods=52)
    assert found.curves["tv"].value(100.0) == pytest.approx(10.0)
    assert found.over(13)["tv"].value([1300.0, 2600.0]) == pytest.approx([130.0, 195.0])
    folder = found.save(tmp_path / "curves", periods=13)
    written = pd.read_csv(folder / "tv.csv")
    assert list(written.columns) == ["form", "spend", "response"]
    assert written["spend"].tolist() == [0.0, 1300.0, 2600.0]


@pytest.mark.parametrize(
    ("kind", "change", "place"),
    [
        ("robin", {}, "kind"),
        ("robyn", {"alpha": None}, "column alpha"),
        ("robyn", {"alpha": 0.0}, "row 1, column alpha"),
        ("robyn", {"gamma": 1.2}, "row 1, column gamma"),
        ("robyn", {"high": 5.0}, "row 1, column high"),
        ("robyn", {"carried": -1.0}, "row 1, column carried"),
    ],
)
def test_what_is_no_curve_is_refused(kind: str, change: dict[str, float | None], place: str) -> None:
    row = {"channel": "tv", "alpha": 2.0, "gamma": 0.5, "coefficient": 9.0, "low": 10.0, "high": 90.0, "carried": 1.0}
    table = pd.DataFrame([{key: value for key, value in {**row, **change}.items() if value is not None}])
    with pytest.raises(opt.ScenarioError) as refused:
        opt.import_curves(table, kind)
    assert refused.value.place == place


def test_falling_points_and_a_cell_twice_are_refused() -> None:
    falling = pd.DataFrame({"channel": "tv", "spend": [1.0, 2.0], "response": [5.0, 4.0]})
    with pytest.raises(opt.ScenarioError, match="never falling; points that scatter are fitted"):
        opt.import_curves(falling, "points")
    twice = pd.DataFrame({"channel": ["a", "a"], "lam": [1.0, 2.0], "beta": [1.0, 1.0]})
    with pytest.raises(opt.ScenarioError, match="row 2 is 'a': a cell stands twice"):
        opt.import_curves(twice, "pymc_logistic")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "points"])
def test_scales_are_a_change_of_axis(kind: str) -> None:
    random = np.random.default_rng(8)
    row = {name: float(random.uniform(0.2, 0.9)) for name in KINDS[kind].parameters}
    if kind == "robyn":
        row["high"] = row["low"] + 0.5
    plain = opt.import_curves(pd.DataFrame([{"channel": "c", **row}]), kind).curves["c"]
    axis = {"scale": 40.0, "kpi_scale": 7.0, "carried": 2.0, "cost": 0.5}
    other = opt.import_curves(pd.DataFrame([{"channel": "c", **row, **axis}]), kind).curves["c"]
    spend = np.array([0.1, 0.7, 2.0])
    assert other.value(spend * 40.0 * 0.5 / 2.0) == pytest.approx(7.0 * plain.value(spend))
