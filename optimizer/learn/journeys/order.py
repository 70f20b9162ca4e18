"""One number a row that sorts as several columns do: quicker than sorting by each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: Keys stay below this, so that none overflows.
_LARGEST = 1 << 62


def joint_key(*columns: Ints) -> Ints:
    """A key that orders rows by the first column, then the second, and so on; equal where all columns are.

    Where the product of their spans is too wide for 64 bits, columns are replaced by the ranks of their values.
    """
    packed = [_narrow(column) for column in columns]
    spans = [int(column.max(initial=0)) + 1 for column in packed]
    while _product(spans) > _LARGEST:
        widest = int(np.argmax(spans))
        distinct, packed[widest] = np.unique(packed[widest], return_inverse=True)
        if len(distinct) == spans[widest]:  # nothing is gained: join what stands before, then rank that
            return joint_key(np.unique(joint_key(*columns[:-1]), return_inverse=True)[1], columns[-1])
        spans[widest] = len(distinct)
    key = packed[0]
    for column, span in zip(packed[1:], spans[1:], strict=True):
        key = key * span + column
    return key


def _narrow(column: Ints) -> Ints:
    """From 0 and in steps of one: moments in microseconds are mostly whole seconds."""
    if not len(column):
        return column
    low = int(column.min())
    shifted = column - low
    step = int(np.gcd.reduce(shifted))
    return shifted // step if step > 1 else shifted


def _product(spans: list[int]) -> int:
    whole = 1
    for span in spans:
        whole *= span
    return whole
