"""Whether an argument is a number of the kind asked for; true and false are none, and numpy's own are."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_positive(value: object) -> TypeGuard[float]:
    """Whether it is a finite number above 0."""
    return is_number(value) and 0 < value < math.inf


def is_whole(value: object, least: int) -> TypeGuard[int]:
    """Whether it is a whole number (3, not 3.0) of at least ``least``."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
