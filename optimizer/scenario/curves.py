"""Response curves: what a spend (or a volume) yields. Every form knows its value, slope, kinks and inflections.

    hill              top · s^slope / (half^slope + s^slope)
    logistic          top · (1 − e^(−rate·s)) / (1 + e^(−rate·s))
    michaelis_menten  top · s / (half + s)
    log               scale · ln(1 + s / half)
    power             scale · s^exponent, exponent ≤ 1
    points            piecewise linear from (0, 0), flat after the last point

``Saturated`` turns a curve into the saturation of an addressed channel (see there). Curves are evaluated at 0 for
negative arguments, so that a solver's rounding below 0 does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Curve(Protocol):
    """A continuous function on s ≥ 0 with value(0) = 0, non-decreasing, piecewise smooth."""

    def value(self, s: ArrayLike) -> Floats:
        """R(s), any shape."""
        ...

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s); at a kink, the slope to the right. May be infinite at 0."""
        ...

    @property
    def breaks(self) -> tuple[float, ...]:
        """Points s > 0 where the slope jumps or the curvature changes sign, ascending."""
        ...


@dataclass(frozen=True)
class Hill:
    """top · s^slope / (half^slope + s^slope): an S-curve when slope > 1, concave otherwise.

    A planner's file calls the exponent ``slope``; here ``slope`` is the derivative.
    """

    top: float
    half: float
    exponent: float

    def _odds(self, s: Floats) -> Floats:
        """(smaller / larger of s and half)^exponent, in [0, 1]: neither overflows nor cancels."""
        return (np.minimum(s, self.half) / np.maximum(s, self.half)) ** self.exponent

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        s = _spend(s)
        odds = self._odds(s)
        return self.top * np.where(s <= self.half, odds, 1.0) / (1.0 + odds)

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s) = top · exponent · odds / (s · (1 + odds)²)."""
        s = _spend(s)
        at_zero = 0.0 if self.exponent > 1 else self.top / self.half if self.exponent == 1 else np.inf
        odds = self._odds(s)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside = self.top * self.exponent * (odds / s) / (1.0 + odds) ** 2
        return np.where(s > 0, inside, at_zero)

    @property
    def breaks(self) -> tuple[float, ...]:
        """The inflection half · ((exponent − 1) / (exponent + 1))^(1 / exponent) of an S-curve."""
        if self.exponent <= 1:
            return ()
        at = self.half * ((self.exponent - 1) / (self.exponent + 1)) ** (1 / self.exponent)
        return (at,) if at > 0 else ()


@dataclass(frozen=True)
class Logistic:
    """top · (1 − e^(−rate·s)) / (1 + e^(−rate·s)) = top · tanh(rate · s / 2): concave on s ≥ 0."""

    top: float
    rate: float

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        return self.top * np.tanh(0.5 * self.rate * _spend(s))

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s) = 2 · top · rate · e / (1 + e)², e = e^(−rate·s)."""
        decay = np.exp(-self.rate * _spend(s))
        return 2.0 * self.top * self.rate * decay / (1.0 + decay) ** 2

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class MichaelisMenten:
    """top · s / (half + s): concave."""

    top: float
    half: float

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        s = _spend(s)
        return self.top * (s / (self.half + s))

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s) = top · half / (half + s)²."""
        total = self.half + _spend(s)
        return self.top / total * (self.half / total)

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Log:
    """scale · ln(1 + s / half): concave, without a ceiling."""

    scale: float
    half: float

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        return self.scale * np.log1p(_spend(s) / self.half)

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s) = scale / (half + s)."""
        return self.scale / (self.half + _spend(s))

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Power:
    """scale · s^exponent, 0 < exponent ≤ 1: concave, infinitely steep at 0 unless the exponent is 1."""

    scale: float
    exponent: float

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        return self.scale * _spend(s) ** self.exponent

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s) = scale · exponent · s^(exponent − 1)."""
        with np.errstate(divide="ignore"):
            return self.scale * self.exponent * _spend(s) ** (self.exponent - 1.0)

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Points:
    """Piecewise linear through (0, 0) and the points, flat after the last.

    ``points`` are (spend, response), spend strictly ascending, response non-decreasing.
    """

    points: tuple[tuple[float, float], ...]

    @cached_property
    def _knots(self) -> tuple[Floats, Floats, Floats]:
        """Abscissae from 0, ordinates, and the slope to the right of each (0 after the last)."""
        x, y = np.asarray(self.points, float).T
        if x[0] > 0:
            x, y = np.concatenate(([0.0], x)), np.concatenate(([0.0], y))
        return x, y, np.append(np.diff(y) / np.diff(x), 0.0)

    def value(self, s: ArrayLike) -> Floats:
        """R(s)."""
        x, y, _ = self._knots
        return np.asarray(np.interp(_spend(s), x, y))

    def slope(self, s: ArrayLike) -> Floats:
        """R'(s), to the right of a point."""
        x, _, slopes = self._knots
        return np.asarray(slopes[np.searchsorted(x, _spend(s), side="right") - 1])

    @property
    def breaks(self) -> tuple[float, ...]:
        """Every point beyond 0."""
        return tuple(float(x) for x in self._knots[0][1:])


