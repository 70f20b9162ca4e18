"""A core: the relaxation prices everything, a small MIP decides what is close, reduced costs prove the rest.

For a box (the form, or the form under bounds of a few columns) with its LP relaxation solved:

1. The duals give a bound B of our own and reduced costs d = c − Aᵀy.
2. The core: columns of small |d|, fractional columns and every continuous column stay free; the others are held
   where the relaxation has them. This is a heuristic, judged by B; the core grows until the gap closes.
3. Where it does not close, reduced costs prove: a column that leaves its side of the relaxation costs |d|, so if
   B − |d| is below the best plan it may be held for good. Branch and bound on what is left proves the rest.

A basic solution of the relaxation has at most as many fractional customers as it has coupling rows, which is why the
core is small (Balas and Zemel, Operations Research 28, 1980, for one row).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.search import RELATIVE_MARGIN, Ending, Floats, Part, Search, explore

THRESHOLD = 1_000  # integer columns from which a core is worth its LP
_CORE_SIZES = (300, 1_000, 3_000, 8_000)
_CORE_NODES = 2_000
_FRACTIONAL = 1e-6


@dataclass(frozen=True)
class Relaxed:
    """A box, the point of its relaxation, and what its duals prove.

    ``bound`` is the best known for the box; ``priced_bound`` is the one that goes with ``reduced_cost``.
    """

    box: MatrixForm
    x: Floats
    reduced_cost: Floats
    bound: float
    priced_bound: float


@dataclass(frozen=True)
class Closed:
    """What is known of a box afterwards: no point in it beats ``bound`` (by the solver's word where ``by_solver``)."""

    ending: Ending
    bound: float
    by_solver: bool


def close_box(search: Search, relaxed: Relaxed, *, label: str, start: Floats | None = None) -> Closed:
    """Find the best of a box, up to the gap of the search.

    Parameters
    ----------
    label : str
        Goes before the stage's name in progress.
    start : array, optional
        A whole point to start from.
    """
    box, bound = relaxed.box, relaxed.bound
    integers = np.count_nonzero(box.integer)
    for size in _CORE_SIZES:
        if search.good_enough(bound):
            return Closed("solved", bound, by_solver=False)
        if size >= integers / 2 or search.finished:
            break
        if size < integers / 50:
            continue
        part = hold(box, _core(relaxed, size), relaxed.x)
        if part is not None:
            explore(
                search,
                part,
                stage=f"{label}core of {len(part.columns)}",
                gap=search.gap / 10,
                target=search.target(bound),
                node_limit=_CORE_NODES,
                start=start,
            )
    if search.good_enough(bound):
        return Closed("solved", bound, by_solver=False)
    if search.finished:
        return Closed("stopped", bound, by_solver=False)
    part = prove(search, relaxed)
    if part is None:
        return Closed("infeasible", min(bound, search.objective), by_solver=False)
    inside = search.x is not None and part.restrict(search.x) is not None
    found = explore(
        search,
        part,
        stage=f"{label}branch and bound",
        gap=search.gap,
        target=search.target(bound),
        cutoff=search.x is not None and not inside,
        start=start,
    )
    # What the reduced costs held is no better than the best plan.
    proved = max(found.bound, search.objective) if len(part.columns) < len(box.objective) else found.bound
    return Closed(found.ending, min(bound, proved), by_solver=proved < bound)


def _core(relaxed: Relaxed, size: int) -> NDArray[np.bool_]:
    """Mark the ``size`` least decided columns and all continuous ones."""
    integer = relaxed.box.integer
    fractional = np.abs(relaxed.x - np.round(relaxed.x)) > _FRACTIONAL
    sure = np.where(fractional | ~integer, -1.0, np.abs(relaxed.reduced_cost))
    free = ~integer
    free[np.argsort(sure, kind="stable")[:size]] = True
    return free


def hold(form: MatrixForm, free: NDArray[np.bool_], x: Floats) -> Part | None:
    """Hold the columns that are not ``free`` at ``x`` and drop the rows that can no longer bind.

    Returns
    -------
    Part or None
        None where a row breaks already.
    """
    columns = np.flatnonzero(free)
    held = np.where(free, 0.0, np.where(form.integer, np.round(x), x))
    matrix = sp.csr_array(form.matrix.tocsc()[:, columns])
    activity = form.matrix @ held
    row_lower, row_upper = form.row_lower - activity, form.row_upper - activity
    lower, upper = form.lower[columns], form.upper[columns]
    least, most = _activity_range(matrix, lower, upper)
    slack = 1e-9 * (1 + np.abs(activity))
    if ((least > row_upper + slack) | (most < row_lower - slack)).any():
        return None
    binding = (np.diff(matrix.indptr) > 0) & ((least < row_lower) | (most > row_upper))
    part = MatrixForm(
        objective=form.objective[columns],
        offset=form.offset + float(form.objective @ held),
        matrix=sp.csr_array(matrix[binding]),
        row_lower=row_lower[binding],
        row_upper=row_upper[binding],
        lower=lower,
        upper=upper,
        integer=form.integer[columns],
    )
    return Part(part, columns, held)


def _activity_range(matrix: sp.csr_array, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Return the least and the most that each row can be."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    rising = matrix.data > 0
    low = np.where(rising, lower[matrix.indices], upper[matrix.indices]) * matrix.data
    high = np.where(rising, upper[matrix.indices], lower[matrix.indices]) * matrix.data
    height = matrix.shape[0]
    return (
        np.asarray(np.bincount(row, weights=low, minlength=height), float),
        np.asarray(np.bincount(row, weights=high, minlength=height), float),
    )


def prove(search: Search, relaxed: Relaxed) -> Part | None:
    """Hold the binaries whose other value is proved no better than the best plan.

    A point of the box with x_j on the other side of the relaxation is worth at most B − |d_j|.

    Returns
    -------
    Part or None
        None where that leaves no point: nothing in the box is better.
    """
    box = relaxed.box
    everything = Part.everything(box)
    if search.x is None or not np.isfinite(relaxed.priced_bound):
        return everything
    binary = box.integer & (box.lower == 0) & (box.upper == 1)
    worth = relaxed.priced_bound - np.abs(relaxed.reduced_cost)
    settled = binary & (worth < search.objective - RELATIVE_MARGIN * (1 + abs(search.objective)))
    # The relaxation's side follows from the sign alone: that is what the bound used.
    side = np.where(relaxed.reduced_cost > 0, 1.0, 0.0)
    if not settled.any():
        return everything
    return hold(box, ~settled, np.where(settled, side, relaxed.x))
