"""Numbers on pairs that depend on the activity and the customer apart: kept as small as what they depend on.

    value(i, a) = Σ_k activity_k(a) · customer_k(i)

Money is mostly so: a price a channel, a margin a customer. Millions of pairs then need no number each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

#: An activity part (A,) and a customer part (N,), None where it is 1 for all.
Part = tuple[Floats, Floats | None]


@dataclass(frozen=True, eq=False)
class PairValues(NDArrayOperatorsMixin):
    """Read like an array of shape (E,): by rows, or whole; reckoned with, it becomes one.

    Attributes
    ----------
    customer, activity : int32 (E,)
        Those of the pairs.
    parts : tuple of Part
        Customer parts are finite; NaN in an activity part stands for an empty value.
    """

    customer: Ints
    activity: Ints
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return len(self.customer)

    def __getitem__(self, rows: Any) -> Floats:
        """The values of some pairs, by anything that indexes an array."""
        customer, activity = (codes[rows].astype(np.intp) for codes in (self.customer, self.activity))
        found: Floats | None = None
        for of_activity, of_customer in self.parts:
            if not of_activity.any():
                continue
            value = of_activity[activity]
            if of_customer is not None:
                value = value * of_customer[customer]
            found = value if found is None else found + value
        return np.zeros(np.shape(customer)) if found is None else found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All values."""
        found = self[:]
        return found if dtype is None else found.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keys: Any) -> Any:
        """Operators and functions of numpy, on all values."""
        whole = [np.asarray(one) if isinstance(one, PairValues) else one for one in inputs]
        return getattr(ufunc, method)(*whole, **keys)

    def tolist(self) -> list[float]:
        """All values as numbers."""
        return list(self[:].tolist())

    def mapped(self, change: Callable[[Floats], Floats]) -> PairValues:
        """With other activity parts."""
        return PairValues(self.customer, self.activity, tuple((change(part), own) for part, own in self.parts))

    @property
    def complete(self) -> bool:
        """Whether no value is empty."""
        return not any(np.isnan(part).any() for part, _ in self.parts)


#: Numbers on pairs, shape (E,): one each, or in parts.
PairColumn = Floats | PairValues


def filled(values: PairColumn) -> PairColumn:
    """With 0 in place of empty values."""
    return values.mapped(np.nan_to_num) if isinstance(values, PairValues) else np.nan_to_num(values)