@dataclass(frozen=True)
class Saturated:
    """What a saturated channel keeps of its scores: F(z) = z_ref · min(r, φ(r)), F(z) = z for z ≤ 0.

    r = z / z_ref and φ(r) = R(r · reference) / R(reference). Where R is concave the scores stand as they are below the
    reference and follow the curve beyond it. Where R is an S-curve, F has kinks at the other crossings of r and φ,
    and one at 0, where its slope to the left is 1.

    Parameters
    ----------
    curve : Curve
        R, in money or in volume.
    reference : float
        Where the scores were calibrated, in the unit of R's argument.
    z_ref : float
        Worth of the calibrated responses, in the unit of the objective.
    """

    curve: Curve
    reference: float
    z_ref: float

    def __post_init__(self) -> None:
        """Refuse a saturation that has no scale."""
        if not self.reference > 0 or not self.z_ref > 0 or not float(self.curve.value(self.reference)) > 0:
            raise ValueError("a saturation needs a reference, a response there and a worth above 0")

    @cached_property
    def _top(self) -> float:
        return float(self.curve.value(self.reference))

    def _shape(self, r: ArrayLike) -> Floats:
        """φ(r)."""
        return self.curve.value(np.asarray(r, float) * self.reference) / self._top

    def _shape_slope(self, r: ArrayLike) -> Floats:
        """φ'(r)."""
        return self.curve.slope(np.asarray(r, float) * self.reference) * (self.reference / self._top)

    def value(self, s: ArrayLike) -> Floats:
        """F(z)."""
        z = np.asarray(s, float)
        return np.where(z > 0, np.minimum(z, self.z_ref * self._shape(z / self.z_ref)), z)

    def slope(self, s: ArrayLike) -> Floats:
        """F'(z), to the right of a kink."""
        z = np.asarray(s, float)
        r = z / self.z_ref
        shape, steep = self._shape(r), self._shape_slope(r)
        # A crossing is known to a rounding only: near it the branch to its right is the flatter one.
        tie = np.abs(shape - r) <= 1e-12 * np.abs(r)
        inside = np.where(tie, np.minimum(1.0, steep), np.where(shape < r, steep, 1.0))
        return np.where(z < 0, 1.0, inside)

    @cached_property
    def breaks(self) -> tuple[float, ...]:
        """Crossings of r and φ(r), and the curve's kinks and inflections where φ is the smaller."""
        kinks = np.asarray(self.curve.breaks, float) / self.reference
        kinks = kinks[kinks > 0]
        crossings = self._crossings(np.concatenate(([0.0], np.unique(np.append(kinks, 1.0)))))
        active = kinks[self._shape(kinks) <= kinks * (1 + 1e-12)] if len(kinks) else kinks
        found = np.unique(np.concatenate((crossings, active))) * self.z_ref
        return tuple(float(z) for z in found)

    def _crossings(self, ends: Floats) -> Floats:
        """Points r > 0 where φ(r) − r changes sign; between two ``ends`` φ is concave or convex."""

        def excess(r: float) -> float:
            return 0.0 if r == 1.0 else float(self._shape(r)) - r

        def steepness(r: float) -> float:
            return float(self._shape_slope(r)) - 1.0

        # φ rises slower than r in the end (or is r itself): far enough out the excess keeps its sign.
        last = 2.0 * float(ends[-1])
        while excess(last) > 0 and last < 1e150:
            last *= 2.0
        edges = np.append(ends, last)
        found = [1.0]  # φ(1) = 1 always
        for left, right in pairwise(edges):
            # The excess turns at most once inside; 0 is no end to bisect from, its slope may be infinite.
            inner = left + 1e-9 * (right - left) if left > 0 else 1e-150 * right, right - 1e-9 * (right - left)
            turns = [_sign_change(steepness, *inner)] if steepness(inner[0]) * steepness(inner[1]) < 0 else []
            parts = [left, *turns, right]
            found += [_sign_change(excess, a, b) for a, b in pairwise(parts) if excess(a) * excess(b) < 0]
        return np.asarray(found)


