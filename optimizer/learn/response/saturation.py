"""Saturation: the shapes that are fitted, each with its gradient, and the scenario's curve each becomes.

    hill              s^slope / (half^slope + s^slope)
    logistic          (1 − e^(−rate·s)) / (1 + e^(−rate·s))
    michaelis_menten  s / (half + s)
    log               ln(1 + s / half)
    power             s^exponent
    concave           Σ_j b_j · min(s, k_j) / k_j, b_j ≥ 0: any non-decreasing concave line with kinks at k_j

The first five are the forms of a scenario file (``optimizer.scenario.curves``) without their height, which is a linear
coefficient of the model. Parameters are fitted as logarithms, within bounds that are stated for spend whose largest
value is 1. ``concave`` is what remains when data are too thin for a shape: non-negative least squares on hinges, after
Hildreth 1954.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from optimizer.scenario.curves import Curve, Points, curve_from

Floats = NDArray[np.float64]
#: Value, derivative by s, derivatives by the logarithm of each parameter.
Parts = tuple[Floats, Floats, list[Floats]]
#: What is left of a spend after so many decays counts as none: its logarithm says nothing.
_LEAST = 1e-100


@dataclass(frozen=True)
class Shape:
    """One form of saturation: its parameters, their bounds, and value and derivatives in one call."""

    name: str
    parameters: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    parts: Callable[[Floats, Floats], Parts]

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Bounds of the logarithms."""
        return np.log(np.asarray(self.low, float)), np.log(np.asarray(self.high, float))


def _hill(s: Floats, parameters: Floats) -> Parts:
    half, slope = parameters
    on = s > _LEAST
    safe = np.where(on, s, 1.0)
    odds = slope * (np.log(safe) - np.log(half))
    value = np.where(on, expit(odds), 0.0)
    bend = value * (1.0 - value)
    return value, np.where(on, slope * bend / safe, 0.0), [-slope * bend, np.where(on, odds, 0.0) * bend]


def _logistic(s: Floats, parameters: Floats) -> Parts:
    half_rate = 0.5 * parameters[0]
    value = np.tanh(half_rate * s)
    bend = half_rate * (1.0 - value**2)
    return value, bend, [s * bend]


def _michaelis_menten(s: Floats, parameters: Floats) -> Parts:
    half = parameters[0]
    value = s / (half + s)
    bend = half / (half + s) ** 2
    return value, bend, [-s * bend]


def _log(s: Floats, parameters: Floats) -> Parts:
    half = parameters[0]
    return np.log1p(s / half), 1.0 / (half + s), [-s / (half + s)]


def _power(s: Floats, parameters: Floats) -> Parts:
    exponent = parameters[0]
    on = s > _LEAST
    safe = np.where(on, s, 1.0)
    value = np.where(on, safe**exponent, 0.0)
    return value, np.where(on, exponent * value / safe, 0.0), [exponent * np.log(safe) * value]


#: Every parametric form by its name, the simpler ones first.
SHAPES: dict[str, Shape] = {
    one.name: one
    for one in (
        Shape("logistic", ("rate",), (0.05,), (50.0,), _logistic),
        Shape("michaelis_menten", ("half",), (0.02,), (20.0,), _michaelis_menten),
        Shape("log", ("half",), (0.02,), (20.0,), _log),
        Shape("power", ("exponent",), (0.1,), (1.0,), _power),
        Shape("hill", ("half", "slope"), (0.02, 0.4), (5.0, 4.0), _hill),
    )
}
#: The shape-constrained fallback.
CONCAVE = "concave"


def hinges(s: Floats, knots: Floats) -> Floats:
    """min(s, k) / k for every knot, shape (len(s), knots)."""
    return np.minimum(s[:, None], knots) / knots


def knots_of(values: Floats, most: int = 12) -> Floats:
    """Kinks of a concave line: the distinct positive values, or quantiles of them when they are many."""
    distinct = np.unique(values[values > 0])
    if len(distinct) <= most:
        return distinct
    return np.unique(np.quantile(distinct, np.linspace(0.0, 1.0, most + 1)[1:]))


def curve_of(form: str, parameters: Floats, heights: Floats, knots: Floats, spend: float, response: float) -> Curve:
    """The scenario's curve of a fitted shape.

    Parameters
    ----------
    form : str
        A name of ``SHAPES``, or ``concave``.
    parameters : array of float
        In natural units (no logarithms), for spend in units of ``spend``.
    heights : array of float
        The linear coefficient (one a knot for ``concave``), for responses in units of ``response``.
    knots : array of float
        Kinks of a concave line, in units of ``spend``.
    spend, response : float
        The units in which the shape was fitted.

    Returns
    -------
    Curve
        A flat line of points where the height is 0: scenario curves are positive.
    """
    if form == CONCAVE:
        return line_of(knots * spend, hinges(knots, knots) @ heights * response)
    height = float(heights[0]) * response
    if not height > 0:
        return Points(((spend, 0.0),))
    names = SHAPES[form].parameters
    found = dict(zip(names, (float(value) for value in parameters), strict=True))
    if form == "power":
        return curve_from(form, {"scale": height * spend ** -found["exponent"], **found})
    if form == "logistic":
        return curve_from(form, {"top": height, "rate": found["rate"] / spend})
    tall = "scale" if form == "log" else "top"
    return curve_from(form, {tall: height, **found, "half": found["half"] * spend})


def line_of(spends: Floats, responses: Floats) -> Points:
    """A piecewise linear curve through points of a concave line, without those that are no kinks."""
    keep = [0]
    for at in range(1, len(spends)):
        keep.append(at)
        while len(keep) > 1 and _straight(spends, responses, keep):
            del keep[-2]
    level = np.maximum.accumulate(responses[keep])
    return Points(tuple((float(s), float(r)) for s, r in zip(spends[keep], level, strict=True)))


def _straight(spends: Floats, responses: Floats, keep: list[int]) -> bool:
    """Whether the last point but one lies on the line between its neighbours (the first one's is 0)."""
    x, y = spends[keep], responses[keep]
    before = (x[-3], y[-3]) if len(keep) > 2 else (0.0, 0.0)
    left, right = (y[-2] - before[1]) / (x[-2] - before[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    return bool(abs(left - right) <= 1e-12 * max(abs(left), abs(right)))
