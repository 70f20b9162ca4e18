"""Sums that do not depend on the order of what is added: the same rows shuffled give the same bits.

Numbers are cut into slices of so few bits that the sums of a slice are whole multiples of one power of two below 2^53,
hence exact in any order (Demmel and Nguyen, Fast reproducible floating-point summation, ARITH 2013).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Slices made at most; what is left then is below 2^-50 of the smallest that a float holds beside the largest number.
_SLICES = 4


def sums_by(codes: NDArray[np.integer], numbers: Floats, size: int) -> Floats:
    """Sum ``numbers`` by code, the same bits in whatever order the rows stand.

    Parameters
    ----------
    codes : array of int
        Which sum each number belongs to, 0 … size − 1.
    numbers : array of float
        Finite numbers; below 1e-290 they count as nothing.
    size : int
        How many sums there are.

    Returns
    -------
    array of float, shape (size,)
    """
    rest = np.asarray(numbers, float)
    largest = float(np.abs(rest).max(initial=0.0))
    if largest == 0.0:
        return np.zeros(size)
    bits = 52 - int(np.ceil(np.log2(max(len(rest), 2))))
    exponent = int(np.frexp(largest)[1])
    parts: list[Floats] = []
    for _ in range(_SLICES):
        exponent -= bits
        if exponent < -1000:  # beyond what a float can hold
            break
        quantum = 2.0**exponent
        slice_ = np.round(rest / quantum) * quantum
        parts.append(np.bincount(codes, weights=slice_, minlength=size).astype(float, copy=False))
        rest = rest - slice_
        if not rest.any():
            break
    total = np.zeros(size)
    for part in reversed(parts):
        total = total + part
    return total


def total(numbers: Floats) -> float:
    """The sum of all numbers, the same bits in whatever order they stand."""
    return float(sums_by(np.zeros(len(numbers), np.int64), numbers, 1)[0])
