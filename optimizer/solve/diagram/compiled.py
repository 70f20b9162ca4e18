"""Loops compiled to machine code: numba's decorator under a name with types, and the one hash they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

Int64 = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_BARE: dict[str, Any] = {"_nrt": False}


def compiled(function: Function) -> Function:
    """The function as machine code, kept on disk between runs."""
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def bare(function: Function) -> Function:
    """The function as machine code that counts no references to arrays, and so may make none.

    A loop that hands dozens of arrays to the steps of every rule spends most of its time on counting else.
    """
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy", **_BARE)(function))


@compiled
def mixed(value: np.uint64) -> np.uint64:
    """A 64-bit number whose every bit depends on every bit of ``value`` (splitmix64)."""
    value = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def wake() -> None:
    """Make numba ready: its first loop takes as long as dozens after it."""
    mixed(np.uint64(0))


@compiled
def roomy(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array, or a copy twice as large, with room for ``size`` numbers."""
    if size <= len(array):
        return array
    larger = np.empty(max(2 * len(array), size), array.dtype)
    for k in range(len(array)):
        larger[k] = array[k]
    return larger


def counted_order(label: NDArray[np.integer], size: int, before: Int64 | None = None) -> Int64:
    """A stable order by label, by counting; ``before`` is the order in which the labels are given, else as they stand.

    Parameters
    ----------
    size : labels are from 0 to below it.
    """
    order = _counted(label, size)
    return order if before is None else before[order]


@compiled
def _counted(label: NDArray[Any], size: int) -> Int64:
    place = np.zeros(size + 1, np.int64)
    for k in range(len(label)):
        place[label[k] + 1] += 1
    for k in range(size):
        place[k + 1] += place[k]
    order = np.empty(len(label), np.int64)
    for k in range(len(label)):
        order[place[label[k]]] = k
        place[label[k]] += 1
    return order