def curve_from(form: str, parameters: object) -> Curve:
    """Build a curve from what a planner writes.

    Parameters
    ----------
    form : str
        ``hill``, ``logistic``, ``michaelis_menten``, ``log``, ``power`` or ``points``.
    parameters : mapping or sequence
        The form's parameters by name; for ``points`` a sequence of [spend, response].

    Raises
    ------
    ValueError
        With what was found and what was expected, in a planner's words.
    """
    if form == "points":
        return _points(parameters)
    if form not in _FORMS:
        raise ValueError(f"unknown curve {form!r}: expected one of {', '.join([*_FORMS, 'points'])}")
    names, build = _FORMS[form]
    if not isinstance(parameters, Mapping):
        raise ValueError(f"{form} takes {{{', '.join(names)}}}, found {parameters!r}")
    missing = [name for name in names if name not in parameters]
    unknown = [str(name) for name in parameters if name not in names]
    if missing or unknown:
        found = f"{'missing ' + ', '.join(missing) if missing else ''}{'; ' if missing and unknown else ''}"
        found += f"unknown {', '.join(unknown)}" if unknown else ""
        raise ValueError(f"{form} takes {', '.join(names)}: {found}")
    numbers = [_positive(form, name, parameters[name]) for name in names]
    if form == "power" and numbers[1] > 1:
        raise ValueError(f"power exponent is {numbers[1]:g}: expected at most 1 (an S-curve is a hill)")
    return build(*numbers)


#: Parameter names in a planner's file, in the order of the dataclass's fields.
_FORMS: dict[str, tuple[tuple[str, ...], Callable[..., Curve]]] = {
    "hill": (("top", "half", "slope"), Hill),
    "logistic": (("top", "rate"), Logistic),
    "michaelis_menten": (("top", "half"), MichaelisMenten),
    "log": (("scale", "half"), Log),
    "power": (("scale", "exponent"), Power),
}


def _number(place: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ValueError(f"{place} is {value!r}: expected a number")
    if not np.isfinite(value):
        raise ValueError(f"{place} is {value!r}: expected a finite number")
    return float(value)


def _positive(form: str, name: str, value: object) -> float:
    number = _number(f"{form} {name}", value)
    if number <= 0:
        raise ValueError(f"{form} {name} is {number:g}: expected a number above 0")
    return number


def _points(parameters: object) -> Points:
    if not isinstance(parameters, (Sequence, np.ndarray)) or isinstance(parameters, str) or len(parameters) == 0:
        raise ValueError(f"points takes a list of [spend, response], found {parameters!r}")
    points: list[tuple[float, float]] = []
    for row, point in enumerate(parameters, start=1):
        if not isinstance(point, (Sequence, np.ndarray)) or isinstance(point, str) or len(point) != 2:
            raise ValueError(f"point {row} is {point!r}: expected [spend, response]")
        spend, response = (_number(f"point {row}", number) for number in point)
        before = points[-1] if points else (-np.inf, 0.0)
        if spend < 0 or spend <= before[0]:
            raise ValueError(f"point {row} has spend {spend:g}: expected spends from 0, ascending")
        if response < before[1]:
            raise ValueError(f"point {row} has response {response:g}: expected at least {before[1]:g}, never falling")
        if spend == 0 and response != 0:
            raise ValueError(f"point {row} has response {response:g} at spend 0: expected 0 (the curve starts there)")
        points.append((spend, response))
    return Points(tuple(points))


def _spend(s: ArrayLike) -> Floats:
    return np.maximum(np.asarray(s, float), 0.0)


def _sign_change(f: Callable[[float], float], low: float, high: float) -> float:
    """Bisect to adjacent floats, where f has opposite signs at both ends (0 < low)."""
    rising = f(high) > 0
    while low < (middle := 0.5 * (low + high) if high < 4 * low else float(np.sqrt(low) * np.sqrt(high))) < high:
        if (f(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return high
