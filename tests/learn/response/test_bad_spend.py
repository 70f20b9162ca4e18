"""Spend and responses that cannot be used: a message with its place, or a fallback that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optimizer as opt
from optimizer.scenario.curves import Hill, Points
from tests.learn.response.simulated import weeks

FAST: dict[str, Any] = {"adstock": "geometric", "saturation": "logistic", "starts": 2, "holdout": 0, "draws": 0}
CALL: dict[str, Any] = {"response": "orders", "controls": ["price"], **FAST}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return weeks(60)[0]


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (lambda t: t.assign(tv=t.tv - 0.1), "column tv", "expected spend of at least 0"),
        (lambda t: t.assign(tv=t.tv.where(t.tv > 0)), "column tv", "write 0 where nothing was spent"),
        (lambda t: t.assign(tv=0.0, web=0.0), "channels", "tv has no spend at all; web has no spend at all"),
        (lambda t: t.assign(tv=3.0, web=0.0), "channels", "tv has spend that never varies"),
        (lambda t: t.assign(orders=7.0), "column orders", "never varies"),
        (lambda t: t.assign(orders=t.orders.where(t.index != 4)), "row 5, column orders", "expected a response"),
        (lambda t: t.drop(columns="date"), "column date", "is missing"),
        (lambda t: pd.concat([t, t.tail(1)]), "row 61, column date", "stands twice"),
        (lambda t: t.drop(index=30), "row 31, column date", "14 days after the one before; expected 7 days"),
        (lambda t: t.assign(date="soon"), "row 1, column date", "expected a date"),
        (lambda t: t.head(4), "rows", "too few for 2 channels"),
        (lambda t: t.head(0), "the table", "is empty"),
        (lambda t: t.assign(price=[f"word {k}" for k in range(60)]), "column price", "60 different words"),
    ],
)
def test_bad_tables_say_where_and_what(table: pd.DataFrame, change: Any, place: str, words: str) -> None:
    with pytest.raises(opt.ScenarioError) as refused:
        opt.fit_curves(change(table), **CALL)
    assert place in refused.value.place
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"response": "ordres"}, "did you mean orders"),
        ({"adstock": "geometrc"}, "did you mean geometric"),
        ({"saturation": {"tvv": "hill"}}, "did you mean tv"),
        ({"channels": []}, "names none"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"starts": 0}, "whole number of at least 1"),
        ({"max_lag": -1}, "whole number of at least 0"),
        ({"level": "a"}, "level is 'a': expected a share"),
        ({"draws": "a"}, "draws is 'a': expected a whole number"),
        ({"draws": float("inf")}, "draws is inf: expected a whole number"),
        ({"holdout": 2.5}, "holdout is 2.5: expected a whole number"),
        ({"holdout": -1}, "holdout is -1: expected a whole number of at least 0"),
        ({"seed": -1}, "seed is -1: expected a whole number of at least 0"),
        ({"channels": "email"}, "column email: is missing"),
        ({"holdout": 50}, "at most half of the 60 periods"),
        ({"region": "country"}, "column country: is missing"),
        ({"costs": {"tv": "tv_cost"}}, "column tv_cost: is missing"),
        ({"costs": "tv"}, "costs is 'tv': expected a mapping"),
        ({"adstock": 3}, "adstock is 3: expected a form, or a mapping"),
        ({"channels": ["tv", "orders"]}, "column orders: is response and channels at once"),
        ({"channels": ["tv", "price"]}, "column price: is controls and channels at once"),
        ({"controls": ["orders"]}, "column orders: is response and controls at once"),
        ({"channels": ["tv"], "volumes": ["web"]}, "volumes is 'web': is no channel"),
    ],
)
def test_bad_settings_say_what_was_expected(table: pd.DataFrame, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(opt.ScenarioError, match=words):
        opt.fit_curves(table, **{**CALL, **asked})


def test_a_cell_that_is_no_number_takes_no_channel_from_the_fit(table: pd.DataFrame, tmp_path: Path) -> None:
    asked = {**FAST, "response": "orders", "controls": "price"}
    words = table.assign(tv=table.tv.map(str), country="FR")
    fitted = opt.fit_curves(words, **asked)
    assert fitted.curves == opt.fit_curves(table, **asked).curves
    assert "columns not used: country" in fitted.notes
    words.loc[7, "tv"] = "1,5"
    words.to_csv(tmp_path / "weeks.csv", index=False)
    with pytest.raises(opt.ScenarioError, match=r"row 8, column tv is '1,5': expected spend \(with a decimal point\)"):
        opt.fit_curves(tmp_path / "weeks.csv", **asked)
    with pytest.raises(opt.ScenarioError, match="row 1, column tv is '0,"):
        opt.fit_curves(table.assign(tv=table.tv.map("{:.3f}".format).str.replace(".", ",")), **asked)


def test_a_control_with_decimal_commas_is_no_list_of_words(table: pd.DataFrame) -> None:
    prices = np.where(table.index % 2, "1,5", "2,0")
    with pytest.raises(opt.ScenarioError, match=r"row 1, column price is '2,0': expected a number \(with a decimal"):
        opt.fit_curves(table.assign(price=prices), **CALL)


def test_a_table_is_a_file_or_a_frame() -> None:
    with pytest.raises(opt.ScenarioError, match="the table is 'NoneType': expected a file's path or a DataFrame"):
        opt.fit_curves(None, **CALL)  # type: ignore[arg-type]


def test_a_string_is_one_name(table: pd.DataFrame) -> None:
    one = opt.fit_curves(table, **{**CALL, "channels": "tv", "controls": "price"})
    several = opt.fit_curves(table, **{**CALL, "channels": ["tv"], "controls": ["price"]})
    assert one.curves == several.curves
    assert [channel for channel, _ in one.cells] == ["tv"]


def test_silent_and_constant_channels_are_left_out_and_told(table: pd.DataFrame) -> None:
    fitted = opt.fit_curves(table.assign(radio=0.0, retainer=5.0), **CALL)
    assert set(fitted.curves) == {"tv", "web"}
    assert fitted.left_out["radio"] == "has no spend at all"
    assert "never varies" in fitted.left_out["retainer"]
    assert any("left out: radio" in note for note in fitted.notes)


def test_five_observations_get_a_concave_line(table: pd.DataFrame) -> None:
    fair = np.zeros(60)
    fair[[7, 19, 31, 43, 55]] = [1.0, 2.0, 3.0, 2.0, 4.0]
    truth = 2.0 * np.sqrt(fair)
    fitted = opt.fit_curves(table.assign(fair=fair, orders=table.orders + truth), **CALL)
    curve = fitted.curves["fair"]
    assert isinstance(curve, Points)
    assert any("fair: 5 rows with spend at 4 different heights are too few" in note for note in fitted.notes)
    assert curve.value([1.0, 2.0, 3.0, 4.0]) == pytest.approx([2.0, 2.83, 3.46, 4.0], abs=0.5)
    asked = {**CALL, "saturation": {"fair": "hill", "tv": "logistic", "web": "logistic"}}
    hill = opt.fit_curves(table.assign(fair=fair, orders=table.orders + truth), **asked).curves["fair"]
    assert isinstance(hill, Hill)  # asked for by name
    forms = fitted.parameters.query("channel == 'fair'")["form"].unique().tolist()
    assert forms == ["concave"]


def test_a_table_of_five_rows(table: pd.DataFrame) -> None:
    fitted = opt.fit_curves(table.head(5), response="orders", channels=["tv"], draws=5)
    assert isinstance(fitted.curves["tv"], Points)
    assert any("too few" in note for note in fitted.notes)


def test_what_the_baseline_already_says_is_told(table: pd.DataFrame) -> None:
    fitted = opt.fit_curves(table.assign(flat=1.0), **{**CALL, "controls": ["price", "flat"]})
    assert "flat adds nothing to the other terms of the baseline and is left out" in fitted.notes


def test_no_year_no_seasons(table: pd.DataFrame) -> None:
    fitted = opt.fit_curves(table.head(40), **CALL)
    assert any("no seasons: the dates span 280 days" in note for note in fitted.notes)


def test_months_are_periods_too(table: pd.DataFrame) -> None:
    monthly = table.assign(date=pd.date_range("2019-01-01", periods=60, freq="MS"))
    assert set(opt.fit_curves(monthly, **CALL).curves) == {"tv", "web"}


def test_channels_that_move_together_are_told(table: pd.DataFrame) -> None:
    from optimizer.learn.response.diagnostics import warnings_of

    random = np.random.default_rng(2)
    fitted = opt.fit_curves(table.assign(web=table.tv * (1 + 0.001 * random.random(60))), **CALL)
    # One of the two may get all; the one that is left with any says that they are hardly told apart, or has none.
    words = " ".join(warnings_of(fitted))
    assert "hardly told apart" in words or "no effect found" in words


class TestObserved:
    """Attributed points in a long table."""

    points = pd.DataFrame(
        {"channel": "fair", "spend": [100.0, 200.0, 300.0, 400.0, 1000.0], "response": [5.0, 9.0, 10.0, 13.0, 15.0]}
    )

    def test_five_points_become_the_nearest_concave_line(self) -> None:
        curve = opt.fit_curves(self.points, draws=0).curves["fair"]
        assert isinstance(curve, Points)
        # Slopes would rise from 300 to 400, so 200, 300 and 400 lie on one line: a, (a + b) / 2, b. Least squares ask
        # a − 9 = b − 13 = −m / 2 with m = (a + b) / 2 − 10, hence m = 2 / 3.
        expected = [0.0, 5.0, 9 - 1 / 3, 10 + 2 / 3, 13 - 1 / 3, 15.0, 15.0]
        assert curve.value([0.0, 100.0, 200.0, 300.0, 400.0, 1000.0, 2000.0]) == pytest.approx(expected)

    def test_negative_spend_is_refused_and_a_negative_lift_is_not(self) -> None:
        with pytest.raises(opt.ScenarioError, match=r"row 1, column spend is -1\.0"):
            opt.fit_curves(self.points.assign(spend=[-1.0, 2.0, 3.0, 4.0, 5.0]))
        curve = opt.fit_curves(self.points.assign(response=[-1.0, 9.0, 10.0, 13.0, 15.0]), draws=0).curves["fair"]
        assert curve.value(100.0) < opt.fit_curves(self.points, draws=0).curves["fair"].value(100.0)

    def test_a_channel_without_spend_is_told_and_one_point_is_not_enough(self) -> None:
        silent, single = self.points.assign(channel="none", spend=0.0), self.points.head(1).assign(channel="one")
        fitted = opt.fit_curves(pd.concat([self.points, silent, single]), draws=0)
        assert list(fitted.curves) == ["fair"]
        assert fitted.left_out == {"none": "has no spend at all", "one": "has one observation; expected at least two"}

    @pytest.mark.parametrize(
        ("rows", "heights", "shaped"), [(9, 9, False), (10, 10, True), (30, 5, False), (30, 6, True)]
    )
    def test_a_shape_needs_ten_rows_and_six_heights(self, rows: int, heights: int, shaped: bool) -> None:
        spend = 10.0 + 10.0 * (np.arange(rows) % heights)
        table = pd.DataFrame({"channel": "c", "spend": spend, "response": spend / (spend + 50.0)})
        fitted = opt.fit_curves(table, draws=0, holdout=0)
        assert isinstance(fitted.curves["c"], Points) is not shaped
        assert any("too few for a shape" in note for note in fitted.notes) is not shaped

    def test_credit_of_several_kpis_is_refused(self) -> None:
        both = pd.concat([self.points.assign(kpi=one) for one in ("lead", "sale")])
        with pytest.raises(opt.ScenarioError, match=r"column kpi: holds 2 of them \(lead, sale\); keep"):
            opt.fit_curves(both)

    def test_a_carry_over_needs_dates(self) -> None:
        with pytest.raises(opt.ScenarioError, match="column date: is missing; a delayed carry-over needs it"):
            opt.fit_curves(self.points, adstock="delayed")

    def test_volumes_by_region_and_week(self) -> None:
        random = np.random.default_rng(6)
        frames = []
        for region, size in (("FR", 2.0), ("DE", 1.0)):
            volume = size * random.uniform(50.0, 900.0, 40)
            response = size * 30.0 * volume / (volume + 300.0 * size) + random.normal(0, 0.2, 40)
            week = pd.date_range("2024-01-01", periods=40, freq="7D")
            columns = {"date": week, "channel": "mail", "region": region, "volume": volume, "response": response}
            frames.append(pd.DataFrame(columns).assign(people=size))
        fitted = opt.fit_curves(pd.concat(frames), size="people", draws=0)
        for region, size in (("FR", 2.0), ("DE", 1.0)):
            volume = size * np.array([100.0, 400.0, 800.0])
            true = size * 30.0 * volume / (volume + 300.0 * size)
            assert fitted.curves[f"mail[{region}]"].value(volume) == pytest.approx(true, rel=0.03)
        assert fitted.parts[0].panel.in_money == (False,)

    def test_nothing_at_all_is_refused(self) -> None:
        with pytest.raises(opt.ScenarioError, match="no response can be told"):
            opt.fit_curves(self.points.assign(response=0.0))
