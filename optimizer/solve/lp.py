"""Linear programs, and the bound that any prices prove.

Weak duality: for every vector y of row duals and every feasible x,

    c·x = y·(A x) + (c − Aᵀy)·x
        ≤ Σ_rows max(y⁺ · row_upper − y⁻ · row_lower) + Σ_columns max over [lower, upper] of (c − Aᵀy)_j x_j.

``dual_bound`` evaluates the right side itself, with the rounding of every sum and product added on top, so that the
bound holds whoever made the prices: a solver that stopped early, lied or died costs sharpness, never truth
(Neumaier and Shcherbina, Mathematical Programming 99, 2004).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.solve.child import StopSignal, run_in_child
from optimizer.solve.highs import Answer, Settings, solve_lp_arrays
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.scaling import Scaled, scale

Floats = NDArray[np.float64]
LpStatus = Literal["optimal", "feasible", "infeasible", "unbounded", "failed"]

_EPSILON = np.finfo(float).eps
_IN_PROCESS = 200_000  # nonzeros; a longer LP runs where it can be stopped
_PROPAGATION_ROUNDS = 8


@dataclass(frozen=True)
class LpResult:
    """An LP's answer. ``row_dual`` is the marginal objective of each row, ``reduced_cost`` = c − Aᵀ·row_dual."""

    status: LpStatus
    x: Floats | None
    objective: float
    row_dual: Floats | None
    reduced_cost: Floats | None


def solve_lp(
    form: MatrixForm,
    *,
    time_limit: float = np.inf,
    method: Literal["choose", "simplex", "ipx"] = "choose",
    presolve: bool = True,
    stop: StopSignal | None = None,
) -> LpResult:
    """Solve the linear relaxation of ``form``.

    Parameters
    ----------
    form : MatrixForm
        A maximisation; integrality is ignored.
    time_limit : float
        Seconds, the last resort.
    method : {"choose", "simplex", "ipx"}
        ``ipx`` (interior point with crossover) for long boxed rows, on which the dual simplex stalls.
    presolve : bool
        Whether HiGHS may presolve.
    stop : callable or threading.Event, optional
        Stops the solve early. A large LP runs in the solver's process, a small one here.

    Returns
    -------
    LpResult
        ``row_dual`` may be present although the status is not ``optimal``: ``dual_bound`` makes a bound of it.
    """
    if not len(form.objective):
        return LpResult("optimal", np.empty(0), form.offset, np.zeros(len(form.row_lower)), np.empty(0))
    scaled = scale(form)
    settings = Settings(presolve=presolve, method=method, seconds=time_limit)
    if form.matrix.nnz <= _IN_PROCESS:
        return _result(form, scaled, solve_lp_arrays(scaled.program, settings))
    outcome = run_in_child("lp", scaled.program, settings, deadline=time.monotonic() + time_limit, stop=stop)
    if outcome.answer is None:
        return LpResult("failed", None, -np.inf, None, None)
    return _result(form, scaled, outcome.answer)


def _result(form: MatrixForm, scaled: Scaled, answer: Answer) -> LpResult:
    x = None if answer.x is None else np.clip(scaled.point(answer.x), form.lower, form.upper)
    row_dual = None if answer.row_dual is None else scaled.row_dual(answer.row_dual)
    reduced = None if row_dual is None else form.objective - form.matrix.T @ row_dual
    objective = -np.inf if x is None else float(form.objective @ x) + form.offset
    status: LpStatus = "failed"
    if answer.status in ("infeasible", "unbounded"):
        status = "infeasible" if answer.status == "infeasible" else "unbounded"
    elif x is not None:
        status = "optimal" if answer.status == "solved" else "feasible"
    return LpResult(status, x, objective, row_dual, reduced)


