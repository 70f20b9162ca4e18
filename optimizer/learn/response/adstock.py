"""Adstock: how a period's spend is felt in the periods after it. Weights over lags 0 … L that sum to 1.

    none         w = (1)
    geometric    w_l ∝ decay^l                                  Broadbent 1979; Meridian, PyMC-Marketing (normalised)
    delayed      w_l ∝ decay^((l − delay)²)                     Jin et al. 2017
    weibull_cdf  w_l ∝ Π_{j ≤ l} (1 − F(j)), F(0) = 0           Robyn, PyMC-Marketing
    weibull_pdf  w_l ∝ f(l + 1)                                 Robyn, PyMC-Marketing (which shift the least to 0)

F and f are the Weibull distribution and density with ``shape`` and ``scale`` (in periods). As the weights sum to 1,
an adstocked spend is money a period: the value at which steady spend of the same height would stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Adstock:
    """One form of carry-over.

    Parameters
    ----------
    name : str
    parameters : tuple of str
    low, high : tuple of float
        Bounds of the parameters; ``inf`` stands for the longest lag.
    profile : callable
        Parameters and lags (0, 1, … L) to weights that need not sum to 1.
    """

    name: str
    parameters: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    profile: Callable[[Floats, Floats], Floats]

    def bounds(self, max_lag: int) -> tuple[Floats, Floats]:
        """Bounds of the parameters for this longest lag."""
        high = [float(max_lag) if np.isinf(value) else value for value in self.high]
        return np.asarray(self.low, float), np.maximum(np.asarray(high, float), self.low)

    def weights(self, parameters: Floats, max_lag: int) -> Floats:
        """Weights of lags 0 … max_lag (of lag 0 alone for ``none``), summing to 1."""
        lags = np.arange(1 if self.name == "none" else max_lag + 1, dtype=float)
        found = self.profile(np.asarray(parameters, float), lags)
        return found / found.sum()

    def gradient(self, parameters: Floats, max_lag: int) -> Floats:
        """Derivative of the weights by each parameter, shape (lags, parameters): central differences inside bounds."""
        low, high = self.bounds(max_lag)
        columns = []
        for at in range(len(self.parameters)):
            step = 1e-6 * max(1.0, abs(float(parameters[at])))
            up, down = np.array(parameters, float), np.array(parameters, float)
            up[at], down[at] = min(up[at] + step, high[at]), max(down[at] - step, low[at])
            width = up[at] - down[at]
            columns.append((self.weights(up, max_lag) - self.weights(down, max_lag)) / width if width else 0 * up[:1])
        lags = 1 if self.name == "none" else max_lag + 1
        return np.column_stack(columns) if columns else np.empty((lags, 0))


def _none(parameters: Floats, lags: Floats) -> Floats:
    return np.ones(1)


def _geometric(parameters: Floats, lags: Floats) -> Floats:
    return np.power(parameters[0], lags)


def _delayed(parameters: Floats, lags: Floats) -> Floats:
    decay, delay = parameters
    squares = (lags - delay) ** 2
    # The nearest lag weighs 1: a small decay must not underflow every weight.
    return np.power(decay, squares - squares.min())


def _weibull_cdf(parameters: Floats, lags: Floats) -> Floats:
    shape, scale = parameters
    return np.exp(-np.cumsum((lags / scale) ** shape))


def _weibull_pdf(parameters: Floats, lags: Floats) -> Floats:
    shape, scale = parameters
    at = (lags + 1.0) / scale
    logs = (shape - 1.0) * np.log(at) - at**shape
    return np.exp(logs - logs.max())


#: Every form by its name.
ADSTOCKS: dict[str, Adstock] = {
    one.name: one
    for one in (
        Adstock("none", (), (), (), _none),
        Adstock("geometric", ("decay",), (0.0,), (0.95,), _geometric),
        Adstock("delayed", ("decay", "delay"), (0.01, 0.0), (0.95, np.inf), _delayed),
        Adstock("weibull_cdf", ("shape", "scale"), (0.2, 0.1), (5.0, np.inf), _weibull_cdf),
        Adstock("weibull_pdf", ("shape", "scale"), (0.2, 0.2), (8.0, np.inf), _weibull_pdf),
    )
}


def lagged(values: Floats, position: NDArray[np.int64], max_lag: int) -> Floats:
    """Values of this period and of the ``max_lag`` periods before it, shape (rows, max_lag + 1).

    Parameters
    ----------
    values : array of float
        A value a row; rows of one series stand together, in the order of time.
    position : array of int
        The period of each row within its series; each series begins at 0. What came before a series, or in a period
        that has no row, is taken as 0.
    max_lag : int
    """
    found = np.zeros((len(values), max_lag + 1))
    found[:, 0] = values
    # Series and period as one rising number: rows may be missing, so a lag is looked up and not counted in rows.
    key = np.cumsum(position == 0) * (int(position.max(initial=0)) + 1) + position
    for lag in range(1, max_lag + 1):
        at = np.searchsorted(key, key - lag)
        found[:, lag] = np.where((position >= lag) & (key[at] == key - lag), values[at], 0.0)
    return found


def carry(values: Floats, weights: Floats) -> Floats:
    """The adstock of one series: Σ_l weights[l] · values[t − l], as long as the series."""
    return np.convolve(values, weights)[: len(values)]
