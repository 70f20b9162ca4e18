"""Response curves of the brute force, evaluated as the contract writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def value(curve: dict[str, Any], s: float) -> float:
    """R(s) of a curve written ``{form: parameters}``."""
    (form, p), *_ = [(key, body) for key, body in curve.items() if key in FORMS]
    return FORMS[form](p, s) if s > 0 else 0.0


def points(p: list[list[float]], s: float) -> float:
    """Piecewise linear from 0, flat after the last point."""
    x0, y0 = 0.0, 0.0
    for x1, y1 in p:
        if s <= x1:
            return y0 + (y1 - y0) * (s - x0) / (x1 - x0) if x1 > x0 else y1
        x0, y0 = x1, y1
    return y0


def hill(p: dict[str, float], s: float) -> float:
    """Top · s^slope / (half^slope + s^slope)."""
    return p["top"] * s ** p["slope"] / (p["half"] ** p["slope"] + s ** p["slope"])


FORMS: dict[str, Callable[[Any, float], float]] = {
    "points": points,
    "hill": hill,
    "logistic": lambda p, s: p["top"] * (1 - math.exp(-p["rate"] * s)) / (1 + math.exp(-p["rate"] * s)),
    "michaelis_menten": lambda p, s: p["top"] * s / (p["half"] + s),
    "log": lambda p, s: p["scale"] * math.log1p(s / p["half"]),
    "power": lambda p, s: p["scale"] * s ** p["exponent"],
}


def breakpoints(curve: dict[str, Any], low: float, high: float, steps: int = 24) -> list[float]:
    """Spends between which the curve is taken as straight when candidates are drawn: its kinks, or a fine grid."""
    if "points" in curve:
        inner = [x for x, _ in curve["points"] if low < x < high]
    else:
        inner = [low + (high - low) * k / steps for k in range(1, steps)]
    return [low, *inner, high]