def dual_bound(form: MatrixForm, row_dual: Floats) -> float:
    """Upper bound on the objective over all x within the rows and bounds, for any row duals.

    Parameters
    ----------
    form : MatrixForm
        The maximisation; integrality only makes the bound looser, never wrong.
    row_dual : array (rows,)
        Prices of the rows: any numbers. A price on a side that a row does not have counts as zero.

    Returns
    -------
    float
        ∞ where a column may grow without limit at a profit.
    """
    matrix = form.matrix
    dual = np.where(np.isfinite(row_dual), row_dual, 0.0)
    dual = np.where((dual > 0) & np.isposinf(form.row_upper), 0.0, dual)
    dual = np.where((dual < 0) & np.isneginf(form.row_lower), 0.0, dual)
    magnitude = sp.csr_array((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    reduced = form.objective - matrix.T @ dual
    terms = np.bincount(matrix.indices, minlength=matrix.shape[1]) + 4.0
    error = terms * _EPSILON * (np.abs(form.objective) + magnitude.T @ np.abs(dual))
    high, low = reduced + error, reduced - error  # the true reduced cost lies between
    lower, upper = form.lower, form.upper
    open_ended = ((high > 0) & np.isposinf(upper)) | ((low < 0) & np.isneginf(lower))
    if open_ended.any():
        lower, upper = implied_bounds(form)
    with np.errstate(invalid="ignore"):  # 0 · ∞ is 0 here
        sides = np.stack([high * upper, low * upper, high * lower, low * lower])
    sides = np.where(np.isnan(sides), 0.0, sides)
    # max of r·x over the box, for r between low and high, is at one of the four corners.
    columns = sides.max(axis=0)
    columns = np.where(lower > upper, 0.0, columns)  # an empty box has no point to bound
    with np.errstate(invalid="ignore"):
        rows = np.where(dual > 0, dual * form.row_upper, np.where(dual < 0, dual * form.row_lower, 0.0))
    parts = np.concatenate([columns, rows, [form.offset]])
    if np.isposinf(parts).any():
        return np.inf
    total = math.fsum(parts)
    slack = math.fsum(np.abs(parts)) * 2 * _EPSILON
    return float(np.nextafter(total + slack, np.inf))


def implied_bounds(form: MatrixForm) -> tuple[Floats, Floats]:
    """Bounds of the columns that the rows imply, computed where a column's own bound is infinite.

    For row lo ≤ Σ a x ≤ hi:  a_j x_j ≤ hi − min Σ_{k≠j} a_k x_k,  and likewise from lo; rounding is widened for.
    """
    matrix = form.matrix
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    column, value = matrix.indices, matrix.data
    kept = value != 0
    row, column, value = row[kept], column[kept], value[kept]
    lower, upper = form.lower.copy(), form.upper.copy()
    rising = value > 0
    height, width = matrix.shape
    for _ in range(_PROPAGATION_ROUNDS):
        least = np.where(rising, lower[column], upper[column]) * value
        most = np.where(rising, upper[column], lower[column]) * value
        rest_least = _without_each(row, least, -np.inf, height)
        rest_most = _without_each(row, most, np.inf, height)
        room = form.row_upper[row] - rest_least  # a_j x_j is at most this
        need = form.row_lower[row] - rest_most  # and at least that
        room += np.abs(room) * 1e-12 + _spread(row, least, form.row_upper, height)
        need -= np.abs(need) * 1e-12 + _spread(row, most, form.row_lower, height)
        above = np.where(rising, room, need) / value
        below = np.where(rising, need, room) / value
        new_upper, new_lower = np.full(width, np.inf), np.full(width, -np.inf)
        np.minimum.at(new_upper, column, np.where(np.isnan(above), np.inf, above))
        np.maximum.at(new_lower, column, np.where(np.isnan(below), -np.inf, below))
        better_upper = np.isposinf(upper) & np.isfinite(new_upper)
        better_lower = np.isneginf(lower) & np.isfinite(new_lower)
        if not (better_upper.any() or better_lower.any()):
            break
        upper = np.where(better_upper, new_upper + np.abs(new_upper) * 1e-12, upper)
        lower = np.where(better_lower, new_lower - np.abs(new_lower) * 1e-12, lower)
    return lower, upper


def _without_each(row: NDArray[np.int64], term: Floats, infinite: float, height: int) -> Floats:
    """Sum of a row's terms but one, for each; infinite where another term is."""
    endless = ~np.isfinite(term)
    count = np.bincount(row, weights=endless, minlength=height)
    total = np.bincount(row, weights=np.where(endless, 0.0, term), minlength=height)
    others = count[row] - endless
    return np.where(others > 0, infinite, total[row] - np.where(endless, 0.0, term))


def _spread(row: NDArray[np.int64], term: Floats, bound: Floats, height: int) -> Floats:
    """Allow generously for the rounding of a row's sum."""
    size = np.bincount(row, weights=np.where(np.isfinite(term), np.abs(term), 0.0), minlength=height)
    size += np.where(np.isfinite(bound), np.abs(bound), 0.0)
    size *= (np.bincount(row, minlength=height) + 4) * 2 * _EPSILON
    return size[row]
