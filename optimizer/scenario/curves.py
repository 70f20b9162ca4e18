"""Response curves: what a spend (or a volume) yields. Every form knows its value, slope, kinks and inflections."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import ArrayLike, NDArray
import numpy as np


class Curve(Protocol):
    """A continuous function on s ≥ 0 with value(0) = 0, non-decreasing, piecewise smooth."""

    def value(self, s: ArrayLike) -> NDArray[np.float64]:
        """R(s), any shape."""
        ...

    def slope(self, s: ArrayLike) -> NDArray[np.float64]:
        """R'(s); at a kink, the slope to the right."""
        ...

    @property
    def breaks(self) -> tuple[float, ...]:
        """Points s > 0 where the slope jumps or the curvature changes sign, ascending."""
        ...
