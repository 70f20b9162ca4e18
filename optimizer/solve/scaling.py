"""Scale a model by powers of two, so that its units do not matter.

Rows, continuous columns and the objective are multiplied by powers of two chosen from the data alone: a row whose
coefficients are multiples of one power of two becomes a row of integers, any other has its largest coefficient
brought into [1, 2); a continuous column takes its unit from the rows it stands in, but not from a row that is next to
a bound on it alone (y ≤ 1e-11 z + 5: the unit of z says nothing of y's). Multiplying by a power of two is
exact, and the choice moves with the data, so money × 2^k reaches the solver as the very same arrays and gives the
very same plan. Integer columns keep their unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.solve.highs import Program
from optimizer.solve.linear_model import MatrixForm

Floats = NDArray[np.float64]
Exponents = NDArray[np.int64]

_INTEGRAL_BITS = 20  # coefficients up to a million times the row's unit count as integers
_NONE = np.iinfo(np.int64).min // 4
#: Where all else in a row moves it by less than this part of what one column does, the row tells nothing of its unit.
_TELLING = 2.0**-20


@dataclass(frozen=True)
class Scaled:
    """A model as the solver sees it: a minimisation of −objective · ``objective_scale`` in x / ``column_scale``."""

    program: Program
    objective_scale: float
    column_scale: Floats
    row_scale: Floats

    def point(self, x: Floats) -> Floats:
        """Express a solver's point in the planner's units."""
        return x * self.column_scale

    def scaled_point(self, x: Floats) -> Floats:
        """Express a point in the planner's units as the solver's."""
        return x / self.column_scale

    def objective(self, cost: float) -> float:
        """Express a solver's cost (or lower bound) as an objective (or upper bound)."""
        return -cost / self.objective_scale

    def cost(self, objective: float) -> float:
        """Express an objective as the solver's cost."""
        return -objective * self.objective_scale

    def row_dual(self, dual: Floats) -> Floats:
        """Express the solver's row duals as marginal objectives of one unit of each row."""
        return -dual * self.row_scale / self.objective_scale


def scale(form: MatrixForm) -> Scaled:
    """Scale ``form`` and state it as a minimisation."""
    matrix = form.matrix
    height, width = matrix.shape
    row = np.repeat(np.arange(height), np.diff(matrix.indptr))
    row_exponent, column_exponent = _unit_exponents(form, row)
    value = np.ldexp(matrix.data, (row_exponent[row] + column_exponent[matrix.indices]).astype(np.int32))
    cost = np.ldexp(form.objective, column_exponent.astype(np.int32))
    nonzero = np.flatnonzero(cost)
    unit = int(_units(np.zeros(len(nonzero), np.int64), *_parts(cost[nonzero]), 1)[0]) if len(nonzero) else 0
    rows, columns = row_exponent.astype(np.int32), column_exponent.astype(np.int32)
    program = Program(
        cost=-np.ldexp(cost, unit) + 0.0,  # no negative zeros: they would be another set of bytes
        offset=-float(np.ldexp(form.offset, unit)) + 0.0,
        start=matrix.indptr.astype(np.int32),
        index=matrix.indices.astype(np.int32),
        value=value,
        row_lower=np.ldexp(form.row_lower, rows),
        row_upper=np.ldexp(form.row_upper, rows),
        lower=np.ldexp(form.lower, -columns),
        upper=np.ldexp(form.upper, -columns),
        integer=form.integer,
    )
    return Scaled(
        program, float(np.ldexp(1.0, unit)), np.ldexp(np.ones(width), columns), np.ldexp(np.ones(height), rows)
    )


def _unit_exponents(form: MatrixForm, row: NDArray[np.int64]) -> tuple[Exponents, Exponents]:
    """Exponents of the row and column scales: units spread from the integer columns over the rows they share."""
    matrix = form.matrix
    height, width = matrix.shape
    column = matrix.indices.astype(np.int64)
    top, low = _parts(matrix.data)
    tells = _telling(form, row)
    rows, columns = np.zeros(height, np.int64), np.zeros(width, np.int64)
    row_known, column_known = np.zeros(height, bool), form.integer.copy()
    seeded = False
    while True:
        reach = column_known[column] & ~row_known[row] & (matrix.data != 0)
        if reach.any():
            at = row[reach]
            shift = columns[column[reach]]
            units = _units(at, top[reach] + shift, low[reach] + shift, height)
            found = np.unique(at)
            rows[found], row_known[found] = units[found], True
        spread = row_known[row] & ~column_known[column] & tells
        if spread.any():
            at = column[spread]
            highest = np.full(width, _NONE)
            np.maximum.at(highest, at, top[spread] + rows[row[spread]])
            found = np.unique(at)
            columns[found], column_known[found] = 1 - highest[found], True
        if reach.any() or spread.any():
            continue
        if seeded or column_known.all():
            break
        # What no integer column reaches takes its unit from its own bounds, or keeps it.
        size = np.maximum(
            np.where(np.isfinite(form.lower), np.abs(form.lower), 0.0),
            np.where(np.isfinite(form.upper), np.abs(form.upper), 0.0),
        )
        chosen = ~column_known & (size > 0)
        if not chosen.any():
            chosen, size, seeded = ~column_known, np.ones(width), True
        columns[chosen] = np.frexp(size[chosen])[1] - 1
        column_known |= chosen
    late = np.zeros(height, bool)
    late[row[~tells & (matrix.data != 0)]] = True
    of_late = late[row] & (matrix.data != 0)
    shift = columns[column[of_late]]
    units = _units(row[of_late], top[of_late] + shift, low[of_late] + shift, height)
    return np.where(late, units, rows), columns


def _telling(form: MatrixForm, row: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Entries whose row ties their column to others: the rest of the row moves it by a part worth the name."""
    matrix = form.matrix
    height = matrix.shape[0]
    furthest = np.maximum(np.abs(form.lower), np.abs(form.upper))
    with np.errstate(invalid="ignore"):
        reach = np.where(matrix.data != 0, np.abs(matrix.data) * furthest[matrix.indices], 0.0)
    largest, second, holder = np.zeros(height), np.zeros(height), np.full(height, len(row))
    np.maximum.at(largest, row, reach)
    at_largest = np.flatnonzero(reach == largest[row])
    np.minimum.at(holder, row[at_largest], at_largest)
    holds = holder[row] == np.arange(len(row))
    np.maximum.at(second, row[~holds], reach[~holds])
    others = np.where(holds, second[row], largest[row])
    telling = np.isinf(reach) | (others >= _TELLING * reach)
    return np.asarray(telling & (matrix.data != 0))


def _parts(value: Floats) -> tuple[Exponents, Exponents]:
    """Exponents of the highest bit (plus one) and of the lowest bit of each number."""
    mantissa, exponent = np.frexp(value)
    digits = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(float))[1] - 1
    return exponent.astype(np.int64), exponent.astype(np.int64) - 53 + lowest


def _units(group: NDArray[np.int64], top: Exponents, low: Exponents, size: int) -> Exponents:
    """Per group, the exponent that turns its numbers into integers, or the largest of them into [1, 2)."""
    highest, lowest = np.full(size, _NONE), np.full(size, -_NONE)
    np.maximum.at(highest, group, top)
    np.minimum.at(lowest, group, low)
    integral = highest - lowest <= _INTEGRAL_BITS
    return np.where(integral, -lowest, 1 - highest)
