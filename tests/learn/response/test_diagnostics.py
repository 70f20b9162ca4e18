"""Figures of a fit's quality, worked by hand or by another road."""

from __future__ import annotations

import numpy as np
import pytest

import optimizer as opt
from optimizer.learn.response.diagnostics import errors
from tests.learn.response.simulated import weeks


def test_errors_by_hand() -> None:
    # Σ e² = 1 + 1 + 4 = 6, Σ (y − 4)² = 8, mean e² = 2 over a range of 4; |e / y| = 1/2, 1/4, 2/6.
    found = errors(np.array([2.0, 4.0, 6.0]), np.array([1.0, -1.0, 2.0]))
    assert found["r2"] == pytest.approx(1 - 6 / 8)
    assert found["nrmse"] == pytest.approx(np.sqrt(2) / 4)
    assert found["mape"] == pytest.approx((1 / 2 + 1 / 4 + 1 / 3) / 3)
    assert errors(np.array([0.0, 2.0]), np.array([5.0, 1.0]))["mape"] == pytest.approx(0.5)


def test_residuals_and_collinearity_by_another_road() -> None:
    table = weeks(70)[0]
    fitted = opt.fit_curves(
        table, response="orders", controls=["price"], adstock="geometric", saturation="logistic", starts=2, draws=0
    )
    found = fitted.diagnostics.set_index(["scope", "measure"])["value"]
    rest = (fitted.fit["response"] - fitted.fit["fitted"]).to_numpy()
    assert found[("fit", "autocorrelation")] == pytest.approx((rest[1:] * rest[:-1]).sum() / (rest**2).sum())
    assert found[("fit", "durbin_watson")] == pytest.approx((np.diff(rest) ** 2).sum() / (rest**2).sum())
    assert found[("fit", "r2")] == pytest.approx(1 - rest.var() / table["orders"].to_numpy().var())
    # Spend of web on tv, price, a line and two harmonics of the year.
    days = table["date"].to_numpy("datetime64[D]").astype(float)
    turns = [f(2 * np.pi * k * days / 365.25) for k in (1, 2) for f in (np.sin, np.cos)]
    others = np.column_stack([np.ones(70), np.arange(70.0), table.price, table.tv, *turns])
    web = table["web"].to_numpy()
    left = web - others @ np.linalg.lstsq(others, web, rcond=None)[0]
    assert found[("web", "spend_vif")] == pytest.approx(web.var() * 70 / (left**2).sum(), rel=1e-6)
