"""A mixed-integer linear program in named blocks: the one place where variables and rows become a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """A named run of variables or rows; ``labels`` name its members (None: numbered)."""

    name: str
    start: int
    size: int
    labels: Sequence[str] | None = None


@dataclass(frozen=True)
class MatrixForm:
    """max c·x + offset subject to row_lower ≤ A x ≤ row_upper, lower ≤ x ≤ upper, x integer where marked."""

    objective: Floats
    offset: float
    matrix: sp.csr_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]


@dataclass
class LinearModel:
    """Collects blocks; ``form()`` emits the matrix. Always maximised."""

    variables: list[Block] = field(default_factory=list)
    rows: list[Block] = field(default_factory=list)
    offset: float = 0.0
    _columns: list[tuple[Floats, Floats, NDArray[np.bool_], Floats]] = field(default_factory=list)
    _entries: list[tuple[Indices, Indices, Floats]] = field(default_factory=list)
    _bounds: list[tuple[Floats, Floats]] = field(default_factory=list)
    _worth: list[tuple[Indices, Floats]] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Number of variables."""
        return self.variables[-1].start + self.variables[-1].size if self.variables else 0

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.rows[-1].start + self.rows[-1].size if self.rows else 0

    def add_variables(
        self,
        name: str,
        size: int,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        integer: ArrayLike = False,
        objective: ArrayLike = 0.0,
        labels: Sequence[str] | None = None,
    ) -> Indices:
        """Add a block of variables and return their column numbers."""
        start = self.width
        self.variables.append(Block(name, start, size, labels))
        self._columns.append(
            (
                np.broadcast_to(np.asarray(lower, float), size).copy(),
                np.broadcast_to(np.asarray(upper, float), size).copy(),
                np.broadcast_to(np.asarray(integer, bool), size).copy(),
                np.broadcast_to(np.asarray(objective, float), size).copy(),
            )
        )
        return np.arange(start, start + size)

    def add_rows(
        self,
        name: str,
        row: ArrayLike,
        column: ArrayLike,
        value: ArrayLike,
        *,
        lower: ArrayLike,
        upper: ArrayLike,
        size: int,
        labels: Sequence[str] | None = None,
    ) -> Indices:
        """Add ``size`` rows from triplets (``row`` counted from 0 within the block) and return their row numbers."""
        start = self.height
        self.rows.append(Block(name, start, size, labels))
        local, columns = np.asarray(row, np.int64), np.asarray(column, np.int64)
        self._entries.append((local + start, columns, np.broadcast_to(np.asarray(value, float), local.shape)))
        self._bounds.append(
            (
                np.broadcast_to(np.asarray(lower, float), size).copy(),
                np.broadcast_to(np.asarray(upper, float), size).copy(),
            )
        )
        return np.arange(start, start + size)

    def add_objective(self, column: ArrayLike, value: ArrayLike) -> None:
        """Add to the objective coefficients of columns (repeats are summed)."""
        columns, values = np.broadcast_arrays(np.asarray(column, np.int64), np.asarray(value, float))
        self._worth.append((columns.ravel(), values.ravel()))

    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bounds of the variables added so far."""
        if not self._columns:
            return np.empty(0), np.empty(0)
        return np.concatenate([part[0] for part in self._columns]), np.concatenate([part[1] for part in self._columns])

    def form(self) -> MatrixForm:
        """Return the matrix, entries of the same place summed."""
        lower, upper, integer, objective = (
            np.concatenate([part[k] for part in self._columns]) if self._columns else np.empty(0) for k in range(4)
        )
        for columns, values in self._worth:
            # bincount sums repeats in order, many times faster than np.add.at.
            objective = objective + np.bincount(columns, weights=values, minlength=self.width)
        row, column, value = (
            np.concatenate([part[k] for part in self._entries]) if self._entries else np.empty(0) for k in range(3)
        )
        shape = (self.height, self.width)
        matrix = sp.csr_array(sp.coo_array((value, (row.astype(np.int64), column.astype(np.int64))), shape=shape))
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        row_lower, row_upper = (
            np.concatenate([part[k] for part in self._bounds]) if self._bounds else np.empty(0) for k in range(2)
        )
        return MatrixForm(objective, self.offset, matrix, row_lower, row_upper, lower, upper, integer.astype(bool))
